"""The scenario of most tests: one installation, what people and workers do there, and what comes of it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import pytest
import redis

from sectorflow_slack.domain.installations import InstallationKey
from sectorflow_slack.domain.questions import Message, Question, StoredAnswer
from sectorflow_slack.domain.slack_jobs import PostPlaceholder, SlackJob
from sectorflow_slack.formatting.answers import draw
from sectorflow_slack.services import Services
from sectorflow_slack.services.answering import AnswerService
from tests.fakes import FakeSectorFlowClient, FakeSlackClient, FakeTaskQueue
from tests.services import steps
from tests.services.pressing import ANSWER_ID
from tests.services.steps import FIRST_TS, KEY, WorkerKilled
from tests.values import FixedClock, make_question


@dataclass
class Scenario:
    """Acme's installation on real services and stores, with fakes of Slack, SectorFlow and the queue."""

    services: Services
    slack: FakeSlackClient
    sectorflow: FakeSectorFlowClient
    queue: FakeTaskQueue
    store: redis.Redis
    clock: FixedClock

    @property
    def answers(self) -> AnswerService:
        return self.services.answers

    # What people and the platform do

    def accept(self, number: int = 1, **changes: Any) -> Question:
        """Put a question in line."""
        question = make_question(number, **changes)
        self.answers.questions.accept(question)
        return question

    def ask(self, number: int = 1, **changes: Any) -> Question:
        """Put a question in line, and have a worker answer it."""
        return steps.ask(self.answers, number, **changes)

    def have_answered(self, **changes: Any) -> Question:
        """Ask, and forget what the queue was told meanwhile."""
        question = self.ask(**changes)
        self.queue.slack_jobs.clear()
        self.queue.jobs.clear()
        return question

    def press(self, *payloads: dict[str, Any]) -> None:
        """Send what Slack sends when people press buttons, choose from menus and send dialogs."""
        for payload in payloads:
            self.services.interactions.accept(payload)

    def configure(self, **changes: Any) -> None:
        """Change settings of the installation, as a PATCH does."""
        now = self.answers.installations.find(KEY)
        assert now is not None
        terms = replace(now.settings, revision=now.settings.revision + 1, **changes)
        assert self.answers.installations.change(replace(now, settings=terms), now.settings.revision)

    # What workers do

    def work(self, key: InstallationKey = KEY) -> None:
        """Have a worker answer the next question."""
        self.answers.answer_next(key)

    def run_jobs(self) -> list[SlackJob]:
        """Have workers run the Slack jobs that were sent, and those that come of them."""
        ran: list[SlackJob] = []
        while self.queue.slack_jobs:
            ran.append(self.queue.slack_jobs.pop(0)[0])
            self.services.slack_jobs.run(ran[-1])
            assert len(ran) < 50
        return ran

    def work_and_run_jobs(self) -> None:
        self.work()
        self.run_jobs()

    def greet(self, question: Question) -> None:
        """Run the job that shows the placeholder of a question."""
        self.services.slack_jobs.run(PostPlaceholder(question.installation, question_id=question.id))

    def greeted(self, number: int = 1, **changes: Any) -> Question:
        """Put a question in line and show its placeholder; no worker answers it yet."""
        return steps.greeted(self.services, number, **changes)

    # What time does

    def later(self, line: str = "later") -> None:
        """Let the time come at which a question is due again, and a worker take it up."""
        steps.later(self.answers, self.store, line)

    @contextmanager
    def killed(self) -> Iterator[None]:
        """Expect the worker to be killed in the block; then others take up what it let go."""
        with pytest.raises(WorkerKilled):
            yield
        steps.go_on_after_death(self.answers, self.store)

    def end_pauses(self) -> None:
        """End the pauses that Slack asked for."""
        for key in self.store.scan_iter("pause:*"):
            self.store.delete(key)

    def let_claims_lapse(self) -> None:
        """Let so much time pass that a process about to show a placeholder is taken for dead."""
        for place in self.store.scan_iter("question:*"):
            self.store.hset(str(place), "interim_at", "0")

    def wait_long(self) -> None:
        """Let so much time pass that people are told to wait, and that workers look again who is to be."""
        for place in self.store.scan_iter("question:*"):
            self.store.hset(str(place), "accepted_at", "0")
        self.store.delete(f"told:{KEY}")

    # What is to be seen

    def kept(self, answer_id: str = ANSWER_ID) -> StoredAnswer:
        """Return an answer as it is stored."""
        found = self.answers.answers.find(answer_id)
        assert found is not None
        return found

    def rendered(self) -> list[Message]:
        """Return the messages that the stored answer should have."""
        return list(draw(self.kept().answer))

    def shows_what_is_stored(self) -> bool:
        """Whether the channel shows the stored answer, once, and the store knows the messages."""
        now = self.kept()
        return (
            list(self.slack.shown.values()) == self.rendered()
            and tuple(self.slack.shown) == now.posted
            and now.rendered == now.version
        )

    def shows_the_answer_alone(self) -> bool:
        """Whether one message is shown, in the first one's place, with the answer."""
        return list(self.slack.shown) == [FIRST_TS] and "Answer 1" in self.slack.seen[0]

    def is_untouched(self) -> bool:
        """Whether nothing at all was done with the one answer that there is."""
        idle = not self.queue.slack_jobs and not self.queue.jobs
        shown = len(self.slack.posted) == 1 and not self.slack.ephemerals
        return idle and shown and self.kept().version == 1 and not self.services.feedback.votes(KEY)

    @property
    def whispered(self) -> list[tuple[str, str]]:
        """The ephemeral messages: to whom, and what."""
        return [(user_id, message.text) for _, user_id, message in self.slack.ephemerals]

    @property
    def failed_questions(self) -> list[tuple[Question, str]]:
        """The questions that failed for good and can be asked again, each with its reason."""
        return [(letter.question, letter.reason) for letter in self.services.failed_questions.list()]

    @property
    def ended(self) -> dict[str, int]:
        return steps.ended(self.services)

    @property
    def left(self) -> list[str]:
        return steps.left(self.store)

    @property
    def unaccounted(self) -> int:
        return steps.unaccounted(self.services.read_metrics())
