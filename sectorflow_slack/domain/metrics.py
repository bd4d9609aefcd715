"""The names of the figures that the service keeps, each with what it means.

A question's way is counted where it is stored, in the same step: ``received`` is always ``repeated`` and
``ignored`` and ``answered`` and ``failed`` and what is open, whatever crashes in between.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sectorflow_slack.domain.installations import InstallationKey
from sectorflow_slack.domain.questions import ModelVotes

#: Events that Slack signed; each is repeated, ignored, or a question.
RECEIVED = "received"
REPEATED = "repeated"
IGNORED = "ignored"
#: Questions by how they ended; ``FAILED`` has the reason as its label.
ANSWERED = "answered"
FAILED = "failed"

#: Further tries, by whose fault: ``slack``, ``sectorflow``, ``own``.
RETRIES = "retries"
#: Calls that Slack limited (429).
SLACK_RATE_LIMITED = "slack_rate_limited"
#: Questions whose worker died or hung, and that went to another one.
LET_GO = "let_go"

COUNTERS = {
    RECEIVED: "Signed events received, and questions asked again.",
    REPEATED: "Events that were received before.",
    IGNORED: "Events that ask nothing.",
    ANSWERED: "Questions answered.",
    FAILED: "Questions that failed for good, by reason.",
    RETRIES: "Further tries, by whose fault.",
    SLACK_RATE_LIMITED: "Calls that Slack put off with 429.",
    LET_GO: "Questions that a dead or hanging worker let go.",
}

#: From the arrival of an event to its acknowledgement.
ACKNOWLEDGE_SECONDS = "acknowledge_seconds"
#: From the acceptance of a question to the moment a worker first takes it.
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

#: The label of a counter that is kept by kind.
LABELS = {FAILED: "reason", RETRIES: "fault"}

#: Read off the questions themselves when somebody looks, so nothing is counted twice or forgotten.
OPEN_QUESTIONS = "open_questions"
OLDEST_QUESTION_SECONDS = "oldest_question_seconds"
FAILED_QUESTIONS = "dead_letters"
#: What people think of answers; kept with the installations.
VOTES = "votes"

GAUGES = {
    OPEN_QUESTIONS: "Questions accepted and not yet finished, by state: waiting, later, underway.",
    OLDEST_QUESTION_SECONDS: "Age of the oldest open question; 0 when none is open.",
    VOTES: "Votes on models' answers as they stand, by installation, model and vote (up, down).",
    FAILED_QUESTIONS: "Questions that failed for good and can still be replayed.",
}


@dataclass(frozen=True, slots=True)
class Histogram:
    """Durations that were observed, by how long they were."""

    #: Upper bounds in seconds, ascending, each with how many durations were no longer: cumulative.
    buckets: tuple[tuple[float, int], ...]
    #: Of all durations, those beyond the last bound too.
    sum: float
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """The figures of all processes on all machines, at one moment."""

    #: By name and label; the label is "" where the counter has none.
    counters: Mapping[tuple[str, str], int]
    histograms: Mapping[str, Histogram]
    #: Open questions by state: in line, put back until later, held by a worker.
    waiting: int
    later: int
    underway: int
    oldest_seconds: float
    failed_questions: int
    #: Of each installation that has any.
    votes: tuple[tuple[InstallationKey, tuple[ModelVotes, ...]], ...] = ()

    @property
    def open(self) -> int:
        """Give how many questions are accepted and not yet finished."""
        return self.waiting + self.later + self.underway
