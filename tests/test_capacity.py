"""The model of capacity: its simulation keeps the laws of queues, its formulas keep their aim."""

import json
import math
import random
from dataclasses import replace
from itertools import count

import pytest

from bench import capacity
from bench.capacity import LONGEST_WAIT, fewer, need, simulate
from bench.simulation import Arrival, Deployment, Formation, arrivals
from sandbox.stage import ROOT

FIGURES = json.loads((ROOT / "bench" / "figures.json").read_text())
TIGHT = Formation(web=2, workers=2, threads=8, share=3, web_cpu=0.1, worker_cpu=0.2, redis_cpu=0.05)


def independent(rate, seconds, mean, chance):
    """Yield questions that come independently of each other, each of another team."""
    at = 0.0
    for team in count():
        at += chance.expovariate(rate)
        yield Arrival(at, team, chance.expovariate(1 / mean))
        if at > seconds:
            return


def erlang_c(load, threads):
    """Return the share of the questions that find all threads busy, by Erlang's formula."""
    terms = [load**each / math.factorial(each) for each in range(threads + 1)]
    all_busy = terms[-1] * threads / (threads - load)
    return all_busy / (sum(terms[:-1]) + all_busy)


def test_the_questions_in_the_system_are_their_rate_times_their_time_in_it():
    outcome = Deployment(TIGHT).run(arrivals(20, 1.0, 3, random.Random(1)))

    assert outcome.area == pytest.approx(outcome.sojourn)
    assert outcome.sojourn > 1000


def test_no_thread_and_no_team_has_more_than_its_bound():
    coming = list(arrivals(20, 2.0, 3, random.Random(2)))

    outcome = Deployment(TIGHT).run(coming)

    assert (outcome.most_under_way, outcome.most_of_a_team) == (16, 3)
    assert len(outcome.waits) == sum(each.is_measured for each in coming)


@pytest.mark.parametrize(("load", "threads"), [(0.8, 1), (3.0, 4)])
def test_independent_questions_wait_as_often_as_erlang_says(load, threads):
    formation = Formation(web=1, workers=1, threads=threads)

    outcome = Deployment(formation).run(independent(load, 3_000, 1.0, random.Random(3)))

    assert outcome.met_no_thread / len(outcome.waits) == pytest.approx(erlang_c(load, threads), rel=0.1)


def test_a_team_does_not_wait_for_the_burst_of_another():
    burst = [Arrival(0.0, 0, 10.0) for _ in range(100)]
    formation = Formation(web=1, workers=1, threads=2)

    outcome = Deployment(formation).run([*burst, Arrival(1.0, 1, 10.0)])

    assert sorted(outcome.waits)[:3] == [0.0, 0.0, 9.0]


@pytest.mark.parametrize("teams", [100, 1_000])
def test_the_formulas_keep_waits_below_the_aim_which_fewer_threads_do_not(teams, monkeypatch):
    monkeypatch.setattr(capacity, "SIMULATED", 4_000)
    needed = need(teams, FIGURES)

    waits = [simulate(teams, each, FIGURES).wait(0.99) for each in (needed, fewer(needed))]

    assert waits[0] < LONGEST_WAIT < waits[1]


def test_a_simulation_gives_the_same_figures_each_time():
    first, second = (Deployment(TIGHT).run(arrivals(20, 1.0, 1, random.Random(4))) for _ in range(2))

    assert first == second


def test_many_teams_are_spread_over_deployments_each_of_which_has_what_it_needs():
    many = need(1_000_000, FIGURES)
    alone = need(1_000_000 // many.deployments, FIGURES)

    assert many.deployments > 1
    assert replace(many, deployments=1).workers == alone.workers
    assert many.workers * many.threads >= many.under_way
    assert many.redis_bytes < 64e9
