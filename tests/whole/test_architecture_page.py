"""The pictures of docs/architecture.md show the layers, the states and the files that there are."""

from __future__ import annotations

import json
import re
import sys
import threading
import tomllib
from io import BytesIO
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
import requests
import urllib3
from flask import Flask

from sandbox.stage import ROOT
from sectorflow_slack.config import Settings
from sectorflow_slack.storage import scripts
from sectorflow_slack.worker import Worker
from tests.test_architecture import make_app
from tests.values import encoded, make_event, make_installation, signed
from tests.waiting import until

PACKAGE = ROOT / "sectorflow_slack"
PAGE = (ROOT / "docs" / "architecture.md").read_text()
LAYERS, STATES, _ = re.findall(r"```mermaid\n(.*?)```", PAGE, re.DOTALL)
LIFE = PAGE.partition("## The life of a mention")[2].partition("Everything else")[0]

#: Modules that a mention runs beside the steps: the page does not name these one by one.
HELPERS = {
    "clients/slack_replies.py",
    "formatting",
    "domain",
    "services/failures.py",
    "services/resilience.py",
    "storage/connection.py",
    "storage/crypto.py",
    "storage/keys.py",
    "storage/metrics.py",
    "storage/records.py",
    "storage/scripts.py",
    "web/__init__.py",
}
#: What a worker does besides, and what tells this test that it is done.
BESIDES = {
    "config.py",
    "services/revocations.py",
    "storage/feedback.py",
    "storage/memory.py",
    "storage/revocations.py",
    "storage/slack_jobs.py",
}


def test_the_first_picture_shows_the_layers_that_the_linter_holds() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    layers = next(each["layers"] for each in contracts if each["type"] == "layers")

    shown = dict.fromkeys(re.findall(r'"([^"]+)"', LAYERS))

    assert [layer.replace(" · ", " | ") for layer in shown] == layers


def test_the_second_picture_names_the_scripts_that_move_questions_and_its_table_all() -> None:
    named = {
        name for name, value in vars(scripts).items() if isinstance(value, str) and "redis.call" in value
    }
    steps = named - {"NOW", "TURNS", "HOLDERS_ONLY", "EVEN_IF_FULL"}
    table = PAGE.partition("| script | run by")[2].partition("\n\n")[0]

    assert steps - set(re.findall(r"\b[A-Z_]{3,}\b", STATES)) == {"EXTEND", "SAVE_PLAN", "MARK_POSTED"}
    assert set(re.findall(r"`([A-Z_]+)`", re.sub(r"\|[^|]*\|$", "", table, flags=re.MULTILINE))) == steps


def test_the_third_picture_names_the_files_that_a_mention_passes(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(requests.Session, "send", respond)
    app = make_app(settings)
    installation = make_installation()
    app.extensions["sectorflow_slack"].events.installations.save(installation, None, None)

    passed = trace(app)

    named = set(re.findall(r"`([\w/]+\.py)`", LIFE))
    assert len(named) <= 25
    others = passed - named - BESIDES
    assert {file for file in others if not {file, file.partition("/")[0]} & HELPERS} == set()
    assert named - passed == set()


def trace(app: Flask) -> set[str]:
    """Answer a mention by a worker in this process, and return the files of the package that ran."""
    passed = set()

    def note(frame: FrameType, event: str, _: Any) -> None:
        path = Path(frame.f_code.co_filename)
        if event == "call" and frame.f_code.co_name != "<module>" and path.is_relative_to(PACKAGE):
            passed.add(str(path.relative_to(PACKAGE)))

    services, client = app.extensions["sectorflow_slack"], app.test_client()
    body, stopping = encoded(make_event()), threading.Event()
    sys.setprofile(note)
    threading.setprofile(note)
    try:
        client.post("/slack/events", data=body, headers=signed(body), content_type="application/json")
        worker = threading.Thread(target=Worker(services, threads=1).run, args=(stopping,))
        worker.start()
        until(lambda: not services.read_metrics().open, what="the mention is answered")
        stopping.set()
        worker.join()
    finally:
        sys.setprofile(None)
        threading.setprofile(None)  # type: ignore[arg-type]
    return passed


def respond(_: requests.Session, request: requests.PreparedRequest, **options: Any) -> requests.Response:
    """Respond as Slack or SectorFlow, without a connection."""
    said: dict[str, Any] = {"ok": True, "ts": "1800000001.000100", "message": {}}
    if "completions" in str(request.url):
        models = json.loads(request.body or "")["models"]
        choices = [{"modelId": model, "choices": [{"message": {"content": "Hello"}}]} for model in models]
        said = {"threadId": "thread", "choices": choices}
    response = requests.Response()
    response.status_code, response.request, response.url = 200, request, str(request.url)
    response.raw = urllib3.HTTPResponse(BytesIO(json.dumps(said).encode()), preload_content=False)
    return response
