"""How long a pressed tab takes to open: ``python -m bench.tabs``.

The service runs as it would (gunicorn, dramatiq, a store of its own) beside the sandbox. Tabs are pressed at
a steady rate, each in another message, first with nothing else to do, then while every thread of the worker
waits for SectorFlow; and both again with a Slack that takes its time. A press's time goes from the
moment it is sent to the moment its message shows the tab.
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

PRESSERS = 32
BUSY_QUESTIONS = 64
#: Longer than all presses take.
BUSY_SECONDS = 300.0
SLACK_SECONDS = 0.2
LIMITS = {"QUESTIONS_PER_INSTALLATION": str(BUSY_QUESTIONS), "WORKER_THREADS": str(BUSY_QUESTIONS)}
WAIT_SECONDS = 20.0
LOOK_SECONDS = 0.01


def main() -> None:
    """Run and print."""
    options = _parse()
    sandbox = ("--sectorflow-latency", "0.1", "--no-rate-limits")
    times: dict[tuple[float, str], list[float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder, "bench.log")
        with running_stage(log, environ=LIMITS, sandbox_options=sandbox) as stage:
            messages = _prepare(stage, options.messages)
            _press_steadily(stage, messages, options.messages, options.rate)  # builds the caches
            for load in ("idle", "busy"):
                if load == "busy":
                    _keep_busy(stage)
                for latency in (0.0, SLACK_SECONDS):
                    _slow_slack_down(stage, latency)
                    times[latency, load] = _press_steadily(stage, messages, options.presses, options.rate)
    _print(times, options.rate)


def _prepare(stage: Stage, count: int) -> list[dict[str, Any]]:
    """Install the app, and have answers with tabs, each in a channel of its own; gives their messages."""
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
    """Have every thread of the worker wait for SectorFlow; no team gets more than half of them."""
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
    time.sleep(1.0)  # what stands in for the answers is posted


def _slow_slack_down(stage: Stage, seconds: float) -> None:
    """Have every change of a message take so long."""
    requests.delete(f"{stage.sandbox_url}/_control/faults", timeout=5)
    if seconds:
        fault = {"service": "slack", "target": "chat.update", "times": None, "delay": seconds}
        stage.control("faults", fault)


def _press_steadily(stage: Stage, messages: list[dict[str, Any]], presses: int, rate: float) -> list[float]:
    """Press at ``rate`` a second, whether or not earlier presses have shown; gives each one's seconds."""
    started = time.monotonic() + 0.2
    # A message is pressed again only long after its tab has opened.
    due = [(messages[each % len(messages)], started + each / rate) for each in range(presses)]
    with ThreadPoolExecutor(PRESSERS) as pool:
        return list(pool.map(lambda one: _press(stage, *one), due))


def _press(stage: Stage, message: dict[str, Any], due: float) -> float:
    time.sleep(max(0.0, due - time.monotonic()))
    wanted = (_open_tab(stage, message) + 1) % len(MODELS)
    pressed = time.monotonic()
    if stage.press(message, f"show_tab:{wanted}")["status"] != 200:
        raise SystemExit("a press was not taken in")
    while _open_tab(stage, message) != wanted:
        if time.monotonic() - pressed > WAIT_SECONDS:
            raise SystemExit("a tab did not open")
        time.sleep(LOOK_SECONDS)
    return time.monotonic() - pressed


def _open_tab(stage: Stage, message: dict[str, Any]) -> int:
    (now,) = (each for each in stage.messages(message["channel"]) if each["ts"] == message["ts"])
    row = next(block for block in now["blocks"] if block["type"] == "actions")
    return next(number for number, tab in enumerate(row["elements"]) if tab.get("style") == "primary")


def _print(times: dict[tuple[float, str], list[float]], rate: float) -> None:
    p95: dict[tuple[float, str], float] = {}
    for (latency, load), seconds in times.items():
        cuts = statistics.quantiles([1000 * each for each in seconds], n=100, method="inclusive")
        p95[latency, load] = cuts[94]
        print(
            f"{load}, Slack takes {1000 * latency:.0f} ms: {len(seconds)} presses at {rate:.0f} a second,"
            f" p50 {cuts[49]:.0f} ms, p95 {cuts[94]:.0f} ms, max {1000 * max(seconds):.0f} ms"
        )
    for latency in (0.0, SLACK_SECONDS):
        ratio = p95[latency, "busy"] / p95[latency, "idle"]
        print(f"p95 busy / p95 idle, Slack takes {1000 * latency:.0f} ms: {ratio:.2f}")


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.tabs")
    parser.add_argument("--messages", type=int, default=40)
    parser.add_argument("--presses", type=int, default=150, help="each time")
    parser.add_argument("--rate", type=float, default=5.0, help="presses a second")
    return parser.parse_args()


if __name__ == "__main__":
    main()
