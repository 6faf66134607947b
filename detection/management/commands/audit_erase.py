"""Erase a person from the history; the skeleton of what they decided stays."""

from __future__ import annotations

from typing import Any

from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError, CommandParser

from detection.errors import NotPermitted, Refused
from detection.history import erasing


class Command(BaseCommand):
    """Names, notes and addresses go, the account becomes nameless; the chain still verifies."""

    help = "Erase a person's name, notes and addresses from the history, and make their account nameless."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("person", help="user name; or the number of one whose account is gone")
        parser.add_argument("--reason", required=True, help="who asked for it, and why; it stands in the history")
        parser.add_argument("--by", metavar="USER", help="who does it; default: whoever runs this command")

    def handle(self, *args: Any, person: str, reason: str, by: str | None, **options: Any) -> None:
        model = get_user_model()
        people = model._default_manager
        user = people.filter(**{model.USERNAME_FIELD: person}).first()
        who = people.filter(**{model.USERNAME_FIELD: by}).first() if by else None
        if by and who is None:
            raise CommandError(f"There is no user called {by}.")
        if user is None and not person.isdigit():
            raise CommandError(f"There is no user called {person}. If the account is gone, give its number.")
        try:
            done = erasing.erase(user.pk if user is not None else int(person), reason=reason, by=who)
        except (NotPermitted, Refused) as error:
            raise CommandError(str(error)) from None
        account = "The account is nameless now." if done.account else "There is no account any more."
        said = f"Erased: {done.values} values beside events, {done.rows} rows elsewhere. {account}"
        self.stdout.write(f"{said} Copies of the database and exported files keep what they held.")
