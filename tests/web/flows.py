"""What the web tests share: a client with their requests, replies of Slack, a server."""

import hashlib
import threading
from contextlib import contextmanager
from urllib.parse import parse_qs, urlsplit

import responses
from flask.testing import FlaskClient
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


def errors_of(response, part="json"):
    """Return the wrong fields in one part of a request."""
    assert response.status_code == 422, response.text
    return response.json["errors"][part]


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


class ServiceClient(FlaskClient):
    """A client with the requests of the platform, of a browser and of Slack."""

    # The install API

    def post_installation(self, headers=None, **changes):
        """POST a valid install request with ``changes``."""
        headers = {**AUTHORIZED, **(headers or {})}
        return self.post(INSTALLATIONS, json=install_request(**changes), headers=headers)

    def get_api(self, path=INSTALLATIONS, **query):
        return self.get(path, query_string=query, headers=AUTHORIZED)

    def get_installation(self, installation_id):
        return self.get_api(f"{INSTALLATIONS}/{installation_id}")

    def patch_installation(self, installation_id, headers=None, **changes):
        headers = {**AUTHORIZED, **(headers or {})}
        return self.patch(f"{INSTALLATIONS}/{installation_id}", json=changes, headers=headers)

    def delete_installation(self, installation_id, headers=None):
        headers = {**AUTHORIZED, **(headers or {})}
        return self.delete(f"{INSTALLATIONS}/{installation_id}", headers=headers)

    def register(self, **changes):
        """Register an installation; return its JSON."""
        response = self.post_installation(**changes)
        assert response.status_code == 201, response.text
        return response.json

    def show(self, installation_id):
        """Return the JSON of an installation."""
        response = self.get_installation(installation_id)
        assert response.status_code == 200
        return response.json

    def list_ids(self, **query):
        """Return the ids on the first page of a list."""
        response = self.get_api(**query)
        assert response.status_code == 200, response.text
        return [item["id"] for item in response.json["items"]]

    def etag_of(self, installation_id):
        return self.get_installation(installation_id).headers["ETag"]

    # OAuth in the browser

    def open_link(self, installation):
        """Open the install link."""
        return self.get(urlsplit(installation["installUrl"]).path)

    def follow_link(self, installation):
        """Follow the install link to Slack."""
        return self.get(f"{urlsplit(installation['installUrl']).path}/continue")

    def start_oauth(self, installation):
        """Follow the install link; return the state that is sent to Slack."""
        response = self.follow_link(installation)
        assert response.status_code == 302
        return parse_qs(urlsplit(response.headers["Location"]).query)["state"][0]

    def complete_oauth(self, **query):
        """Return from Slack's consent page."""
        return self.get("/slack/oauth_redirect", query_string=query)

    def install(self, slack, *, reply=None, **changes):
        """Register and complete OAuth; return the registered installation and the last response."""
        installation = self.register(**changes)
        state = self.start_oauth(installation)
        slack.upsert(responses.POST, ACCESS_URL, json=reply or access_reply())
        return installation, self.complete_oauth(state=state, code=CODE)

    def install_customers_app(self, slack, **changes):
        reply = access_reply(app_id=CUSTOMERS_APP.app_id)
        return self.install(slack, reply=reply, **{"slackApp": CUSTOMERS_APP_FIELDS, **changes})

    # Slack's events

    def send_event(self, body, headers=None):
        """POST to the events URL, signed by the service's own app unless ``headers`` are given."""
        return self.post("/slack/events", data=body, headers=signed(body) if headers is None else headers)

    def send_signed_event(self, payload, secret=OWN_APP.signing_secret):
        body = encoded(payload)
        return self.send_event(body, signed(body, secret))


def cookie_name(state):
    """Return the name of the cookie that a state has of its own."""
    return f"sectorflow_slack_state_{hashlib.sha256(state.encode()).hexdigest()[:16]}"


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
