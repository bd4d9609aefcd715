"""Installing, asking, waiting and looking at messages, for the tests of whole paths."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import redis
import requests

from sandbox.sectorflow.models import MODELS, TOKEN, WORKSPACE_ID
from sandbox.slack import seed
from sandbox.slack.block_ids import with_ids
from sandbox.slack.signing import signed_headers
from sandbox.stage import Stage
from tests.waiting import until

Message = Mapping[str, Any]
NAMES = [model.name for model in MODELS]


@dataclass(frozen=True)
class Thread:
    """A question in #general, and the one message of its answer as it was at first."""

    stage: Stage
    question: dict[str, Any]
    answer: dict[str, Any]

    def replies(self) -> list[dict[str, Any]]:
        return self.stage.replies(self.question)

    def message(self) -> dict[str, Any]:
        """Return the one message of the answer as it is now."""
        (message,) = self.replies()
        return message

    def press(self, action_id: str, user: str = seed.MAYA_ID, **element: str) -> None:
        """Press an element of the last message."""
        message = {**self.replies()[-1], "channel": seed.GENERAL_ID}
        assert self.stage.press(message, action_id, user, **element)["status"] == 200

    def until(self, text: str, *, is_gone: bool = False) -> None:
        """Wait until the thread contains a text, or no longer does."""
        until(lambda: (text in str(self.replies())) is not is_gone, what=text)


def install_url(stage: Stage, **fields: str) -> str:
    """Register an installation with all models and return its link."""
    models = [model.id for model in MODELS]
    body = {"appName": "SectorFlow", "apiToken": TOKEN, "workspaceId": WORKSPACE_ID, "modelIds": models}
    return str(stage.register({**body, **fields}).json()["installUrl"])


def store_of(stage: Stage) -> redis.Redis:
    """Return a client of the service's own store."""
    assert stage.install_api_key_file is not None
    return redis.Redis(unix_socket_path=str(stage.install_api_key_file.parent / "store.sock"))


def finish(stage: Stage) -> None:
    """Wait until every question is answered and every Slack job has run."""
    with store_of(stage) as store:
        until(lambda: not any(any(store.scan_iter(open_)) for open_ in ("question:*", "jobs:*")), 60.0)


def wait_for_answer(stage: Stage, question: Message) -> list[dict[str, Any]]:
    """Wait until a question in #general is answered, and return the messages in its thread."""
    until(lambda: stage.replies(question), 60.0)
    finish(stage)
    return stage.replies(question)


def ask(stage: Stage, text: str = "Tell me a joke") -> Thread:
    question = stage.ask(f"{{bot}} {text}")
    (answer,) = wait_for_answer(stage, question)
    return Thread(stage, question, {**answer, "channel": seed.GENERAL_ID})


def requests_of(stage: Stage) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = stage.control("requests")["requests"]
    return found


def fault(stage: Stage, service: str, **fields: Any) -> None:
    stage.control("faults", {"service": service, **fields})


def hold(stage: Stage, service: str, target: str, containing: str = "") -> None:
    """Delay the next call until ``release``."""
    fault(stage, service, target=target, containing=containing, delay=60.0)


def release(stage: Stage) -> None:
    """End the delays of the held calls, once all of them are in progress."""
    until(lambda: not any(stage.control("faults").values()), what="the held calls are made")
    stage.control("release", {})


def blocks_of(messages: list[dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    return [block for message in messages for block in message.get("blocks") or () if block["type"] == kind]


def headings(*messages: dict[str, Any]) -> list[str]:
    """Return the names of the models that are shown, in order."""
    lines = [block["text"] for block in blocks_of(list(messages), "section")]
    named = [line["text"].split("*")[1] for line in lines if line["type"] == "mrkdwn"]
    tabs = [tabs_of(message)[at]["text"]["text"] for message in messages for at in open_tabs(message)]
    return named + [tab.removeprefix("● ").partition(" · ")[0] for tab in tabs]


def texts(*messages: dict[str, Any]) -> list[str]:
    """Return the texts of the answers, in order."""
    return ["".join(texts_in(block)) for block in blocks_of(list(messages), "rich_text")]


def texts_in(value: Any) -> Iterator[str]:
    """Yield every text in blocks."""
    if isinstance(value, dict):
        yield from (value["text"],) if isinstance(value.get("text"), str) else texts_in([*value.values()])
    elif isinstance(value, list):
        for inner in value:
            yield from texts_in(inner)


def elements(message: Message) -> Iterator[dict[str, Any]]:
    """Yield the interactive elements."""
    for block in with_ids(message.get("blocks") or []):
        for each in (*block.get("elements", ()), block.get("accessory") or {}):
            yield {**each, "block_id": block["block_id"]}


def tabs_of(message: Message) -> list[dict[str, Any]]:
    return [each for each in elements(message) if str(each.get("action_id")).startswith("show_tab:")]


def open_tabs(message: Message) -> list[int]:
    """Return the numbers of the tabs that are marked as open."""
    return [number for number, each in enumerate(tabs_of(message)) if each["text"]["text"].startswith("●")]


def element(message: Message, action: str, model: int = 0) -> dict[str, str]:
    """Return the ids of a model's element with this action."""
    found = [each for each in elements(message) if each.get("action_id") == action]
    first = next(each for each in found if f".{model}." in str(each))
    return {"action_id": action, "block_id": first["block_id"]}


def option(message: Message, action: str, model: int, choice: str) -> dict[str, str]:
    """Return the ids and the value of an option of a model's menu."""
    ids = element(message, action, model)
    (menu,) = [each for each in elements(message) if ids.items() <= each.items()]
    (value,) = {part for part in str(menu).split("'") if part.endswith(f".{model}.0.{choice}")}
    return {**ids, "value": value}


def ephemeral_texts(stage: Stage) -> list[str]:
    """Return the texts that only Tom sees in #general."""
    return [each["text"] for each in stage.messages() if each.get("ephemeral_for") == seed.TOM_ID]


def send_block_action(
    stage: Stage, ts: str, action_id: str, value: str, channel: str = seed.GENERAL_ID
) -> int:
    """Post a signed block action of Tom's, whether or not the message has such an element."""
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
    headers |= {"Content-Type": "application/x-www-form-urlencoded"}
    url = f"{stage.service_url}/slack/interactions"
    return requests.post(url, data=body, headers=headers, timeout=5).status_code
