"""Encryption of stored secrets and texts, bound to the Redis key and hash field of each value.

Fernet (AES-128-CBC with HMAC-SHA256, https://github.com/fernet/spec) has no associated data. So the key and
the field are encrypted with the value: a value that was moved to another key or field does not decrypt.
Texts are compressed before, because ciphertext cannot be.
"""

from __future__ import annotations

import hmac
import zlib
from collections.abc import Sequence

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from sectorflow_slack.domain.errors import CannotDecrypt

#: Shorter values, such as tokens, hardly get shorter.
COMPRESSED_BYTES = 200
#: More than any reply of SectorFlow's with its messages: a value that is opened cannot grow without bounds.
LONGEST_BYTES = 64 * 2**20
#: In front of the prefix of a compressed value; a prefix itself begins with a digit.
_COMPRESSED = b"z"


class Cipher:
    """Encrypts ("seals") values with the first encryption key, and decrypts them with any.

    ``open`` and ``renew`` raise ``CannotDecrypt`` if no encryption key fits, or if the value was sealed for
    another Redis key or field.
    """

    def __init__(self, keys: Sequence[str]) -> None:
        fernets = [Fernet(key) for key in keys]
        self._fernet = MultiFernet(fernets)
        self._first = fernets[0]

    def seal(self, key: str, field: str, value: str) -> str:
        """Encrypt ``value`` for the hash field ``field`` of the Redis key ``key``."""
        # JSON's \ud800 can bring in lone surrogates, which must come back unchanged.
        plain, prefix = value.encode("utf-8", "surrogatepass"), _prefix(key, field)
        if len(plain) >= COMPRESSED_BYTES:
            plain, prefix = zlib.compress(plain, 9), _COMPRESSED + prefix
        return self._fernet.encrypt(prefix + plain).decode()

    def open(self, key: str, field: str, sealed: str) -> str:
        """Decrypt a value that was sealed for the same key and field."""
        prefix = _prefix(key, field)
        try:
            plain = self._fernet.decrypt(sealed.encode("utf-8", "replace"))
        except InvalidToken:
            raise CannotDecrypt(f"{key} {field}") from None
        if is_compressed := plain.startswith(_COMPRESSED):
            prefix = _COMPRESSED + prefix
        if not hmac.compare_digest(plain[: len(prefix)], prefix):
            raise CannotDecrypt(f"{key} {field}")
        value = plain[len(prefix) :]
        if is_compressed:
            stream = zlib.decompressobj()
            value = stream.decompress(value, LONGEST_BYTES)
            if not stream.eof:
                raise CannotDecrypt(f"{key} {field}")
        return value.decode("utf-8", "surrogatepass")

    def is_current(self, sealed: str) -> bool:
        """Whether the first encryption key decrypts ``sealed``."""
        try:
            self._first.decrypt(sealed.encode("utf-8", "replace"))
        except InvalidToken:
            return False
        return True

    def renew(self, key: str, field: str, sealed: str) -> str:
        """Decrypt a value and seal it with the first encryption key."""
        return self.seal(key, field, self.open(key, field, sealed))


def looks_sealed(value: str) -> bool:
    """Whether ``value`` begins like a sealed value, whole or cut off.

    A Fernet token is base64 of a version byte, 0x80, and of the time in eight bytes, the first of which are
    zero (https://github.com/fernet/spec). No readable field begins like that.
    """
    return value.startswith("gAAAA")


def _prefix(key: str, field: str) -> bytes:
    # The lengths tell ("a", "bc") from ("ab", "c").
    return f"{len(key)}:{key}:{len(field)}:{field}:".encode("utf-8", "surrogatepass")
