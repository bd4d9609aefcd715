"""How tests of whole paths install an app, wait, and look at messages."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlencode

import redis
import requests

from sandbox.sectorflow.models import MODELS, PLUS_ID, TOKEN, WORKSPACE_ID
from sandbox.slack import seed
from sandbox.slack.filling import with_ids
from sandbox.slack.signing import signed_headers
from sandbox.stage import Stage
from tests.waiting import until

Message = Mapping[str, Any]


def install(stage: Stage, **fields: Any) -> str:
    """Install the app as SectorFlow's platform and a person would, and return the installation's id."""
    wish = {
        "appName": "SectorFlow",
        "apiToken": TOKEN,
        "workspaceId": WORKSPACE_ID,
        "modelIds": [model.id for model in MODELS],
        "plusId": PLUS_ID,
        **fields,
    }
    registered = stage.register(wish).json()
    stage.consent(registered["installUrl"])
    return str(registered["id"])


def store_of(stage: Stage) -> redis.Redis:
    """Return a client of the service's own store."""
    assert stage.install_api_key_file is not None
    return redis.Redis(unix_socket_path=str(stage.install_api_key_file.parent / "store.sock"))


def finish(stage: Stage) -> None:
    """Wait until every question is answered and every Slack job has run: nothing changes from then on."""
    with store_of(stage) as store:
        jobs = ("dramatiq:questions.msgs", "errands:errands.msgs")
        until(lambda: not any(map(store.hlen, jobs)) and not list(store.scan_iter("question:*")), 60.0)


def wait_for_answer(
    stage: Stage, question: Mapping[str, Any], channel: str = seed.GENERAL_ID
) -> list[dict[str, Any]]:
    """Wait until a question is answered, and return the messages in its thread."""
    until(lambda: stage.replies(question, channel), 60.0)
    finish(stage)
    return stage.replies(question, channel)


def ask(stage: Stage, text: str = "Tell me a joke") -> tuple[dict[str, Any], dict[str, Any]]:
    """Ask in #general, and return the question and the one message of its answer."""
    question = stage.ask(f"{{bot}} {text}")
    (answer,) = wait_for_answer(stage, question)
    return question, {**answer, "channel": seed.GENERAL_ID}


def requests_of(stage: Stage) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = stage.control("requests")["requests"]
    return found


def hold(stage: Stage, service: str, target: str, containing: str = "") -> None:
    """Let the next call wait until it is released."""
    fault = {"service": service, "target": target, "containing": containing, "delay": 60.0}
    stage.control("faults", fault)


def release(stage: Stage) -> None:
    """Let the call that was to wait go on, once it is there."""
    until(lambda: not any(stage.control("faults").values()))
    stage.control("release", {})


def blocks_of(messages: list[dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    return [block for message in messages for block in message.get("blocks") or () if block["type"] == kind]


def headings(messages: list[dict[str, Any]]) -> list[str]:
    """Return the names of the models that are shown, in order."""
    lines = [block["text"] for block in blocks_of(messages, "section")]
    named = [line["text"].split("*")[1] for line in lines if line["type"] == "mrkdwn"]
    tabs = [tabs_of(message)[at]["text"]["text"] for message in messages for at in open_tabs(message)]
    return named + [tab.removeprefix("● ") for tab in tabs]


def texts(messages: list[dict[str, Any]]) -> list[str]:
    """Return what the answers say, in order."""
    return ["".join(texts_in(block)) for block in blocks_of(messages, "rich_text")]


def texts_in(value: Any) -> Iterator[str]:
    """Return every text in blocks."""
    if isinstance(value, dict):
        yield from (value["text"],) if isinstance(value.get("text"), str) else texts_in([*value.values()])
    elif isinstance(value, list):
        for inner in value:
            yield from texts_in(inner)


def elements(message: Message) -> Iterator[dict[str, Any]]:
    """Return everything that can be pressed."""
    for block in with_ids(message.get("blocks") or []):
        for each in (*block.get("elements", ()), block.get("accessory") or {}):
            yield {**each, "block_id": block["block_id"]}


def tabs_of(message: Message) -> list[dict[str, Any]]:
    return [each for each in elements(message) if str(each.get("action_id")).startswith("show_tab:")]


def open_tabs(message: Message) -> list[int]:
    """Return the numbers of the tabs that are marked as open."""
    return [number for number, each in enumerate(tabs_of(message)) if each["text"]["text"].startswith("●")]


def place_of(message: Message, action: str, model: int = 0) -> dict[str, str]:
    """Return what tells the element of one model from those of others; the first with this action."""
    found = [each for each in elements(message) if each.get("action_id") == action]
    values = [each for each in found if f".{model}." in str(each)]
    return {"action_id": action, "block_id": values[0]["block_id"]}


def option(message: Message, action: str, model: int, choice: str) -> dict[str, str]:
    """Return an option of the menu of one model."""
    place = place_of(message, action, model)
    (element,) = [
        each
        for each in elements(message)
        if each["block_id"] == place["block_id"] and action == each["action_id"]
    ]
    (value,) = {part for part in str(element).split("'") if part.endswith(f".{model}.0.{choice}")}
    return {**place, "value": value}


def whispers(stage: Stage, channel: str, user: str) -> list[str]:
    """Return what only this person sees in a channel."""
    found = stage.messages(channel)
    return [each["text"] for each in found if each.get("ephemeral_for") == user or each.get("is_ephemeral")]


def send_press(stage: Stage, channel: str, ts: str, action_id: str, value: str) -> int:
    """Send a signed press that is said to be of a message, whether or not it stands there (now)."""
    payload = {
        "type": "block_actions",
        "api_app_id": seed.SECTORFLOW_APP_ID,
        "team": {"id": seed.TEAM_ID},
        "user": {"id": seed.TOM_ID, "team_id": seed.TEAM_ID},
        "channel": {"id": channel},
        "container": {"type": "message", "channel_id": channel, "message_ts": ts},
        "actions": [{"type": "button", "action_id": action_id, "value": value}],
    }
    body = urlencode({"payload": json.dumps(payload)}).encode()
    headers = signed_headers(seed.SECTORFLOW_SIGNING_SECRET, int(time.time()), body)
    headers = {**headers, "Content-Type": "application/x-www-form-urlencoded"}
    url = f"{stage.service_url}/slack/interactions"
    return requests.post(url, data=body, headers=headers, timeout=5).status_code
