from __future__ import annotations

import dataclasses
import json
from http.cookies import SimpleCookie
from urllib.parse import parse_qsl, quote_plus, urlsplit

import pytest
import requests
import responses
from flask import Flask
from flask.testing import FlaskClient

from sectorflow_slack.app import create_app
from sectorflow_slack.config import Settings
from sectorflow_slack.services import Services
from tests.values import (
    API_TOKEN,
    BOT_TOKEN,
    CUSTOMERS_APP,
    OWN_APP,
    TEAM_ID,
    FixedClock,
    encoded,
    make_event,
    signed,
)
from tests.web.flows import (
    ACCESS_URL,
    CODE,
    COOKIE,
    CUSTOMERS_APP_FIELDS,
    REVOKE_URL,
    come_back,
    consent_reply,
    install,
    install_customers_app,
    path_of,
    register,
    send,
    set_off,
    show,
)

RETURN_URL = "https://app.sectorflow.example/done"
SCOPES = "app_mentions:read,chat:write,im:history,chat:write.customize,assistant:write"


def cookie_of(headers: str) -> dict[str, object]:
    (morsel,) = SimpleCookie(headers).values()
    return {name: value for name, value in morsel.items() if value}


def test_the_link_leads_to_slacks_consent_page(
    client: FlaskClient, sectorflow: responses.RequestsMock
) -> None:
    installation = register(client, teamId=TEAM_ID)

    response = client.get(path_of(installation["installUrl"]))

    url = urlsplit(response.headers["Location"])
    query = dict(parse_qsl(url.query))
    state = query.pop("state")
    assert response.status_code == 302
    assert (url.scheme, url.netloc, url.path) == ("https", "slack.com", "/oauth/v2/authorize")
    assert len(state) == 43  # 256 bits, urlsafe base64
    assert query == {
        "client_id": OWN_APP.client_id,
        "scope": SCOPES,
        "redirect_uri": "https://slack.example.com/slack/oauth_redirect",
        "team": TEAM_ID,
    }
    assert f"scope={quote_plus(SCOPES)}&" in url.query
    assert "redirect_uri=https%3A%2F%2Fslack.example.com%2Fslack%2Foauth_redirect&" in url.query


def test_the_consent_page_is_asked_for_no_team_where_none_is_pinned(
    client: FlaskClient, sectorflow: responses.RequestsMock
) -> None:
    installation = register(client, slackApp=CUSTOMERS_APP_FIELDS)

    response = client.get(path_of(installation["installUrl"]))

    query = dict(parse_qsl(urlsplit(response.headers["Location"]).query))
    assert "team" not in query
    assert query["client_id"] == CUSTOMERS_APP.client_id


@pytest.mark.parametrize(
    ("public_url", "secure"), [("https://slack.example.com", True), ("http://localhost:8000", False)]
)
def test_the_state_is_in_a_cookie_that_only_this_browser_and_this_service_see(
    settings: Settings,
    services: Services,
    sectorflow: responses.RequestsMock,
    public_url: str,
    secure: bool,
) -> None:
    app = create_app(dataclasses.replace(settings, public_url=public_url), services)
    client = app.test_client()
    installation = register(client)

    response = client.get(path_of(installation["installUrl"]))

    (header,) = response.headers.getlist("Set-Cookie")
    attributes = cookie_of(header)
    attributes.pop("expires")
    state = dict(parse_qsl(urlsplit(response.headers["Location"]).query))["state"]
    assert header.startswith(f"{COOKIE}={state};")
    expected = {"httponly": True, "samesite": "Lax", "path": "/slack", "max-age": "600"}
    assert attributes == (expected | {"secure": True} if secure else expected)


def test_each_visit_gets_a_state_of_its_own(client: FlaskClient, sectorflow: responses.RequestsMock) -> None:
    installation = register(client)

    states = {set_off(client, installation) for _ in range(3)}

    assert len(states) == 3


def test_the_code_is_exchanged_with_the_credentials_of_the_app(
    client: FlaskClient, sectorflow: responses.RequestsMock
) -> None:
    install_customers_app(client, sectorflow)

    request = sectorflow.calls[-1].request
    body = request.body.decode() if isinstance(request.body, bytes) else str(request.body)
    assert request.url == ACCESS_URL
    assert dict(parse_qsl(body)) == {
        "code": CODE,
        "redirect_uri": "https://slack.example.com/slack/oauth_redirect",
    }
    expected = requests.auth._basic_auth_str(CUSTOMERS_APP.client_id, CUSTOMERS_APP.client_secret)
    assert request.headers["Authorization"] == expected


def test_what_is_installed_answers_events_at_once(
    client: FlaskClient, sectorflow: responses.RequestsMock
) -> None:
    install_customers_app(client, sectorflow)
    body = encoded(make_event(api_app_id=CUSTOMERS_APP.app_id))

    response = send(client, body, signed(body, CUSTOMERS_APP.signing_secret))

    assert response.status_code == 200


def test_the_cookie_is_gone_after_a_good_end_and_after_a_bad_one(
    client: FlaskClient, sectorflow: responses.RequestsMock
) -> None:
    _, good = install(client, sectorflow)
    bad = come_back(client, state="x", code=CODE)

    for response in (good, bad):
        (header,) = response.headers.getlist("Set-Cookie")
        attributes = cookie_of(header)
        assert header.startswith(f"{COOKIE}=;")
        assert (attributes["path"], attributes.get("max-age")) == ("/slack", "0")


@pytest.mark.parametrize("joint", ["?", "?tab=slack&"])
def test_the_browser_goes_back_to_where_the_platform_wants_it(
    client: FlaskClient, sectorflow: responses.RequestsMock, joint: str
) -> None:
    url = f"{RETURN_URL}{joint}".rstrip("?&")

    installation, response = install(client, sectorflow, returnUrl=url)

    assert response.status_code == 302
    assert response.headers["Location"] == f"{RETURN_URL}{joint}status=installed&id={installation['id']}"


def test_the_browser_goes_back_also_when_it_failed(
    client: FlaskClient, sectorflow: responses.RequestsMock
) -> None:
    reply = {"ok": False, "error": "bad_client_secret"}

    installation, response = install(client, sectorflow, reply=reply, returnUrl=RETURN_URL)

    assert response.headers["Location"] == f"{RETURN_URL}?status=failed&id={installation['id']}"
    assert show(client, installation["id"])["failure"] == "bad_credentials"


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


def test_a_state_works_once(client: FlaskClient, sectorflow: responses.RequestsMock) -> None:
    installation = register(client)
    state = set_off(client, installation)
    come_back(client, state=state, error="access_denied")
    client.set_cookie(COOKIE, state, path="/slack")

    page = come_back(client, state=state, code=CODE)

    assert page.status_code == 400
    assert "<title>This step is over " in page.text


OTHER_BROWSER, NO_COOKIE = "Please use one browser all the way", "This page was opened a second time"


@pytest.mark.parametrize(
    ("cookie", "title"),
    [
        (None, NO_COOKIE),
        ("", NO_COOKIE),
        ("another-state", OTHER_BROWSER),
        ("é", OTHER_BROWSER),
        ("\ufffd", OTHER_BROWSER),
    ],
)
def test_another_browser_cannot_finish_what_this_one_began(
    app: Flask, sectorflow: responses.RequestsMock, cookie: str | None, title: str
) -> None:
    begun_in, other = app.test_client(), app.test_client()
    state = set_off(begun_in, register(begun_in))
    if cookie is not None:
        other.set_cookie(COOKIE, cookie, path="/slack")

    page = come_back(other, state=state, code=CODE)
    sectorflow.post(ACCESS_URL, json=consent_reply())
    own = come_back(begun_in, state=state, code=CODE)

    assert page.status_code == 400
    assert f"<title>{title} " in page.text
    assert own.status_code == 200  # the state was not used up by the other one


@pytest.mark.parametrize("query", ["", "state=", "state=%FF%FE", "state[]=1", "state=a&state=b", "code=x"])
def test_coming_back_without_ones_own_state_is_a_page(client: FlaskClient, query: str) -> None:
    response = client.get(f"/slack/oauth_redirect?{query}")

    assert response.status_code == 400
    assert response.mimetype == "text/html"


def test_a_state_of_another_trip_does_not_fit_this_browsers_cookie(
    client: FlaskClient, sectorflow: responses.RequestsMock
) -> None:
    first, second = register(client), register(client)
    older_state = set_off(client, first)
    set_off(client, second)

    page = come_back(client, state=older_state, code=CODE)

    assert page.status_code == 400


@pytest.mark.parametrize("link", ["a-guess", "x" * 5_000, "%00", "%FF", "..", "%2e%2e%2f", "<script>"])
def test_a_link_that_was_never_given_out_is_a_page(client: FlaskClient, link: str) -> None:
    response = client.get(f"/slack/install/{link}")

    assert response.status_code == 404
    assert response.mimetype == "text/html"
    assert "<script" not in response.text


def test_the_id_of_an_installation_is_no_link(
    client: FlaskClient, sectorflow: responses.RequestsMock
) -> None:
    installation = register(client)

    response = client.get(f"/slack/install/{installation['id']}")

    assert response.status_code == 404


def test_a_link_is_dead_once_the_app_is_installed(
    client: FlaskClient, sectorflow: responses.RequestsMock
) -> None:
    installation, _ = install(client, sectorflow)

    response = client.get(path_of(installation["installUrl"]))

    assert response.status_code == 404
    assert "<title>This link does not work any more " in response.text


def test_a_link_is_dead_once_the_install_failed(
    client: FlaskClient, sectorflow: responses.RequestsMock
) -> None:
    installation, _ = install(client, sectorflow, reply=consent_reply(app_id="A0OTHER"))

    response = client.get(path_of(installation["installUrl"]))

    assert response.status_code == 404


def test_a_link_is_dead_after_a_day(
    client: FlaskClient, sectorflow: responses.RequestsMock, clock: FixedClock
) -> None:
    installation = register(client)

    clock.now += 86_399
    in_time = client.get(path_of(installation["installUrl"]))
    clock.now += 1
    late = client.get(path_of(installation["installUrl"]))

    assert (in_time.status_code, late.status_code) == (302, 404)


def test_consent_that_comes_after_the_links_day_is_refused(
    client: FlaskClient, sectorflow: responses.RequestsMock, clock: FixedClock
) -> None:
    installation = register(client)
    state = set_off(client, installation)

    clock.now += 86_400
    page = come_back(client, state=state, code=CODE)

    assert page.status_code == 404


def test_an_org_wide_install_is_kept_under_the_enterprise(
    client: FlaskClient, sectorflow: responses.RequestsMock
) -> None:
    reply = consent_reply(
        team=None, enterprise={"id": "E0ACME", "name": "Acme Inc"}, is_enterprise_install=True
    )

    installation, page = install(client, sectorflow, reply=reply)

    assert page.status_code == 200
    assert show(client, installation["id"])["teamId"] == "E0ACME"


def revoked(sectorflow: responses.RequestsMock) -> bool:
    return any(call.request.url == REVOKE_URL for call in sectorflow.calls)


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


def test_nothing_secret_is_in_a_page_a_log_or_an_address_other_than_slacks(
    client: FlaskClient, sectorflow: responses.RequestsMock, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    installation, page = install_customers_app(client, sectorflow, returnUrl=RETURN_URL)
    link = path_of(installation["installUrl"])
    replayed = come_back(client, state="planted-state", code=CODE)
    followed = client.get(link)

    seen = [page.text, str(page.headers), replayed.text, followed.text, caplog.text]

    secrets = [
        API_TOKEN,
        BOT_TOKEN,
        CODE,
        "planted-state",
        link,
        link.rpartition("/")[2],
        CUSTOMERS_APP.client_secret,
        CUSTOMERS_APP.signing_secret,
    ]
    assert not [secret for secret in secrets for text in seen if secret in text]


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
