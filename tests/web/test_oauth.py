"""A browser's way to Slack's consent page and back: redirects, the cookie, and how each trip ends."""

from __future__ import annotations

import json
from collections.abc import Callable
from http.cookies import SimpleCookie
from urllib.parse import parse_qsl, quote_plus, urlsplit

import pytest
import responses
from flask import Flask
from flask.testing import FlaskClient

from tests.values import API_TOKEN, BOT_TOKEN, CUSTOMERS_APP, OWN_APP, TEAM_ID
from tests.web.flows import (
    ACCESS_URL,
    CODE,
    COOKIE,
    REVOKE_URL,
    come_back,
    consent_reply,
    follow,
    get_one,
    install,
    install_customers_app,
    register,
    set_off,
    show,
)

RETURN_URL = "https://app.sectorflow.example/done"
SCOPES = "app_mentions:read,chat:write,im:history,chat:write.customize,assistant:write"


# To Slack


def test_the_link_leads_to_slacks_consent_page(
    client: FlaskClient, sectorflow: responses.RequestsMock
) -> None:
    response = follow(client, register(client, teamId=TEAM_ID))

    url = urlsplit(response.headers["Location"])
    query = dict(parse_qsl(url.query))
    assert response.status_code == 302
    assert (url.scheme, url.netloc, url.path) == ("https", "slack.com", "/oauth/v2/authorize")
    assert len(query.pop("state")) == 43  # 256 bits, urlsafe base64
    assert query == {
        "client_id": OWN_APP.client_id,
        "scope": SCOPES,
        "redirect_uri": "https://slack.example.com/slack/oauth_redirect",
        "team": TEAM_ID,
    }
    assert f"scope={quote_plus(SCOPES)}&" in url.query
    assert "redirect_uri=https%3A%2F%2Fslack.example.com%2Fslack%2Foauth_redirect&" in url.query


def cookie_of(header: str) -> dict[str, object]:
    """The attributes of a cookie that is set."""
    (morsel,) = SimpleCookie(header).values()
    return {name: value for name, value in morsel.items() if value and name != "expires"}


@pytest.mark.parametrize(
    ("public_url", "secure"),
    [("https://slack.example.com", {"secure": True}), ("http://localhost:8000", {})],
    ids=["https", "http"],
)
def test_each_visit_gets_a_state_of_its_own_in_a_cookie_that_no_script_sees(
    client_with: Callable[..., FlaskClient],
    sectorflow: responses.RequestsMock,
    public_url: str,
    secure: dict[str, bool],
) -> None:
    client = client_with(public_url=public_url)
    installation = register(client)

    answers = [follow(client, installation) for _ in range(2)]

    states = [dict(parse_qsl(urlsplit(answer.headers["Location"]).query))["state"] for answer in answers]
    assert states[0] != states[1]
    for answer, state in zip(answers, states, strict=True):
        (header,) = answer.headers.getlist("Set-Cookie")
        assert header.startswith(f"{COOKIE}={state};")
        expected = {"httponly": True, "samesite": "Lax", "path": "/slack", "max-age": "600"}
        assert cookie_of(header) == expected | secure


def test_an_unknown_link_is_a_page(client: FlaskClient) -> None:
    for link in ("a-guess", "x" * 5_000, "%00", "%FF", "..", "%2e%2e%2f", "<script>"):
        response = client.get(f"/slack/install/{link}")

        assert (response.status_code, response.mimetype) == (404, "text/html")
        assert "<script" not in response.text


def test_a_link_that_served_is_dead_and_an_id_is_no_link(
    client: FlaskClient, sectorflow: responses.RequestsMock
) -> None:
    installation, _ = install(client, sectorflow)

    page = follow(client, installation)

    assert page.status_code == 404
    assert "<title>This link does not work any more " in page.text
    assert client.get(f"/slack/install/{register(client)['id']}").status_code == 404


def test_head_sets_off_nothing_and_uses_up_nothing(
    client: FlaskClient, sectorflow: responses.RequestsMock
) -> None:
    registered = register(client)
    state = set_off(client, registered)
    sectorflow.post(ACCESS_URL, json=consent_reply())

    looked = [
        client.head(urlsplit(registered["installUrl"]).path),
        client.head("/slack/oauth_redirect", query_string={"state": state, "code": CODE}),
    ]
    came = come_back(client, state=state, code=CODE)

    for response in looked:
        assert (response.status_code, response.headers["Allow"]) == (405, "GET")
        assert not {"Set-Cookie", "Location"} & set(response.headers.keys())
    assert came.status_code == 200


# Back from Slack


@pytest.mark.parametrize("joint", ["?", "?tab=slack&"])
def test_the_browser_goes_back_to_the_platforms_return_url(
    client: FlaskClient, sectorflow: responses.RequestsMock, joint: str
) -> None:
    url = f"{RETURN_URL}{joint}".rstrip("?&")

    installation, response = install(client, sectorflow, returnUrl=url)

    assert response.status_code == 302
    assert response.headers["Location"] == f"{RETURN_URL}{joint}status=installed&id={installation['id']}"


def test_the_browser_goes_back_also_after_a_failure(
    client: FlaskClient, sectorflow: responses.RequestsMock
) -> None:
    reply = {"ok": False, "error": "bad_client_secret"}

    installation, response = install(client, sectorflow, reply=reply, returnUrl=RETURN_URL)

    assert response.headers["Location"] == f"{RETURN_URL}?status=failed&id={installation['id']}"
    assert show(client, installation["id"])["failure"] == "bad_credentials"


def test_an_installation_is_replaced_only_by_one_that_names_it(
    client: FlaskClient, sectorflow: responses.RequestsMock
) -> None:
    older, _ = install(client, sectorflow)
    refused, refusal = install(client, sectorflow)
    until_then = show(client, older["id"])["status"]

    newer, page = install(client, sectorflow, replaces=older["id"])

    assert (refusal.status_code, page.status_code) == (409, 200)
    assert (until_then, show(client, newer["id"])["status"]) == ("installed", "installed")
    assert show(client, refused["id"])["failure"] == "already_installed"
    assert get_one(client, older["id"]).status_code == 404


def test_the_cookie_is_deleted_after_a_good_end_and_after_a_bad_one(
    client: FlaskClient, sectorflow: responses.RequestsMock
) -> None:
    _, good = install(client, sectorflow)
    bad = come_back(client, state="x", code=CODE)

    for response in (good, bad):
        (header,) = response.headers.getlist("Set-Cookie")
        attributes = cookie_of(header)
        assert header.startswith(f"{COOKIE}=;")
        assert (attributes["path"], attributes.get("max-age")) == ("/slack", "0")


@pytest.mark.parametrize(
    ("cookie", "title"),
    [
        (None, "This page was opened a second time"),
        ("another-state", "Please use one browser all the way"),
        ("é", "Please use one browser all the way"),
    ],
)
def test_another_browser_can_neither_finish_nor_spoil_a_consent(
    app: Flask, sectorflow: responses.RequestsMock, cookie: str | None, title: str
) -> None:
    begun_in, other = app.test_client(), app.test_client()
    state = set_off(begun_in, register(begun_in))
    sectorflow.post(ACCESS_URL, json=consent_reply())
    if cookie is not None:
        other.set_cookie(COOKIE, cookie, path="/slack")

    page = come_back(other, state=state, code=CODE)
    own = come_back(begun_in, state=state, code=CODE)

    assert page.status_code == 400
    assert f"<title>{title} " in page.text
    assert own.status_code == 200


def test_coming_back_without_a_state_is_a_page(client: FlaskClient) -> None:
    for query in ("", "state=", "state=%FF%FE", "state[]=1", "state=a&state=b", "code=x"):
        response = client.get(f"/slack/oauth_redirect?{query}")

        assert (response.status_code, response.mimetype) == (400, "text/html")


@pytest.mark.parametrize(
    ("query", "status", "title"),
    [
        ({"error": "access_denied"}, 403, "The app was not installed"),
        ({"error": "invalid_scope"}, 400, "Slack did not finish the install"),
        ({}, 400, "Slack did not finish the install"),
    ],
    ids=["cancelled", "another error", "no code"],
)
def test_coming_back_without_consent_is_a_page_and_may_be_tried_again(
    client: FlaskClient, sectorflow: responses.RequestsMock, query: dict[str, str], status: int, title: str
) -> None:
    installation = register(client)

    page = come_back(client, state=set_off(client, installation), **query)

    assert page.status_code == status
    assert f"<title>{title} " in page.text
    assert show(client, installation["id"])["status"] == "pending"
    assert set_off(client, installation)


@pytest.mark.parametrize(
    ("reply", "status", "title", "failure"),
    [
        ({"ok": False, "error": "bad_client_secret"}, 400, "Slack does not know this app", "bad_credentials"),
        ({"ok": False, "error": "invalid_code"}, 400, "Slack did not finish the install", None),
        ({"ok": False, "error": "planted<b>"}, 503, "Slack does not answer just now", None),
        (consent_reply(app_id="A0OTHER"), 400, "Slack installed another app", "other_app"),
        (consent_reply(team={"id": "T0OTHER"}), 403, "That is another Slack workspace", None),
    ],
    ids=["secret", "code", "odd error", "another app", "another team"],
)
def test_each_answer_of_slacks_leads_to_a_page_and_to_nothing_stored(
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


def test_slack_being_away_is_a_page_and_a_second_try_succeeds(
    client: FlaskClient, sectorflow: responses.RequestsMock
) -> None:
    installation = register(client)
    sectorflow.post(ACCESS_URL, status=302, headers={"Location": "https://elsewhere.example/"})

    page = come_back(client, state=set_off(client, installation), code=CODE)
    sectorflow.upsert(responses.POST, ACCESS_URL, json=consent_reply())
    again = come_back(client, state=set_off(client, installation), code=CODE)

    assert (page.status_code, again.status_code) == (503, 200)


@pytest.mark.parametrize("path", ["/slack/install/a-link", "/slack/oauth_redirect?state=s&code=c"])
def test_the_store_being_away_is_a_page_that_says_so(storeless_client: FlaskClient, path: str) -> None:
    storeless_client.set_cookie(COOKIE, "s", path="/slack")

    page = storeless_client.get(path)

    assert page.status_code == 503
    assert "<title>We are having trouble " in page.text


# Secrets


def test_no_secret_is_in_a_page_a_log_or_the_platforms_url(
    client: FlaskClient, sectorflow: responses.RequestsMock, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    installation, page = install_customers_app(client, sectorflow, returnUrl=RETURN_URL)
    answers = [page, come_back(client, state="planted-state", code=CODE), follow(client, installation)]
    reply = {"ok": False, "error": "invalid_code", "access_token": "xoxb-planted", "code": "planted-code"}
    answers.append(install(client, sectorflow, reply=reply)[1])

    seen = caplog.text + "".join(answer.text + json.dumps(dict(answer.headers)) for answer in answers)

    secrets = [
        API_TOKEN,
        BOT_TOKEN,
        CODE,
        "planted",
        installation["installUrl"].rpartition("/")[2],
        CUSTOMERS_APP.client_secret,
        CUSTOMERS_APP.signing_secret,
    ]
    assert [secret for secret in secrets if secret in seen] == []
    assert "invalid_code" in caplog.text
