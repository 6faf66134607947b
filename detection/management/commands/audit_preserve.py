"""Order that what concerns a picture, or everything, is preserved; list orders; end one."""

from __future__ import annotations

import uuid
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from detection.errors import Refused
from detection.history import preserving
from detection.models import Asset, Preservation


class Command(BaseCommand):
    """Without arguments: the orders that stand."""

    help = "Preserve a picture's history, or all of it, against retention and erasure."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("what", nargs="?", help="a picture's public id, or: all")
        parser.add_argument("--reason", default="", help="which court or lawyer asked, and why")
        parser.add_argument("--end", type=int, metavar="NUMBER", help="end this order")

    def handle(self, *args: Any, what: str | None, reason: str, end: int | None, **options: Any) -> None:
        try:
            if end is not None:
                made = Preservation.objects.filter(pk=end).first()
                if made is None:
                    raise CommandError(f"There is no order {end}.")
                preserving.end(made, reason=reason)
                self.stdout.write(f"Order {end} has ended.")
            elif what is not None:
                made = preserving.order(self._asset(what), reason=reason)
                self.stdout.write(f"Order {made.pk} stands. It ends with: audit_preserve --end {made.pk} --reason …")
            else:
                self._list()
        except Refused as error:
            raise CommandError(str(error)) from None

    def _asset(self, what: str) -> Asset | None:
        if what == "all":
            return None
        try:
            return Asset.objects.get(public_id=uuid.UUID(what))
        except (ValueError, Asset.DoesNotExist):
            raise CommandError(f"There is no picture {what}. Give its public id, or: all.") from None

    def _list(self) -> None:
        orders = Preservation.objects.filter(ended_at=None).select_related("asset")
        for one in orders:
            what = one.asset.label or one.asset.public_id if one.asset else "everything"
            self.stdout.write(f"{one.pk}\t{what}\tsince {one.ordered_at:%Y-%m-%d}\t{one.reason}")
        self.stdout.write(f"Orders that stand: {len(orders)}.")
