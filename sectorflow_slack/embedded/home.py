"""The folder of an embedded service: its locks, and the keys that are made at the first start."""

from __future__ import annotations

import fcntl
import os
import secrets
import stat
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from cryptography.fernet import Fernet

from sectorflow_slack.embedded.process import LaunchError

INSTALL_API_KEY_FILE = "install-api-key"
_ENCRYPTION_KEY_FILE = "encryption-key"
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


def provide_secrets(home: Path, environ: Mapping[str, str]) -> dict[str, str]:
    """Return ENCRYPTION_KEYS and INSTALL_API_KEYS, from the environment or else from files in ``home``."""
    return {
        "ENCRYPTION_KEYS": environ.get("ENCRYPTION_KEYS")
        or _read_or_make(home / _ENCRYPTION_KEY_FILE, lambda: Fernet.generate_key().decode("ascii")),
        "INSTALL_API_KEYS": environ.get("INSTALL_API_KEYS")
        or _read_or_make(home / INSTALL_API_KEY_FILE, lambda: secrets.token_urlsafe(32)),
    }


def _read_or_make(path: Path, make: Callable[[], str]) -> str:
    if not path.exists():
        _write(path, make())
    if path.stat().st_mode & 0o077:
        raise LaunchError(f"{path} is readable by others: make a new key, or chmod 600 if no one has read it")
    secret = path.read_text("ascii").strip()
    if not secret:
        raise LaunchError(f"{path} is empty: restore the key, or remove the file to get a new one")
    return secret


def _write(path: Path, secret: str) -> None:
    # Under another name first: a crash must not leave an empty key file.
    draft = path.with_name(f"{path.name}.new")
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(f"{secret}\n")
        file.flush()
        os.fsync(descriptor)
    draft.rename(path)
