"""`publish SLUG --by USER`: publish one story, through the same gate as the button. Exit 1 if refused."""

from __future__ import annotations

import sys
from typing import Any

from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError, CommandParser

from newsroom import publishing
from newsroom.models import Story


class Command(BaseCommand):
    help = "Publish a story in a person's name. A refusal lists the reasons and who can help."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("slug", help="the story's address")
        parser.add_argument("--by", required=True, metavar="USER", help="the login of whoever publishes it")

    def handle(self, *args: Any, **options: Any) -> None:
        story = Story.objects.select_related("desk").filter(slug=options["slug"]).first()
        if story is None:
            raise CommandError(f"There is no story at {options['slug']!r}.")
        people = get_user_model()._default_manager
        person = people.filter(**{get_user_model().USERNAME_FIELD: options["by"]}, is_active=True).first()
        if person is None:
            raise CommandError(f"Nobody active has the login {options['by']!r}.")
        outcome = publishing.publish(story, by=person)
        if outcome.is_done:
            self.stdout.write(outcome.sentence)
            return
        self.stderr.write(outcome.sentence)
        for line in outcome.report.open_lines if outcome.report else ():
            helpers = ", ".join(line.who_can_clear)
            who = f" Can clear it: {helpers}." if helpers else ""
            self.stderr.write(f"- {line.label}: {line.sentence} {line.level_sentence}{who}")
        sys.exit(1)
