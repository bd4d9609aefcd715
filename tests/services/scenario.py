"""The scenario of most tests: one installation, what users and workers do there, and the outcome."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from typing import Any

import pytest
import redis

from sectorflow_slack.domain.installations import Installation, InstallationKey
from sectorflow_slack.domain.questions import Message, Question, StoredAnswer
from sectorflow_slack.domain.slack_jobs import SlackJob
from sectorflow_slack.formatting.displays import render
from sectorflow_slack.formatting.notices import for_update
from sectorflow_slack.formatting.words import ENGLISH
from sectorflow_slack.services import Services
from sectorflow_slack.services.answering import AnswerService
from sectorflow_slack.storage.slack_jobs import read_job
from tests.fakes import FakeSectorFlowClient, FakeSlackClient
from tests.services.block_actions import ANSWER_ID
from tests.services.steps import FIRST_TS, KEY, WorkerKilled, let_time_pass
from tests.values import FixedClock, make_event, make_question


@dataclass
class Scenario:
    """Acme's installation on real services and stores, with fakes of Slack and SectorFlow."""

    services: Services
    slack: FakeSlackClient
    sectorflow: FakeSectorFlowClient
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
        self.work()
        return question

    def have_answered(self, **changes: Any) -> Question:
        """Ask, and forget the jobs that this led to."""
        question = self.ask(**changes)
        self.forget_slack_jobs()
        return question

    def receive(self, event: dict[str, Any] | None = None, **changes: Any) -> None:
        """Accept an event, as the web process does."""
        self.services.events.accept(make_event(event, **changes))

    def stop(self, question: Question, **changes: Any) -> None:
        """Press Slack's Stop button in the thread of a question."""
        place = {"channel": question.channel_id, "thread_ts": question.status_thread_ts, "user": "U0BOB"}
        self.receive({"type": "agent_session_stopped", **place}, **changes)

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

    def work(self) -> bool:
        """Answer the question that has the next turn, as a worker does; True if another one can start."""
        return self.answers.answer_next()

    def run_slack_jobs(self) -> list[SlackJob]:
        """Run the Slack jobs that wait, and those that they lead to."""
        ran: list[SlackJob] = []
        while self.slack_jobs:
            self.let_delayed_jobs_come()
            waiting = self.slack_jobs
            ran.append(waiting[0][0])
            self.services.slack_jobs.run_next()
            assert len(ran) < 50
        return ran

    def let_delayed_jobs_come(self) -> None:
        for job in self.store.zrange("jobs-later", 0, -1):
            self.store.zadd("jobs-later", {str(job): 0})
        self.answers.questions.tick("worker")

    def work_and_run_slack_jobs(self) -> None:
        self.work()
        self.run_slack_jobs()

    @property
    def slack_jobs(self) -> list[tuple[SlackJob, float]]:
        """The Slack jobs that wait, each with the seconds until it is due."""
        found = []
        for key in sorted(map(str, self.store.scan_iter("jobs:*"))):
            tenant = InstallationKey(*key.removeprefix("jobs:").split(":"))
            bodies = map(json.loads, self.store.lrange(key, 0, -1))
            found += [(read_job({**body, "installation": asdict(tenant)}), 0.0) for body in bodies]
        for member, at in self.store.zrange("jobs-later", 0, -1, withscores=True):
            installation, _, body = str(member).split(" ", 2)
            tenant = InstallationKey(*installation.split(":"))
            job = read_job({**json.loads(body), "installation": asdict(tenant)})
            found.append((job, self.seconds_until(at)))
        return found

    def forget_slack_jobs(self) -> None:
        for key in ("jobs-later", "turns:jobs", *map(str, self.store.scan_iter("jobs:*"))):
            self.store.delete(key)

    @property
    def retries(self) -> list[float]:
        """The seconds until each question that was released is tried again."""
        lines = [self.store.zrange(key, 0, -1, withscores=True) for key in self.store.scan_iter("later:*")]
        return [self.seconds_until(at) for line in lines for _, at in line]

    @property
    def waiting(self) -> list[str]:
        """The ids of the questions that wait for a worker."""
        return [each for key in self.store.scan_iter("waiting:*") for each in self.store.lrange(key, 0, -1)]

    def seconds_until(self, at: float) -> float:
        """Return the seconds until a time that was set just now: whole ones, of which a part may be over."""
        seconds, microseconds = self.store.time()
        return float(math.ceil(round(at - seconds - microseconds / 1e6, 3)))

    # Time

    def later(self, line: str = "later") -> None:
        """Let the time come at which a question is due again, and a worker leases it."""
        let_time_pass(self.store, line)
        self.answers.questions.tick("worker")
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
        """Let so much time pass that a process about to set a status is taken for dead."""
        self.set_in_questions("status_at", "0")

    def wait_in_line(self) -> None:
        """Let so much time pass that questions in line get a status, and have a worker look for them."""
        self.set_in_questions("accepted_at", "0")
        self.answers.statuses.renew()

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
        return list(render(self.stored().answer, ENGLISH, self.installation.refused, can_compare=True))

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
        idle = not self.slack_jobs and not self.left
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
