"""The calls of Web API methods: arguments, tokens and errors."""

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


class SlackError(Exception):
    """Slack's ``ok: false``: the error's name and further fields."""

    def __init__(self, error: str, **details: Any) -> None:
        super().__init__(error)
        self.error = error
        self.details = details


@dataclass(frozen=True)
class Call:
    """One call of a method, with its token and arguments."""

    sandbox: Sandbox
    method: str
    arguments: dict[str, Any] = field(repr=False)
    token: str | None = field(repr=False)
    #: The install of the bot token; None for methods that need none.
    bot: Install | None = None

    @property
    def world(self) -> World:
        """Return the sandbox's world."""
        return self.sandbox.world

    @property
    def install(self) -> Install:
        """Return the calling install; ``not_authed`` if there is none."""
        if self.bot is None:
            raise SlackError("not_authed")
        return self.bot

    @property
    def app(self) -> App:
        """Return the calling app."""
        return self.world.apps[self.install.app_id]

    def text(self, name: str) -> str:
        """Return a required text argument."""
        value = self.optional_text(name)
        if not value:
            missing(name)
        return value

    def optional_text(self, name: str) -> str:
        """Return an optional text argument, "" by default."""
        value = self.arguments.get(name)
        if value is None:
            return ""
        if not isinstance(value, str):
            raise SlackError(
                "invalid_arguments", response_metadata={"messages": [f"[ERROR] must be a string: {name}"]}
            )
        return value

    def value(self, name: str, error: str = "invalid_arguments") -> Any:
        """Return a JSON argument: unchanged from a JSON body, decoded from a form."""
        value = self.arguments.get(name)
        if isinstance(value, str) and value:
            try:
                return json.loads(value)
            except ValueError:
                raise SlackError(error) from None
        return value

    def flag(self, name: str) -> bool:
        """Return a boolean argument."""
        return self.arguments.get(name) in (True, "true", "True", "1", 1)


@dataclass(frozen=True)
class Method:
    """A method: its function, the scopes of which it needs one, and its arguments."""

    run: Callable[[Call], Answer]
    scopes: tuple[str, ...] = ()
    #: Whether a bot token is needed.
    needs_bot: bool = True
    takes_json: bool = True


def missing(name: str) -> None:
    """Raise Slack's error for a missing argument."""
    message = f"[ERROR] missing required field: {name}"
    raise SlackError("invalid_arguments", response_metadata={"messages": [message]})


def read_arguments(method: Method) -> dict[str, Any]:
    """Read a call's body: a form, or JSON if the method accepts it."""
    if request.mimetype != "application/json" or not request.get_data():
        return {**request.args.to_dict(), **request.form.to_dict()}
    if not method.takes_json:
        raise SlackError("invalid_arguments")
    try:
        body = json.loads(request.get_data())
    except ValueError:
        raise SlackError("invalid_json") from None
    if not isinstance(body, dict):
        raise SlackError("json_not_object")
    return body


def read_token(arguments: dict[str, Any]) -> str | None:
    """Return the token of the header or of a form; one in a JSON body does not count."""
    kind, _, token = request.headers.get("Authorization", "").partition(" ")
    if kind.lower() == "bearer" and token:
        return token
    in_form = arguments.get("token") if request.mimetype != "application/json" else None
    return in_form if isinstance(in_form, str) else None
