"""The scenario of most tests: one installation, what users and workers do there, and the outcome."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from typing import Any

import pytest
import redis

from sectorflow_slack.domain.installations import Installation, InstallationKey
from sectorflow_slack.domain.questions import Message, Question, StoredAnswer
from sectorflow_slack.domain.slack_jobs import PostPlaceholder, SlackJob
from sectorflow_slack.formatting.displays import render
from sectorflow_slack.formatting.notices import for_update
from sectorflow_slack.formatting.words import ENGLISH
from sectorflow_slack.services import Services
from sectorflow_slack.services.answering import AnswerService
from tests.fakes import FakeSectorFlowClient, FakeSlackClient, FakeTaskQueue
from tests.services.block_actions import ANSWER_ID
from tests.services.steps import FIRST_TS, KEY, WorkerKilled, let_time_pass
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

    # Users and the platform

    def accept(self, number: int = 1, **changes: Any) -> Question:
        question = make_question(number, **changes)
        self.answers.questions.accept(question)
        return question

    def ask(self, number: int = 1, **changes: Any) -> Question:
        """Accept a question, and have a worker answer it."""
        question = self.accept(number, **changes)
        self.work(question.installation)
        return question

    def have_answered(self, **changes: Any) -> Question:
        """Ask, and forget the jobs that this led to."""
        question = self.ask(**changes)
        self.queue.slack_jobs.clear()
        self.queue.jobs.clear()
        return question

    def interact(self, *payloads: dict[str, Any]) -> None:
        """Accept the payloads of buttons, menus and dialogs."""
        for payload in payloads:
            self.services.interactions.accept(payload)

    def configure(self, **changes: Any) -> None:
        """Change settings of the installation, as a PATCH does."""
        now = self.installation
        settings = replace(now.settings, revision=now.settings.revision + 1, **changes)
        assert self.answers.installations.change(replace(now, settings=settings), now.settings.revision)

    # Workers

    def work(self, key: InstallationKey = KEY) -> None:
        """Answer the next question, as a worker does."""
        self.answers.answer_next(key)

    def run_jobs(self) -> list[SlackJob]:
        """Run the Slack jobs in the queue, and those that they lead to."""
        ran: list[SlackJob] = []
        while self.queue.slack_jobs:
            ran.append(self.queue.slack_jobs.pop(0)[0])
            self.services.slack_jobs.run(ran[-1])
            assert len(ran) < 50
        return ran

    def work_and_run_jobs(self) -> None:
        self.work()
        self.run_jobs()

    def post_placeholder(self, question: Question) -> None:
        self.services.slack_jobs.run(PostPlaceholder(question.installation, question_id=question.id))

    def accept_with_placeholder(self, number: int = 1, **changes: Any) -> Question:
        question = self.accept(number, **changes)
        self.post_placeholder(question)
        return question

    # Time

    def later(self, line: str = "later") -> None:
        """Let the time come at which a question is due again, and a worker leases it."""
        let_time_pass(self.store, line)
        self.work()

    @contextmanager
    def killed(self) -> Iterator[None]:
        """Expect the worker to be killed in the block; then others take over until nothing is left."""
        with pytest.raises(WorkerKilled):
            yield
        for _ in range(5):
            with suppress(WorkerKilled):
                self.later("underway")

    def end_pauses(self) -> None:
        """End the pauses that Slack asked for."""
        for key in self.store.scan_iter("pause:*"):
            self.store.delete(key)

    def set_in_questions(self, field: str, value: str) -> None:
        for key in self.store.scan_iter("question:*"):
            self.store.hset(str(key), field, value)

    def let_claims_expire(self) -> None:
        """Let so much time pass that a process about to post a placeholder is taken for dead."""
        self.set_in_questions("interim_at", "0")

    def wait_long(self) -> None:
        """Let so much time pass that users are notified, and that workers check this again."""
        self.set_in_questions("accepted_at", "0")
        self.store.delete(f"told:{KEY}")

    # The outcome

    def stored(self, answer_id: str = ANSWER_ID) -> StoredAnswer:
        """Return an answer as it is stored."""
        found = self.answers.answers.find(answer_id)
        assert found is not None
        return found

    @property
    def installation(self) -> Installation:
        """Return Acme's installation as it is stored."""
        found = self.answers.installations.find(KEY)
        assert found is not None
        return found

    def rendered(self) -> list[Message]:
        """Return the messages that the stored answer should have."""
        return list(render(self.stored().answer, ENGLISH, self.installation.refused))

    def shows_what_is_stored(self) -> bool:
        """Whether the channel shows the stored answer, once, and the store knows the messages."""
        now, shown = self.stored(), self.slack.shown
        expected = list(map(for_update, self.rendered()))
        is_shown = list(map(for_update, shown.values())) == expected and tuple(shown) == now.posted
        return is_shown and now.rendered == now.version

    def shows_the_answer_alone(self) -> bool:
        """Whether one message is shown, the first that was posted, with the answer."""
        return list(self.slack.shown) == [FIRST_TS] and "Answer 1" in self.slack.seen[0]

    def is_untouched(self) -> bool:
        """Whether nothing at all was done with the one answer that there is."""
        idle = not self.queue.slack_jobs and not self.queue.jobs
        shown = len(self.slack.posted) == 1 and not self.slack.ephemerals
        return idle and shown and self.stored().version == 1 and not self.services.feedback.votes(KEY)

    @property
    def ephemerals(self) -> list[tuple[str, str]]:
        """The user and text of each ephemeral message."""
        return [(user_id, message.text) for _, user_id, message in self.slack.ephemerals]

    @property
    def failed_questions(self) -> list[tuple[Question, str]]:
        """The failed questions that are stored, each with its reason."""
        return [(failed.question, failed.reason) for failed in self.services.failed_questions.list()]

    @property
    def ended(self) -> dict[str, int]:
        """How many questions were answered, and how many failed for each reason."""
        counters = self.services.read_metrics().counters.items()
        return {label or name: count for (name, label), count in counters if name in ENDS and count}

    def has_failed_with(self, reason: str) -> bool:
        """Whether one question has failed, is stored with its reason, and is left in no line."""
        reasons = [reason for _, reason in self.failed_questions]
        return (self.ended, reasons, self.left) == ({reason: 1}, [reason], [])

    @property
    def left(self) -> list[str]:
        """The keys of stored questions and lines."""
        prefixes = ("question:", "waiting:", "later:", "underway:")
        return [str(key) for key in self.store.scan_iter() if str(key).startswith(prefixes)]

    @property
    def unaccounted(self) -> int:
        """How many events are neither repeated, ignored, answered, failed nor open."""
        snapshot = self.services.read_metrics()
        counted = {"repeated", "ignored", *ENDS}
        ends = sum(count for (name, _), count in snapshot.counters.items() if name in counted)
        return snapshot.counters.get(("received", ""), 0) - ends - snapshot.open


ENDS = {"answered", "failed"}
