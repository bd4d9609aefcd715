"""How far a question has come: what is to be said to it, how much of that is said, what is asked again."""

from __future__ import annotations

from dataclasses import dataclass

from sectorflow_slack.domain.messages import Message
from sectorflow_slack.domain.questions import Answer, Question


@dataclass(frozen=True, slots=True)
class Plan:
    """What is said to a question: laid out once, so that a try after a crash goes on with the same."""

    messages: tuple[Message, ...]
    #: Why there is no answer, as a short word; "" where there is one.
    failure: str = ""
    #: SectorFlow's thread that the answer belongs to.
    thread_id: str | None = None


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the answer to a question has come."""

    plan: Plan | None = None
    #: The ``ts`` of each message of the plan that Slack has taken, in order.
    posted: tuple[str, ...] = ()
    #: Tries that failed and may pass when made again.
    failures: int = 0
    #: Workers that let the question go without a word: they died, or hung.
    deaths: int = 0


@dataclass(frozen=True, slots=True)
class Letter:
    """A question that failed, kept so that it can be asked again."""

    question: Question
    reason: str
    at: float


@dataclass(frozen=True, slots=True)
class KeptAnswer:
    """An answer whose buttons work, and the messages that show it."""

    answer: Answer
    #: The ``ts`` of each message, in order; empty until the first of them are all posted.
    posted: tuple[str, ...]
    #: Goes up with each change of the answer.
    version: int
    #: The version that the messages show.
    drawn: int
    #: What each message shows, in order, as ``formatting.answers.digest`` gives it; "" where that is not
    #: known, and none at all where it is known of none.
    digests: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ModelVotes:
    """What people think of one model's answers."""

    model_id: str
    up: int
    down: int
