"""Consent, the exchange of its code, and tokens that expire and are renewed."""

from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

from sandbox.slack import seed
from sandbox.slack.records import Install
from tests.sandbox.helpers import Box, Json

CLIENT = (seed.SECTORFLOW_CLIENT_ID, seed.SECTORFLOW_CLIENT_SECRET)
HOUR = 3_600


def query_of(box: Box, **asked: str) -> dict[str, str]:
    redirect = {"redirect_uri": box.app.redirect_urls[0]}
    return (
        {"client_id": CLIENT[0], "scope": "chat:write,app_mentions:read", "state": "s&1"} | redirect | asked
    )


def page(box: Box, **asked: str) -> requests.Response:
    return requests.get(f"{box.url}/oauth/v2/authorize", params=query_of(box, **asked))


def consent(box: Box, decision: str = "allow", **asked: str) -> dict[str, list[str]]:
    """Decide as a user would, and return the query of the app's redirect URL."""
    form = query_of(box, decision=decision, **asked)
    answer = requests.post(f"{box.url}/oauth/v2/authorize", data=form, allow_redirects=False)
    assert answer.status_code == 302
    assert answer.headers["Location"].startswith(form["redirect_uri"])
    return parse_qs(urlsplit(answer.headers["Location"]).query)


def exchange(box: Box, client: tuple[str, str] = CLIENT, **fields: Any) -> Json:
    form = {"redirect_uri": box.app.redirect_urls[0], **fields}
    answer: Json = requests.post(f"{box.url}/api/oauth.v2.access", data=form, auth=client).json()
    return answer


def renew(box: Box, refresh_token: str | None) -> Json:
    return exchange(box, grant_type="refresh_token", refresh_token=refresh_token)


def check(box: Box, *tokens: str) -> list[str]:
    """Return auth.test's error for each token, or "good"."""
    headers = [{"Authorization": f"Bearer {token}"} for token in tokens]
    answers = [requests.post(f"{box.url}/api/auth.test", headers=each).json() for each in headers]
    return [str(each.get("error", "good")) for each in answers]


def test_a_consent_gives_a_code_that_gives_a_token_once(box):
    query = consent(box)
    first, second = (exchange(box, code=query["code"][0]) for _ in range(2))
    again = exchange(box, code=consent(box)["code"][0])

    fields = "ok access_token token_type scope bot_user_id app_id team enterprise authed_user"
    assert query["state"] == ["s&1"]
    assert first.keys() == {*fields.split(), "is_enterprise_install"}
    assert first["team"] == {"id": seed.TEAM_ID, "name": "Acme"}
    assert second == {"ok": False, "error": "code_already_used"}
    assert again["access_token"] == first["access_token"]
    assert consent(box, "cancel") == {"error": ["access_denied"], "state": ["s&1"]}


def test_each_invalid_exchange_has_slacks_error(box):
    code = consent(box)["code"][0]

    errors = [
        exchange(box, ("1.2", "x"), code=code)["error"],
        exchange(box, (CLIENT[0], "x"), code=code)["error"],
        requests.post(f"{box.url}/api/oauth.v2.access", json={"code": code}).json()["error"],
        exchange(box, code=code, redirect_uri="https://example.com/")["error"],
    ]
    box.running.sandbox.codes._clock = lambda: box.world.clock() + 601
    errors.append(exchange(box, code=code)["error"])

    expected = "invalid_client_id bad_client_secret invalid_arguments bad_redirect_uri invalid_code"
    assert errors == expected.split()


@pytest.mark.parametrize(
    ("asked", "error"),
    [
        ({"client_id": "1.2"}, "invalid_client_id"),
        ({"redirect_uri": "https://evil.example/"}, "bad_redirect_uri"),
        ({"scope": "no:such"}, "invalid_scope"),
        ({"client_id": seed.CUSTOMER_CLIENT_ID, "team": "T0X"}, "invalid_team_for_non_distributed_app"),
    ],
)
def test_an_invalid_authorize_request_is_a_page_with_slacks_error(box, asked, error):
    answer = page(box, **asked)

    assert answer.status_code == 400
    assert error in answer.text


@pytest.mark.parametrize("org_deploy", [True, False])
def test_an_organisation_consents_for_all_its_workspaces_if_the_app_allows_it(box, org_deploy):
    box.app.org_deploy = org_deploy
    east = box.control("team", name="east", enterprise_id="E0ACMEORG01")["team"]

    answer = exchange(box, code=consent(box, chosen_team=east, org_wide="1")["code"][0])

    asked = page(box, state='"><script>')
    assert ("org_wide" in asked.text, "<script" in asked.text) == (org_deploy, False)
    assert (answer["team"] is None, answer["is_enterprise_install"]) == (org_deploy, org_deploy)
    assert answer["enterprise"]["id"] == "E0ACMEORG01"


@pytest.fixture
def rotating(box) -> Install:
    box.app.token_rotation = True
    return box.world.installs.install(seed.SECTORFLOW_APP_ID, seed.TEAM_ID)


def test_a_renewed_token_is_new_and_the_previous_one_works_until_it_expires(box, rotating):
    first, refresh = rotating.bot_token, rotating.refresh_token
    box.control("age-tokens", seconds=6 * HOUR)

    new = renew(box, refresh)
    now = check(box, first, new["access_token"])
    box.control("age-tokens", seconds=7 * HOUR)
    later = check(box, first, new["access_token"])

    assert first != new["access_token"]
    assert refresh != new["refresh_token"]
    assert new["expires_in"] == 12 * HOUR
    assert (now, later) == (["good", "good"], ["token_expired", "good"])


def test_a_refresh_token_works_once_and_after_its_access_token_expired(box, rotating):
    refresh = rotating.refresh_token
    box.control("age-tokens", seconds=13 * HOUR)
    expired = check(box, rotating.bot_token)

    new = renew(box, refresh)

    errors = [renew(box, token)["error"] for token in (refresh, "xoxe-1-unknown")]
    assert [*expired, *check(box, new["access_token"])] == ["token_expired", "good"]
    assert errors == ["invalid_refresh_token", "invalid_refresh_token"]
    assert renew(box, new["refresh_token"])["ok"] is True


def test_a_revoked_install_has_no_valid_token_and_a_new_one_has(box, rotating):
    first = rotating.bot_token
    new = renew(box, rotating.refresh_token)
    box.client(new["access_token"]).auth_revoke()

    errors = [*check(box, first, new["access_token"]), renew(box, new["refresh_token"])["error"]]
    again = box.world.installs.install(seed.SECTORFLOW_APP_ID, seed.TEAM_ID)

    assert errors == ["token_revoked", "token_revoked", "invalid_refresh_token"]
    assert check(box, again.bot_token) == ["good"]
