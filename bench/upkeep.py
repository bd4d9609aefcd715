"""Start, stop and idleness, and what grows with the number of installations."""

from __future__ import annotations

import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import requests
from cryptography.fernet import Fernet

from bench.load import send
from bench.report import table
from bench.site import Site, memory_mib, running_site, signed_requests, timed
from sandbox.stage import ROOT

IMPORTS = {"web": "import sectorflow_slack.app", "the worker": "import sectorflow_slack.worker"}
IDLE_SECONDS = 20.0
RUNS = 5
FEW = 50
PAGES = 100


def live(home: Path) -> tuple[str, dict[str, float]]:
    """Measure imports, start, stop, and the round trips of an idle service."""
    rows = [
        [f"import of {name}, processor time", f"{_import_seconds(code):.2f} s"]
        for name, code in IMPORTS.items()
    ]
    with running_site(home) as site:
        site.install([""])
        started = timed(site.start_web)
        rows.append(["start of web until it is ready", f"{started:.1f} s"])
        started = timed(site.start_workers)
        rows.append(["start of a worker until it has answered a question", f"{started:.1f} s"])
        web, worker = site.groups[-2:]
        time.sleep(10)  # the figures of that question are flushed
        rate, memory = _idle_rate(site), memory_mib(web, worker)
        stopped = worker.stop()
        rows += [
            ["memory (PSS) of web and worker, idle", f"{memory:.0f} MiB"],
            ["round trips to Redis a second, idle web and worker", f"{rate:.1f}"],
            ["stop of an idle worker after SIGTERM", f"{stopped:.2f} s"],
            ["stop of an idle web after SIGTERM", f"{web.stop():.2f} s"],
        ]
    return table(["what", "figure"], rows), {"idle_round_trips": rate, "stop_seconds": stopped}


def _import_seconds(code: str) -> float:
    """Return the median of the processor time that Python takes with an import, without its own."""

    def run(code: str) -> float:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

    return statistics.median(run(code) - run("pass") for _ in range(RUNS))


def _idle_rate(site: Site) -> float:
    """Return the round trips a second, without the one that reads their number."""
    before, started = site.round_trips(), time.monotonic()
    time.sleep(IDLE_SECONDS)
    return (site.round_trips() - before - 1) / (time.monotonic() - started)


def grow(home: Path, many: int, rate: float) -> tuple[str, dict[str, float]]:
    """Measure what an event, a list and a new encryption key cost with few and with many installations."""
    rows: list[list[object]] = []
    figures: dict[str, float] = {}
    with running_site(home) as site:
        for number in (FEW, many):
            site.redis.client.flushall()
            empty = _used_bytes(site)
            stored = timed(lambda number=number: site.install([""] * number))  # type: ignore[misc]
            each = (_used_bytes(site) - empty) / number
            web = site.start_web()
            send(site.port, signed_requests(100, number)[1])
            load = send(site.port, signed_requests(int(10 * rate), number)[1], rate=rate)
            listed = timed(lambda: _list(site))
            web.stop()
            renewed = timed(lambda: _re_encrypt(site))
            costs = (f"{each:,.0f}", f"{stored:.1f}", f"{listed / PAGES * 1000:.1f}", f"{renewed:.1f}")
            rows.append([f"{number:,}", *(f"{load.quantile(share):.1f}" for share in (0.5, 0.99)), *costs])
            figures |= {f"event_{number}": load.quantile(0.5), "installation_bytes": each}
    headings = ["installations", "an event, p50 ms", "p99 ms", "bytes of Redis each", "all stored in s"]
    return table([*headings, "a page of the list in ms", "all re-encrypted in s"], rows), figures


def _used_bytes(site: Site) -> int:
    found: Any = site.redis.client.info("memory")
    return int(found["used_memory"])


def _list(site: Site) -> None:
    """Read the first pages of the list of all installations."""
    cursor: str | None = ""
    for _ in range(PAGES):
        headers = {"Authorization": f"Bearer {site.environ['INSTALL_API_KEYS']}"}
        url = f"http://127.0.0.1:{site.port}/api/v1/installations"
        answer = requests.get(url, {"cursor": cursor} if cursor else {}, headers=headers, timeout=30)
        answer.raise_for_status()
        cursor = answer.json().get("nextCursor")


def _re_encrypt(site: Site) -> None:
    keys = f"{Fernet.generate_key().decode()},{site.environ['ENCRYPTION_KEYS']}"
    command = [sys.executable, "-m", "flask", "--app", "wsgi", "keys", "re-encrypt"]
    environ = site.environ | {"ENCRYPTION_KEYS": keys}
    subprocess.run(command, env=environ, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
