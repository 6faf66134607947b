"""Log lines as JSON, one object a line, each with the id of the request that it goes back to.

A host names these two in its LOGGING: `JsonFormatter`, and `CorrelationFilter` for a text format that shows
`%(correlation)s`. What a line says stands in `message`; line breaks in it can forge no second line.
"""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime
from typing import Any

from detection import correlation

_USUAL = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName", "correlation", "request"}
"""What every record has, and what is written under a name of its own, or never: a request holds cookies."""


class CorrelationFilter(logging.Filter):
    """Gives each record its `correlation`; "-" where there is none. Drops nothing."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Add the attribute."""
        record.correlation = getattr(record, "correlation", "") or correlation.current() or "-"
        return True


class JsonFormatter(logging.Formatter):
    """`{"at", "level", "logger", "message", "correlation", "process"}`, the exception if there is one, and `extra`."""

    def format(self, record: logging.LogRecord) -> str:
        """One line."""
        line: dict[str, Any] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            "correlation": getattr(record, "correlation", "") or correlation.current() or None,
            "process": record.process,
        }
        line |= {name: value for name, value in vars(record).items() if name not in _USUAL and name not in line}
        if record.exc_text:  # by `redaction`, in place of the exception
            line["exception"] = record.exc_text
        elif record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str, ensure_ascii=False)
