"""Errors as HTTP responses, raised by test routes and by real requests."""

import pytest
from werkzeug.exceptions import TooManyRequests

from sectorflow_slack.app import create_app
from sectorflow_slack.domain.errors import (
    AppNotCreated,
    CannotDecrypt,
    InstallRefused,
    RequestInProgress,
    RevisionConflict,
    StorageUnavailable,
)
from sectorflow_slack.web.errors import problem
from tests.values import AUTHORIZED, WORKSPACE_ID
from tests.web.flows import INSTALLATIONS, errors_of


@pytest.fixture
def app(settings, services):
    """An application of the test's own, for it adds routes."""
    return create_app(settings, services)


def get_raising(app, error, path="/raise", **options):
    """GET a route that raises ``error``."""

    def view():
        raise error

    app.add_url_rule(path, view_func=view)
    return app.test_client().get(path, **options)


@pytest.mark.parametrize(
    ("error", "status", "retry_after"),
    [
        (StorageUnavailable("ConnectionError"), 503, "5"),
        (CannotDecrypt("installation:A0:T0 bot_token"), 503, "5"),
        (InstallRefused("apiToken", "SectorFlow refuses this token."), 422, None),
        (AppNotCreated("Slack created no app."), 502, None),
        (AppNotCreated("Slack creates no app now.", retry_after=30.2), 502, "31"),
        (AppNotCreated("Slack creates no app now.", retry_after=0.0), 502, "1"),
        (RequestInProgress(), 503, "5"),
        (RevisionConflict(), 503, "5"),
        (problem(422, "A field is wrong.", errors={"json": {"appName": ["Wrong."]}}), 422, None),
        (problem(429, "Too fast.", headers={"Retry-After": "7"}), 429, "7"),
        (TooManyRequests(), 429, None),
        (RuntimeError("secret-in-the-text"), 500, None),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else None,
)
@pytest.mark.parametrize("path", ["/api/v1/raise", "/slack/install/raise", "/slack/oauth_redirect/raise"])
def test_each_error_has_its_status_as_json_or_as_a_page_in_the_browser(app, path, error, status, retry_after):
    response = get_raising(app, error, path)

    assert response.status_code == status
    assert "secret-in-the-text" not in response.text
    assert "installation:A0" not in response.text
    if path.startswith("/slack"):
        assert response.mimetype == "text/html"
    else:
        assert response.json.keys() - {"errors"} == {"code", "status", "message"}
        assert response.json["code"] == status
        assert response.json["message"]
        assert response.headers.get("Retry-After") == retry_after


def test_a_revision_conflict_is_412_if_the_request_named_a_version(app):
    assert get_raising(app, RevisionConflict(), headers={"If-Match": '"a-version"'}).status_code == 412


@pytest.mark.parametrize(
    ("field", "part", "faults"),
    [
        ("slackApp.configToken", "json", {"slackApp": {"configToken": ["Bad."]}}),
        ("Idempotency-Key", "headers", {"Idempotency-Key": ["Bad."]}),
    ],
)
def test_a_refused_field_is_reported_by_the_part_of_the_request(app, field, part, faults):
    assert errors_of(get_raising(app, InstallRefused(field, "Bad.")), part) == faults


def test_an_unexpected_error_is_logged_without_the_path(app, caplog):
    def view(link):
        raise RuntimeError

    app.add_url_rule("/slack/install/<link>/broken", view_func=view)

    response = app.test_client().get("/slack/install/planted-link/broken?code=planted-code")

    assert response.status_code == 500
    assert "request failed" in caplog.text
    assert "planted" not in caplog.text


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("PUT", INSTALLATIONS, "POST"),
        ("POST", f"{INSTALLATIONS}/{WORKSPACE_ID}", "GET"),
        ("DELETE", f"{INSTALLATIONS}/{WORKSPACE_ID}/feedback", "GET"),
        ("GET", "/slack/events", "POST"),
        ("OPTIONS", "/slack/events", "POST"),
        ("GET", "/slack/interactions", "POST"),
        ("POST", "/slack/install/link", "GET"),
        ("POST", "/slack/oauth_redirect", "GET"),
        ("DELETE", "/docs", "GET"),
        ("POST", "/healthz", "GET"),
    ],
)
def test_another_method_is_405_with_the_allowed_ones(client, method, path, allowed):
    response = client.open(path, method=method, headers=AUTHORIZED)

    assert response.status_code == 405
    assert allowed in response.headers["Allow"].split(", ")


@pytest.mark.parametrize(
    "path",
    [
        "/nowhere",
        "/api",
        "/api/v1",
        "/api/v1/apps",
        "/slack",
        "/slack/event",
        "/static/",
        "/static/../app.py",
    ],
)
def test_an_unknown_path_is_404(client, path):
    response = client.get(path)

    message = "There is nothing at this address."
    assert response.json == {"code": 404, "status": "Not Found", "message": message}


def test_while_redis_is_down_the_install_api_is_503_with_retry_after(storeless_client):
    responses = [
        storeless_client.post_installation(),
        storeless_client.get_api(),
        storeless_client.get_installation(WORKSPACE_ID),
        storeless_client.patch_installation(WORKSPACE_ID, display="tabs"),
        storeless_client.delete_installation(WORKSPACE_ID),
        storeless_client.get_api(f"{INSTALLATIONS}/{WORKSPACE_ID}/feedback"),
    ]

    assert [(response.status_code, response.headers["Retry-After"]) for response in responses] == [
        (503, "5")
    ] * 6
    assert {response.json["code"] for response in responses} == {503}
