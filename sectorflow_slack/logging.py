"""Logs: one JSON object a line on stdout, ids only.

A record's message is a constant sentence with ids as arguments; more ids go into ``extra``. The text of
an exception is never written: it may quote a body, a URL or a token. What is written of one is its type
and the places it passed through.
"""

from __future__ import annotations

import json
import logging
import re
import sys
import time
import traceback
from collections.abc import Mapping

#: What a record has of its own; the rest of its attributes came in through ``extra``.
_OWN = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}

#: These write bodies, headers or URLs at DEBUG (slack_sdk: bodies; urllib3: paths; dramatiq: arguments).
_TALKATIVE = ("slack_sdk", "urllib3", "requests", "dramatiq", "werkzeug", "redis", "markdown_it")

#: A %-placeholder of a log message.
_PLACEHOLDER = re.compile(r"%[sdrif]")


class JsonFormatter(logging.Formatter):
    """Formats a record as one line of JSON."""

    def format(self, record: logging.LogRecord) -> str:
        """Give the line: time, level, logger, message, what ``extra`` held, and where an error came from."""
        line: dict[str, object] = {
            "time": self._time(record),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        line |= {key: value for key, value in vars(record).items() if key not in _OWN}
        if record.exc_info and record.exc_info[1] is not None:
            line["error"] = describe(record.exc_info[1])
        # ASCII: no terminal, locale or lone surrogate stops a line, and no separator of Unicode breaks it.
        return json.dumps(line, default=str)

    @staticmethod
    def _time(record: logging.LogRecord) -> str:
        whole = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        return f"{whole}.{int(record.msecs):03d}Z"


def describe(error: BaseException) -> str:
    """Say what went wrong and where, without the error's own text."""
    places = [
        f"{frame.filename.rpartition('/')[2]}:{frame.lineno}"
        for frame in traceback.extract_tb(error.__traceback__)[-6:]
    ]
    return f"{type(error).__qualname__} at {' > '.join(places) or 'unknown place'}"


def configure_logging(level: str) -> None:
    """Send all logs of this process to its real stdout as JSON, from ``level`` up.

    The job engine replaces ``sys.stdout`` in its children by a pipe to its own stderr; the lines belong
    on stdout all the same.
    """
    handler = logging.StreamHandler(sys.__stdout__)
    handler.setFormatter(JsonFormatter())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(max(logging.INFO, logging.getLevelName(level)))


class TemplateOnly(logging.Filter):
    """Takes the arguments out of warnings and errors: gunicorn's quote request lines, which hold secrets."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Let the record through, as a constant sentence."""
        if record.levelno >= logging.WARNING:
            record.msg, record.args = _PLACEHOLDER.sub("…", str(record.msg)), ()
        return True


def gunicorn_logging(level: str) -> Mapping[str, object]:
    """Give gunicorn's ``logconfig_dict``: its lines in the same form, no line per request.

    A request line would hold an install link or an OAuth code.
    """
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"json": {"()": "sectorflow_slack.logging.JsonFormatter"}},
        "filters": {"template": {"()": "sectorflow_slack.logging.TemplateOnly"}},
        "handlers": {
            "stdout": {"class": "logging.StreamHandler", "stream": "ext://sys.stdout", "formatter": "json"}
        },
        "root": {"level": level, "handlers": ["stdout"]},
        "loggers": {
            "gunicorn.error": {
                "level": "INFO",
                "handlers": ["stdout"],
                "filters": ["template"],
                "propagate": False,
            },
            "gunicorn.access": {"level": "CRITICAL", "handlers": [], "propagate": False},
        },
    }
