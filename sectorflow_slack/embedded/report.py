"""Messages on the terminal."""

from __future__ import annotations

import sys


class LaunchError(Exception):
    """The service cannot run; the text says what the user can do about it."""


def echo(line: str) -> None:
    """Write a line to stderr, because stdout has the JSON log of web and worker."""
    sys.stderr.write(f"sectorflow-slack: {line}\n")
    sys.stderr.flush()
