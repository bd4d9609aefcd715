"""Records in Redis whose encryption key is lost."""

from __future__ import annotations

import redis
from cryptography.fernet import Fernet

from sectorflow_slack.storage.crypto import Cipher

INSTALLATION_SECRETS = ("api_token", "bot_token", "refresh_token")


def lose(store: redis.Redis, key: str, *names: str, **readable: str) -> None:
    """Store fields of a record encrypted with an unknown key, beside ``readable`` ones."""
    unknown = Cipher([Fernet.generate_key().decode()])
    lost = {name: unknown.seal(key, name, f"lost-{name}") for name in names}
    store.hset(key, mapping={**readable, **lost})
