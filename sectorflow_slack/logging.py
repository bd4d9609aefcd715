"""Logs as one JSON object per line on stdout.

A message is a constant sentence with ids as arguments; more ids go into ``extra``. An exception is logged by
its type and traceback, never by its text, which may quote a body, a URL or a token.
"""

from __future__ import annotations

import json
import logging
import re
import sys
import time
import traceback
from collections.abc import Mapping

#: The standard attributes of a record; all others come from ``extra``.
_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}

#: These log bodies, headers or URLs at DEBUG (slack_sdk: bodies; urllib3: paths).
_VERBOSE = ("slack_sdk", "urllib3", "requests", "werkzeug", "redis", "markdown_it")

_PLACEHOLDER = re.compile(r"%[sdrif]")


class JsonFormatter(logging.Formatter):
    """Format a record as one line of JSON."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the time, level, logger, message, ``extra`` and error of a record."""
        seconds = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        line: dict[str, object] = {
            "time": f"{seconds}.{int(record.msecs):03d}Z",
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        line |= {key: value for key, value in vars(record).items() if key not in _STANDARD}
        if record.exc_info and record.exc_info[1] is not None:
            line["error"] = describe(record.exc_info[1])
        # ASCII, so that no locale, lone surrogate or Unicode line break breaks a line.
        return json.dumps(line, default=str)


def describe(error: BaseException) -> str:
    """Return the type of an error and the last lines of its traceback, without the error's text."""
    frames = [
        f"{frame.filename.rpartition('/')[2]}:{frame.lineno}"
        for frame in traceback.extract_tb(error.__traceback__)[-6:]
    ]
    return f"{type(error).__qualname__} at {' > '.join(frames) or 'unknown location'}"


def configure_logging(level: str) -> None:
    """Log from ``level`` up to stdout as JSON."""
    # The process's own stdout: a program that replaces ``sys.stdout`` reads an output, not the log.
    handler = logging.StreamHandler(sys.__stdout__)
    handler.setFormatter(JsonFormatter())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for name in _VERBOSE:
        logging.getLogger(name).setLevel(max(logging.INFO, logging.getLevelName(level)))


class TemplateOnly(logging.Filter):
    """Remove the arguments of warnings and errors: gunicorn's quote request lines, which contain secrets."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Replace each placeholder by an ellipsis; pass every record."""
        if record.levelno >= logging.WARNING:
            record.msg, record.args = _PLACEHOLDER.sub("…", str(record.msg)), ()
        return True


def gunicorn_logging(level: str) -> Mapping[str, object]:
    """Return gunicorn's ``logconfig_dict``: JSON on stdout, without an access log."""
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
