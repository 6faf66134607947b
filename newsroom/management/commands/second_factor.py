"""`second_factor USER --take-away`: for whoever lost phone and codes; at the next sign-in they set up a new one."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.exceptions import ObjectDoesNotExist
from django.core.management.base import BaseCommand, CommandError, CommandParser


class Command(BaseCommand):
    help = "Say whether somebody has a second factor, or take it away. Their sessions end, and it is recorded."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("username")
        parser.add_argument("--take-away", action="store_true", help="Delete app and codes, end their sessions.")

    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.HAS_SECOND_FACTOR:
            raise CommandError("The packages of the second factor are not installed: pip install '.[people]'.")
        second_factor = import_module("newsroom.second_factor")
        name = options["username"]
        try:
            user = get_user_model()._default_manager.get_by_natural_key(name)
        except ObjectDoesNotExist:
            raise CommandError(f"Nobody is called {name!r}. Give the name that they sign in with.") from None
        if options["take_away"]:
            ended = second_factor.take_away(name)
            self.stdout.write(f"{name}: taken away; sessions ended: {ended}. At the next sign-in a new one is set up.")
        elif second_factor.has_one(user):
            self.stdout.write(f"{name}: has one; recovery codes left: {second_factor.codes_left(user)}.")
        else:
            needed = "needs one at the next sign-in" if second_factor.must_have_one(user) else "needs none"
            self.stdout.write(f"{name}: has none, and {needed}.")
