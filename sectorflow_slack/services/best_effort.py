"""Steps that hurry something along, and may fall out while the store is away."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from sectorflow_slack.domain.errors import StorageUnavailable

logger = logging.getLogger(__name__)


@contextmanager
def best_effort(outcome: str, ids: Mapping[str, str]) -> Iterator[None]:
    """Log ``outcome`` where the store is away during a step that nobody is worse off without.

    A question in line is stored: workers look for such ones every few seconds. An errand shows something
    sooner or nicer than it will be seen anyway.
    """
    try:
        yield
    except StorageUnavailable:
        logger.warning(outcome, extra=dict(ids))
