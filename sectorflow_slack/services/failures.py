"""What becomes of a question when something goes wrong: one table.

==========================  ================================  =====================================
what                        tried again                       in the end
==========================  ================================  =====================================
SectorFlow busy (429,       four times within a minute, or    told, with a button to ask again;
502 to 504, no connection)  when it says if that is soon      a dead letter
SectorFlow broken (500)     once                              the same
reply lost (time-out, cut)  never: it may have been charged   the same
token, workspace, question  never                             the same; says who can mend it
refused; reply unreadable
one model failed            never                             the others are shown, it has a button
Slack limits (429)          when it says, however often       -
Slack busy (5xx, no answer) for half an hour                  a dead letter; nobody can be told
Slack refuses the form      at once, as plain text            told; a dead letter
(invalid_blocks,
msg_blocks_too_long,
msg_too_long)
token_revoked,              never                             the installation is forgotten; a dead
account_inactive                                              letter
token_expired               at once, with a fresh token       a dead letter; nobody can be told
not_in_channel,             never                             told in a DM; a dead letter
channel_not_found
Slack refuses otherwise     never                             a dead letter; nobody can be told
(is_archived, invalid_auth,
missing_scope)
one model asked again, in   as above                          told, nobody else sees it; the old answer
vain                                                          stays
workers die over it         three times                       told; a dead letter
the unforeseen              three times                       told; a dead letter
==========================  ================================  =====================================
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sectorflow_slack.domain.errors import (
    AnswerLost,
    QuestionRefused,
    QuestionTooLong,
    ReplyUnreadable,
    SectorFlowBroken,
    SectorFlowBusy,
    SectorFlowSlackError,
    SlackBusy,
    SlackError,
    TokenRefused,
    WorkspaceMissing,
)
from sectorflow_slack.formatting.words import Words

#: Slack says these of a token that will never be good again.
UNINSTALLED_CODES = frozenset({"token_revoked", "account_inactive"})
#: Slack says these where the app may not speak; the person is told so in a DM.
SHUT_OUT_CODES = frozenset({"not_in_channel", "channel_not_found"})


class Deadly(SectorFlowSlackError):
    """Workers have died over this question."""


_REASONS: tuple[tuple[type[Exception], str, str], ...] = (
    (TokenRefused, "token_refused", "key_refused"),
    (WorkspaceMissing, "workspace_missing", "workspace_gone"),
    (QuestionTooLong, "question_too_long", "question_too_long"),
    (QuestionRefused, "question_refused", "question_refused"),
    (SectorFlowBusy, "sectorflow_busy", "unreachable"),
    (SectorFlowBroken, "sectorflow_broken", "unreachable"),
    (AnswerLost, "answer_lost", "too_slow"),
    (ReplyUnreadable, "reply_unreadable", "unreadable"),
    (Deadly, "deadly", "unexpected"),
)


def reason_of(error: Exception) -> str:
    """Give the short word that a failure is counted and kept under."""
    if isinstance(error, SlackError):
        return f"slack_{error.code}".lower()
    return next((reason for kind, reason, _ in _REASONS if isinstance(error, kind)), "unforeseen")


def excuse_for(error: Exception, words: Words) -> str:
    """Give the sentence that a person is told; never the error's text, which is for nobody's eyes."""
    name = next((name for kind, _, name in _REASONS if isinstance(error, kind)), "unexpected")
    return str(getattr(words, name))


def whose_fault(error: Exception) -> str:
    """Say on whose side a further try is made for, as the metrics count it."""
    if isinstance(error, SlackError):
        return "slack"
    return "sectorflow" if isinstance(error, SectorFlowBusy | SectorFlowBroken) else "own"


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
