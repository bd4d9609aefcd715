"""Slack jobs: each is taken once, in the order of its installation, and customers take turns."""

import json
from collections import Counter, defaultdict
from dataclasses import replace

import hypothesis.strategies as st
import pytest
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from sectorflow_slack.domain.installations import InstallationKey
from sectorflow_slack.domain.slack_jobs import PostPlainText, PublishHome, RenderAnswer
from sectorflow_slack.storage import slack_jobs
from sectorflow_slack.storage.slack_jobs import read_job
from tests.storage.builders import KEY, install, pass_time
from tests.storage.conftest import Stores, dump
from tests.storage.test_scripts import CUSTOMERS, INSTALLATIONS, KEYS, Turns, customer_of

JOB = PublishHome(KEY, user_id="U0ANN")


@pytest.mark.parametrize("delay", [0, 5])
def test_a_job_is_taken_as_it_was_stored(db, delay):
    job = PostPlainText(
        KEY, answer_id="an id", model=1, user_id="U 1", channel_id=" C 1 {} ", thread_ts="ä\n%s"
    )
    install(db.redis, KEY, customer="42")

    assert db.slack_jobs.enqueue(job, delay)
    pass_time(db.redis, delay)
    db.questions.tick("worker")

    customer, fields = db.slack_jobs.take()
    assert (customer, read_job(fields)) == ("42", job)
    assert db.slack_jobs.take() is None


def test_a_job_is_for_the_first_candidate_that_is_installed(db):
    other = InstallationKey("A0OWN", "E0ACME")
    install(db.redis, KEY, other)

    assert db.slack_jobs.enqueue(JOB, tenant_ids=("T0GONE", "E0ACME", "T0ACME"))

    customer, fields = db.slack_jobs.take()
    assert (customer, read_job(fields)) == (str(other), replace(JOB, installation=other))


@pytest.mark.parametrize("delay", [0, 5])
def test_no_job_is_stored_without_an_installation(db, delay):
    assert not db.slack_jobs.enqueue(JOB, delay, tenant_ids=("T0GONE", "T0ACME"))
    assert dump(db.redis) == {}


def test_a_full_line_refuses_jobs_but_neither_those_that_are_due_nor_those_of_others(db, monkeypatch):
    monkeypatch.setattr(slack_jobs, "MOST_WAITING", 2)
    other = InstallationKey("A0OWN", "T0OTHER")
    install(db.redis, KEY, other)
    stored = [db.slack_jobs.enqueue(JOB) for _ in range(3)]

    assert [*stored, db.slack_jobs.enqueue(replace(JOB, installation=other))] == [True, True, False, True]
    # A delayed rendering is of an answer that has changed: Slack must show that.
    assert db.slack_jobs.enqueue(RenderAnswer(KEY, answer_id="1"), 5)
    pass_time(db.redis, 5)
    db.questions.tick("worker")
    assert sum(db.slack_jobs.take() is not None for _ in range(9)) == 4


def test_each_of_several_equal_jobs_runs_once_it_is_due(db):
    install(db.redis, KEY)
    for _ in range(2):
        db.slack_jobs.enqueue(JOB, delay=0.5)
    db.questions.tick("worker")
    assert db.slack_jobs.take() is None

    pass_time(db.redis, 0.6)
    db.questions.tick("worker")

    assert [read_job(db.slack_jobs.take()[1]) for _ in range(2)] == [JOB, JOB]
    assert db.slack_jobs.take() is None


def test_a_job_wakes_a_worker_and_its_taking_another_one_while_there_are_more(db):
    install(db.redis, KEY)
    for _ in range(2):
        assert db.slack_jobs.enqueue(JOB)
        assert db.redis.delete("wakes:jobs") == 1

    woken = []
    for _ in range(2):
        db.slack_jobs.take()
        woken.append(db.redis.delete("wakes:jobs"))

    assert woken == [1, 0]


def test_the_customer_after_those_that_are_busy_is_next_and_others_wake_a_worker(db):
    keys = [InstallationKey("A0OWN", f"T{number}") for number in range(4)]
    for key in keys:
        install(db.redis, key)
        db.slack_jobs.enqueue(replace(JOB, installation=key))
    names = [str(key) for key in keys]
    db.redis.delete("wakes:jobs")

    first, _ = db.slack_jobs.take(busy=names[:1])
    is_woken = db.redis.delete("wakes:jobs")
    second, _ = db.slack_jobs.take(busy=names[:2])
    third, _ = db.slack_jobs.take(busy=names[:1])

    assert [first, second, third] == names[1:]
    assert is_woken
    assert db.slack_jobs.take(busy=names[:1]) is None


class Jobs(RuleBasedStateMachine):
    """Takes the steps of processes in any order, beside a model."""

    def __init__(self, db: Stores) -> None:
        super().__init__()
        db.redis.flushdb()
        self.redis, self.jobs, self.tick_store = db.redis, db.slack_jobs, db.questions
        for team_id, customer in CUSTOMERS.items():
            install(db.redis, KEYS[team_id], customer=customer)
        self.now = 0
        self.added: Counter[str] = Counter()
        self.lines: dict[str, list[str]] = {team_id: [] for team_id in CUSTOMERS}
        self.later: list[tuple[int, int, str, str]] = []
        self.customers, self.installations = Turns(), defaultdict(Turns)

    def drop_wakes(self) -> None:
        self.redis.delete("wakes:jobs")

    def is_woken(self) -> bool:
        return self.redis.exists("wakes:jobs") == 1

    @rule(team_id=INSTALLATIONS, delay=st.sampled_from([0, 3000]))
    def enqueue(self, team_id: str, delay: int) -> None:
        self.added[team_id] += 1
        name = f"{team_id}-{self.added[team_id]}"
        self.drop_wakes()
        assert self.jobs.enqueue(PublishHome(KEYS[team_id], user_id=name), delay)
        if delay:
            self.later.append((self.now + delay, len(self.later), team_id, name))
        else:
            self.lines[team_id].append(name)
        assert self.is_woken() == (not delay)

    @rule(busy=st.sets(st.sampled_from(["42", "43", "T4"]), max_size=2))
    def take(self, busy: set[str]) -> None:
        self.drop_wakes()
        taken = self.jobs.take([str(KEYS[each]) if each == "T4" else each for each in busy])
        free = [each for each, line in self.lines.items() if line and customer_of(each) not in busy]
        if taken is None:
            assert free == []
            return
        job = read_job(taken[1])
        team_id = job.installation.tenant_id
        assert taken[0] == (CUSTOMERS[team_id] or str(KEYS[team_id]))
        assert team_id in free
        assert self.lines[team_id].pop(0) == job.user_id
        if busy:
            # Who is busy is passed over, however long it has waited.
            self.customers = Turns()
        self.customers.take(customer_of(team_id))
        self.installations[customer_of(team_id)].take(team_id)
        if any(line and customer_of(each) not in busy for each, line in self.lines.items()):
            assert self.is_woken()
        elif not any(self.lines.values()):
            assert not self.is_woken()

    @rule(seconds=st.sampled_from([601, 1103, 3511]))
    def pass_time(self, seconds: int) -> None:
        pass_time(self.redis, seconds)
        self.now += seconds

    @rule()
    def tick(self) -> None:
        self.drop_wakes()
        self.tick_store.tick("worker")
        for at, *rest, team_id, name in sorted(self.later):
            if at <= self.now:
                self.later.remove((at, *rest, team_id, name))
                self.lines[team_id].append(name)
        assert self.is_woken() == any(self.lines.values())

    @invariant()
    def every_job_is_in_its_place(self) -> None:
        with self.redis.pipeline() as pipe:
            for key in KEYS.values():
                pipe.lrange(f"jobs:{key}", 0, -1)
            pipe.zcard("jobs-later")
            *lines, later = pipe.execute()
        assert [[json.loads(each)["user_id"] for each in line] for line in lines] == list(self.lines.values())
        assert later == len(self.later)

    @invariant()
    def who_has_a_job_waits_for_a_turn(self) -> None:
        having = [team_id for team_id, line in self.lines.items() if line]
        self.customers.wait({customer_of(each) for each in having})
        for team_id in having:
            customer = customer_of(team_id)
            self.installations[customer].wait(each for each in having if customer_of(each) == customer)
            name = CUSTOMERS[team_id] or str(KEYS[team_id])
            assert self.redis.zscore("turns:jobs", name) is not None
            assert self.redis.zscore(f"turns:jobs:{name}", str(KEYS[team_id])) is not None


def test_in_any_order_of_steps_no_job_is_lost_or_taken_twice_and_turns_are_fair(db):
    run_state_machine_as_test(lambda: Jobs(db), settings=settings(max_examples=20, stateful_step_count=30))
