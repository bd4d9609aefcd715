"""Requests that the web tests share: the install API, OAuth in the browser, Slack's events."""

import threading
from contextlib import contextmanager
from urllib.parse import parse_qs, urlsplit

import responses
from werkzeug.serving import WSGIRequestHandler, make_server

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
JSON = {**AUTHORIZED, "Content-Type": "application/json"}
WORKSPACE_URL = f"https://platform.sectorflow.ai/api/v1/workspaces/{WORKSPACE_ID}"
ACCESS_URL = "https://slack.com/api/oauth.v2.access"
REVOKE_URL = "https://slack.com/api/auth.revoke"
CREATE_APP_URL = "https://slack.com/api/apps.manifest.create"
CODE = "code-that-must-stay-secret"
COOKIE = "sectorflow_slack_state"

CUSTOMERS_APP_FIELDS = {
    "appId": CUSTOMERS_APP.app_id,
    "clientId": CUSTOMERS_APP.client_id,
    "clientSecret": CUSTOMERS_APP.client_secret,
    "signingSecret": CUSTOMERS_APP.signing_secret,
}
#: Slack's response to ``apps.manifest.create``.
CREATED_APP = {
    "ok": True,
    "app_id": CUSTOMERS_APP.app_id,
    "credentials": {
        "client_id": CUSTOMERS_APP.client_id,
        "client_secret": CUSTOMERS_APP.client_secret,
        "signing_secret": CUSTOMERS_APP.signing_secret,
    },
}


# The install API


def post(client, headers=None, **changes):
    """POST a valid install request with ``changes``."""
    headers = {**AUTHORIZED, **(headers or {})}
    return client.post(INSTALLATIONS, json=install_request(**changes), headers=headers)


def get(client, path=INSTALLATIONS, **query):
    return client.get(path, query_string=query, headers=AUTHORIZED)


def get_one(client, installation_id):
    return get(client, f"{INSTALLATIONS}/{installation_id}")


def patch(client, installation_id, headers=None, **changes):
    headers = {**AUTHORIZED, **(headers or {})}
    return client.patch(f"{INSTALLATIONS}/{installation_id}", json=changes, headers=headers)


def delete(client, installation_id, headers=None):
    return client.delete(f"{INSTALLATIONS}/{installation_id}", headers={**AUTHORIZED, **(headers or {})})


def register(client, **changes):
    """Register an installation; return its JSON."""
    response = post(client, **changes)
    assert response.status_code == 201, response.text
    return response.json


def show(client, installation_id):
    """Return the JSON of an installation."""
    response = get_one(client, installation_id)
    assert response.status_code == 200
    return response.json


def listed(client, **query):
    """Return the ids on the first page of a list."""
    response = get(client, **query)
    assert response.status_code == 200, response.text
    return [item["id"] for item in response.json["items"]]


def etag_of(client, installation_id):
    return get_one(client, installation_id).headers["ETag"]


def errors_of(response, part="json"):
    """Return the wrong fields in one part of a request."""
    assert response.status_code == 422, response.text
    return response.json["errors"][part]


# OAuth in the browser


def follow(client, installation):
    """Open the install link."""
    return client.get(urlsplit(installation["installUrl"]).path)


def start_oauth(client, installation):
    """Open the install link; return the state that is sent to Slack."""
    response = follow(client, installation)
    assert response.status_code == 302
    return parse_qs(urlsplit(response.headers["Location"]).query)["state"][0]


def complete_oauth(client, **query):
    """Return from Slack's consent page."""
    return client.get("/slack/oauth_redirect", query_string=query)


def access_reply(**changes):
    """Slack's response to a valid code (docs.slack.dev, oauth.v2.access)."""
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


def install(client, slack, *, reply=None, **changes):
    """Register and complete OAuth; return the registered installation and the last response."""
    installation = register(client, **changes)
    state = start_oauth(client, installation)
    slack.upsert(responses.POST, ACCESS_URL, json=reply or access_reply())
    return installation, complete_oauth(client, state=state, code=CODE)


def install_customers_app(client, slack, **changes):
    reply = access_reply(app_id=CUSTOMERS_APP.app_id)
    return install(client, slack, reply=reply, **{"slackApp": CUSTOMERS_APP_FIELDS, **changes})


# Slack's events


def send(client, body, headers=None):
    """POST to the events URL, signed by the service's own app unless ``headers`` are given."""
    return client.post("/slack/events", data=body, headers=signed(body) if headers is None else headers)


def send_signed(client, payload, secret=OWN_APP.signing_secret):
    body = encoded(payload)
    return send(client, body, signed(body, secret))


def waiting(store):
    """Return how many questions wait for a worker."""
    return store.llen(f"waiting:{OWN_APP.app_id}:{TEAM_ID}")


class _QuietHandler(WSGIRequestHandler):
    def log(self, type, message, *args):
        """Log nothing."""


@contextmanager
def serving(app):
    """Serve an application over HTTP in a thread; yield its base URL."""
    server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=_QuietHandler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
