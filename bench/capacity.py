"""A model of capacity: what a number of Slack teams needs, from the figures of the measurements.

Formulas, and a simulation that checks them (``bench.simulation``). If questions came independently of each
other, the threads in use would vary around their mean ``n`` by its root. Some come in bursts, for which
``n + 3 √n`` threads are too few, as the simulation shows: a burst needs a team's share beside the rest.
"""

from __future__ import annotations

import math
import random
from collections.abc import Mapping
from dataclasses import dataclass, replace

from bench.report import table
from bench.simulation import PEAK, Deployment, Formation, Outcome, arrivals

TEAMS = (100, 1_000, 10_000, 1_000_000)
#: What is assumed of a team.
QUESTIONS_A_DAY = 10
#: The share of a day's questions in its busiest hour; its busiest minutes have ``PEAK`` times as many.
BUSY_HOUR = 1 / 6
#: Events of a question: itself, and those that are ignored.
EVENTS = 3
SECTORFLOW_SECONDS = 15
#: Three models with 1,200 characters each, by the formula of docs/deployment.md.
ANSWER_BYTES = 1500 + 0.7 * 3 * 1200
RETENTION_DAYS = 30
#: Threads of a worker at most.
THREADS = 500
#: The share of a core that is used at the peak, and the memory of one Redis.
LOAD = 0.6
REDIS_BYTES = 64e9
#: QUESTIONS_PER_INSTALLATION.
SHARE = 16
#: How many questions are simulated in the busiest minutes, and on how many days at most.
SIMULATED, MOST_DAYS = 20_000, 300
#: 99 % of the questions are to wait less than this until SectorFlow is asked, also in the busiest minutes.
LONGEST_WAIT = 1.0


@dataclass(frozen=True)
class Need:
    """What some teams need at the peak: deployments, and what is in each."""

    deployments: int
    questions: float
    under_way: float
    web: int
    workers: int
    threads: int
    redis_bytes: float
    round_trips: float


def need(teams: int, figures: Mapping[str, float]) -> Need:
    """Return the need of some teams."""
    stored = figures["installation_bytes"] + QUESTIONS_A_DAY * RETENTION_DAYS * ANSWER_BYTES
    of_redis = rate(teams) * figures["redis_cpu"] / LOAD
    deployments = max(1, math.ceil(of_redis), math.ceil(teams * stored / REDIS_BYTES))
    questions = rate(teams) / deployments
    under_way = questions * SECTORFLOW_SECONDS
    threads = threads_for(under_way)
    workers = max(math.ceil(threads / THREADS), math.ceil(questions * figures["worker_cpu"] / LOAD))
    return Need(
        deployments=deployments,
        questions=questions,
        under_way=under_way,
        web=max(2, math.ceil(questions * EVENTS * figures["web_cpu"] / LOAD)),
        workers=workers,
        threads=math.ceil(threads / workers),
        redis_bytes=stored * teams / deployments,
        round_trips=questions * figures["question_round_trips"],
    )


def rate(teams: int) -> float:
    """Return the questions a second in the busiest minutes."""
    return teams * QUESTIONS_A_DAY * BUSY_HOUR * PEAK / 3600


def threads_for(under_way: float) -> int:
    """Return how many threads suffice if so many questions are under way in the mean."""
    return math.ceil(under_way + 4 * math.sqrt(under_way) + SHARE)


def fewer(needed: Need) -> Need:
    """Return a need with the threads that would suffice without bursts."""
    threads = needed.under_way + 3 * math.sqrt(needed.under_way)
    return replace(needed, threads=math.ceil(threads / needed.workers))


def simulate(teams: int, needed: Need, figures: Mapping[str, float]) -> Outcome:
    """Simulate one of the deployments in its busiest minutes."""
    formation = Formation(
        web=needed.web,
        workers=needed.workers,
        threads=needed.threads,
        share=SHARE,
        web_cpu=figures["web_cpu"],
        worker_cpu=figures["worker_cpu"],
        redis_cpu=figures["redis_cpu"],
        round_trips=figures["question_round_trips"],
    )
    days = min(MOST_DAYS, math.ceil(SIMULATED / (needed.questions * 300)))
    coming = arrivals(teams // needed.deployments, needed.questions, days, random.Random(teams))
    return Deployment(formation).run(coming)


def model(figures: Mapping[str, float]) -> str:
    """Return the needs of small and large numbers of teams as a table, and how long questions wait then."""
    needs = {teams: need(teams, figures) for teams in TEAMS}
    headings = ["Slack teams", "deployments, each with one Redis", "in each: questions a second", "under way"]
    headings += ["gunicorn processes", "workers", "threads of a worker", "Redis, GB", "round trips a second"]
    needed = table(headings, [_row(teams, each) for teams, each in needs.items()])
    headings = ["Slack teams", "wait until SectorFlow is asked, p50 ms", "p99 ms", "p99.9 ms", "longest, s"]
    headings += ["found no free thread", "under way, at most", "p99 ms with n + 3 √n threads"]
    waits = [
        _waits(teams, *(simulate(teams, threads, figures) for threads in (each, fewer(each))))
        for teams, each in needs.items()
    ]
    return f"{needed}\n\nSimulated, with the formations above:\n\n{table(headings, waits)}"


def _row(teams: int, needed: Need) -> list[str]:
    return [
        f"{teams:,}",
        f"{needed.deployments:,}",
        f"{needed.questions:,.1f}",
        f"{needed.under_way:,.0f}",
        f"{needed.web:,}",
        f"{needed.workers:,}",
        f"{needed.threads:,}",
        f"{needed.redis_bytes / 1e9:,.1f}",
        f"{needed.round_trips:,.0f}",
    ]


def _waits(teams: int, outcome: Outcome, with_fewer: Outcome) -> list[str]:
    return [
        f"{teams:,}",
        *(_ms(outcome.wait(share)) for share in (0.5, 0.99, 0.999)),
        f"{outcome.wait(1.0):,.1f}",
        f"{outcome.met_no_thread / len(outcome.waits):.2%}".replace("%", " %"),
        f"{outcome.most_under_way:,}",
        _ms(with_fewer.wait(0.99)),
    ]


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:,.0f}"
