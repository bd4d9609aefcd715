"""How fast events are acknowledged, beside other servers under the same gunicorn."""

from __future__ import annotations

import statistics
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from bench.load import Load, send
from bench.report import spread, table
from bench.site import SHAPE, Site, cpu_seconds, running_site, signed_requests
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


@dataclass
class Measured:
    """The runs of one server."""

    rates: list[float] = field(default_factory=list)
    #: Milliseconds of processor time of the server and of Redis for each event.
    costs: list[float] = field(default_factory=list)
    steady: list[Load] = field(default_factory=list)
    refused: int = 0

    def latency(self, share: float) -> str:
        """Return the median of the runs' quantiles at the fixed rate."""
        return f"{statistics.median(load.quantile(share) for load in self.steady):.1f}"


def compare(home: Path, rounds: int, seconds: float, rate: float) -> tuple[str, dict[str, float]]:
    """Measure all servers in turn, again and again; return the table and the figures."""
    measured = {name: Measured() for name in SERVERS}
    with running_site(home) as site:
        for _ in range(rounds):
            for name in SERVERS:
                _measure(site, name, measured[name], seconds, rate)
    own = statistics.median(measured["ours"].rates)
    rows = [
        [
            what,
            spread(measured[name].rates),
            f"{own / statistics.median(measured[name].rates):.2f}",
            spread(measured[name].costs, 2),
            *(measured[name].latency(share) for share in (0.5, 0.99, 0.999)),
            measured[name].refused,
        ]
        for name, what in SERVERS.items()
    ]
    headings = ["server", "events a second", "ours to it", "CPU ms an event", "p50 ms", "p99 ms", "p99.9 ms"]
    figures = {f"ack_{name}": statistics.median(each.rates) for name, each in measured.items()}
    figures |= {f"ack_cpu_{name}": statistics.median(each.costs) for name, each in measured.items()}
    return table([*headings, "refused"], rows), figures


def _measure(site: Site, name: str, measured: Measured, seconds: float, rate: float) -> None:
    """Start a server with an empty Redis, and measure it at saturation and at a fixed rate."""
    site.redis.client.flushall()
    site.install([""] * TEAMS)
    server = _start(site, name, *SHAPE)
    send(site.port, signed_requests(WARM_UP, TEAMS)[1])
    before = cpu_seconds(server, site.redis)
    fast = send(site.port, signed_requests(int(3000 * seconds), TEAMS)[1], seconds=seconds)
    measured.rates.append(fast.rate)
    measured.costs.append((cpu_seconds(server, site.redis) - before) / fast.statuses.total() * 1000)
    measured.steady.append(send(site.port, signed_requests(int(seconds * rate), TEAMS)[1], rate=rate))
    measured.refused += len(fast.refused) + len(measured.steady[-1].refused)
    server.stop()


def _start(site: Site, name: str, *shape: str) -> Group:
    return site.start_web(*shape) if name == "ours" else site.start_other(name, *shape)


def widen(home: Path, seconds: float) -> tuple[str, dict[str, float]]:
    """Measure this service with 1, 2 and 4 gunicorn processes on one Redis."""
    rows: list[list[object]] = []
    figures: dict[str, float] = {}
    with running_site(home) as site:
        site.install([""] * TEAMS)
        for processes in (1, 2, 4):
            server = site.start_web("--workers", str(processes), "--threads", "8")
            send(site.port, signed_requests(WARM_UP, TEAMS)[1])
            before = site.round_trips()
            load = send(site.port, signed_requests(int(3000 * seconds), TEAMS)[1], seconds=seconds)
            calls = (site.round_trips() - before) / load.statuses.total()
            server.stop()
            rows.append([processes, f"{load.rate:,.0f}", f"{calls:.1f}"])
            figures[f"ack_width_{processes}"] = load.rate
            figures["ack_round_trips"] = calls
    return table(["web processes", "events a second", "round trips to Redis each"], rows), figures
