"""What the service adds to an answer, how many questions it carries at once, and whether it is fair."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from itertools import cycle, islice
from pathlib import Path

from bench.load import quantile, send
from bench.report import table
from bench.site import SHAPE, Site, cpu_seconds, memory_mib, running_site, signed_requests
from tests.chaos.processes import Group
from tests.waiting import until

TEAMS = 50
MANY = 500
THREADS = {"WORKER_THREADS": str(MANY)}
#: While one measures, this many questions wait for SectorFlow.
BUSY = 200
LONG_SECONDS = 60.0
#: SectorFlow's time for the questions that are measured.
SECONDS = 0.2
RATE = 10.0
#: The flood: a customer with ten installations, and another with one.
LOUD_TEAMS = 10


def add_latency(home: Path, questions: int) -> tuple[str, dict[str, float]]:
    """Measure the time from an event to SectorFlow and from its reply to Slack, idle and busy."""
    rows: list[list[object]] = []
    figures: dict[str, float] = {}
    with running_site(home, **THREADS) as site:
        site.install([""] * TEAMS)
        site.start_web()
        site.start_workers()
        _ask_steadily(site, range(TEAMS), 30)
        for load in ("idle", f"{BUSY} under way"):
            if load != "idle":
                _send(site, BUSY, LONG_SECONDS)
                until(lambda: site.figures()["under_way"] >= BUSY, 60, "the worker is busy")
            times = _ask_steadily(site, range(TEAMS), questions)
            both = [sum(each) for each in times]
            parts = [[each[0] for each in times], [each[1] for each in times], both]
            least = f"{min(both) * 1000:.1f}"
            rows.append(
                [load, *(_milliseconds(part, share) for part in parts for share in (0.5, 0.95)), least]
            )
            figures[f"latency_{load.split()[0]}"] = quantile(both, 0.5) * 1000
    measured = ("event to SectorFlow", "reply to Slack", "added in all")
    headings = [heading for part in measured for heading in (f"{part}, p50 ms", "p95 ms")]
    return table(["load", *headings, "least ms"], rows), figures


def _milliseconds(seconds: list[float], share: float) -> str:
    return f"{quantile(seconds, share) * 1000:.1f}"


def _ask_steadily(
    site: Site, teams: Iterable[int], questions: int, rate: float = RATE, delay: float = SECONDS
) -> list[tuple[float, float]]:
    """Ask at a rate; return for each the seconds from event to SectorFlow, and from its reply to Slack."""
    sent: dict[int, float] = {}
    started = time.monotonic()
    for at, team in enumerate(islice(cycle(teams), questions)):
        time.sleep(max(0.0, started + at / rate - time.monotonic()))
        before = time.monotonic()
        sent[site.ask(team, delay)] = before
    times = site.await_answers(list(sent))
    return [
        (times[number]["asked"] - before, times[number]["posted"] - times[number]["replied"])
        for number, before in sent.items()
    ]


def _send(site: Site, questions: int, delay: float, teams: int = TEAMS) -> list[int]:
    numbers, requests = signed_requests(questions, teams, delay)
    while requests:  # Slack would send those again that got a 503
        requests = send(site.port, requests).refused
    return numbers


def carry_many(home: Path) -> tuple[str, dict[str, float]]:
    """Measure 500 questions of 5 s in one worker process."""
    seconds = 5.0
    with running_site(home, **THREADS) as site:
        site.install([""] * TEAMS)
        web = site.start_web()
        (worker,) = site.start_workers()
        idle = memory_mib(web, worker)
        site.reset()
        started = time.monotonic()
        numbers = _send(site, MANY, seconds)
        busiest = idle
        while site.figures()["under_way"] or len(site.figures()["times"]) < MANY:
            busiest = max(busiest, memory_mib(web, worker))
            time.sleep(0.3)
        times = site.await_answers(numbers)
        took = max(each["posted"] for each in times.values()) - started
        most = site.figures()["most"]
    rows = [
        ["questions under way at SectorFlow at once, at most", f"{most}"],
        [f"from the first of {MANY} events to the last answer, of {seconds:.0f} s each", f"{took:.1f} s"],
        ["memory (PSS) of web and worker, idle", f"{idle:.0f} MiB"],
        ["memory (PSS) of web and worker, at most", f"{busiest:.0f} MiB"],
    ]
    return table(["what", "figure"], rows), {"many_memory": busiest, "idle_memory": idle}


def widen(home: Path, questions: int) -> tuple[str, dict[str, float]]:
    """Measure 1, 2 and 4 workers on one Redis, with a SectorFlow that answers at once."""
    rows: list[list[object]] = []
    figures: dict[str, float] = {}
    with running_site(home, WORKER_THREADS="64") as site:
        site.install([""] * TEAMS)
        web = site.start_web(*SHAPE)
        for workers in (1, 2, 4):
            groups = site.start_workers(workers)
            before, started = _costs(site, web, groups), time.monotonic()
            site.await_answers(_send(site, questions, 0.0))
            rate = questions / (time.monotonic() - started)
            costs = [
                (after - earlier) / questions
                for earlier, after in zip(before, _costs(site, web, groups), strict=True)
            ]
            for group in groups:
                group.stop()
            rows.append(
                [workers, f"{rate:.0f}", *(f"{cost * 1000:.2f}" for cost in costs[:3]), f"{costs[3]:.1f}"]
            )
            names = ("web_cpu", "worker_cpu", "redis_cpu", "question_round_trips")
            figures |= {f"answers_width_{workers}": rate, **dict(zip(names, costs, strict=True))}
    parts = [f"CPU ms of {part} each" for part in ("web", "workers", "Redis")]
    headings = ["workers", "questions a second, accepted and answered", *parts, "round trips to Redis each"]
    return table(headings, rows), figures


def _costs(site: Site, web: Group, workers: Sequence[Group]) -> tuple[float, ...]:
    """Return the processor time of web, workers and Redis so far, and the round trips to Redis."""
    times = (cpu_seconds(web), cpu_seconds(*workers), cpu_seconds(site.redis))
    return (*times, float(site.round_trips()))


def share(home: Path, flood: int, questions: int) -> tuple[str, dict[str, float]]:
    """Measure a customer alone, and beside the flood of another one that has ten installations."""
    customers = ["loud"] * LOUD_TEAMS + ["quiet"]
    waits: Mapping[str, list[float]] = {"alone": [], "beside the flood": []}
    with running_site(home, WORKER_THREADS="64") as site:
        site.install(customers)
        site.start_web()
        site.start_workers()
        for name in waits:
            if name != "alone":
                _send(site, flood, 0.5, LOUD_TEAMS)
            times = _ask_steadily(site, [LOUD_TEAMS], questions, rate=4.0, delay=0.5)
            waits[name].extend(asked for asked, _ in times)
        left = sum("posted" not in each for each in site.figures()["times"].values())
    rows = [
        [name, *(_milliseconds(seconds, share) for share in (0.5, 0.95))] for name, seconds in waits.items()
    ]
    text = table(["the quiet customer", "event to SectorFlow, p50 ms", "p95 ms"], rows)
    figures = {f"fair_{name.split()[0]}": quantile(seconds, 0.95) for name, seconds in waits.items()}
    loud = f"The loud customer asked {flood:,} questions at once; {left:,} of them were under way at the end."
    return f"{text}\n\n{loud}", figures
