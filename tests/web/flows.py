"""What tests of the HTTP side do again and again: registering, going to Slack and back, sending events."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, urlsplit

import responses
from flask.testing import FlaskClient
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


def post(client: FlaskClient, **changes: Any) -> TestResponse:
    """POST an install request that is good but for ``changes``."""
    return client.post(INSTALLATIONS, json=install_request(**changes), headers=AUTHORIZED)


def errors_of(response: TestResponse) -> dict[str, Any]:
    """The wrong fields of a 422."""
    assert response.status_code == 422, response.get_data(as_text=True)
    assert response.json is not None
    found: dict[str, Any] = response.json["errors"]["json"]
    return found


def register(client: FlaskClient, **changes: Any) -> dict[str, Any]:
    """Register an installation and give what the install API shows of it."""
    response = post(client, **changes)
    assert response.status_code == 201, response.get_data(as_text=True)
    assert response.json is not None
    return dict(response.json)


def show(client: FlaskClient, installation_id: str) -> dict[str, Any]:
    """What the install API shows of an installation."""
    response = client.get(f"{INSTALLATIONS}/{installation_id}", headers=AUTHORIZED)
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
    return client.get(f"{INSTALLATIONS}/{installation_id}", headers=AUTHORIZED).headers["ETag"]


def path_of(url: str) -> str:
    return urlsplit(url).path


def follow(client: FlaskClient, installation: dict[str, Any]) -> TestResponse:
    """Follow the install link as a browser does."""
    return client.get(path_of(installation["installUrl"]))


def set_off(client: FlaskClient, installation: dict[str, Any]) -> str:
    """Follow the install link and give the state that goes to Slack."""
    response = follow(client, installation)
    assert response.status_code == 302
    return parse_qs(urlsplit(response.headers["Location"]).query)["state"][0]


def come_back(client: FlaskClient, **query: str) -> TestResponse:
    return client.get("/slack/oauth_redirect", query_string=query)


def consent_reply(**changes: Any) -> dict[str, Any]:
    """What Slack says to a good code (docs.slack.dev, oauth.v2.access)."""
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
    """Go the whole way; gives the registered installation and what the browser ends with."""
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
    body = encoded(payload)
    return send(client, body, signed(body, secret))
