"""A model of capacity: what a number of Slack teams needs, from the figures of the measurements.

Formulas, not a simulation: in the busy minutes questions come independently of each other, so the threads in
use vary around their mean ``n`` by its root, and ``n + 3 √n`` threads suffice in 99.9 % of the moments.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from bench.report import table

TEAMS = (100, 10_000, 1_000_000)
#: What is assumed of a team.
QUESTIONS_A_DAY = 10
#: The share of a day's questions in its busiest hour, and how much more its busiest minutes have.
BUSY_HOUR = 1 / 6
PEAK = 3
#: Events of a question: itself, and those that are ignored.
EVENTS = 3
SECTORFLOW_SECONDS = 15
#: Three models with 1,200 characters each, by the formula of docs/deployment.md.
ANSWER_BYTES = 1500 + 0.7 * 3 * 1200
RETENTION_DAYS = 30
THREADS = 500
#: The share of a core that is used at the peak, and the memory of one Redis.
LOAD = 0.6
REDIS_BYTES = 64e9


@dataclass(frozen=True)
class Need:
    """What some teams need at the peak."""

    questions: float
    under_way: float
    web: int
    workers: int
    redis_bytes: float
    round_trips: float
    redis: int


def need(teams: int, figures: Mapping[str, float]) -> Need:
    """Return the need of some teams."""
    questions = teams * QUESTIONS_A_DAY * BUSY_HOUR * PEAK / 3600
    under_way = questions * SECTORFLOW_SECONDS
    stored = teams * (figures["installation_bytes"] + QUESTIONS_A_DAY * RETENTION_DAYS * ANSWER_BYTES)
    redis_cores = questions * figures["redis_cpu"] / LOAD
    return Need(
        questions=questions,
        under_way=under_way,
        web=max(2, math.ceil(questions * EVENTS * figures["web_cpu"] / LOAD)),
        workers=max(
            1,
            math.ceil((under_way + 3 * math.sqrt(under_way)) / THREADS),
            math.ceil(questions * figures["worker_cpu"] / LOAD),
        ),
        redis_bytes=stored,
        round_trips=questions * figures["question_round_trips"],
        redis=max(1, math.ceil(redis_cores), math.ceil(stored / REDIS_BYTES)),
    )


def model(figures: Mapping[str, float]) -> str:
    """Return the needs of small and large numbers of teams as a table."""
    rows = [_row(teams, need(teams, figures)) for teams in TEAMS]
    headings = ["Slack teams", "questions a second", "under way", "gunicorn processes", "workers"]
    return table([*headings, "Redis, GB", "round trips a second", "deployments, each with one Redis"], rows)


def _row(teams: int, needed: Need) -> list[str]:
    return [
        f"{teams:,}",
        f"{needed.questions:,.1f}",
        f"{needed.under_way:,.0f}",
        f"{needed.web:,}",
        f"{needed.workers:,}",
        f"{needed.redis_bytes / 1e9:,.1f}",
        f"{needed.round_trips:,.0f}",
        f"{needed.redis:,}",
    ]
