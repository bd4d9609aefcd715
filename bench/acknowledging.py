"""How fast events are acknowledged, beside other servers under the same gunicorn."""

from __future__ import annotations

import statistics
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path

from bench.load import Load, send
from bench.report import spread, table
from bench.site import SHAPE, Site, running_site, signed_requests
from tests.chaos.processes import Group

TEAMS = 50
#: What each server is, and what it does before it acknowledges.
SERVERS: Mapping[str, str] = {
    "ours": "this service",
    "bolt_stored": "Bolt, stores the sealed event before it acknowledges; its team's token from Redis",
    "bolt_lazy": "Bolt with a lazy listener: acknowledges, then stores; its team's token from Redis",
    "floor": "a hand-written view that verifies, seals, and stores in one script",
    "bare": "a Flask view that does nothing",
}
WARM_UP = 300


def compare(home: Path, rounds: int, seconds: float, rate: float) -> tuple[str, dict[str, float]]:
    """Measure all servers in turn, again and again; return the table and the figures."""
    fast, steady = defaultdict[str, list[float]](list), defaultdict[str, list[Load]](list)
    with running_site(home) as site:
        for _ in range(rounds):
            for name in SERVERS:
                for load in _measure(site, name, seconds, rate):
                    if load.refused:
                        raise SystemExit(f"{name} refused {load.refused} events")
                    (fast[name].append(load.rate) if load.is_saturated else steady[name].append(load))
    medians = {name: statistics.median(rates) for name, rates in fast.items()}
    rows = [
        [what, spread(fast[name]), f"{medians['ours'] / medians[name]:.2f}", *_latencies(steady[name])]
        for name, what in SERVERS.items()
    ]
    headings = ["server", "events a second", "ours to it", *(f"p{share} ms" for share in ("50", "99", "99.9"))]
    return table(headings, rows), {f"ack_{name}": rate for name, rate in medians.items()}


def _measure(site: Site, name: str, seconds: float, rate: float) -> Iterator[Load]:
    """Start a server with an empty Redis; yield it at saturation, and at a fixed rate."""
    site.redis.client.flushall()
    site.install([""] * TEAMS)
    server = _start(site, name, *SHAPE)
    send(site.port, signed_requests(WARM_UP, TEAMS)[1])
    yield send(site.port, signed_requests(int(3000 * seconds), TEAMS)[1], seconds=seconds)
    yield send(site.port, signed_requests(int(seconds * rate), TEAMS)[1], rate=rate)
    server.stop()


def _start(site: Site, name: str, *shape: str) -> Group:
    return site.start_web(*shape) if name == "ours" else site.start_other(name, *shape)


def _latencies(loads: list[Load]) -> list[str]:
    return [
        f"{statistics.median(load.quantile(share) for load in loads):.1f}" for share in (0.5, 0.99, 0.999)
    ]


def widen(home: Path, seconds: float) -> tuple[str, dict[str, float]]:
    """Measure this service with 1, 2 and 4 gunicorn processes on one Redis."""
    rows, figures = [], {}
    with running_site(home) as site:
        site.install([""] * TEAMS)
        for processes in (1, 2, 4):
            server = site.start_web("--workers", str(processes), "--threads", "8")
            send(site.port, signed_requests(WARM_UP, TEAMS)[1])
            before = site.commands()
            load = send(site.port, signed_requests(int(3000 * seconds), TEAMS)[1], seconds=seconds)
            calls = (site.commands() - before) / load.statuses.total()
            server.stop()
            rows.append([processes, f"{load.rate:,.0f}", f"{calls:.1f}"])
            figures[f"ack_width_{processes}"] = load.rate
            figures["ack_commands"] = calls
    return table(["web processes", "events a second", "commands of Redis each, with those of scripts"], rows), figures
