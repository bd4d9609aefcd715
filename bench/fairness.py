"""Measure whether many questions of one team slow another team down: ``python -m bench.fairness``.

The service runs with gunicorn, a worker and a store of its own, against the sandbox with two teams. The quiet
team asks at a steady rate, first alone, then while many questions of the loud team wait. A question is timed
from its message to its answer, both by the sandbox's clock.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import requests

from sandbox.sectorflow.models import MODELS, TOKEN, WORKSPACE_ID
from sandbox.slack import seed
from sandbox.slack.records import new_id
from sandbox.slack.signing import signed_headers
from sandbox.stage import Stage, running_stage

SENDERS = 8
WAIT_SECONDS = 30.0
LIMITS = {"QUESTIONS_PER_INSTALLATION": "16", "WORKER_THREADS": "64"}
LOUD = {"team": seed.TEAM_ID, "channel": seed.GENERAL_ID, "user": seed.MAYA_ID}


def main() -> None:
    """Run the benchmark and print its figures."""
    options = _parse()
    sandbox = ("--sectorflow-latency", str(options.latency), "--no-rate-limits")
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder, "bench.log")
        with running_stage(log, environ=LIMITS, sandbox_options=sandbox) as stage:
            quiet = stage.control("team", {"name": "quiet"})
            for place in (LOUD, quiet):
                _install(stage, place)
            _ask_steadily(stage, quiet, 10, options.rate)  # the first requests of a process build its caches
            alone = _ask_steadily(stage, quiet, options.questions, options.rate)
            _flood(stage, options.flood)
            crowded = _ask_steadily(stage, quiet, options.questions, options.rate)
            left = options.flood - len(_answers(stage, LOUD["channel"]))
    _print(alone, crowded, left, options.flood)


def _install(stage: Stage, place: dict[str, Any]) -> None:
    request = {
        "appName": "SectorFlow",
        "apiToken": TOKEN,
        "workspaceId": WORKSPACE_ID,
        "modelIds": [MODELS[0].id],
        "teamId": place["team"],
    }
    stage.consent(stage.register(request).json()["installUrl"])
    stage.control("invite", {"channel": place["channel"]})


def _ask_steadily(stage: Stage, place: dict[str, Any], questions: int, rate: float) -> list[float]:
    """Ask at ``rate`` a second without waiting for answers; return the seconds of each question."""
    started = time.monotonic()
    due = [started + number / rate for number in range(questions)]
    with ThreadPoolExecutor(SENDERS) as pool:
        asked = list(pool.map(lambda at: _ask(stage, place, at), due))
    deadline = time.monotonic() + WAIT_SECONDS
    while not set(asked) <= (answers := _answers(stage, place["channel"])).keys():
        if time.monotonic() > deadline:
            raise SystemExit(f"{len(set(asked) - answers.keys())} questions were not answered")
        time.sleep(0.5)
    return [answers[ts] - float(ts) for ts in asked]


def _ask(stage: Stage, place: dict[str, Any], due: float) -> str:
    time.sleep(max(0.0, due - time.monotonic()))
    body = {"user": place["user"], "team_id": place["team"]}
    return str(stage.ask("{bot} Tell me a joke", place["channel"], **body)["ts"])


def _answers(stage: Stage, channel: str) -> dict[str, float]:
    """Return the time of each answer in Slack, by the question's ``ts``."""
    messages = stage.control(f"messages?channel={channel}")["messages"]
    return {each["thread_ts"]: float(each["ts"]) for each in messages if each.get("bot_id")}


def _flood(stage: Stage, questions: int) -> None:
    """Send the loud team's events as fast as they are acknowledged."""
    # The sandbox's messages mention no one: otherwise it would send the events itself, and slowly.
    messages = [stage.ask("flood", LOUD["channel"])["ts"] for _ in range(questions)]
    with ThreadPoolExecutor(SENDERS) as pool:
        statuses = list(pool.map(lambda ts: _deliver(stage, ts), messages))
    if set(statuses) != {200}:
        raise SystemExit("not all questions of the flood were acknowledged")


def _deliver(stage: Stage, ts: str) -> int:
    mention = {"type": "app_mention", "user": LOUD["user"], "text": "A joke", "channel": LOUD["channel"]}
    envelope = {
        "type": "event_callback",
        "api_app_id": seed.SECTORFLOW_APP_ID,
        "team_id": LOUD["team"],
        "event_id": new_id("Ev"),
        "event_time": int(time.time()),
        "event": {**mention, "ts": ts},
    }
    body = json.dumps(envelope).encode()
    headers = signed_headers(seed.SECTORFLOW_SIGNING_SECRET, int(time.time()), body)
    headers["Content-Type"] = "application/json"
    return requests.post(f"{stage.service_url}/slack/events", body, headers=headers, timeout=10).status_code


def _print(alone: list[float], crowded: list[float], left: int, flood: int) -> None:
    print(f"the loud team: {flood} questions at once, {left} of them still unanswered at the end")
    p95 = [_print_times("alone", alone), _print_times("in the flood", crowded)]
    print(f"p95 in the flood / p95 alone: {p95[1] / p95[0]:.2f}")


def _print_times(name: str, seconds: list[float]) -> float:
    cuts = statistics.quantiles(seconds, n=100, method="inclusive")
    print(f"the quiet team {name}: {len(seconds)} questions, p50 {cuts[49]:.2f} s, p95 {cuts[94]:.2f} s")
    return cuts[94]


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.fairness")
    parser.add_argument("--flood", type=int, default=1000, help="questions of the loud team")
    parser.add_argument("--questions", type=int, default=60, help="questions of the quiet team, each time")
    parser.add_argument("--rate", type=float, default=4.0, help="questions of the quiet team a second")
    parser.add_argument("--latency", type=float, default=0.5, help="SectorFlow's seconds")
    return parser.parse_args()


if __name__ == "__main__":
    main()
