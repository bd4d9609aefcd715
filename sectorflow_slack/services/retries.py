"""Whether and when a failed call to SectorFlow or Slack is made again: one table.

=====================  ===============================================================================
SectorFlow busy        429, 502, 503, 504, no connection: four times within a minute, or when it says if
                       that is soon
SectorFlow broken      500: once
Slack busy             429: when Slack says, as often as it takes; 5xx or no answer: for half an hour
what we know else      never: it may have been charged, or would be refused again
the unforeseen         three times
=====================  ===============================================================================
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sectorflow_slack.domain.errors import SectorFlowBroken, SectorFlowBusy, SectorFlowSlackError, SlackBusy

#: Seconds to wait before each further try, before jitter.
SECTORFLOW_BUSY_DELAYS = (1.5, 5.0, 12.0, 24.0)
SECTORFLOW_BROKEN_DELAYS = (2.0,)
#: A person who is to wait longer than this is told, and may ask again.
SECTORFLOW_PATIENCE_SECONDS = 60.0
SLACK_BUSY_DELAYS = (1.0, 3.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0, 600.0)
UNFORESEEN_DELAYS = (2.0, 10.0, 60.0)


def delay_before_retry(error: Exception, failures: int, random: Callable[[], float]) -> float | None:
    """Say how long to wait before the next try; None where there is to be none.

    Args:
        error: what went wrong this time.
        failures: how often it went wrong before.
        random: gives a number from 0 to 1; spreads out those who failed together.

    """
    delays, jitter = _delays(error), 0.75 + 0.5 * random()
    asked_for = (error.retry_after or 0.0) if isinstance(error, SectorFlowBusy | SlackBusy) else 0.0
    if isinstance(error, SlackBusy) and error.retry_after is not None:
        # Spread out: all that waited for the same moment would be limited again.
        return asked_for + jitter
    if failures >= len(delays) or asked_for > SECTORFLOW_PATIENCE_SECONDS:
        return None
    return max(delays[failures] * jitter, asked_for)


def counts_as_failure(error: Exception) -> bool:
    """Say whether a try is used up; a wait that Slack asked for costs none."""
    return not (isinstance(error, SlackBusy) and error.retry_after is not None)


def _delays(error: Exception) -> Sequence[float]:
    if isinstance(error, SectorFlowBusy):
        return SECTORFLOW_BUSY_DELAYS
    if isinstance(error, SectorFlowBroken):
        return SECTORFLOW_BROKEN_DELAYS
    if isinstance(error, SlackBusy):
        return SLACK_BUSY_DELAYS
    if isinstance(error, SectorFlowSlackError):
        return ()
    return UNFORESEEN_DELAYS
