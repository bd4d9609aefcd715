"""Steps that the tests of the HTTP side share: registering, going to Slack and back, sending events."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qs, urlsplit

import redis
import responses
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.serving import WSGIRequestHandler, make_server
from werkzeug.test import TestResponse

from tests.values import (
    AUTHORIZED,
    BOT_TOKEN,
    BOT_USER_ID,
    CUSTOMERS_APP,
    OWN_APP,
    TEAM_ID,
    WORKSPACE_ID,
    encoded,
    install_request,
    signed,
)

INSTALLATIONS = "/api/v1/installations"
WORKSPACE_URL = f"https://platform.sectorflow.ai/api/v1/workspaces/{WORKSPACE_ID}"
ACCESS_URL = "https://slack.com/api/oauth.v2.access"
REVOKE_URL = "https://slack.com/api/auth.revoke"
CREATE_APP_URL = "https://slack.com/api/apps.manifest.create"
CODE = "code-that-nobody-may-see"
COOKIE = "sectorflow_slack_state"

CUSTOMERS_APP_FIELDS = {
    "appId": CUSTOMERS_APP.app_id,
    "clientId": CUSTOMERS_APP.client_id,
    "clientSecret": CUSTOMERS_APP.client_secret,
    "signingSecret": CUSTOMERS_APP.signing_secret,
}
#: Slack's reply to ``apps.manifest.create``.
MADE_APP = {
    "ok": True,
    "app_id": CUSTOMERS_APP.app_id,
    "credentials": {
        "client_id": CUSTOMERS_APP.client_id,
        "client_secret": CUSTOMERS_APP.client_secret,
        "signing_secret": CUSTOMERS_APP.signing_secret,
    },
}


def post(client: FlaskClient, headers: dict[str, str] | None = None, **changes: Any) -> TestResponse:
    """POST an install request that is good but for ``changes``."""
    return client.post(
        INSTALLATIONS, json=install_request(**changes), headers={**AUTHORIZED, **(headers or {})}
    )


def get(client: FlaskClient, path: str = INSTALLATIONS, **query: Any) -> TestResponse:
    """GET a page of the install API."""
    return client.get(path, query_string=query, headers=AUTHORIZED)


def get_one(client: FlaskClient, installation_id: str) -> TestResponse:
    """GET an installation."""
    return get(client, f"{INSTALLATIONS}/{installation_id}")


def errors_of(response: TestResponse, where: str = "json") -> dict[str, Any]:
    """The wrong fields of a 422."""
    assert response.status_code == 422, response.get_data(as_text=True)
    assert response.json is not None
    found: dict[str, Any] = response.json["errors"][where]
    return found


def register(client: FlaskClient, **changes: Any) -> dict[str, Any]:
    """Register an installation; returns it as the install API shows it."""
    response = post(client, **changes)
    assert response.status_code == 201, response.get_data(as_text=True)
    assert response.json is not None
    return dict(response.json)


def show(client: FlaskClient, installation_id: str) -> dict[str, Any]:
    """An installation as the install API shows it."""
    response = get_one(client, installation_id)
    assert response.status_code == 200
    assert response.json is not None
    return dict(response.json)


def patch(
    client: FlaskClient, installation_id: str, headers: dict[str, str] | None = None, **changes: Any
) -> TestResponse:
    """PATCH an installation."""
    return client.patch(
        f"{INSTALLATIONS}/{installation_id}", json=changes, headers={**AUTHORIZED, **(headers or {})}
    )


def delete(client: FlaskClient, installation_id: str, headers: dict[str, str] | None = None) -> TestResponse:
    """DELETE an installation."""
    return client.delete(f"{INSTALLATIONS}/{installation_id}", headers={**AUTHORIZED, **(headers or {})})


def etag_of(client: FlaskClient, installation_id: str) -> str:
    """The version of an installation, as GET names it."""
    return get_one(client, installation_id).headers["ETag"]


def follow(client: FlaskClient, installation: dict[str, Any]) -> TestResponse:
    """Follow the install link as a browser does."""
    return client.get(urlsplit(installation["installUrl"]).path)


def set_off(client: FlaskClient, installation: dict[str, Any]) -> str:
    """Follow the install link; returns the state that goes to Slack."""
    response = follow(client, installation)
    assert response.status_code == 302
    return parse_qs(urlsplit(response.headers["Location"]).query)["state"][0]


def come_back(client: FlaskClient, **query: str) -> TestResponse:
    """Come back from Slack's consent page."""
    return client.get("/slack/oauth_redirect", query_string=query)


def consent_reply(**changes: Any) -> dict[str, Any]:
    """Slack's reply to a good code (docs.slack.dev, oauth.v2.access)."""
    reply = {
        "ok": True,
        "access_token": BOT_TOKEN,
        "token_type": "bot",
        "scope": "app_mentions:read,chat:write",
        "bot_user_id": BOT_USER_ID,
        "app_id": OWN_APP.app_id,
        "team": {"id": TEAM_ID, "name": "Acme"},
        "enterprise": None,
        "is_enterprise_install": False,
        "authed_user": {"id": "U0ADMIN"},
    }
    return {**reply, **changes}


def install(
    client: FlaskClient, slack: responses.RequestsMock, *, reply: dict[str, Any] | None = None, **changes: Any
) -> tuple[dict[str, Any], TestResponse]:
    """Go the whole way; returns the registered installation and the answer that the browser ends with."""
    installation = register(client, **changes)
    state = set_off(client, installation)
    slack.upsert(responses.POST, ACCESS_URL, json=reply or consent_reply())
    return installation, come_back(client, state=state, code=CODE)


def install_customers_app(
    client: FlaskClient, slack: responses.RequestsMock, **changes: Any
) -> tuple[dict[str, Any], TestResponse]:
    """Go the whole way with the customer's own app."""
    reply = consent_reply(app_id=CUSTOMERS_APP.app_id)
    return install(client, slack, reply=reply, **{"slackApp": CUSTOMERS_APP_FIELDS, **changes})


def send(client: FlaskClient, body: bytes, headers: dict[str, str] | None = None) -> TestResponse:
    """POST to the events URL; signed by the service's own app unless ``headers`` are given."""
    return client.post("/slack/events", data=body, headers=signed(body) if headers is None else headers)


def send_signed(client: FlaskClient, payload: Any, secret: str = OWN_APP.signing_secret) -> TestResponse:
    """POST an event that is signed with ``secret``."""
    body = encoded(payload)
    return send(client, body, signed(body, secret))


def waiting(store: redis.Redis) -> int:
    """How many questions wait for a worker."""
    return int(store.llen(f"waiting:{OWN_APP.app_id}:{TEAM_ID}"))


class _Silent(WSGIRequestHandler):
    def log(self, type: str, message: str, *args: Any) -> None:
        """Leave the tests' output alone."""


@contextmanager
def serving(app: Flask) -> Iterator[str]:
    """Serve an application over real HTTP, in a thread of this process; yields its base URL."""
    server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=_Silent)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
