"""Consent and the exchange of its code."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

from sandbox.server import RunningSandbox
from sandbox.slack import seed
from tests.sandbox.conftest import Receiver

ASK = {"client_id": seed.SECTORFLOW_CLIENT_ID, "scope": "chat:write,app_mentions:read", "state": "s&1"}


def consent(running: RunningSandbox, decision: str, **asked: str) -> dict[str, list[str]]:
    """Decide as a person would and give the query the app gets."""
    form = {**ASK, "redirect_uri": redirect_of(running), "decision": decision, **asked}
    answer = requests.post(f"{running.base_url}/oauth/v2/authorize", data=form, allow_redirects=False)
    assert answer.status_code == 302
    assert answer.headers["Location"].startswith(form["redirect_uri"])
    return parse_qs(urlsplit(answer.headers["Location"]).query)


def redirect_of(running: RunningSandbox) -> str:
    return running.sandbox.world.apps[seed.SECTORFLOW_APP_ID].redirect_urls[0]


def exchange(running: RunningSandbox, **fields: str) -> dict[str, Any]:
    client = (seed.SECTORFLOW_CLIENT_ID, seed.SECTORFLOW_CLIENT_SECRET)
    form = {"redirect_uri": redirect_of(running), **fields}
    url = f"{running.base_url}/api/oauth.v2.access"
    answer: dict[str, Any] = requests.post(url, data=form, auth=client).json()
    return answer


def test_a_consent_gives_a_code_that_gives_a_token_once(running: RunningSandbox) -> None:
    query = consent(running, "allow")
    code = query["code"][0]

    first, second = exchange(running, code=code), exchange(running, code=code)

    assert query["state"] == ["s&1"]
    assert first.keys() == {
        "ok",
        "access_token",
        "token_type",
        "scope",
        "bot_user_id",
        "app_id",
        "team",
        "enterprise",
        "is_enterprise_install",
        "authed_user",
    }
    assert first["team"] == {"id": seed.TEAM_ID, "name": "Acme"}
    assert second == {"ok": False, "error": "code_already_used"}


def test_installing_again_gives_the_same_token(running: RunningSandbox) -> None:
    tokens = [exchange(running, code=consent(running, "allow")["code"][0])["access_token"] for _ in range(2)]

    assert tokens[0] == tokens[1]


def test_a_cancelled_consent_says_so(running: RunningSandbox) -> None:
    assert consent(running, "cancel") == {"error": ["access_denied"], "state": ["s&1"]}


def test_a_code_is_bound_to_its_redirect_and_its_ten_minutes(running: RunningSandbox) -> None:
    code = consent(running, "allow")["code"][0]

    other = exchange(running, code=code, redirect_uri="https://example.com/")
    running.sandbox.codes._clock = lambda: running.sandbox.world.clock() + 601
    late = exchange(running, code=code)

    assert other["error"] == "bad_redirect_uri"
    assert late["error"] == "invalid_code"


def test_wrong_client_credentials_are_refused_by_name(running: RunningSandbox) -> None:
    url = f"{running.base_url}/api/oauth.v2.access"
    wrong = [("1.2", "x"), (seed.SECTORFLOW_CLIENT_ID, "x")]

    errors = [requests.post(url, data={"code": "c"}, auth=client).json()["error"] for client in wrong]

    assert errors == ["invalid_client_id", "bad_client_secret"]


def test_json_is_not_taken_for_the_exchange(running: RunningSandbox) -> None:
    answer = requests.post(f"{running.base_url}/api/oauth.v2.access", json={"code": "c"}).json()

    assert answer["error"] == "invalid_arguments"


@pytest.mark.parametrize(
    ("asked", "error"),
    [
        ({"client_id": "1.2"}, "invalid_client_id"),
        ({"redirect_uri": "https://evil.example/"}, "bad_redirect_uri"),
        ({"scope": "no:such"}, "invalid_scope"),
        (
            {"client_id": seed.CUSTOMER_CLIENT_ID, "team": "T0OTHER0001"},
            "invalid_team_for_non_distributed_app",
        ),
    ],
)
def test_a_wrong_request_for_consent_is_a_page_with_slacks_error(
    running: RunningSandbox, asked: dict[str, str], error: str
) -> None:
    query = {**ASK, "redirect_uri": redirect_of(running), **asked}

    answer = requests.get(f"{running.base_url}/oauth/v2/authorize", params=query)

    assert answer.status_code == 400
    assert error in answer.text


def test_the_consent_page_has_no_script_and_a_strict_policy(running: RunningSandbox) -> None:
    query = {**ASK, "redirect_uri": f"{redirect_of(running)}/below", "state": '"><script>'}

    answer = requests.get(f"{running.base_url}/oauth/v2/authorize", params=query)

    assert answer.status_code == 200
    assert "<script" not in answer.text
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]


def test_rotating_tokens_are_renewed_once(running: RunningSandbox, receiver: Receiver) -> None:
    running.sandbox.world.apps[seed.SECTORFLOW_APP_ID].token_rotation = True
    first = exchange(running, code=consent(running, "allow")["code"][0])
    renew = {"grant_type": "refresh_token", "refresh_token": first["refresh_token"]}

    second, third = exchange(running, **renew), exchange(running, **renew)

    assert first["expires_in"] == 43_200
    assert second["access_token"] != first["access_token"]
    assert third["error"] == "invalid_refresh_token"


def test_slack_says_that_it_is_there_to_everybody(running: RunningSandbox) -> None:
    answer = requests.post(f"{running.base_url}/api/api.test", data={"foo": "bar"})

    assert answer.json() == {"ok": True, "args": {"foo": "bar"}}
    assert answer.headers["Date"]
