"""What a Web API method gets and how it refuses."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from flask import request

from sandbox.slack.records import App, Install
from sandbox.slack.world import World
from sandbox.state import Sandbox

Answer = dict[str, Any]


class Refusal(Exception):
    """Slack's ``ok: false``: the error's name and what stands beside it."""

    def __init__(self, error: str, **details: Any) -> None:
        super().__init__(error)
        self.error = error
        self.details = details


@dataclass(frozen=True)
class Call:
    """One call of a method, its token and arguments read."""

    sandbox: Sandbox
    method: str
    arguments: dict[str, Any] = field(repr=False)
    token: str | None = field(repr=False)
    #: The install the bot token stands for; None for methods that need none.
    bot: Install | None = None

    @property
    def world(self) -> World:
        """Give the world the call is about."""
        return self.sandbox.world

    @property
    def install(self) -> Install:
        """Give the install that calls; ``not_authed`` where there is none."""
        if self.bot is None:
            raise Refusal("not_authed")
        return self.bot

    @property
    def app(self) -> App:
        """Give the app that calls."""
        return self.world.apps[self.install.app_id]

    def text(self, name: str) -> str:
        """Give a text argument that must be there."""
        value = self.optional_text(name)
        if not value:
            missing(name)
        return value

    def optional_text(self, name: str) -> str:
        """Give a text argument, "" where it is not there."""
        value = self.arguments.get(name)
        if value is None:
            return ""
        if not isinstance(value, str):
            raise Refusal(
                "invalid_arguments", response_metadata={"messages": [f"[ERROR] must be a string: {name}"]}
            )
        return value

    def value(self, name: str, error: str = "invalid_arguments") -> Any:
        """Give an argument that is JSON: as it came in a JSON body, decoded from a form."""
        value = self.arguments.get(name)
        if isinstance(value, str) and value:
            try:
                return json.loads(value)
            except ValueError:
                raise Refusal(error) from None
        return value

    def flag(self, name: str) -> bool:
        """Give an argument that is true or false."""
        return self.arguments.get(name) in (True, "true", "True", "1", 1)


@dataclass(frozen=True)
class Method:
    """A method: what does it, what it takes, and the scopes of which it needs one."""

    run: Callable[[Call], Answer]
    scopes: tuple[str, ...] = ()
    #: Whether a bot token is needed.
    needs_bot: bool = True
    takes_json: bool = True


def missing(name: str) -> None:
    """Refuse a call that lacks an argument, in Slack's words."""
    message = f"[ERROR] missing required field: {name}"
    raise Refusal("invalid_arguments", response_metadata={"messages": [message]})


def read_arguments(method: Method) -> dict[str, Any]:
    """Read a call's body: a form always, JSON where the method takes it."""
    if request.mimetype != "application/json" or not request.get_data():
        return {**request.args.to_dict(), **request.form.to_dict()}
    if not method.takes_json:
        raise Refusal("invalid_arguments")
    try:
        body = json.loads(request.get_data())
    except ValueError:
        raise Refusal("invalid_json") from None
    if not isinstance(body, dict):
        raise Refusal("json_not_object")
    return body


def read_token(arguments: dict[str, Any]) -> str | None:
    """Give the bearer token, or the one in a form; a token in a JSON body does not count."""
    kind, _, token = request.headers.get("Authorization", "").partition(" ")
    if kind.lower() == "bearer" and token:
        return token
    in_form = arguments.get("token") if request.mimetype != "application/json" else None
    return in_form if isinstance(in_form, str) else None
