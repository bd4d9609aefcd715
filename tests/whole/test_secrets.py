"""No secret is written anywhere: marks are planted, and searched for in logs, in Redis and in its file."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

import pytest
import requests

from sandbox.sectorflow.models import MODELS, TOKEN
from sandbox.slack import seed
from sandbox.stage import Stage
from tests.waiting import until
from tests.whole.helpers import fault, finish, install_url, option, store_of, texts, wait_for_answer

pytestmark = pytest.mark.processes

QUESTION = "planted-question"
#: One fault for each question.
FAULTS = (
    {"service": "sectorflow", "status": 403, "body": "planted-body"},
    {"service": "sectorflow", "status": 400},
    {"service": "sectorflow", "body": "<html>planted-body</html>", "status": 200},
    {"service": "sectorflow", "drop": "middle"},
    {"service": "sectorflow", "model_id": MODELS[0].id, "model_fault": "error"},
    {"service": "slack", "target": "agents.sessions.setStatus", "error": "planted<error>"},
    {"service": "slack", "target": "agents.sessions.setStatus", "status": 500, "body": "planted-body"},
    {"service": "slack", "target": "chat.postMessage", "error": "invalid_blocks"},
    {"service": "slack", "target": "chat.postMessage", "status": 500, "body": "planted-body"},
    {"service": "slack", "target": "chat.postMessage", "error": "planted<error>"},
    {"service": "slack", "target": "chat.postMessage", "error": "channel_not_found"},
)


def go_through_everything(stage: Stage) -> set[str]:
    """Install, ask and fail in every way; return the texts that must not be written anywhere."""
    link = install_url(stage)
    trip = requests.get(f"{link}/continue", allow_redirects=False, timeout=10)
    code = re.search(r"code=([^&]+)", stage.consent(link).url)
    assert code is not None
    requests.post(f"{stage.service_url}/slack/events", data="planted-body", timeout=10)
    stage.control("invite", {"channel": seed.GENERAL_ID})
    answers = set()
    for number, each in enumerate(({}, *FAULTS)):
        if each:
            stage.control("faults", each)
        question = stage.ask(f"{{bot}} {QUESTION} number {number}")
        is_refused = each.get("error") in {"planted<error>", "channel_not_found"}
        if each.get("target") == "chat.postMessage" and is_refused:
            # No message can be posted; the fault is to hit this question, not the next one.
            finish(stage)
        else:
            answers |= words_of(wait_for_answer(stage, question))
    return {
        *answers,
        *press_everything(stage),
        QUESTION,
        "planted",
        TOKEN,
        stage.install_api_key,
        seed.SECTORFLOW_CLIENT_SECRET,
        seed.SECTORFLOW_SIGNING_SECRET,
        stage.control("install-app", {})["install"]["bot_token"],
        urlsplit(link).path.rpartition("/")[2],
        trip.cookies.values()[0],
        code[1],
    }


def press_everything(stage: Stage) -> set[str]:
    """Press every kind of element of an answer, with faults of each; return words of the answers."""
    question = stage.ask(f"{{bot}} {QUESTION} with buttons")
    (answer,) = wait_for_answer(stage, question)
    message = {**answer, "channel": seed.GENERAL_ID}
    fault(stage, "sectorflow", target="completions", status=400)
    fault(stage, "slack", target="chat.postEphemeral", error="planted<error>")
    for pressed in (
        option(message, "more", 1, "plain_text"),
        option(message, "more", 2, "up"),
        option(message, "more", 1, "follow_up"),
        option(message, "more", 0, "regenerate"),
    ):
        stage.press(message, **pressed)
    until(lambda: stage.control("modals")["modals"])
    (modal,) = stage.control("modals")["modals"]
    stage.submit(modal["view"]["id"], {"follow_up": f"{QUESTION} of a dialog"})
    until(lambda: len(stage.replies(question)) == 2)
    return words_of(wait_for_answer(stage, question)) | {"They *leafed* the room"}


def words_of(answer: list[dict[str, object]]) -> set[str]:
    """Return the longest words of an answer's Markdown, which have no other source."""
    found = (re.findall(r"[\w ]{20,60}", text) or ["planted"] for text in texts(*answer))
    return {max(each, key=len).strip() for each in found}


def test_no_secret_is_in_the_logs_in_redis_or_in_its_file(bare_stage: Stage) -> None:
    stage, store = bare_stage, store_of(bare_stage)
    secrets = go_through_everything(stage)

    assert stage.install_api_key_file is not None
    files = sorted(stage.install_api_key_file.parent.rglob("*.aof"))
    written = {
        "log": stage.log.read_bytes(),
        "dump": b"\n".join(key + (store.dump(key) or b"") for key in store.scan_iter()),
        "file": b"".join(path.read_bytes() for path in files),
    }
    assert b"question answered" in written["log"]
    assert b"HSET" in written["file"].upper()
    found = [(place, each) for place, text in written.items() for each in secrets if each.encode() in text]
    assert found == []
