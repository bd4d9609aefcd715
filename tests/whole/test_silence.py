"""Nothing secret is written anywhere: marks are planted, and looked for in logs, in Redis and in its file."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import requests

from sandbox.sectorflow.models import MODELS, TOKEN, WORKSPACE_ID
from sandbox.slack import seed
from sandbox.stage import Stage
from tests.waiting import until
from tests.whole.looking import option, store_of, texts, wait_for_answer

pytestmark = pytest.mark.processes

QUESTION = "planted-question"
#: One after the other, each for one question.
FAULTS = (
    {"service": "sectorflow", "status": 403, "body": "planted-body"},
    {"service": "sectorflow", "status": 400},
    {"service": "sectorflow", "body": "<html>planted-body</html>", "status": 200},
    {"service": "sectorflow", "drop": "middle"},
    {"service": "sectorflow", "model_id": MODELS[0].id, "model_fault": "error"},
    # The answer takes the place of what stands in for it.
    {"service": "slack", "target": "chat.update", "error": "invalid_blocks"},
    {"service": "slack", "target": "chat.update", "error": "planted<error>"},
    {"service": "slack", "target": "chat.update", "status": 500, "body": "planted-body"},
    {"service": "slack", "target": "chat.postMessage", "error": "planted<error>"},
    {"service": "slack", "target": "chat.postMessage", "status": 500, "body": "planted-body"},
    {"service": "slack", "target": "chat.update", "error": "channel_not_found"},
)


def go_through_everything(stage: Stage) -> set[str]:
    """Install, ask, fail in every way, and return what must be found nowhere."""
    # Slow enough that something stands in for each answer first, which the faults of chat.update need.
    stage.control("settings", {"sectorflow_latency": 0.8})
    wish = {
        "appName": "SectorFlow",
        "apiToken": TOKEN,
        "workspaceId": WORKSPACE_ID,
        "modelIds": [model.id for model in MODELS],
    }
    install_url = stage.register(wish).json()["installUrl"]
    trip = requests.get(install_url, allow_redirects=False, timeout=10)
    page = stage.consent(install_url)
    requests.post(f"{stage.service_url}/slack/events", data="planted-body", timeout=10)
    stage.control("invite", {"channel": seed.GENERAL_ID})
    said = set()
    for number, fault in enumerate(({}, *FAULTS)):
        if fault:
            stage.control("faults", fault)
        question = stage.ask(f"{{bot}} {QUESTION} number {number}")
        if fault.get("error") != "channel_not_found":
            said |= words_of(wait_for_answer(stage, question))
    # Nobody can be told of this one; the fault is to hit it, not the next question.
    until(lambda: "slack_channel_not_found" in stage.log.read_text())
    said |= press_everything(stage)
    code = re.search(r"code=([^&]+)", page.url)
    assert code is not None
    return said | {
        QUESTION,
        "planted",
        TOKEN,
        stage.install_api_key,
        seed.SECTORFLOW_CLIENT_SECRET,
        seed.SECTORFLOW_SIGNING_SECRET,
        stage.control("install-app", {})["install"]["bot_token"],
        urlsplit(install_url).path.rpartition("/")[2],
        trip.cookies["sectorflow_slack_state"],
        code[1],
    }


def press_everything(stage: Stage) -> set[str]:
    """Press every kind of button of an answer, with faults of each, and return what was said."""
    question = stage.ask(f"{{bot}} {QUESTION} with buttons")
    (answer,) = wait_for_answer(stage, question)
    message = {**answer, "channel": seed.GENERAL_ID}
    stage.control("faults", {"service": "sectorflow", "target": "completions", "status": 400})
    stage.control("faults", {"service": "slack", "target": "chat.postEphemeral", "error": "planted<error>"})
    for place in (
        option(message, "more", 1, "plain_text"),
        option(message, "more", 2, "up"),
        option(message, "more", 1, "follow_up"),
        option(message, "more", 0, "regenerate"),
    ):
        stage.press(message, **place)
    until(lambda: stage.control("modals")["modals"])
    (modal,) = stage.control("modals")["modals"]
    stage.submit(modal["view"]["id"], {"follow_up": f"{QUESTION} of a dialog"})
    until(lambda: len(stage.replies(question)) == 2)
    _, more = wait_for_answer(stage, question)
    return words_of([answer, more]) | {"They *leafed* the room"}


def words_of(answer: list[dict[str, object]]) -> set[str]:
    """Return the longest words of an answer: found elsewhere, they come from there."""
    return {max(re.findall(r"[\w ]{20,60}", text) or ["planted"], key=len).strip() for text in texts(answer)}


def test_nothing_secret_is_in_the_logs_in_redis_or_in_its_file(bare_stage: Stage) -> None:
    stage, store = bare_stage, store_of(bare_stage)
    secrets = go_through_everything(stage)

    assert stage.install_api_key_file is not None
    home: Path = stage.install_api_key_file.parent
    written = {
        "log": stage.log.read_bytes(),
        "dump": b"\n".join(key + (store.dump(key) or b"") for key in store.scan_iter()),
        "file": b"".join(path.read_bytes() for path in sorted(home.rglob("*.aof"))),
    }
    assert b"question answered" in written["log"]
    assert b"HSET" in written["file"].upper()
    found = [
        (place, secret) for place, text in written.items() for secret in secrets if secret.encode() in text
    ]
    assert found == []
