"""A simulation of one deployment in its busiest minutes, for what the formulas of ``bench.capacity`` assume.

A question's event goes through the processors of web and of Redis; the question waits for its team's turn and
share and for a thread, and then for its worker's processor. Each processor serves one at a time, in order.
"""

from __future__ import annotations

import heapq
import random
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import accumulate, count

#: Each day has some minutes, in seconds: those before the busiest, the busiest, and a rest that answers all.
BEFORE, BUSIEST, DAY = 300.0, 300.0, 900.0
#: How many times as many questions the busiest minutes have.
PEAK = 3
#: The share of questions that come in bursts: so many of one team within so many seconds.
BURSTS, BURST, BURST_SECONDS = 0.1, range(5, 21), 10.0
#: SectorFlow's seconds: log-normal, with a mean of 15 and a long tail that its time-out cuts.
MEDIAN, SPREAD, LONGEST = 10.3, 0.9, 120.0
#: How unequal teams are: the loudest of 10,000 asks about eighty times as much as the mean.
TEAM_SPREAD = 1.5


@dataclass(frozen=True, slots=True)
class Arrival:
    """A question: when its event comes, whose it is, and how long SectorFlow takes."""

    at: float
    team: int
    seconds: float
    #: Whether it comes in the busiest minutes.
    is_measured: bool = True


@dataclass(frozen=True)
class Formation:
    """The processes of a deployment, a team's share, and the processor seconds of an event and a question."""

    web: int
    workers: int
    threads: int
    share: int = 16
    web_cpu: float = 0.0
    worker_cpu: float = 0.0
    redis_cpu: float = 0.0
    round_trips: float = 16.0


@dataclass
class Outcome:
    """How long questions waited until SectorFlow was asked, and how many were under way."""

    waits: list[float] = field(default_factory=list)
    #: How many questions found all threads busy.
    met_no_thread: int = 0
    most_under_way: int = 0
    most_of_a_team: int = 0
    #: The questions in the system summed up over time, and their times in it: the same, by Little's law.
    area: float = 0.0
    sojourn: float = 0.0

    def wait(self, share: float) -> float:
        """Return the wait in seconds that this share of the questions does not exceed."""
        return sorted(self.waits)[int(share * (len(self.waits) - 1))]


def arrivals(teams: int, rate: float, days: int, chance: random.Random) -> Iterator[Arrival]:
    """Yield the questions of some days; ``rate`` is that of the busiest minutes, in questions a second."""
    weights = list(accumulate(chance.lognormvariate(0.0, TEAM_SPREAD) for _ in range(teams)))
    mean = sum(BURST) / len(BURST)
    #: Arrivals of one question or one burst for each question.
    each = 1 - BURSTS + BURSTS / mean
    for day in range(days):
        at = 0.0
        while at < BEFORE + BUSIEST:
            at += chance.expovariate(rate * each * (1 if at >= BEFORE else 1 / PEAK))
            (team,) = chance.choices(range(teams), cum_weights=weights)
            size, within = 1, 0.0
            if chance.random() < BURSTS / mean / each:
                size, within = chance.choice(BURST), BURST_SECONDS
            for _ in range(size):
                seconds = min(LONGEST, MEDIAN * chance.lognormvariate(0.0, SPREAD))
                yield Arrival(day * DAY + at + chance.uniform(0, within), team, seconds, at >= BEFORE)


class Servers:
    """Processors that serve one at a time each, in the order of arrival."""

    def __init__(self, number: int) -> None:
        self._free = [0.0] * number

    def serve(self, now: float, seconds: float) -> float:
        """Return when who comes now is served."""
        done = max(now, self._free[0]) + seconds
        heapq.heapreplace(self._free, done)
        return done


class Deployment:
    """Web processes, a Redis and workers, which take questions by the turns of their teams."""

    def __init__(self, formation: Formation) -> None:
        self.formation, self.outcome = formation, Outcome()
        self._web, self._redis = Servers(formation.web), Servers(1)
        self._workers = [Servers(1) for _ in range(formation.workers)]
        self._busy = [0] * formation.workers
        self._of_team: Counter[int] = Counter()
        self._waiting: defaultdict[int, deque[Arrival]] = defaultdict(deque)
        self._turns: dict[int, None] = {}
        self._events: list[tuple[float, int, Callable[..., None], tuple[object, ...]]] = []
        self._numbers = count()
        self.now = 0.0
        self._inside = 0

    def run(self, coming: Iterable[Arrival]) -> Outcome:
        """Take questions until all are answered."""
        for each in coming:
            self._plan(each.at, self._arrive, each)
        while self._events:
            at, _, step, what = heapq.heappop(self._events)
            self.outcome.area += self._inside * (at - self.now)
            self.now = at
            step(*what)
        return self.outcome

    def _plan(self, at: float, step: Callable[..., None], *what: object) -> None:
        heapq.heappush(self._events, (at, next(self._numbers), step, what))

    def _call_redis(self, round_trips: float = 1) -> float:
        return self._redis.serve(
            self.now, self.formation.redis_cpu * round_trips / self.formation.round_trips
        )

    def _arrive(self, question: Arrival) -> None:
        self._inside += 1
        self._plan(self._web.serve(self.now, self.formation.web_cpu), self._accept, question)

    def _accept(self, question: Arrival) -> None:
        self._plan(self._call_redis(), self._queue, question)

    def _queue(self, question: Arrival) -> None:
        if question.is_measured:
            self.outcome.met_no_thread += min(self._busy) == self.formation.threads
        self._waiting[question.team].append(question)
        self._offer(question.team)

    def _offer(self, team: int) -> None:
        """Put a team in line if it can start a question, and lease while threads are free."""
        if self._waiting[team] and self._of_team[team] < self.formation.share:
            self._turns.setdefault(team)
        while self._turns and min(self._busy) < self.formation.threads:
            self._lease(next(iter(self._turns)))

    def _lease(self, team: int) -> None:
        del self._turns[team]
        worker = self._busy.index(min(self._busy))
        self._busy[worker] += 1
        self._of_team[team] += 1
        self.outcome.most_under_way = max(self.outcome.most_under_way, sum(self._busy))
        self.outcome.most_of_a_team = max(self.outcome.most_of_a_team, self._of_team[team])
        self._plan(self._call_redis(), self._start, self._waiting[team].popleft(), worker)
        if self._waiting[team] and self._of_team[team] < self.formation.share:
            self._turns[team] = None

    def _start(self, question: Arrival, worker: int) -> None:
        at = self._workers[worker].serve(self.now, self.formation.worker_cpu / 2)
        if question.is_measured:
            self.outcome.waits.append(at - question.at)
        self._plan(at + question.seconds, self._reply, question, worker)

    def _reply(self, question: Arrival, worker: int) -> None:
        at = self._workers[worker].serve(self.now, self.formation.worker_cpu / 2)
        self._plan(at, self._store, question, worker)

    def _store(self, question: Arrival, worker: int) -> None:
        # The messages that are posted come back as events, which web ignores.
        self._web.serve(self.now, 2 * self.formation.web_cpu)
        self._plan(self._call_redis(self.formation.round_trips - 2), self._complete, question, worker)

    def _complete(self, question: Arrival, worker: int) -> None:
        self._busy[worker] -= 1
        self._of_team[question.team] -= 1
        self._inside -= 1
        self.outcome.sojourn += self.now - question.at
        self._offer(question.team)
