#!/usr/bin/env python
"""Django's command line for the newsroom."""

from __future__ import annotations

import os
import sys

from django.core.exceptions import ImproperlyConfigured
from django.core.management import execute_from_command_line


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "newsroom.settings")
    try:
        execute_from_command_line(sys.argv)
    except ImproperlyConfigured as error:
        if "--traceback" in sys.argv:
            raise
        # A sentence that names the setting; how we came to read it helps nobody at this point.
        sys.exit(" ".join(str(error).split()))


if __name__ == "__main__":
    main()
