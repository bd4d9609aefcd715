"""Measure how long a tab takes to open: ``python -m bench.tabs``.

The service runs with gunicorn, a worker and a store of its own, against the sandbox. Block actions are sent
at a steady rate, each in another message, first while the worker is idle, then while every thread of it waits
for SectorFlow; and both again with a slow Slack. An action is timed until its message shows the tab.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import requests

from sandbox.sectorflow.models import MODELS, TOKEN, WORKSPACE_ID
from sandbox.slack import seed
from sandbox.stage import Stage, running_stage

SENDERS = 32
BUSY_QUESTIONS = 64
#: Longer than all actions take.
BUSY_SECONDS = 300.0
SLACK_SECONDS = 0.2
LIMITS = {"QUESTIONS_PER_INSTALLATION": str(BUSY_QUESTIONS), "WORKER_THREADS": str(BUSY_QUESTIONS)}
WAIT_SECONDS = 20.0
POLL_SECONDS = 0.01


def main() -> None:
    """Run the benchmark and print its figures."""
    options = _parse()
    sandbox = ("--sectorflow-latency", "0.1", "--no-rate-limits")
    times: dict[tuple[float, str], list[float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder, "bench.log")
        with running_stage(log, environ=LIMITS, sandbox_options=sandbox) as stage:
            messages = _prepare(stage, options.messages)
            _open_steadily(stage, messages, options.messages, options.rate)  # builds the caches
            for load in ("idle", "busy"):
                if load == "busy":
                    _keep_busy(stage)
                for latency in (0.0, SLACK_SECONDS):
                    _slow_slack_down(stage, latency)
                    times[latency, load] = _open_steadily(stage, messages, options.actions, options.rate)
    _print(times, options.rate)


def _prepare(stage: Stage, count: int) -> list[dict[str, Any]]:
    """Install the app, ask in ``count`` channels, and return the answers' messages, which have tabs."""
    _install(stage, seed.TEAM_ID)
    questions = []
    for number in range(count):
        channel = stage.control("channel", {"name": f"channel-{number}"})["channel"]
        stage.control("invite", {"channel": channel})
        questions.append(stage.ask("{bot} Tell me a joke", channel))
    return [
        {**stage.wait_for_answer(each, WAIT_SECONDS, each["channel"])[0], "channel": each["channel"]}
        for each in questions
    ]


def _install(stage: Stage, team_id: str) -> None:
    request = {
        "appName": "SectorFlow",
        "apiToken": TOKEN,
        "workspaceId": WORKSPACE_ID,
        "modelIds": [model.id for model in MODELS],
        "display": "tabs",
        "teamId": team_id,
    }
    stage.consent(stage.register(request).json()["installUrl"])


def _keep_busy(stage: Stage) -> None:
    """Let every thread of the worker wait for SectorFlow; a team gets at most half of them."""
    fault = {"service": "sectorflow", "target": "completions", "times": None, "delay": BUSY_SECONDS}
    stage.control("faults", fault)
    asked = len(stage.control("requests")["requests"])
    stage.control("invite", {"channel": seed.GENERAL_ID})
    other = stage.control("team", {"name": "other"})
    _install(stage, other["team"])
    stage.control("invite", {"channel": other["channel"]})
    for _ in range(BUSY_QUESTIONS // 2):
        stage.ask("{bot} Tell me a joke")
        stage.ask("{bot} Tell me a joke", other["channel"], user=other["user"], team_id=other["team"])
    deadline = time.monotonic() + WAIT_SECONDS
    while len(stage.control("requests")["requests"]) - asked < BUSY_QUESTIONS:
        if time.monotonic() > deadline:
            raise SystemExit("not all threads are busy")
        time.sleep(0.2)
    time.sleep(1.0)  # the placeholders are posted


def _slow_slack_down(stage: Stage, seconds: float) -> None:
    """Delay every change of a message."""
    requests.delete(f"{stage.sandbox_url}/_control/faults", timeout=5)
    if seconds:
        fault = {"service": "slack", "target": "chat.update", "times": None, "delay": seconds}
        stage.control("faults", fault)


def _open_steadily(stage: Stage, messages: list[dict[str, Any]], actions: int, rate: float) -> list[float]:
    """Open tabs at ``rate`` a second without waiting for earlier ones; return the seconds of each."""
    started = time.monotonic() + 0.2
    # The messages are many, so that a tab has opened long before the next action in its message.
    due = [(messages[each % len(messages)], started + each / rate) for each in range(actions)]
    with ThreadPoolExecutor(SENDERS) as pool:
        return list(pool.map(lambda one: _open_next(stage, *one), due))


def _open_next(stage: Stage, message: dict[str, Any], due: float) -> float:
    time.sleep(max(0.0, due - time.monotonic()))
    wanted = (_shown_tab(stage, message) + 1) % len(MODELS)
    sent = time.monotonic()
    if stage.press(message, f"show_tab:{wanted}")["status"] != 200:
        raise SystemExit("a block action was not acknowledged")
    while _shown_tab(stage, message) != wanted:
        if time.monotonic() - sent > WAIT_SECONDS:
            raise SystemExit("a tab did not open")
        time.sleep(POLL_SECONDS)
    return time.monotonic() - sent


def _shown_tab(stage: Stage, message: dict[str, Any]) -> int:
    (now,) = (each for each in stage.messages(message["channel"]) if each["ts"] == message["ts"])
    row = next(block for block in now["blocks"] if block["type"] == "actions")
    return next(number for number, tab in enumerate(row["elements"]) if tab.get("style") == "primary")


def _print(times: dict[tuple[float, str], list[float]], rate: float) -> None:
    p95: dict[tuple[float, str], float] = {}
    for (latency, load), seconds in times.items():
        cuts = statistics.quantiles([1000 * each for each in seconds], n=100, method="inclusive")
        p95[latency, load] = cuts[94]
        print(
            f"{load}, Slack takes {1000 * latency:.0f} ms: {len(seconds)} actions at {rate:.0f} a second,"
            f" p50 {cuts[49]:.0f} ms, p95 {cuts[94]:.0f} ms, max {1000 * max(seconds):.0f} ms"
        )
    for latency in (0.0, SLACK_SECONDS):
        ratio = p95[latency, "busy"] / p95[latency, "idle"]
        print(f"p95 busy / p95 idle, Slack takes {1000 * latency:.0f} ms: {ratio:.2f}")


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.tabs")
    parser.add_argument("--messages", type=int, default=40)
    parser.add_argument("--actions", type=int, default=150, help="each time")
    parser.add_argument("--rate", type=float, default=5.0, help="actions a second")
    return parser.parse_args()


if __name__ == "__main__":
    main()
