"""`api_token USER`: issue a token for the API and print it, once."""

from __future__ import annotations

from typing import Any

from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils.formats import date_format

from newsroom.api import tokens
from newsroom.api.models import Scope
from newsroom.models import SourceTier


class Command(BaseCommand):
    help = "Issue a token for the API. Standard output is the token alone; it is shown now and never again."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("user", help="the login of the account that acts by it; its desks and rights count")
        parser.add_argument(
            "--service", action="store_true", help="for a program of its own: it never judges a picture"
        )
        parser.add_argument(
            "--scopes", nargs="+", default=[], metavar="SCOPE", help=f"of {', '.join(Scope)}; default: all it may have"
        )
        parser.add_argument(
            "--days", type=int, default=90, help=f"how long it lives, 1 to {tokens.MOST_DAYS}; default 90"
        )
        parser.add_argument("--name", default="", help="what it is for, as shown in the list of tokens")
        parser.add_argument(
            "--highest-tier",
            default="",
            metavar="TIER",
            help=f"highest source its uploads may claim, of {', '.join(SourceTier)}; "
            "default: staff, for a service freelance",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        people = get_user_model()._default_manager
        person = people.filter(**{get_user_model().USERNAME_FIELD: options["user"]}, is_active=True).first()
        if person is None:
            raise CommandError(f"Nobody active has the login {options['user']!r}. Make the account in the admin first.")
        try:
            token, text = tokens.issue(
                person,
                name=options["name"],
                scopes=options["scopes"],
                days=options["days"],
                is_service=options["service"],
                highest_tier=options["highest_tier"],
            )
        except tokens.NotIssued as refusal:
            raise CommandError(str(refusal)) from None
        ends = date_format(token.expires_at, "DATE_FORMAT")
        self.stderr.write(f"For {options['user']}: {token.scopes}. Ends {ends}. Keep it now; it is not shown again.")
        self.stdout.write(text)
