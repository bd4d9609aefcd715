from __future__ import annotations

import json
import time
from typing import Any
from urllib.parse import parse_qs

import pytest
import requests

from sectorflow_slack.clients.slack import SlackWebClient
from sectorflow_slack.clients.slack_calls import BUSY_ERRORS, RATE_ERRORS
from sectorflow_slack.clients.slack_replies import MAX_FAULT_LENGTH, MAX_FAULTS
from sectorflow_slack.domain.errors import ManifestRefused, SlackBusy, SlackError, SlackRefused
from sectorflow_slack.domain.installations import SlackApp
from tests.clients.local_server import LocalServer, free_port, raw, reply, says, silent

CONFIG_TOKEN = "xoxe.xoxp-1-config-token-that-nobody-may-see"
MANIFEST = {"display_information": {"name": "Acme Ä"}, "settings": {"org_deploy_enabled": False}}
MADE = {
    "ok": True,
    "app_id": "A0MADE",
    "credentials": {
        "client_id": "555.666",
        "client_secret": "made-client-secret",
        "verification_token": "made-verification-token",
        "signing_secret": "made-signing-secret",
    },
    "oauth_authorize_url": "https://slack.com/oauth/v2/authorize?client_id=555.666",
}


@pytest.fixture
def client(session: requests.Session, server: LocalServer) -> SlackWebClient:
    return SlackWebClient(session, base_url=server.url)


def failure(client: SlackWebClient, timeout: float = 5.0) -> SlackError:
    with pytest.raises(SlackError) as caught:
        client.create_app(CONFIG_TOKEN, MANIFEST, timeout)
    return caught.value


def faults_of(client: SlackWebClient, server: LocalServer, errors: Any) -> dict[str, Any]:
    server.answers(says({"ok": False, "error": "invalid_manifest", "errors": errors}))
    error = failure(client)
    assert isinstance(error, ManifestRefused)
    assert str(error) == error.code == "invalid_manifest"
    return dict(error.faults)


def test_an_app_is_made_of_a_manifest(client: SlackWebClient, server: LocalServer) -> None:
    server.answers(says({**MADE, "team_id": "T0ACME"}))

    app, team_id = client.create_app(CONFIG_TOKEN, MANIFEST, 5.0)

    (seen,) = server.seen
    assert (seen.method, seen.path) == ("POST", "/api/apps.manifest.create")
    assert seen.headers["Authorization"] == f"Bearer {CONFIG_TOKEN}"
    assert seen.headers["Content-Type"] == "application/x-www-form-urlencoded"
    (sent,) = parse_qs(seen.body.decode())["manifest"]
    assert json.loads(sent) == MANIFEST
    assert app == SlackApp("A0MADE", "555.666", "made-client-secret", "made-signing-secret")
    assert team_id == "T0ACME"
    assert "secret" not in repr(app).replace("client_secret", "").replace("signing_secret", "")


@pytest.mark.parametrize("team_id", [None, "", 7, {}])
def test_an_app_is_made_also_where_slack_does_not_say_for_which_team(
    client: SlackWebClient, server: LocalServer, team_id: Any
) -> None:
    server.answers(says({**MADE, "team_id": team_id}))

    assert client.create_app(CONFIG_TOKEN, MANIFEST, 5.0)[1] is None


@pytest.mark.parametrize(
    "changes",
    [
        {"app_id": None},
        {"app_id": "A0 MADE"},
        {"credentials": None},
        {"credentials": []},
        {"credentials": {**MADE["credentials"], "client_id": 7}},
        {"credentials": {**MADE["credentials"], "client_secret": ""}},
        {"credentials": {**MADE["credentials"], "signing_secret": "half\n"}},
    ],
)
def test_an_app_whose_credentials_are_not_there_leaves_us_in_doubt(
    client: SlackWebClient, server: LocalServer, changes: dict[str, Any]
) -> None:
    server.answers(says({**MADE, **changes}))

    assert in_doubt(failure(client)) == "unexpected_reply"


def test_slacks_faults_are_told_by_their_place_in_the_manifest(
    client: SlackWebClient, server: LocalServer
) -> None:
    errors = [
        {"message": "URL didn't respond.", "pointer": "/settings/event_subscriptions/request_url"},
        {"message": "Too long", "pointer": "/display_information/name", "code": "max_length"},
        {"message": "Not nice", "pointer": "/display_information/name"},
    ]

    faults = faults_of(client, server, errors)

    assert faults == {
        "/settings/event_subscriptions/request_url": ("URL didn't respond.",),
        "/display_information/name": ("Too long", "Not nice"),
    }


@pytest.mark.parametrize(
    ("errors", "faults"),
    [
        ([{"message": "No place"}], {"": ("No place",)}),
        ([{"message": "Odd place", "pointer": 7}], {"": ("Odd place",)}),
        ([{"code": "only_a_code", "pointer": "/a"}], {"/a": ("only_a_code",)}),
        ([{"message": " two\nlines ", "pointer": "/a"}], {"/a": ("two lines",)}),
        ([None, 7, "text", [], {}, {"message": None}, {"message": "one"}], {"": ("one",)}),
        ([{"message": "one", "manifest": MANIFEST, "token": CONFIG_TOKEN}], {"": ("one",)}),
        ([{"pointer": "/a"}], {"": ("invalid_manifest",)}),
        ([], {"": ("invalid_manifest",)}),
        (None, {"": ("invalid_manifest",)}),
        ({"message": "no list"}, {"": ("invalid_manifest",)}),
    ],
)
def test_faults_may_lack_anything_and_there_is_always_one(
    client: SlackWebClient, server: LocalServer, errors: Any, faults: dict[str, Any]
) -> None:
    assert faults_of(client, server, errors) == faults


def test_faults_are_no_more_and_no_longer_than_one_would_read(
    client: SlackWebClient, server: LocalServer
) -> None:
    errors = [{"message": "x" * 9_999, "pointer": f"/{n}/" + "y" * 9_999} for n in range(MAX_FAULTS + 9)]

    faults = faults_of(client, server, errors)

    assert len(faults) == MAX_FAULTS
    assert {len(message) for messages in faults.values() for message in messages} == {MAX_FAULT_LENGTH}
    assert {len(pointer) for pointer in faults} == {MAX_FAULT_LENGTH}


@pytest.mark.parametrize("token", [CONFIG_TOKEN, "xoxb-123-456-another", "xoxe-1-refresh"])
def test_faults_show_no_token(client: SlackWebClient, server: LocalServer, token: str) -> None:
    faults = faults_of(client, server, [{"message": f"bad: {token}!", "pointer": f"/{token}"}])

    assert token not in repr(faults)
    assert "bad: …" in repr(faults)


def test_any_refusal_with_faults_is_about_the_manifest(client: SlackWebClient, server: LocalServer) -> None:
    server.answers(
        says({"ok": False, "error": "invalid_app", "errors": [{"message": "no", "pointer": "/a"}]})
    )

    error = failure(client)

    assert isinstance(error, ManifestRefused)
    assert (error.code, error.faults) == ("invalid_app", {"/a": ("no",)})


@pytest.mark.parametrize("code", ["invalid_auth", "token_expired", "not_in_team", "invalid_arguments"])
def test_any_other_refusal_means_that_nothing_was_made(
    client: SlackWebClient, server: LocalServer, code: str
) -> None:
    server.answers(says({"ok": False, "error": code, "errors": []}))

    error = failure(client)

    assert (type(error), error.code) == (SlackRefused, code)


@pytest.mark.parametrize(
    ("header", "seconds"), [({"Retry_After": "30"}, 30.0), ({"Retry_After": "soon"}, 60.0), ({}, 60.0)]
)
def test_a_rate_limit_always_says_how_long_to_wait_for_nothing_was_made(
    client: SlackWebClient, server: LocalServer, header: dict[str, str], seconds: float
) -> None:
    server.answers(says({"ok": False, "error": "ratelimited"}, 429, **header))

    error = failure(client)

    assert (type(error), error.code, error.retry_after) == (SlackBusy, "ratelimited", seconds)


@pytest.mark.parametrize("code", sorted(RATE_ERRORS))
def test_a_rate_limit_may_come_with_any_status(
    client: SlackWebClient, server: LocalServer, code: str
) -> None:
    server.answers(says({"ok": False, "error": code}))

    error = failure(client)

    assert (type(error), error.code, error.retry_after) == (SlackBusy, code, 60.0)


def test_where_nobody_listens_nothing_was_made(session: requests.Session) -> None:
    error = failure(SlackWebClient(session, base_url=f"http://127.0.0.1:{free_port()}"))

    assert isinstance(error, SlackBusy)
    assert error.never_sent


LATE = ["failed_creating_app", "failed_adding_collaborator", *sorted(BUSY_ERRORS - RATE_ERRORS)]


@pytest.mark.parametrize("code", LATE)
def test_where_slack_failed_in_the_middle_nobody_knows(
    client: SlackWebClient, server: LocalServer, code: str
) -> None:
    server.answers(says({"ok": False, "error": code}))

    assert in_doubt(failure(client)) == code


@pytest.mark.parametrize(
    "answer",
    [
        reply(500, '{"ok": false, "error": "invalid_manifest"}'),
        reply(503, "away"),
        reply(200, "<html>"),
        reply(302, b"", Location="/elsewhere"),
        raw(b""),
        raw(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{"),
    ],
    ids=["broken", "away", "html", "moved", "hung up", "cut"],
)
def test_where_no_readable_answer_comes_nobody_knows(
    client: SlackWebClient, server: LocalServer, answer
) -> None:
    server.answers(answer)

    assert in_doubt(failure(client))
    assert len(server.seen) == 1


def test_slack_has_as_long_as_the_caller_says(client: SlackWebClient, server: LocalServer) -> None:
    server.answers(silent)
    started = time.monotonic()

    error = failure(client, timeout=0.3)

    assert in_doubt(error)
    assert 0.25 < time.monotonic() - started < 1.5


def test_an_app_is_deleted(client: SlackWebClient, server: LocalServer) -> None:
    server.answers(says({"ok": True}))

    client.delete_app(CONFIG_TOKEN, "A0MADE")

    (seen,) = server.seen
    assert (seen.path, seen.body) == ("/api/apps.manifest.delete", b"app_id=A0MADE")
    assert seen.headers["Authorization"] == f"Bearer {CONFIG_TOKEN}"


def test_an_app_that_slack_keeps_is_not_deleted(client: SlackWebClient, server: LocalServer) -> None:
    server.answers(says({"ok": False, "error": "no_permission"}))

    with pytest.raises(SlackRefused, match="no_permission"):
        client.delete_app(CONFIG_TOKEN, "A0MADE")


def in_doubt(error: SlackError) -> str:
    """Slack's word, where the error leaves it open whether an app was made."""
    assert type(error) is SlackBusy
    assert not error.never_sent
    assert error.retry_after is None
    return error.code
