"""The outcome of a question after each kind of failure: one table.

==========================  ================================  =========================================
failure                     further tries                     in the end
==========================  ================================  =========================================
SectorFlow busy (429, 502,  four within a minute, or after    user notified, with a button to ask again;
503, no connection)         its Retry-After if that is soon   stored as a failed question
SectorFlow broken (500)     one                               the same
reply lost (time-out, 504,  none: it may have been charged    the same
522 to 524, cut)
token, workspace, question  none                              the same; the notice says who can fix it
refused; credits spent;
reply unreadable
one model failed            none                              the other answers are posted; the failed
                                                              model has a button
Slack limits (429)          after its Retry-After, always     -
Slack busy (5xx, no answer) for half an hour                  failed question; no notice is possible
Slack refuses the form      at once, in a plainer form        user notified; failed question
(invalid_blocks,
msg_blocks_too_long,
msg_too_long)
token_revoked,              none                              installation deleted; failed question
account_inactive
token_expired               one, with a renewed token         failed question; no notice is possible
not_in_channel,             none                              user notified in a DM; failed question
channel_not_found
any other refusal by Slack  none                              failed question; no notice is possible
(is_archived, invalid_auth,
missing_scope)
regenerate fails            as above                          user notified by an ephemeral message; the
                                                              old answer stays
a comparison fails          as above                          notice in the thread, with a button to compare
                                                              again; no failed question
workers die over it         two                               user notified; failed question
unforeseen                  three                             user notified; failed question
==========================  ================================  =========================================
"""

from __future__ import annotations

from collections.abc import Callable

from sectorflow_slack.domain import errors
from sectorflow_slack.domain.questions import Plan, Progress, Question
from sectorflow_slack.formatting.comparing import comparison_failed
from sectorflow_slack.formatting.notices import notice_to_ask_again
from sectorflow_slack.formatting.words import words_for

#: Slack's codes for a token that was revoked for good.
UNINSTALLED_CODES = frozenset({"token_revoked", "account_inactive"})


class DeadlyQuestion(errors.SectorFlowSlackError):
    """Workers died while they answered this question."""


#: Each error's reason, as stored and counted, and the field of ``Words`` with the user's sentence.
_REASONS: tuple[tuple[type[Exception], str, str], ...] = (
    (errors.TokenRefused, "token_refused", "key_refused"),
    (errors.WorkspaceMissing, "workspace_missing", "workspace_gone"),
    (errors.CreditsSpent, "credits_spent", "no_credits"),
    (errors.BlockedByFirewall, "blocked_by_firewall", "question_refused"),
    (errors.QuestionTooLong, "question_too_long", "question_too_long"),
    (errors.QuestionRefused, "question_refused", "question_refused"),
    (errors.SectorFlowBusy, "sectorflow_busy", "unreachable"),
    (errors.SectorFlowBroken, "sectorflow_broken", "unreachable"),
    (errors.AnswerCutOff, "answer_cut_off", "connection_lost"),
    (errors.AnswerLost, "answer_lost", "too_slow"),
    (errors.ReplyUnreadable, "reply_unreadable", "unreadable"),
    (DeadlyQuestion, "deadly", "unexpected"),
)


def reason_of(error: Exception) -> str:
    """Return the short word under which a failure is counted and stored."""
    if isinstance(error, errors.SlackError):
        return f"slack_{error.code}".lower()
    return next((reason for kind, reason, _ in _REASONS if isinstance(error, kind)), "unforeseen")


def plan_of_failure(question: Question, error: Exception) -> Plan:
    """Return the plan with one sentence about a failure, and a button to ask again.

    The sentence never contains the error's text, which may be confidential.
    """
    words = words_for(question.locale)
    if question.compares:
        return Plan((comparison_failed(question.compares, words),), failure=reason_of(error))
    name = next((name for kind, _, name in _REASONS if isinstance(error, kind)), "unexpected")
    message = notice_to_ask_again(str(getattr(words, name)), question.id, words)
    return Plan((message,), failure=reason_of(error))


def can_be_posted(error: Exception, progress: Progress) -> bool:
    """Whether Slack may take the notice of a failure: after a refused form it may take a shorter message."""
    if isinstance(error, errors.SlackRefusedMessage):
        return progress.plan is None or not progress.plan.failure
    return not isinstance(error, errors.SlackError)


def failed_side(error: Exception) -> str:
    """Return which side a retry is counted for in the metrics."""
    if isinstance(error, errors.SlackError):
        return "slack"
    return "sectorflow" if isinstance(error, errors.SectorFlowBusy | errors.SectorFlowBroken) else "own"


#: Seconds before each further try, before jitter; those of the first kind that an error is of.
_DELAYS: tuple[tuple[type[Exception], tuple[float, ...]], ...] = (
    (errors.SectorFlowBusy, (1.5, 5.0, 12.0, 24.0)),
    (errors.SectorFlowBroken, (2.0,)),
    (errors.SlackBusy, (1.0, 3.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0, 600.0)),
    (errors.SectorFlowSlackError, ()),
    (Exception, (2.0, 10.0, 60.0)),
)
#: The longest ``Retry-After`` of SectorFlow that is waited for; if it is longer, the user may ask again.
MAX_SECTORFLOW_RETRY_AFTER = 60.0


def delay_before_retry(error: Exception, failures: int, random: Callable[[], float]) -> float | None:
    """Return the seconds before the next try after ``failures`` earlier ones, None if there is none.

    ``random`` returns a number from 0 to 1, so that tries that failed together are repeated apart.
    """
    delays = next(delays for kind, delays in _DELAYS if isinstance(error, kind))
    jitter = 0.75 + 0.5 * random()
    retry_after = 0.0
    if isinstance(error, errors.SectorFlowBusy | errors.SlackBusy):
        retry_after = error.retry_after or 0.0
    if not counts_as_failure(error):
        # With jitter: if all tries came at the same moment, Slack would limit them again.
        return retry_after + jitter
    if failures >= len(delays) or retry_after > MAX_SECTORFLOW_RETRY_AFTER:
        return None
    return max(delays[failures] * jitter, retry_after)


def counts_as_failure(error: Exception) -> bool:
    """Whether a try is used up; a wait that Slack asked for uses up none."""
    return not (isinstance(error, errors.SlackBusy) and error.retry_after is not None)
