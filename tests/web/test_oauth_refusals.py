"""What Slack, a person or the store refuses is a page that says so, and a token too many is given back."""

from __future__ import annotations

import json

import pytest
import requests
import responses
from flask.testing import FlaskClient

from tests.values import TEAM_ID
from tests.web.flows import (
    ACCESS_URL,
    CODE,
    COOKIE,
    REVOKE_URL,
    come_back,
    consent_reply,
    install,
    register,
    set_off,
    show,
)


def revoked(sectorflow: responses.RequestsMock) -> bool:
    return any(call.request.url == REVOKE_URL for call in sectorflow.calls)


@pytest.mark.parametrize(
    ("reply", "status", "title", "failure"),
    [
        ({"ok": False, "error": "bad_client_secret"}, 400, "Slack does not know this app", "bad_credentials"),
        ({"ok": False, "error": "invalid_client_id"}, 400, "Slack does not know this app", "bad_credentials"),
        ({"ok": False, "error": "invalid_code"}, 400, "Slack did not finish the install", None),
        ({"ok": False, "error": "planted<b>"}, 503, "Slack does not answer just now", None),
        ({"ok": True}, 400, "Slack did not finish the install", None),
        ({"ok": False, "error": "internal_error"}, 503, "Slack does not answer just now", None),
        (consent_reply(app_id="A0OTHER"), 400, "Slack installed another app", "other_app"),
        (consent_reply(team={"id": "T0OTHER"}), 403, "That is another Slack workspace", None),
        (consent_reply(team=None), 400, "Slack did not finish the install", None),
    ],
)
def test_what_slack_says_leads_to_a_page_and_to_nothing_stored(
    client: FlaskClient,
    sectorflow: responses.RequestsMock,
    reply: dict[str, object],
    status: int,
    title: str,
    failure: str | None,
) -> None:
    sectorflow.post(REVOKE_URL, json={"ok": True, "revoked": True})

    installation, page = install(client, sectorflow, reply=reply, teamId=TEAM_ID)

    assert page.status_code == status
    assert f"<title>{title} " in page.text
    shown = show(client, installation["id"])
    assert (shown["status"], shown["failure"]) == ("failed" if failure else "pending", failure)


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        ({"body": requests.ConnectionError("refused")}, 503),
        ({"body": requests.ReadTimeout("slow")}, 503),
        ({"status": 500, "body": "Traceback"}, 503),
        (
            {"status": 429, "json": {"ok": False, "error": "ratelimited"}, "headers": {"Retry-After": "9"}},
            503,
        ),
        ({"status": 200, "body": "<html>"}, 503),
        ({"status": 302, "headers": {"Location": "https://elsewhere.example/"}}, 503),
    ],
)
def test_slack_being_away_or_odd_is_a_page_and_a_second_try_does_well(
    client: FlaskClient, sectorflow: responses.RequestsMock, answer: dict[str, object], status: int
) -> None:
    installation = register(client)
    sectorflow.post(ACCESS_URL, **answer)

    page = come_back(client, state=set_off(client, installation), code=CODE)
    sectorflow.upsert(responses.POST, ACCESS_URL, json=consent_reply())
    again = come_back(client, state=set_off(client, installation), code=CODE)

    assert (page.status_code, again.status_code) == (status, 200)
    assert not [call for call in sectorflow.calls if "elsewhere" in str(call.request.url)]


@pytest.mark.parametrize("code", [{"error": "access_denied"}, {"error": "access_denied", "code": CODE}])
def test_a_person_who_cancelled_is_told_so_and_may_try_again(
    client: FlaskClient, sectorflow: responses.RequestsMock, code: dict[str, str]
) -> None:
    installation = register(client)

    page = come_back(client, state=set_off(client, installation), **code)

    assert page.status_code == 403
    assert "<title>The app was not installed " in page.text
    assert show(client, installation["id"])["status"] == "pending"
    assert set_off(client, installation)


@pytest.mark.parametrize("query", [{"error": "invalid_scope"}, {}, {"code": ""}])
def test_another_error_of_slacks_or_no_code_is_told_too(
    client: FlaskClient, sectorflow: responses.RequestsMock, query: dict[str, str]
) -> None:
    installation = register(client)

    page = come_back(client, state=set_off(client, installation), **query)

    assert page.status_code == 400
    assert "<title>Slack did not finish the install " in page.text


def test_a_token_of_another_team_is_given_back(
    client: FlaskClient, sectorflow: responses.RequestsMock
) -> None:
    sectorflow.post(REVOKE_URL, json={"ok": True, "revoked": True})

    install(client, sectorflow, reply=consent_reply(team={"id": "T0OTHER"}), teamId=TEAM_ID)

    assert revoked(sectorflow)


def test_a_token_that_an_installation_lives_by_is_not_revoked(
    client: FlaskClient, sectorflow: responses.RequestsMock
) -> None:
    install(client, sectorflow)

    _, second = install(client, sectorflow)
    _, third = install(client, sectorflow, teamId="T0OTHER")

    assert (second.status_code, third.status_code) == (409, 403)
    assert not revoked(sectorflow)


def test_a_refusal_of_slacks_with_a_token_in_it_is_logged_by_its_word_only(
    client: FlaskClient, sectorflow: responses.RequestsMock, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    reply = {"ok": False, "error": "invalid_code", "access_token": "xoxb-planted", "code": "planted-code"}

    _, page = install(client, sectorflow, reply=reply)

    assert "invalid_code" in caplog.text
    assert "planted" not in caplog.text + page.text + json.dumps(dict(page.headers))


@pytest.mark.parametrize("path", ["/slack/install/a-link", "/slack/oauth_redirect?state=s&code=c"])
def test_the_store_being_away_is_a_page_that_says_so(storeless_client: FlaskClient, path: str) -> None:
    storeless_client.set_cookie(COOKIE, "s", path="/slack")

    page = storeless_client.get(path)

    assert page.status_code == 503
    assert "<title>We are having trouble " in page.text
