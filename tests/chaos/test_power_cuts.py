"""A Redis that loses power with ``appendfsync everysec``: the end of its append-only file is gone."""

import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from sandbox.stage import free_port
from sectorflow_slack.domain.errors import LeaseLost
from sectorflow_slack.domain.questions import Question
from sectorflow_slack.storage.crypto import Cipher
from tests.chaos.processes import OwnRedis
from tests.storage.builders import FIRST, KEY, PLAN, THIRD, install, pass_time
from tests.storage.conftest import Stores, dump
from tests.storage.test_questions import ASKED, ASKED_AGAIN, FULL
from tests.values import FixedClock, make_question

pytestmark = pytest.mark.real_redis

FOURTH = make_question(4)
NOTICES = (FULL, FULL)
CIPHER = Cipher([Fernet.generate_key().decode()])


@dataclass(frozen=True)
class State:
    """What Redis had after a step, how long its file was, and the question that the worker held last."""

    stored: dict[str, str]
    size: int
    held: Question


@dataclass(frozen=True)
class Past:
    """The data of a Redis that was killed, and its state after each step."""

    data: Path
    states: tuple[State, ...]

    @property
    def cuts(self) -> Iterator[tuple[int, State, tuple[State, ...]]]:
        """Yield lengths of the file, the state that each has whole, and the states that it has lost.

        The last one is the whole file: a Redis that is killed has lost nothing.
        """
        for at, (before, after) in enumerate(pairwise(self.states), start=1):
            yield after.size - 1, before, self.states[at:]
        yield self.states[-1].size, self.states[-1], ()


class Worker:
    """A web process and a worker in one; each step is one call of a store."""

    def __init__(self, db: Stores) -> None:
        self.db = db
        self.held = FIRST

    def lease(self) -> None:
        lease = self.db.questions.lease()
        assert lease is not None
        self.held = replace(lease.question or FIRST, id=lease.id, holder=lease.holder)

    def steps(self) -> Iterator[Callable[[], object]]:
        db, questions = self.db, self.db.questions
        yield lambda: questions.accept_event(ASKED, NOTICES)
        yield self.lease
        yield lambda: db.statuses.claim(ASKED.id)
        yield lambda: db.statuses.store(ASKED.id, "session")
        yield lambda: questions.save_plan(self.held, PLAN)
        yield lambda: questions.mark_posted(self.held, ["1.1", "1.2"])
        yield lambda: db.statuses.end(self.held)
        yield lambda: questions.complete(self.held)
        yield lambda: questions.accept_event(ASKED_AGAIN, NOTICES)
        yield self.lease
        yield lambda: questions.release(self.held, 600, counts=True)
        yield lambda: questions.accept(THIRD)
        yield lambda: questions.stop(KEY, THIRD.channel_id, THIRD.status_thread_ts, "U0BOB")
        yield self.lease
        yield lambda: questions.complete(self.held, "answer_lost", self.held)
        yield lambda: db.failed.revive(THIRD)
        yield lambda: questions.accept(FOURTH)
        yield lambda: db.slack_jobs.enqueue(FULL)
        yield db.slack_jobs.take


def appended(home: Path) -> Path:
    """Return the file that Redis appends to; Redis 6.2 has one file, later releases begin with a base."""
    return next(home.rglob("*.incr.aof"), home / "appendonly.aof")


@pytest.fixture
def redis(tmp_path):
    server = OwnRedis(tmp_path, free_port())
    server.start()
    yield server
    server.client.close()
    server.kill()


@pytest.fixture
def past(redis, tmp_path, tmp_path_factory) -> Past:
    """Take each step once, and kill Redis."""
    db = Stores(redis.client, CIPHER, FixedClock())
    install(redis.client, KEY)
    worker, states = Worker(db), []

    def note() -> None:
        states.append(State(dump(redis.client), appended(tmp_path).stat().st_size, worker.held))

    note()
    for step in worker.steps():
        step()
        note()
    redis.kill()
    return Past(shutil.copytree(tmp_path, tmp_path_factory.mktemp("past") / "data"), tuple(states))


def recover(redis: OwnRedis, home: Path, past: Past, size: int) -> Stores:
    """Start Redis with so many bytes of its file."""
    redis.kill()
    shutil.copytree(past.data, home, dirs_exist_ok=True)
    os.truncate(appended(home), size)
    redis.start()
    return Stores(redis.client, CIPHER, FixedClock())


def has_lease(db: Stores, question: Question) -> bool:
    try:
        db.questions.assert_held(question)
    except LeaseLost:
        return False
    return True


def answer_all(db: Stores) -> list[str]:
    """Answer all questions, also those of workers that have died; return their ids."""
    pass_time(db.redis, 700)
    db.questions.tick("worker")
    answered = []
    while lease := db.questions.lease():
        db.questions.complete(replace(FIRST, id=lease.id, holder=lease.holder))
        answered.append(lease.id)
    pass_time(db.redis, 700)
    db.questions.tick("worker")
    return answered


def test_after_a_power_cut_no_step_is_half_there_and_each_question_is_answered_once(redis, tmp_path, past):
    for size, kept, lost in past.cuts:
        db = recover(redis, tmp_path, past, size)
        assert dump(redis.client) == kept.stored

        # Only the lease that was kept counts: a worker that lives on takes no step with a lost one.
        holders = {redis.client.hget(f"question:{each.held.id}", "holder") for each in (kept, *lost)}
        for each in lost:
            assert has_lease(db, each.held) == (each.held.holder in holders)

        # Slack sends an event again; the service knows those that it has not lost.
        known = {each.id for each in (ASKED, ASKED_AGAIN) if f"event:{KEY}:{each.event_id}" in kept.stored}
        for event in (ASKED, ASKED_AGAIN):
            outcomes = [db.questions.accept_event(event, NOTICES).outcome for _ in range(2)]
            assert outcomes == ["repeated" if event.id in known else "accepted", "repeated"]

        is_open = {key.partition(":")[2] for key in kept.stored if key.startswith("question:")}
        again = {each.id for each in (ASKED, ASKED_AGAIN)} - known
        assert sorted(answer_all(db)) == sorted(is_open | again)
        assert not {"question", "waiting", "later", "underway", "due"} & {
            key.partition(":")[0] for key in dump(redis.client)
        }
