"""Steps of a question's way that tests take again and again: asking, dying, letting time pass, counting."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import Any

import redis

from sectorflow_slack.domain.installations import InstallationKey
from sectorflow_slack.domain.metrics import Snapshot
from sectorflow_slack.domain.questions import Question, Reply
from sectorflow_slack.domain.slack_jobs import PostPlaceholder
from sectorflow_slack.formatting.interim import asking
from sectorflow_slack.services import Services
from sectorflow_slack.services.answering import AnswerService
from tests.fakes import make_reply
from tests.values import MODEL_IDS, OWN_APP, TEAM_ID, make_question

KEY = InstallationKey(OWN_APP.app_id, TEAM_ID)
#: An id as real questions have it; buttons carry nothing else.
LETTER_ID = "0123456789abcdef" * 2
#: The ``ts`` of the first message that the fake posts.
FIRST_TS = "1700000001.000001"
#: The placeholder of an answer by models without names.
ASKING = asking(()).text
#: Three models' answers in several messages.
LONG_REPLY = make_reply(MODEL_IDS, "thread-1", text="A long answer. " * 1000)


class WorkerKilled(BaseException):
    """Ends a try as a SIGKILL would: no code of the service gets to handle it."""


def die(*_: object, **__: object) -> Any:
    """Stand in for a step at which the worker is killed."""
    raise WorkerKilled


def ask(answers: AnswerService, number: int = 1, **changes: Any) -> Question:
    """Put a question in line, and have a worker answer it."""
    question = make_question(number, **changes)
    answers.questions.accept(question)
    answers.answer_next(question.installation)
    return question


def greeted(services: Services, number: int = 1, **changes: Any) -> Question:
    """Put a question in line and show its placeholder; no worker answers it yet."""
    question = make_question(number, **changes)
    services.answers.questions.accept(question)
    services.slack_jobs.run(PostPlaceholder(question.installation, question_id=question.id))
    return question


def later(answers: AnswerService, store: redis.Redis, line: str = "later") -> None:
    """Let the time come at which a question is due again, and a worker take it up."""
    let_time_pass(store, line)
    answers.answer_next(KEY)


def let_time_pass(store: redis.Redis, line: str = "later") -> None:
    """End the wait of questions put back, or (``underway``) leases that are not renewed."""
    for key in store.scan_iter(f"{line}:*"):
        store.zadd(str(key), dict.fromkeys(map(str, store.zrange(str(key), 0, -1)), 0))


def go_on_after_death(answers: AnswerService, store: redis.Redis) -> None:
    """Have other workers take up what a dead one let go, until nothing is left."""
    for _ in range(5):
        with suppress(WorkerKilled):
            later(answers, store, "underway")


def left(store: redis.Redis) -> list[str]:
    """Return what is still stored of questions, but for the memory of repeats."""
    places = ("question:", "waiting:", "later:", "underway:")
    return [str(key) for key in store.scan_iter() if str(key).startswith(places)]


def ended(services: Services) -> dict[str, int]:
    """Return how many questions ended, by how they did; ``failed`` by its reason."""
    counters = services.read_metrics().counters
    return {
        label or name: number
        for (name, label), number in counters.items()
        if name in {"answered", "failed"} and number
    }


def unaccounted(snapshot: Snapshot) -> int:
    """Return how many events came in and are neither repeated, ignored, answered, failed nor open."""
    counted = {"repeated", "ignored", "answered", "failed"}
    ends = sum(number for (name, _), number in snapshot.counters.items() if name in counted)
    return snapshot.counters.get(("received", ""), 0) - ends - snapshot.open


def some_failed(*failed: str) -> Reply:
    """Make a reply in which these models failed and the others answered."""
    whole = make_reply(MODEL_IDS, "thread-1")
    answers = (
        replace(each, text="", failed=True) if each.model_id in failed else each for each in whole.answers
    )
    return replace(whole, answers=tuple(answers))
