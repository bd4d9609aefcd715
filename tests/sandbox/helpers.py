"""The running sandbox, the service that it calls, and parts of messages, for the sandbox's tests."""

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qs

import pytest
import requests
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError

from sandbox.server import RunningSandbox
from sandbox.slack.interactions import ElementRef, PressResult, press
from sandbox.slack.records import App, Install, Message
from sandbox.slack.seed import GENERAL_ID, MAYA_ID
from sandbox.slack.world import World

Json = dict[str, Any]


@dataclass
class Service:
    """A service that receives Slack's requests and answers as configured."""

    url: str
    #: The statuses of the next answers; 200 when there are no more.
    statuses: list[int] = field(default_factory=list)
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    got: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    arrived: threading.Condition = field(default_factory=threading.Condition)

    def wait_for(self, count: int) -> list[tuple[dict[str, str], bytes]]:
        with self.arrived:
            assert self.arrived.wait_for(lambda: len(self.got) >= count, 30), f"{len(self.got)} came"
            return list(self.got)

    def events(self, count: int) -> list[Json]:
        """Return the bodies of the events, once ``count`` have arrived."""
        return [json.loads(body) for _, body in self.wait_for(count)]

    def payload(self, at: int = -1) -> Json:
        """Return an interaction payload."""
        read: Json = json.loads(parse_qs(self.got[at][1].decode())["payload"][0])
        return read


def handler(service: Service) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            with service.arrived:
                service.got.append((dict(self.headers), body))
                status = service.statuses.pop(0) if service.statuses else 200
                service.arrived.notify_all()
            self.send_response(status)
            for name, value in {"Content-Length": str(len(service.body)), **service.headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(service.body)

        def log_message(self, *args: Any) -> None:
            pass

    return Handler


@dataclass
class Box:
    """A running sandbox, SectorFlow's app installed in #general, and the service behind it."""

    running: RunningSandbox
    service: Service
    install: Install

    @property
    def url(self) -> str:
        return self.running.base_url

    @property
    def world(self) -> World:
        return self.running.sandbox.world

    @property
    def app(self) -> App:
        return self.world.apps[self.install.app_id]

    @property
    def slack(self) -> WebClient:
        return self.client(self.install.bot_token)

    def client(self, token: str) -> WebClient:
        return WebClient(token, base_url=f"{self.url}/api/", retry_handlers=[], timeout=30)

    def post(self, channel: str = GENERAL_ID, text: str = "x", **fields: Any) -> str:
        """Post a message as the app and return its ``ts``."""
        return str(self.slack.chat_postMessage(channel=channel, text=text, **fields)["ts"])

    def mention(self, channel: str = GENERAL_ID) -> Message:
        return self.world.ask(MAYA_ID, channel, f"<@{self.install.bot_user_id}> hello")

    def press(
        self, ts: str, action_id: str, block_id: str = "", user: str = MAYA_ID, **rest: str
    ) -> PressResult:
        rest.setdefault("channel_id", GENERAL_ID)
        return press(self.world, user, ElementRef(ts=ts, action_id=action_id, block_id=block_id, **rest))

    def pass_time(self, seconds: float) -> None:
        now = self.world.clock
        self.world.clock = lambda: now() + seconds

    def control(self, path: str, **body: Any) -> Json:
        answer = requests.post(f"{self.url}/_control/{path}", json=body)
        answer.raise_for_status()
        read: Json = answer.json()
        return read

    def refuses(self, path: str, **body: Any) -> bool:
        """Whether the control API refuses a call."""
        return requests.post(f"{self.url}/_control/{path}", json=body).status_code == 400

    def report(self, path: str, **query: str) -> Json:
        read: Json = requests.get(f"{self.url}/_control/{path}", params=query).json()
        return read


def refusal(call: Callable[..., object], *args: Any, **arguments: Any) -> Json:
    """Return Slack's error answer to a call."""
    with pytest.raises(SlackApiError) as raised:
        call(*args, **arguments)
    return dict(raised.value.response.data)


def error_of(call: Callable[..., object], *args: Any, **arguments: Any) -> str:
    return str(refusal(call, *args, **arguments)["error"])


# Parts of messages; a number stands for a text of that length.

DIVIDER: Json = {"type": "divider"}


def block(kind: str, **fields: Any) -> Json:
    return {"type": kind, **fields}


def plain(text: str | int) -> Json:
    return {"type": "plain_text", "text": text if isinstance(text, str) else "x" * text}


def mrkdwn(text: str | int) -> Json:
    return {**plain(text), "type": "mrkdwn"}


def markdown(text: str | int) -> Json:
    return {**plain(text), "type": "markdown"}


def button(text: str = "GPT", /, **fields: Any) -> Json:
    return {"type": "button", "text": plain(text), **fields}


def option(value: str = "v", /, **fields: Any) -> Json:
    return {"text": plain(value.title()), "value": value, **fields}


def overflow(*options: Json) -> Json:
    return {"type": "overflow", "action_id": "more", "options": list(options)}


def feedback(action_id: str = "vote", up: str = "up", down: str = "down") -> Json:
    sides = {"positive_button": ("Good", up), "negative_button": ("Bad", down)}
    thumbs = {side: {"text": plain(text), "value": value} for side, (text, value) in sides.items()}
    return {"type": "feedback_buttons", "action_id": action_id, **thumbs}


def actions(*elements: Json, **fields: Any) -> Json:
    return {"type": "actions", "elements": list(elements), **fields}


def context_actions(*elements: Json) -> Json:
    return {**actions(*elements), "type": "context_actions"}


def container(*children: Json, **rest: Any) -> Json:
    return {"type": "container", "title": plain("GPT"), "child_blocks": list(children), **rest}


def rich_text(*parts: Json) -> Json:
    return {"type": "rich_text", "elements": list(parts)}


def words(text: str = "x", **style: bool) -> Json:
    return {"type": "text", "text": text, **({"style": style} if style else {})}


def section_of(*elements: Json) -> Json:
    return {"type": "rich_text_section", "elements": list(elements)}


def list_of(*texts: str, **fields: Any) -> Json:
    items = [section_of(words(text)) for text in texts]
    return {"type": "rich_text_list", "style": "bullet", "elements": items, **fields}


def text_input(**fields: Any) -> Json:
    element = {"type": "plain_text_input", "action_id": "question", **fields}
    return {"type": "input", "block_id": "ask", "label": plain("Your <b>question</b>"), "element": element}


def modal(*blocks: Json, **fields: Any) -> Json:
    view = {"type": "modal", "title": plain("Ask GPT"), "submit": plain("Send")}
    return {**view, "blocks": list(blocks) or [text_input()], **fields}
