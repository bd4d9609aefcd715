"""Claims: what an ``Idempotency-Key`` stands for while, and after, a request is worked on."""

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

logger = logging.getLogger(__name__)

#: How requests are named in refusals, as the header is.
FIELD = "Idempotency-Key"

#: A request whose twin is under way waits this long for it: long enough for most, and in time to answer.
POLLS = 12
POLL_SECONDS = 0.25


def fingerprint(body: Any) -> str:
    """Give a digest of a JSON body that is the same however its fields are ordered."""
    return hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class IdempotencyService:
    """Takes keys, and lets them go."""

    idempotency: IdempotencyStore
    sleep: Callable[[float], None] = time.sleep

    def claim(self, once: IdempotencyKey) -> Claim:
        """Take a key, waiting a little for another request that has it.

        Returns a claim that is ``mine``, ``done`` or ``in_doubt``.

        Raises:
            InstallRefused: it came with another body.
            RequestInProgress: the other request takes longer.

        """
        suggested = str(uuid.uuid4())
        for poll in range(POLLS + 1):
            claim = self.idempotency.claim(once.key, once.fingerprint, suggested)
            if claim.state == "other_body":
                raise InstallRefused(FIELD, "This key came with another body before; use another.")
            if claim.state != "underway":
                return claim
            if poll < POLLS:
                self.sleep(POLL_SECONDS)
        raise RequestInProgress

    @contextmanager
    def in_progress(self, once: IdempotencyKey) -> Iterator[None]:
        """Let the key go where nothing came of the work; where nobody knows, the claim stays."""
        try:
            yield
        except AppNotCreated as error:
            if not error.in_doubt:
                self._release(once)
            raise
        except (InstallRefused, StorageUnavailable):
            self._release(once)
            raise

    def complete(self, once: IdempotencyKey) -> None:
        """Say that the installation is registered; if that is lost, the next request finds it."""
        try:
            self.idempotency.complete(once.key)
        except StorageUnavailable as error:
            logger.warning("claim not settled: %s", error)

    def _release(self, once: IdempotencyKey) -> None:
        # A claim that can't be released lapses by itself.
        with suppress(StorageUnavailable):
            self.idempotency.release(once.key)
