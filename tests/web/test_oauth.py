"""The way to Slack's consent page and back to the platform, with what was asked for installed."""

from __future__ import annotations

from urllib.parse import parse_qsl, quote_plus, urlsplit

import pytest
import requests
import responses
from flask.testing import FlaskClient

from tests.values import API_TOKEN, BOT_TOKEN, CUSTOMERS_APP, OWN_APP, TEAM_ID, encoded, make_event, signed
from tests.web.flows import (
    ACCESS_URL,
    CODE,
    CUSTOMERS_APP_FIELDS,
    come_back,
    consent_reply,
    follow,
    install,
    install_customers_app,
    path_of,
    register,
    send,
    show,
)

RETURN_URL = "https://app.sectorflow.example/done"
SCOPES = "app_mentions:read,chat:write,im:history,chat:write.customize,assistant:write"


def test_the_link_leads_to_slacks_consent_page(
    client: FlaskClient, sectorflow: responses.RequestsMock
) -> None:
    installation = register(client, teamId=TEAM_ID)

    response = follow(client, installation)

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

    response = follow(client, installation)

    query = dict(parse_qsl(urlsplit(response.headers["Location"]).query))
    assert "team" not in query
    assert query["client_id"] == CUSTOMERS_APP.client_id


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


def test_an_org_wide_install_is_kept_under_the_enterprise(
    client: FlaskClient, sectorflow: responses.RequestsMock
) -> None:
    reply = consent_reply(
        team=None, enterprise={"id": "E0ACME", "name": "Acme Inc"}, is_enterprise_install=True
    )

    installation, page = install(client, sectorflow, reply=reply)

    assert page.status_code == 200
    assert show(client, installation["id"])["teamId"] == "E0ACME"


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
