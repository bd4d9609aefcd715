"""What the person at the terminal reads."""

from __future__ import annotations

import sys


class LaunchError(Exception):
    """The service cannot be run, or cannot go on; the text says what the person can do about it."""


def say(line: str) -> None:
    """Write a line to stderr: stdout belongs to the JSON log of web and worker."""
    sys.stderr.write(f"sectorflow-slack: {line}\n")
    sys.stderr.flush()
