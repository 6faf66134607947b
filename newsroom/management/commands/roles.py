"""`roles`: make the newsroom's groups, and show what each may do."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from newsroom.roles import make_roles


class Command(BaseCommand):
    help = "Make the groups Editors, Desk chiefs, Auditors and Operators; what was added to them by hand stays."

    def handle(self, *args: Any, **options: Any) -> None:
        for name, held in make_roles().items():
            self.stdout.write(f"{name}: {', '.join(held)}")
