"""Encryption of what Redis must not be able to show.

Fernet (AES-128-CBC with HMAC-SHA256, https://github.com/fernet/spec) has no associated data, so the
place a value belongs to, its Redis key and hash field, is sealed inside with it: a value that was moved
to another key or field does not open.
"""

from __future__ import annotations

import hmac
from collections.abc import Sequence

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from sectorflow_slack.domain.errors import CannotDecrypt


class Cipher:
    """Seals and opens values; the first key seals, all keys open."""

    def __init__(self, keys: Sequence[str]) -> None:
        fernets = [Fernet(key) for key in keys]
        self._fernet = MultiFernet(fernets)
        self._first = fernets[0]

    def seal(self, key: str, field: str, value: str) -> str:
        """Encrypt ``value`` for the hash field ``field`` of the Redis key ``key``."""
        # Lone surrogates can come in through JSON's \ud800 and must come out as they went in.
        return self._fernet.encrypt(_place(key, field) + value.encode("utf-8", "surrogatepass")).decode()

    def open(self, key: str, field: str, sealed: str) -> str:
        """Decrypt what ``seal`` gave for the same key and field.

        Raises:
            CannotDecrypt: no key fits, or the value was sealed for another place.

        """
        place = _place(key, field)
        try:
            plain = self._fernet.decrypt(sealed.encode("utf-8", "replace"))
        except InvalidToken:
            raise CannotDecrypt(f"{key} {field}") from None
        if not hmac.compare_digest(plain[: len(place)], place):
            raise CannotDecrypt(f"{key} {field}")
        return plain[len(place) :].decode("utf-8", "surrogatepass")

    def is_current(self, sealed: str) -> bool:
        """Say whether ``sealed`` is under the first key, so that it needs no other one."""
        try:
            self._first.decrypt(sealed.encode("utf-8", "replace"))
        except InvalidToken:
            return False
        return True

    def renew(self, key: str, field: str, sealed: str) -> str:
        """Seal with the first key what ``seal`` gave for the same key and field.

        Raises:
            CannotDecrypt: no key fits, or the value was sealed for another place.

        """
        return self.seal(key, field, self.open(key, field, sealed))


def looks_sealed(value: str) -> bool:
    """Say whether ``value`` begins as what ``seal`` gives, whole or cut off.

    A Fernet token is base64 of a version byte, 0x80, and of the time in eight bytes, the first of which are
    zero (https://github.com/fernet/spec). Nothing that is kept readable begins like that.
    """
    return value.startswith("gAAAA")


def _place(key: str, field: str) -> bytes:
    # The length in front keeps ("a", "bc") and ("ab", "c") apart.
    return f"{len(key)}:{key}:{len(field)}:{field}:".encode("utf-8", "surrogatepass")
