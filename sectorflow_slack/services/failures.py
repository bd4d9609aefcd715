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

from sectorflow_slack.domain.errors import (
    AnswerLost,
    QuestionRefused,
    QuestionTooLong,
    ReplyUnreadable,
    SectorFlowBroken,
    SectorFlowBusy,
    SectorFlowSlackError,
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
