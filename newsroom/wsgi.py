"""The door for web servers that speak WSGI, such as gunicorn."""

from __future__ import annotations

import logging
import os

from django.conf import settings
from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "newsroom.settings")
application = get_wsgi_application()

from detection import checks  # noqa: E402, it reads models, which are there only now

if settings.IS_PUBLIC:  # a demo's processes share one environment
    for _one in checks.check_web_privileges():
        logging.getLogger(__name__).warning("%s %s", _one.msg, _one.hint)
