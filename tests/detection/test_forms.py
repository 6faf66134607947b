"""What the forms keep of what was typed, and what they ask for."""

from __future__ import annotations

import pytest

from detection import forms, wording
from detection.vocabulary import Conclusion


def test_every_conclusion_can_be_chosen_and_says_what_it_means() -> None:
    choices = forms.ConclusionForm().choices_with_meaning()
    assert {choice["value"] for choice in choices} == set(Conclusion)
    assert all(str(choice["meaning"]).endswith(".") for choice in choices)


def test_what_was_chosen_stays_chosen() -> None:
    form = forms.ConclusionForm({"conclusion": "accepted", "note": "Kept."})
    assert [choice["value"] for choice in form.choices_with_meaning() if choice["is_chosen"]] == ["accepted"]


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [({}, "Choose a conclusion."), ({"conclusion": "fake"}, "fake is not one of the available choices.")],
)
def test_a_conclusion_must_be_one_of_ours(typed: dict[str, str], sentence: str) -> None:
    form = forms.ConclusionForm(typed)
    assert not form.is_valid()
    assert sentence in str(form.errors["conclusion"])


def test_the_reasons_are_the_closed_list() -> None:
    offered = [code for code, _label in forms.AcknowledgeForm().fields["reason_code"].choices]
    assert offered == ["", *wording.REASON_CODES]


@pytest.mark.parametrize("text", ["2026-11-24T13:00", "2026-11-24 13:00"])
def test_an_end_is_read_as_browsers_and_people_write_it(text: str) -> None:
    form = forms.OverrideForm({"ends_at": text})
    assert form.is_valid()
    assert form.cleaned_data["ends_at"].tzinfo is not None


@pytest.mark.parametrize("reason", ["", "   "])
def test_a_reason_of_blanks_is_none(reason: str) -> None:
    form = forms.ReasonForm({"reason": reason})
    assert not form.is_valid()
