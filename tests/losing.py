"""Lost encryption keys, as the store shows them."""

from __future__ import annotations

import redis
from cryptography.fernet import Fernet

from sectorflow_slack.storage.crypto import Cipher

INSTALLATION_SECRETS = ("api_token", "bot_token", "refresh_token")


def lose(store: redis.Redis, place: str, *names: str, **readable: str) -> None:
    """Have some fields of a record stand under a key that no one has any more; others are ``readable``."""
    gone = Cipher([Fernet.generate_key().decode()])
    lost = {name: gone.seal(place, name, f"lost-{name}") for name in names}
    store.hset(place, mapping={**readable, **lost})
