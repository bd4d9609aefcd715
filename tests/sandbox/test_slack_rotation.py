"""Tokens that end and are renewed."""

from __future__ import annotations

from typing import Any

import pytest
import requests

from sandbox.server import RunningSandbox
from sandbox.slack import seed
from sandbox.slack.config_tokens import SEEDED_TOKEN
from sandbox.slack.records import Install

HOUR = 3_600


@pytest.fixture
def rotating(running: RunningSandbox) -> Install:
    running.sandbox.world.apps[seed.SECTORFLOW_APP_ID].token_rotation = True
    return running.sandbox.world.installs.install(seed.SECTORFLOW_APP_ID, seed.TEAM_ID)


def renew(running: RunningSandbox, refresh_token: str | None) -> dict[str, Any]:
    client = (seed.SECTORFLOW_CLIENT_ID, seed.SECTORFLOW_CLIENT_SECRET)
    form = {"grant_type": "refresh_token", "refresh_token": refresh_token}
    answer: dict[str, Any] = requests.post(
        f"{running.base_url}/api/oauth.v2.access", data=form, auth=client
    ).json()
    return answer


def check(running: RunningSandbox, token: str) -> str:
    headers = {"Authorization": f"Bearer {token}"}
    return str(
        requests.post(f"{running.base_url}/api/auth.test", headers=headers).json().get("error", "good")
    )


def age(running: RunningSandbox, seconds: float, **rest: str) -> int:
    body = {"seconds": seconds, **rest}
    return requests.post(f"{running.base_url}/_control/age-tokens", json=body).status_code


def test_a_renewed_token_is_new_and_the_one_before_works_until_its_end(
    running: RunningSandbox, rotating: Install
) -> None:
    first, refresh = rotating.bot_token, rotating.refresh_token
    age(running, 6 * HOUR)

    new = renew(running, refresh)
    now = [check(running, token) for token in (first, new["access_token"])]
    age(running, 7 * HOUR)
    later = [check(running, token) for token in (first, new["access_token"])]

    assert new["access_token"] != first
    assert new["refresh_token"] != refresh
    assert new["expires_in"] == 12 * HOUR
    assert now == ["good", "good"]
    assert later == ["token_expired", "good"]


def test_a_refresh_token_works_once(running: RunningSandbox, rotating: Install) -> None:
    refresh = rotating.refresh_token
    new = renew(running, refresh)

    errors = [renew(running, token)["error"] for token in (refresh, "xoxe-1-unknown")]

    assert errors == ["invalid_refresh_token", "invalid_refresh_token"]
    assert renew(running, new["refresh_token"])["ok"] is True


def test_a_token_that_ended_can_still_be_renewed(running: RunningSandbox, rotating: Install) -> None:
    age(running, 13 * HOUR)

    ended = check(running, rotating.bot_token)
    new = renew(running, rotating.refresh_token)

    assert ended == "token_expired"
    assert check(running, new["access_token"]) == "good"


def test_installing_again_gives_a_token_that_lives(running: RunningSandbox, rotating: Install) -> None:
    age(running, 13 * HOUR)

    again = running.sandbox.world.installs.install(seed.SECTORFLOW_APP_ID, seed.TEAM_ID)

    assert check(running, again.bot_token) == "good"


def test_a_revoked_install_has_no_token_left(running: RunningSandbox, rotating: Install) -> None:
    first = rotating.bot_token
    new = renew(running, rotating.refresh_token)
    headers = {"Authorization": f"Bearer {new['access_token']}"}

    requests.post(f"{running.base_url}/api/auth.revoke", headers=headers)

    assert [check(running, token) for token in (first, new["access_token"])] == ["token_revoked"] * 2
    assert renew(running, new["refresh_token"])["error"] == "invalid_refresh_token"


def test_tokens_that_do_not_rotate_do_not_age(running: RunningSandbox, install: Install) -> None:
    assert age(running, HOUR) == 400
    assert check(running, install.bot_token) == "good"


def test_config_tokens_age_too(running: RunningSandbox) -> None:
    url, form = f"{running.base_url}/api/apps.manifest.validate", {"token": SEEDED_TOKEN, "manifest": "{}"}
    before = requests.post(url, data=form).json()["error"]

    age(running, 12 * HOUR, kind="config")

    assert (before, requests.post(url, data=form).json()["error"]) == ("invalid_manifest", "token_expired")
