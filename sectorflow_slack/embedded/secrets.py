"""The keys of an embedded service, made at its first start, in files that only their owner can read."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Mapping
from pathlib import Path

from cryptography.fernet import Fernet

from sectorflow_slack.embedded.report import LaunchError

INSTALL_API_KEY_FILE = "install-api-key"
_ENCRYPTION_KEY_FILE = "encryption-key"


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
