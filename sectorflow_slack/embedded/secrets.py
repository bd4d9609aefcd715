"""The keys of an embedded service: made at its first start, kept in files that only their owner can read."""

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
    """Give ENCRYPTION_KEYS and INSTALL_API_KEYS: the environment's where set, else the kept ones."""
    return {
        "ENCRYPTION_KEYS": environ.get("ENCRYPTION_KEYS") or _keep(home / _ENCRYPTION_KEY_FILE, _fernet_key),
        "INSTALL_API_KEYS": environ.get("INSTALL_API_KEYS") or _keep(home / INSTALL_API_KEY_FILE, _api_key),
    }


def _fernet_key() -> str:
    return Fernet.generate_key().decode("ascii")


def _api_key() -> str:
    return secrets.token_urlsafe(32)


def _keep(path: Path, make: Callable[[], str]) -> str:
    if not path.exists():
        _write_once(path, make())
    if path.stat().st_mode & 0o077:
        raise LaunchError(f"{path} can be read by others: make a new key, or chmod 600 if nobody saw it")
    secret = path.read_text("ascii").strip()
    if not secret:
        raise LaunchError(f"{path} is empty: put the key back, or remove the file to have a new one made")
    return secret


def _write_once(path: Path, secret: str) -> None:
    # Under another name first: a crash half-way must not leave a key file without its key.
    draft = path.with_name(f"{path.name}.new")
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(f"{secret}\n")
        file.flush()
        os.fsync(descriptor)
    draft.rename(path)
