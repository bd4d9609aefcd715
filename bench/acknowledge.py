"""Measure how fast events are acknowledged while SectorFlow is slow: ``python -m bench.acknowledge``.

The service runs with gunicorn, a worker and a store of its own, against the sandbox. Signed mentions are sent
at a fixed rate over new connections, as Slack does, without waiting for earlier ones; an acknowledgement is
timed from the moment when its event was due.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import signal
import statistics
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

from sandbox.sectorflow.models import MODELS, TOKEN, WORKSPACE_ID
from sandbox.slack import seed
from sandbox.slack.signing import signed_headers
from sandbox.stage import Stage, running_stage

SENDERS = 64


def main() -> None:
    """Run the benchmark and print its figures."""
    options = _parse()
    with tempfile.TemporaryDirectory() as folder:
        slow = ("--sectorflow-latency", "30", "--no-rate-limits")
        with running_stage(Path(folder, "bench.log"), sandbox_options=slow) as stage:
            bot_user_id = _install(stage)
            print(f"memory of web and worker (PSS), idle: {_memory_mib(stage.service.pid):.0f} MiB")
            _send(stage, bot_user_id, 20, options.rate)  # the first requests of a process build its caches
            taken, seconds = _send(stage, bot_user_id, options.events, options.rate)
            _print(taken, seconds, options.rate)
            memory = _memory_mib(stage.service.pid)
            print(f"memory of web and worker (PSS), with questions under way: {memory:.0f} MiB")
            _measure_hanging_store(stage, bot_user_id, options.rate)


def _measure_hanging_store(stage: Stage, bot_user_id: str, rate: float) -> None:
    """Send events while the store hangs: each must be refused well within Slack's 3 s."""
    (store,) = (process for process in _children(stage.service.pid) if not _is_python(process))
    os.kill(store, signal.SIGSTOP)
    try:
        taken, seconds = _send(stage, bot_user_id, int(5 * rate), rate)
    finally:
        os.kill(store, signal.SIGCONT)
    print("while the store hangs, so that no event may be acknowledged:")
    _print(taken, seconds, rate)


def _install(stage: Stage) -> str:
    request = {
        "appName": "SectorFlow",
        "apiToken": TOKEN,
        "workspaceId": WORKSPACE_ID,
        "modelIds": [model.id for model in MODELS],
    }
    stage.consent(stage.register(request).json()["installUrl"])
    return str(stage.control("installs")["installs"][0]["bot_user_id"])


def _send(stage: Stage, bot_user_id: str, events: int, rate: float) -> tuple[list[tuple[int, float]], float]:
    """Send events at ``rate`` a second; return the status and seconds of each, and the time for all."""
    started = time.monotonic() + 0.2
    with ThreadPoolExecutor(SENDERS) as pool:
        due = [started + number / rate for number in range(events)]
        taken = list(pool.map(lambda at: _deliver(stage, bot_user_id, at), due))
    return taken, time.monotonic() - started


def _deliver(stage: Stage, bot_user_id: str, due: float) -> tuple[int, float]:
    body = _event(bot_user_id)
    signature = signed_headers(seed.SECTORFLOW_SIGNING_SECRET, int(time.time()), body)
    headers = {"Content-Type": "application/json", **signature}
    time.sleep(max(0.0, due - time.monotonic()))
    connection = http.client.HTTPConnection(urlsplit(stage.service_url).netloc, timeout=10)
    connection.request("POST", "/slack/events", body, headers)
    status = connection.getresponse().status
    connection.close()
    return status, time.monotonic() - due


def _event(bot_user_id: str) -> bytes:
    ts = f"{time.time_ns() / 1e9:.6f}{time.perf_counter_ns() % 1000:03d}"
    mention = {
        "type": "app_mention",
        "user": seed.MAYA_ID,
        "text": f"<@{bot_user_id}> Tell me a joke",
        "ts": ts,
        "channel": seed.GENERAL_ID,
    }
    envelope = {
        "type": "event_callback",
        "api_app_id": seed.SECTORFLOW_APP_ID,
        "team_id": seed.TEAM_ID,
        "event_id": f"Ev{ts}",
        "event_time": int(time.time()),
        "event": mention,
    }
    return json.dumps(envelope).encode()


def _print(taken: list[tuple[int, float]], seconds: float, rate: float) -> None:
    times = sorted(1000 * each for _, each in taken)
    cuts = statistics.quantiles(times, n=100, method="inclusive")
    refused = sum(status != 200 for status, _ in taken)
    print(f"{len(taken)} events at {rate:.0f} a second in {seconds:.1f} s, not acknowledged: {refused}")
    print(f"ms: p50 {cuts[49]:.1f}, p95 {cuts[94]:.1f}, p99 {cuts[98]:.1f}, max {times[-1]:.1f}")


def _memory_mib(launcher: int) -> float:
    """Return the proportional memory of the service's Python processes without the launcher."""
    found, todo = [], _children(launcher)
    while todo:
        process = todo.pop()
        todo += _children(process)
        if _is_python(process):
            found.append(process)
    return sum(_pss_kib(process) for process in found) / 1024


def _children(parent: int) -> list[int]:
    tasks = Path(f"/proc/{parent}/task").glob("*/children")
    return [int(process) for task in tasks for process in task.read_text().split()]


def _is_python(process: int) -> bool:
    return b"python" in Path(f"/proc/{process}/cmdline").read_bytes()


def _pss_kib(process: int) -> int:
    lines = Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Pss:"))


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.acknowledge")
    parser.add_argument("--rate", type=float, default=50.0, help="events a second")
    parser.add_argument("--events", type=int, default=1000)
    return parser.parse_args()


if __name__ == "__main__":
    main()
