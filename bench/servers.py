"""The servers that the service is compared with, each a Flask application that gunicorn calls by its name."""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import time
from collections.abc import Callable
from typing import Any

import redis
from cryptography.fernet import Fernet
from flask import Flask, request
from slack_bolt import App
from slack_bolt.adapter.flask import SlackRequestHandler
from slack_bolt.authorization import AuthorizeResult

#: Stores an event that was not seen before, and puts it in line.
STORE = """
if redis.call('SET', KEYS[1], '1', 'NX', 'EX', 172800) then
  redis.call('SET', KEYS[2], ARGV[1], 'EX', 604800)
  redis.call('RPUSH', KEYS[3], ARGV[2])
end
"""
BOT_USER_ID = "U0BOT"
ROUTE = "/slack/events"


class _Store:
    """Redis as an application on Bolt would use it: sealed events in lines, and sealed bot tokens."""

    def __init__(self) -> None:
        self.redis = redis.Redis.from_url(os.environ["REDIS_URL"])
        self._fernet = Fernet(os.environ["ENCRYPTION_KEYS"])
        self._script = self.redis.register_script(STORE)

    def keep(self, team: str, event_id: str, body: bytes) -> None:
        keys = [f"event:{event_id}", f"question:{event_id}", f"line:{team}"]
        self._script(keys=keys, args=[self._fernet.encrypt(body), event_id])

    def token(self, team: str) -> str:
        sealed: Any = self.redis.get(f"token:{team}")
        if sealed is None:
            sealed = self._fernet.encrypt(b"xoxb-1")
            self.redis.set(f"token:{team}", sealed)
        return self._fernet.decrypt(sealed).decode()


def bare() -> Flask:
    """Return an application that answers and does nothing else."""
    app = Flask("bare")
    app.post(ROUTE)(lambda: "")
    return app


def floor() -> Flask:
    """Return a view that verifies, seals and stores in one script: what the promise costs at least."""
    app, store, secret = Flask("floor"), _Store(), os.environ["SLACK_SIGNING_SECRET"].encode()

    @app.post(ROUTE)
    def receive() -> tuple[str, int]:
        body, timestamp = request.get_data(), request.headers.get("X-Slack-Request-Timestamp", "")
        digest = hmac.new(secret, b"v0:" + timestamp.encode() + b":" + body, hashlib.sha256).hexdigest()
        if not hmac.compare_digest("v0=" + digest, request.headers.get("X-Slack-Signature", "")):
            return "", 401
        if abs(time.time() - int(timestamp)) > 300:
            return "", 401
        payload = json.loads(body)
        store.keep(payload["team_id"], payload["event_id"], body)
        return "", 200

    return app


def bolt_lazy() -> Flask:
    """Return Bolt with a lazy listener: it acknowledges, and then stores in a thread."""

    def listen(app: App, keep: Callable[..., None]) -> None:
        app.event("app_mention")(ack=lambda ack: ack(), lazy=[keep])

    return _bolt(listen, process_before_response=False)


def bolt_stored() -> Flask:
    """Return Bolt that stores the sealed event before it acknowledges it."""

    def listen(app: App, keep: Callable[..., None]) -> None:
        app.event("app_mention")(keep)

    return _bolt(listen, process_before_response=True)


def _bolt(listen: Callable[[App, Callable[..., None]], None], *, process_before_response: bool) -> Flask:
    store = _Store()

    def authorize(enterprise_id: str | None, team_id: str) -> AuthorizeResult:
        token = store.token(team_id)
        return AuthorizeResult(
            enterprise_id=enterprise_id,
            team_id=team_id,
            bot_token=token,
            bot_id="B0",
            bot_user_id=BOT_USER_ID,
        )

    def keep(body: dict[str, Any]) -> None:
        store.keep(body["team_id"], body["event_id"], json.dumps(body).encode())

    bolt = App(
        signing_secret=os.environ["SLACK_SIGNING_SECRET"],
        authorize=authorize,
        process_before_response=process_before_response,
    )
    listen(bolt, keep)
    handler, app = SlackRequestHandler(bolt), Flask("bolt")
    app.post(ROUTE)(lambda: handler.handle(request))
    return app
