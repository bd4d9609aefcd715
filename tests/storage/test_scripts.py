"""Every order of steps: no question is lost or leased twice, turns are fair, and every event is counted."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from itertools import count, islice

import hypothesis.strategies as st
import pytest
from hypothesis import settings
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from sectorflow_slack.domain.errors import LeaseLost
from sectorflow_slack.domain.installations import InstallationKey
from sectorflow_slack.domain.metrics import Snapshot
from sectorflow_slack.domain.questions import Progress, Question
from sectorflow_slack.storage.questions import QuestionLimits, QuestionStore
from tests.storage.builders import FIRST, PLAN, accept, hold, install, leased, pass_time
from tests.storage.conftest import Stores, dump
from tests.values import make_question

STEPS = {
    "assert_held": lambda questions, question: questions.assert_held(question),
    "save_plan": lambda questions, question: questions.save_plan(question, PLAN),
    "mark_posted": lambda questions, question: questions.mark_posted(question, ["1.1"]),
    "release": lambda questions, question: questions.release(question, 0, counts=True),
    "complete": lambda questions, question: questions.complete(question),
    "fail": lambda questions, question: questions.complete(question, "answer_lost", question),
}


def lose(db: Stores, way: str) -> Question:
    """Return a lease of the first question that ended in one of the ways."""
    if way == "never leased":
        return FIRST
    question = leased(db.questions)
    if way in {"leased to another", "waits again"}:
        pass_time(db.redis, 60)
        db.questions.tick("worker")
    if way == "leased to another":
        leased(db.questions)
    elif way == "released":
        db.questions.release(question, 600, counts=False)
    elif way == "stopped":
        db.questions.stop(question.installation, question.channel_id, question.ts, "U0BOB")
    elif way == "completed":
        db.questions.complete(question)
    elif way == "expired":
        db.redis.delete(f"question:{question.id}")
    return question


@pytest.mark.parametrize("step", STEPS.values(), ids=STEPS)
@pytest.mark.parametrize(
    "way",
    ["leased to another", "waits again", "released", "stopped", "completed", "expired", "never leased"],
)
def test_a_worker_that_does_not_hold_a_question_can_take_no_step(db, way, step):
    accept(db, FIRST)
    lost = lose(db, way)
    before = dump(db.redis)

    with pytest.raises(LeaseLost):
        step(db.questions, lost)

    assert dump(db.redis) == before


@pytest.mark.parametrize("step", STEPS.values(), ids=STEPS)
def test_the_holder_can_take_each_step_also_late_if_no_other_has_the_question(db, step):
    slow = hold(db)
    pass_time(db.redis, 60)

    db.questions.assert_held(slow)
    db.questions.tick("worker")

    assert db.questions.lease() is None
    assert db.questions.progress(slow) == Progress()
    step(db.questions, slow)


@pytest.mark.real_redis
def test_a_server_that_forgot_the_scripts_gets_them_again(real_db):
    question = hold(real_db)

    real_db.redis.script_flush()
    real_db.questions.extend([question])
    real_db.redis.script_flush()

    assert not real_db.questions.complete(question)


LIMIT, LEASE_SECONDS, DELAY_SECONDS = 2, 1000, 3000
#: A customer with two installations, one with one, and an installation without a customer.
CUSTOMERS = {"T1": "42", "T2": "42", "T3": "43", "T4": ""}
KEYS = {team_id: InstallationKey("A0OWN", team_id) for team_id in CUSTOMERS}
INSTALLATIONS, TURNS = st.sampled_from(list(CUSTOMERS)), st.integers(0, 1000)


def customer_of(team_id: str) -> str:
    return CUSTOMERS[team_id] or team_id


class Turns:
    """Checks that no customer gets two turns while another one waits for the first."""

    def __init__(self) -> None:
        self._served: dict[str, Counter[str]] = {}

    def wait(self, names: Iterable[str]) -> None:
        self._served = {name: self._served.get(name, Counter()) for name in names}

    def take(self, name: str) -> None:
        self._served.pop(name, None)
        for served in self._served.values():
            served[name] += 1
            assert served[name] == 1

    def begin_again(self, name: str) -> None:
        self._served.pop(name, None)


@dataclass
class Open:
    """What there is to know about an open question."""

    question: Question
    failures: int = 0
    deaths: int = 0
    stopped: str = ""
    has_expired: bool = False


@dataclass
class Line:
    """The questions of an installation; those of the sets by when they are due."""

    waiting: list[str] = field(default_factory=list)
    later: dict[str, tuple[int, int, str]] = field(default_factory=dict)
    underway: dict[str, tuple[int, int, str]] = field(default_factory=dict)

    @property
    def can_start(self) -> bool:
        return bool(self.waiting) and len(self.underway) < LIMIT

    def take_due(self, name: str, now: int) -> list[str]:
        times = getattr(self, name)
        due = sorted((each for each in times if times[each][0] <= now), key=times.__getitem__)
        for each in due:
            del times[each]
        return due


class Questions(RuleBasedStateMachine):
    """Takes the steps of web processes and workers, also of dead ones, in any order, beside a model."""

    def __init__(self, db: Stores) -> None:
        super().__init__()
        db.redis.flushdb()
        self.redis, self.failed_store, self.metrics = db.redis, db.failed, db.metrics
        self.store = QuestionStore(
            db.redis, db.cipher, limits=QuestionLimits(underway=LIMIT), lease_seconds=LEASE_SECONDS
        )
        for team_id, customer in CUSTOMERS.items():
            install(db.redis, KEYS[team_id], customer=customer)
        self.now, self.numbers = 0, count(1)
        self.open: dict[str, Open] = {}
        self.lines = {team_id: Line() for team_id in CUSTOMERS}
        self.held: dict[str, Question] = {}
        self.lost: list[Question] = []
        self.failed: list[Question] = []
        self.customers, self.installations = Turns(), defaultdict(Turns)

    def drop_wakes(self) -> None:
        """Let idle workers have taken all wake-ups."""
        self.redis.delete("wakes:questions")

    def is_woken(self) -> bool:
        return self.redis.exists("wakes:questions") == 1

    def can_start(self) -> list[str]:
        return [team_id for team_id, line in self.lines.items() if line.can_start]

    def time(self, seconds: int) -> tuple[int, int]:
        return self.now + seconds, next(self.numbers)

    def line_of(self, question: Question) -> Line:
        return self.lines[question.installation.tenant_id]

    def let_go(self, question_id: str) -> None:
        if question := self.held.pop(question_id, None):
            self.lost.append(question)

    @rule(
        team_id=INSTALLATIONS,
        thread=st.sampled_from(["thread-1", "thread-2"]),
        number_of_questions=st.integers(1, 3),
    )
    def accept(self, team_id: str, thread: str, number_of_questions: int) -> None:
        for number in islice(self.numbers, number_of_questions):
            question = make_question(number, id=f"{number:05}", installation=KEYS[team_id], thread_ts=thread)
            self.drop_wakes()
            assert self.store.accept(question)
            assert not self.store.accept(question)
            self.open[question.id] = Open(question)
            self.lines[team_id].waiting.append(question.id)
            assert self.is_woken()

    @precondition(lambda self: self.open)
    @rule()
    def lease(self) -> None:
        self.drop_wakes()
        lease = self.store.lease()
        self.drop_expired(lease.installation.tenant_id if lease else "")
        if lease is None:
            assert self.can_start() == []
            return
        team_id = lease.installation.tenant_id
        line, found = self.lines[team_id], self.open[lease.id]
        assert line.can_start
        assert line.waiting.pop(0) == lease.id
        assert lease.question == found.question
        expected = Progress(failures=found.failures, deaths=found.deaths, stopped=found.stopped)
        assert lease.progress == expected
        line.underway[lease.id] = (*self.time(LEASE_SECONDS), lease.id)
        self.held[lease.id] = replace(found.question, holder=lease.holder)
        self.customers.take(customer_of(team_id))
        self.installations[customer_of(team_id)].take(team_id)
        assert self.is_woken() == bool(self.can_start())

    def drop_expired(self, leased_from: str) -> None:
        """Forget the questions whose records were found expired while one was leased."""
        for team_id, line in self.lines.items():
            gone = [each for each in line.waiting if self.open[each].has_expired]
            if team_id == leased_from:
                while line.waiting and self.open[line.waiting[0]].has_expired:
                    del self.open[line.waiting.pop(0)]
            elif (
                line.can_start and gone == line.waiting and not self.redis.exists(f"waiting:{KEYS[team_id]}")
            ):
                line.waiting.clear()
                for each in gone:
                    del self.open[each]
                self.customers.begin_again(customer_of(team_id))
                self.installations[customer_of(team_id)].begin_again(team_id)

    @precondition(lambda self: self.held)
    @rule(turn=TURNS, several=st.booleans())
    def extend(self, turn: int, several: bool) -> None:
        held = list(self.held.values())
        chosen = held if several else [held[turn % len(held)]]
        self.store.extend(chosen)
        time = self.time(LEASE_SECONDS)
        for question in chosen:
            if not self.open[question.id].has_expired:
                self.line_of(question).underway[question.id] = (*time, question.id)

    def choose_held(self, turn: int) -> Question:
        """Return a question that a worker holds and can take a step on."""
        held = [each for each in self.held.values() if not self.open[each.id].has_expired]
        return held[turn % len(held)]

    def can_step(self) -> bool:
        return any(not self.open[each].has_expired for each in self.held)

    @precondition(lambda self: self.can_step())
    @rule(turn=TURNS, delay=st.sampled_from([0, DELAY_SECONDS]), counts=st.booleans())
    def release(self, turn: int, delay: int, counts: bool) -> None:
        question = self.choose_held(turn)
        self.drop_wakes()
        self.store.release(question, delay, counts=counts)
        line = self.line_of(question)
        del line.underway[question.id]
        self.open[question.id].failures += counts
        if delay:
            line.later[question.id] = (*self.time(delay), question.id)
        else:
            line.waiting.insert(0, question.id)
            assert self.is_woken()
        self.let_go(question.id)

    @precondition(lambda self: self.can_step())
    @rule(turn=TURNS, failure=st.sampled_from(["", "uninstalled", "answer_lost"]))
    def complete(self, turn: int, failure: str) -> None:
        question = self.choose_held(turn)
        again = question if failure == "answer_lost" else None
        can_start = self.store.complete(question, failure, again)
        del self.line_of(question).underway[question.id]
        del self.open[question.id]
        self.failed += [again] if again else []
        self.let_go(question.id)
        assert can_start == bool(self.can_start())

    @precondition(lambda self: self.failed)
    @rule(turn=TURNS)
    def revive(self, turn: int) -> None:
        self.drop_wakes()
        question = self.failed.pop(turn % len(self.failed))
        assert self.failed_store.revive(question)
        assert not self.failed_store.revive(question)
        self.open[question.id] = Open(question)
        self.line_of(question).waiting.append(question.id)
        assert self.is_woken()

    @precondition(lambda self: self.lost)
    @rule(turn=TURNS, step=st.sampled_from(list(STEPS.values())))
    def step_without_lease(self, turn: int, step) -> None:
        with pytest.raises(LeaseLost):
            step(self.store, self.lost[turn % len(self.lost)])

    @precondition(lambda self: self.open)
    @rule(team_id=INSTALLATIONS, thread=st.sampled_from(["thread-1", "thread-2"]))
    def stop(self, team_id: str, thread: str) -> None:
        line, stopped = self.lines[team_id], 0
        for name in ("waiting", "later", "underway"):
            source = getattr(line, name)
            for each in sorted(source, key=source.__getitem__) if name != "waiting" else [*source]:
                found = self.open[each]
                if found.question.thread_ts == thread and not found.stopped and not found.has_expired:
                    source.remove(each) if name == "waiting" else source.pop(each)
                    line.waiting.insert(0, each)
                    found.stopped = "U0BOB"
                    self.let_go(each)
                    stopped += 1
        self.drop_wakes()
        assert self.store.stop(KEYS[team_id], FIRST.channel_id, thread, "U0BOB") == stopped
        assert self.is_woken() == bool(stopped)

    @precondition(lambda self: self.open)
    @rule(seconds=st.sampled_from([601, 1103, 3511]))
    def pass_time(self, seconds: int) -> None:
        pass_time(self.redis, seconds)
        self.now += seconds

    @rule(seconds=st.sampled_from([0, 0, 1103, 3511]))
    def tick(self, seconds: int) -> None:
        self.pass_time(seconds)
        self.drop_wakes()
        wait = self.store.tick("worker")
        for line in self.lines.values():
            line.waiting[:0] = line.take_due("later", self.now)
            expired = line.take_due("underway", self.now)
            line.waiting[:0] = expired
            for each in expired:
                self.open[each].deaths += 1
                self.let_go(each)
        assert self.is_woken() == bool(self.can_start())
        assert wait == (1 if self.open else 3)

    @precondition(lambda self: self.open)
    @rule(turn=TURNS)
    def expire(self, turn: int) -> None:
        if turn % 4 == 0:
            question_id = list(self.open)[turn // 4 % len(self.open)]
            self.redis.delete(f"question:{question_id}")
            self.open[question_id].has_expired = True

    def stored(self, *keys: str) -> list[list[tuple[str, float]]]:
        """Return the members of sorted sets with their scores."""
        with self.redis.pipeline() as pipe:
            for key in keys:
                pipe.zrange(key, 0, -1, withscores=True)
            return pipe.execute()

    @invariant()
    def every_question_is_in_its_place_and_counted(self) -> None:
        with self.redis.pipeline() as pipe:
            for key in KEYS.values():
                pipe.lrange(f"waiting:{key}", 0, -1)
                pipe.zrange(f"later:{key}", 0, -1)
                pipe.zrange(f"underway:{key}", 0, -1)
            found = pipe.execute()
        expected = []
        for line in self.lines.values():
            times = (sorted(each, key=each.__getitem__) for each in (line.later, line.underway))
            expected += [line.waiting, *times]
        assert found == expected
        assert uncounted(self.metrics.read()) == 0

    @invariant()
    def every_installation_is_in_the_indexes(self) -> None:
        lines = {str(KEYS[team_id]): line for team_id, line in self.lines.items()}
        having = {key for key, line in lines.items() if line.waiting or line.later or line.underway}
        assert self.redis.smembers("installations-with-questions") == having
        planned = [(name, key) for key in having for name in ("later", "underway")]
        due, *times = self.stored("due", *(f"{name}:{key}" for name, key in planned))
        for (_, key), planned_times in zip(planned, times, strict=True):
            for _, at in planned_times[:1]:
                assert dict(due)[key] <= at + 0.001

    @invariant()
    def who_can_start_waits_for_a_turn(self) -> None:
        can_start = self.can_start()
        teams = {
            customer_of(each): [team for team in can_start if customer_of(team) == customer_of(each)]
            for each in can_start
        }
        self.customers.wait(teams)
        names = {customer: customer if customer.isdecimal() else str(KEYS[customer]) for customer in teams}
        found, *of_customers = self.stored(
            "turns:questions", *(f"turns:questions:{name}" for name in names.values())
        )
        assert set(names.values()) <= dict(found).keys()
        for customer, installations in zip(teams, of_customers, strict=True):
            self.installations[customer].wait(teams[customer])
            assert {str(KEYS[each]) for each in teams[customer]} <= dict(installations).keys()


def uncounted(snapshot: Snapshot) -> int:
    ends = {"repeated", "ignored", "answered", "failed"}
    ended = sum(number for (name, _), number in snapshot.counters.items() if name in ends)
    return snapshot.counters.get(("received", ""), 0) - ended - snapshot.open


def test_in_any_order_of_steps_no_question_is_lost_or_leased_twice_and_turns_are_fair(db):
    some = settings(max_examples=20, stateful_step_count=40)
    run_state_machine_as_test(lambda: Questions(db), settings=some)
