"""``Idempotency-Key``: the same request, repeated, leads to one installation."""

from __future__ import annotations

import hashlib
import json
import logging
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

from sectorflow_slack.domain.errors import (
    AppNotCreated,
    InstallRefused,
    RequestInProgress,
    StorageUnavailable,
)
from sectorflow_slack.domain.installations import Claim, IdempotencyKey
from sectorflow_slack.storage.idempotency import IdempotencyStore
from sectorflow_slack.storage.token_digests import TokenDigests

logger = logging.getLogger(__name__)

#: The name of the header, also in error messages.
FIELD = "Idempotency-Key"

#: How long a repeated request waits for the first one: long enough for most, and in time to answer.
POLLS = 12
POLL_SECONDS = 0.25


def fingerprint(body: Any) -> str:
    """Return a digest of a JSON body that does not depend on the order of its fields."""
    return hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class IdempotencyService:
    """Claims keys for requests, and releases them."""

    idempotency: IdempotencyStore
    digests: TokenDigests
    sleep: Callable[[float], None] = time.sleep

    def make_key(self, caller: str, header: str, body: Any) -> IdempotencyKey:
        """Return the key of a request; the same header of another caller is another key."""
        return IdempotencyKey(self.digests.of(f"idempotency {caller} {header}"), fingerprint(body))

    def claim(self, key: IdempotencyKey) -> Claim:
        """Claim a key after a short wait for another request that has it.

        The claim is ``mine``, ``done`` or ``in_doubt``.

        Raises:
            InstallRefused: the key came with another body before.
            RequestInProgress: the other request takes longer.

        """
        suggested = str(uuid.uuid4())
        for poll in range(POLLS + 1):
            claim = self.idempotency.claim(key.key, key.fingerprint, suggested)
            if claim.state == "other_body":
                raise InstallRefused(FIELD, "This key came with another body before; use another.")
            if claim.state != "underway":
                return claim
            if poll < POLLS:
                self.sleep(POLL_SECONDS)
        raise RequestInProgress

    @contextmanager
    def in_progress(self, key: IdempotencyKey) -> Iterator[None]:
        """Release the key if the block registers nothing; if that is in doubt, it stays claimed."""
        try:
            yield
        except AppNotCreated as error:
            if not error.in_doubt:
                self._release(key)
            raise
        except (InstallRefused, StorageUnavailable):
            self._release(key)
            raise

    def complete(self, key: IdempotencyKey) -> None:
        """Record that the installation is registered; without the record, the next request still finds it."""
        try:
            self.idempotency.complete(key.key)
        except StorageUnavailable as error:
            logger.warning("idempotency key not completed: %s", error)

    def _release(self, key: IdempotencyKey) -> None:
        # Without a release, the claim expires.
        with suppress(StorageUnavailable):
            self.idempotency.release(key.key)
