"""Fields in a table, or in two halves, have no label of their own: each is given its name to be heard."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.db import models
from django.forms import MultiWidget
from django.forms.formsets import DELETION_FIELD_NAME
from django.http import HttpRequest
from django.utils.text import capfirst

if TYPE_CHECKING:
    Base = admin.options.BaseModelAdmin[Any]
else:
    Base = object


class NamedHalvesMixin(Base):
    """For an admin with fields in two halves, such as a date and a time."""

    def formfield_for_dbfield(self, db_field: models.Field[Any, Any], request: HttpRequest, **kwargs: Any) -> Any:
        field = super().formfield_for_dbfield(db_field, request, **kwargs)
        if field is not None and self._needs_name(field):
            field.widget.attrs.setdefault("aria-label", capfirst(str(field.label)))
        return field

    def _needs_name(self, field: Any) -> bool:
        return isinstance(field.widget, MultiWidget)


class NamedCellsMixin(NamedHalvesMixin):
    """For an inline table."""

    def _needs_name(self, field: Any) -> bool:
        return True

    def get_formset(self, request: HttpRequest, obj: Any = None, **kwargs: Any) -> Any:
        formset = super().get_formset(request, obj, **kwargs)  # type: ignore[misc]

        class Named(formset):  # type: ignore[misc, valid-type]
            def add_fields(self, form: Any, index: int | None) -> None:
                super().add_fields(form, index)
                if removing := form.fields.get(DELETION_FIELD_NAME):
                    removing.widget.attrs.setdefault("aria-label", str(removing.label))

        return Named
