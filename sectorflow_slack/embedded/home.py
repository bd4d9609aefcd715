"""The folder with an embedded service's data, and the locks that guard it."""

from __future__ import annotations

import fcntl
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sectorflow_slack.embedded.report import LaunchError

_OTHERS_MAY_WRITE = stat.S_IWGRP | stat.S_IWOTH


@contextmanager
def claimed(folder: Path) -> Iterator[Path]:
    """Make the folder if it is missing, lock it against a second launcher, and yield its full path."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    _refuse_shared(folder)
    lock = try_lock(folder / "launcher.lock")
    if lock is None:
        raise LaunchError(f"another sectorflow-slack runs in {folder}: stop it, or set SECTORFLOW_SLACK_HOME")
    try:
        yield folder.resolve()
    finally:
        os.close(lock)


def try_lock(path: Path) -> int | None:
    """Lock the file and return its open descriptor, which holds the lock, or None if it is locked already."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor


def _refuse_shared(folder: Path) -> None:
    # Users who can write here could replace the keys and the data.
    status = folder.stat()
    if status.st_uid != os.geteuid() or status.st_mode & _OTHERS_MAY_WRITE:
        raise LaunchError(f"{folder} belongs to another user or others may write to it: chmod go-w, or chown")
