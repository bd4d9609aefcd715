"""The metrics of the service, each with its help text.

A question is counted in the same Redis script that stores its new state, so that after any crash
``received`` is the sum of ``repeated``, ``ignored``, ``answered``, ``failed`` and the open questions.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from sectorflow_slack.domain.installations import InstallationKey
from sectorflow_slack.domain.questions import ModelVotes

#: Events that Slack signed; each is repeated, ignored, or a question.
RECEIVED = "received"
REPEATED = "repeated"
IGNORED = "ignored"
#: Questions by outcome; ``FAILED`` has the reason as its label.
ANSWERED = "answered"
FAILED = "failed"

#: Models that gave no answer to a question; the reasons are ``missing``, ``error`` and ``empty``.
MODEL_FAILED = "model_failed"
#: The causes are ``slack``, ``sectorflow``, ``own``.
RETRIES = "retries"
SLACK_RATE_LIMITED = "slack_rate_limited"
LET_GO = "let_go"

COUNTERS = {
    RECEIVED: "Signed events received, and questions asked again.",
    REPEATED: "Events that were received before.",
    IGNORED: "Events that are no question.",
    ANSWERED: "Questions answered.",
    FAILED: "Questions that failed for good, by reason.",
    RETRIES: "Retries, by cause.",
    SLACK_RATE_LIMITED: "Calls that Slack refused with 429.",
    LET_GO: "Questions whose lease expired because a worker died or hung.",
}

#: From the arrival of an event to its acknowledgement.
ACKNOWLEDGE_SECONDS = "acknowledge_seconds"
#: From the acceptance of a question to its first lease by a worker.
QUEUE_SECONDS = "queue_seconds"
#: One completions call, and one Web API call.
SECTORFLOW_SECONDS = "sectorflow_seconds"
SLACK_SECONDS = "slack_seconds"

HISTOGRAMS = {
    ACKNOWLEDGE_SECONDS: "Time to acknowledge an event.",
    QUEUE_SECONDS: "Time that a question waits for a worker.",
    SECTORFLOW_SECONDS: "Time of a completions call to SectorFlow.",
    SLACK_SECONDS: "Time of a chat.postMessage call to Slack.",
}

#: The label of a counter that has one.
LABELS = {FAILED: "reason", RETRIES: "fault"}

MODEL_ASKED = "model_asked"
MODEL_SECONDS = "model_seconds"
MODEL_CREDITS = "model_credits"

#: Counters by model. ``MODEL_FAILED`` has a reason too; the last two count what SectorFlow's replies say.
MODEL_COUNTERS = {
    MODEL_ASKED: "Questions that a model was asked, and SectorFlow replied to, by model.",
    MODEL_FAILED: "Questions that a model gave no answer to, by model and reason.",
    MODEL_SECONDS: "Seconds that a model took in all, by model.",
    MODEL_CREDITS: "Credits that a model took in all, by model.",
}

OPEN_QUESTIONS = "open_questions"
OLDEST_QUESTION_SECONDS = "oldest_question_seconds"
FAILED_QUESTIONS = "dead_letters"
VOTES = "votes"
MEMORY_USED_BYTES = "redis_memory_used_bytes"
MEMORY_LIMIT_BYTES = "redis_memory_limit_bytes"
MEMORY_FULL_SECONDS = "redis_memory_full_seconds"

GAUGES = {
    OPEN_QUESTIONS: "Questions accepted and not yet finished, by state: waiting, later, underway.",
    OLDEST_QUESTION_SECONDS: "Age of the oldest open question; 0 when none is open.",
    VOTES: "Current votes on models' answers, by installation, model and vote (up, down).",
    FAILED_QUESTIONS: "Questions that failed for good and can still be replayed.",
    MEMORY_USED_BYTES: "Memory that Redis uses; absent if it forbids INFO, as the next two.",
    MEMORY_LIMIT_BYTES: "Memory at which Redis takes no more writes; absent if it has no limit.",
    MEMORY_FULL_SECONDS: "Time until Redis is full at the growth of the last week; absent without growth.",
}


@dataclass(frozen=True, slots=True)
class Histogram:
    """Observed durations by length."""

    #: Upper bounds in seconds, ascending, each with the number of durations up to it (cumulative).
    buckets: tuple[tuple[float, int], ...]
    #: Of all durations, including those beyond the last bound.
    sum: float
    count: int


@dataclass(frozen=True, slots=True)
class Memory:
    """How full Redis is."""

    #: None if Redis forbids INFO.
    used_bytes: int | None = None
    #: None if there is no limit.
    limit_bytes: int | None = None
    #: At the growth of the last week; None if it does not grow, or no hour of it is known.
    full_in_seconds: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """The metrics of all processes on all machines, at one moment."""

    #: By name and label; the label is "" if the counter has none.
    counters: Mapping[tuple[str, str], int]
    histograms: Mapping[str, Histogram]
    #: Open questions by state: in line, released until later, leased by a worker.
    waiting: int
    later: int
    underway: int
    oldest_seconds: float
    failed_questions: int
    #: By name, model id and reason; the reason is "" but for ``MODEL_FAILED``.
    models: Mapping[tuple[str, str, str], float] = field(default_factory=dict)
    #: Only installations with votes.
    votes: tuple[tuple[InstallationKey, tuple[ModelVotes, ...]], ...] = ()
    memory: Memory = Memory()

    @property
    def open(self) -> int:
        """Return the number of questions that are accepted and not yet finished."""
        return self.waiting + self.later + self.underway
