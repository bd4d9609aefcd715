"""OAuth in the browser: the install link, the state in a cookie, and the page or redirect at the end."""

import json
import re
from html import unescape
from http.cookies import SimpleCookie
from urllib.parse import parse_qsl, quote_plus, urlsplit

import pytest

from tests.values import API_TOKEN, BOT_TOKEN, CUSTOMERS_APP, OWN_APP, TEAM_ID, WORKSPACE_ID
from tests.web.flows import ACCESS_URL, CODE, REVOKE_URL, access_reply, cookie_name

RETURN_URL = "https://app.sectorflow.example/done"
BAD_SECRET = {"ok": False, "error": "bad_client_secret"}
SCOPES = "app_mentions:read,chat:write,im:history,chat:write.customize,assistant:write"


# To Slack


def test_the_install_link_shows_the_app_and_the_workspace_before_it_leads_to_slack(client, sectorflow):
    installation = client.register(teamId=TEAM_ID)

    page = client.open_link(installation)

    text = unescape(re.sub(r"<[^>]+>", " ", page.text))
    assert (page.status_code, page.headers.getlist("Set-Cookie")) == (200, [])
    for part in ("Acme Assistant", OWN_APP.app_id, "Jokes", WORKSPACE_ID, TEAM_ID):
        assert part in text
    path = urlsplit(installation["installUrl"]).path
    assert f'<a class="button" href="{path}/continue">Continue to Slack</a>' in page.text
    assert f'value="{installation["installUrl"]}"' in page.text


def test_a_link_that_was_followed_too_often_is_a_page(client, sectorflow):
    installation = client.register()

    pages = [client.follow_link(installation) for _ in range(31)]

    assert [page.status_code for page in pages] == [302] * 30 + [429]
    assert client.open_link(installation).status_code == 200


def test_the_install_link_redirects_to_slacks_consent_page(client, sectorflow):
    response = client.follow_link(client.register(teamId=TEAM_ID))

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


def cookie_of(response):
    """Return the value and the attributes of the cookie that a response sets."""
    (header,) = response.headers.getlist("Set-Cookie")
    ((name, morsel),) = SimpleCookie(header).items()
    assert name == cookie_name(morsel.value)
    return morsel.value, {name: value for name, value in morsel.items() if value and name != "expires"}


@pytest.mark.parametrize(
    ("public_url", "secure"),
    [("https://slack.example.com", {"secure": True}), ("http://localhost:8000", {})],
    ids=["https", "http"],
)
def test_each_visit_gets_its_own_state_in_a_cookie_hidden_from_scripts(
    client_with, sectorflow, public_url, secure
):
    client = client_with(public_url=public_url)
    installation = client.register()

    responses = [client.follow_link(installation) for _ in range(2)]

    states = [
        dict(parse_qsl(urlsplit(response.headers["Location"]).query))["state"] for response in responses
    ]
    expected = {"httponly": True, "samesite": "Lax", "path": "/slack", "max-age": "600"} | secure
    assert states[0] != states[1]
    assert [cookie_of(response) for response in responses] == [(state, expected) for state in states]


@pytest.mark.parametrize("link", ["a-guess", "x" * 5_000, "%00", "%FF", "..", "%2e%2e%2f", "<script>"])
def test_an_unknown_link_is_a_page(client, link):
    response = client.get(f"/slack/install/{link}")

    assert (response.status_code, response.mimetype) == (404, "text/html")
    assert "<script>" not in response.text


def test_head_requests_are_405_and_consume_no_state(client, sectorflow):
    registered = client.register()
    state = client.start_oauth(registered)
    sectorflow.post(ACCESS_URL, json=access_reply())
    query = {"state": state, "code": CODE}

    responses = [
        client.head(urlsplit(registered["installUrl"]).path),
        client.head(f"{urlsplit(registered['installUrl']).path}/continue"),
        client.head("/slack/oauth_redirect", query_string=query),
    ]

    for response in responses:
        assert (response.status_code, response.headers["Allow"]) == (405, "GET")
        assert not {"Set-Cookie", "Location"} & set(response.headers.keys())
    assert client.complete_oauth(**query).status_code == 200


# Back from Slack


@pytest.mark.parametrize(
    ("return_url", "reply", "expected"),
    [
        (RETURN_URL, access_reply(), f"{RETURN_URL}?status=installed"),
        (f"{RETURN_URL}?tab=slack", access_reply(), f"{RETURN_URL}?tab=slack&status=installed"),
        (f"{RETURN_URL}?", access_reply(), f"{RETURN_URL}?status=installed"),
        (RETURN_URL, BAD_SECRET, f"{RETURN_URL}?status=failed"),
        (
            f"{RETURN_URL}?status=failed&tab=a%26b&%69d=1&id&x",
            access_reply(),
            f"{RETURN_URL}?tab=a%26b&x&status=installed",
        ),
    ],
)
def test_the_browser_is_redirected_to_the_return_url(client, sectorflow, return_url, reply, expected):
    installation, response = client.install(sectorflow, reply=reply, returnUrl=return_url)

    assert response.status_code == 302
    assert response.headers["Location"] == f"{expected}&id={installation['id']}"


def test_a_reload_shows_the_result_again_for_ten_minutes(client, sectorflow):
    installation = client.register()
    state = client.start_oauth(installation)
    sectorflow.post(ACCESS_URL, json=access_reply())

    first, second = (client.complete_oauth(state=state, code=CODE) for _ in range(2))

    assert (first.status_code, second.status_code) == (200, 200)
    assert first.text == second.text
    assert [cookie_of(each)[1]["max-age"] for each in (first, second)] == ["600", "600"]
    assert len([call for call in sectorflow.calls if call.request.url == ACCESS_URL]) == 1


def test_two_consents_in_one_browser_do_not_disturb_each_other(client, sectorflow):
    cancelled, consented = (client.register() for _ in range(2))
    states = [client.start_oauth(each) for each in (cancelled, consented)]
    sectorflow.post(ACCESS_URL, json=access_reply())

    refusal = client.complete_oauth(state=states[0], error="access_denied")
    page = client.complete_oauth(state=states[1], code=CODE)

    assert (refusal.status_code, page.status_code) == (403, 200)
    assert client.show(consented["id"])["status"] == "installed"


def test_a_refusal_after_which_the_link_works_has_a_button_to_it(client, sectorflow):
    installation = client.register()

    page = client.complete_oauth(state=client.start_oauth(installation), error="access_denied")

    path = urlsplit(installation["installUrl"]).path
    assert f'<a class="button" href="{path}">Try again</a>' in page.text
    assert f"<code>cancelled {page.headers['X-Request-Id'][:8]}</code>" in page.text


@pytest.mark.parametrize("cookie", [None, "another-state", "é"])
def test_another_browser_can_neither_complete_nor_consume_a_state(app, sectorflow, cookie):
    browser, other = app.test_client(), app.test_client()
    state = browser.start_oauth(browser.register())
    sectorflow.post(ACCESS_URL, json=access_reply())
    if cookie is not None:
        other.set_cookie(cookie_name(state), cookie, path="/slack")

    page = other.complete_oauth(state=state, code=CODE)

    assert page.status_code == 400
    assert "<title>Please use one browser all the way " in page.text
    assert browser.complete_oauth(state=state, code=CODE).status_code == 200


@pytest.mark.parametrize("query", ["", "state=", "state=%FF%FE", "state[]=1", "state=a&state=b", "code=x"])
def test_a_redirect_without_a_state_is_a_page(client, query):
    response = client.get(f"/slack/oauth_redirect?{query}")

    assert (response.status_code, response.mimetype) == (400, "text/html")


@pytest.mark.parametrize(
    ("query", "reply", "status", "title", "failure"),
    [
        ({"error": "access_denied"}, {}, 403, "The app was not installed", None),
        ({"error": "invalid_scope"}, {}, 400, "Slack did not finish the install", None),
        ({}, {}, 400, "Slack did not finish the install", None),
        ({"code": CODE}, BAD_SECRET, 400, "Slack does not know this app", "bad_credentials"),
        ({"code": CODE}, {"ok": False, "error": "planted<b>"}, 503, "Slack does not answer just now", None),
        ({"code": CODE}, access_reply(app_id="A0OTHER"), 400, "Slack installed another app", "other_app"),
    ],
    ids=["cancelled", "another error", "no code", "secret", "odd error", "another app"],
)
def test_an_install_that_fails_ends_on_a_page(client, sectorflow, query, reply, status, title, failure):
    sectorflow.post(REVOKE_URL, json={"ok": True, "revoked": True})
    sectorflow.post(ACCESS_URL, json=reply)
    installation = client.register()

    page = client.complete_oauth(state=client.start_oauth(installation), **query)

    assert page.status_code == status
    assert f"<title>{title} " in page.text
    found = client.show(installation["id"])
    assert (found["status"], found["failure"]) == ("failed" if failure else "pending", failure)
    assert client.follow_link(installation).status_code == (404 if failure else 302)


@pytest.mark.parametrize("path", ["/slack/install/a-link", "/slack/oauth_redirect?state=s&code=c"])
def test_an_outage_of_redis_is_a_page(storeless_client, path):
    storeless_client.set_cookie(cookie_name("s"), "s", path="/slack")

    page = storeless_client.get(path)

    assert page.status_code == 503
    assert "<title>We are having trouble " in page.text
    assert '<a class="button" href="">Try again</a>' in page.text


# Secrets


def test_no_secret_is_in_a_page_a_log_or_the_return_url(client, sectorflow, caplog):
    caplog.set_level("DEBUG")
    installation, page = client.install_customers_app(sectorflow, returnUrl=RETURN_URL)
    responses = [
        page,
        client.complete_oauth(state="planted-state", code=CODE),
        client.follow_link(installation),
    ]
    reply = {"ok": False, "error": "invalid_code", "access_token": "xoxb-planted", "code": "planted-code"}
    responses.append(client.install(sectorflow, reply=reply)[1])

    text = caplog.text + "".join(response.text + json.dumps(dict(response.headers)) for response in responses)

    secrets = [API_TOKEN, BOT_TOKEN, CODE, CUSTOMERS_APP.client_secret, CUSTOMERS_APP.signing_secret]
    secrets += ["planted", installation["installUrl"].rpartition("/")[2]]
    assert [secret for secret in secrets if secret in text] == []
    assert "invalid_code" in caplog.text
