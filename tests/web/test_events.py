from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest
import redis
import responses
from flask.testing import FlaskClient

from sectorflow_slack.services import Services
from tests.values import (
    AUTHORIZED,
    BOT_USER_ID,
    CUSTOMERS_APP,
    OWN_APP,
    TEAM_ID,
    FixedClock,
    encoded,
    make_event,
    make_installation,
    signed,
)
from tests.web.flows import INSTALLATIONS, install, send, send_signed

CHALLENGE = "3eZbrw1aBm2rZgRNFdxV2595E9CY3gmdALWMmHkvFXO7tYXAYM8P"


def challenge(value: Any) -> bytes:
    """What Slack sends before an events URL is used (docs.slack.dev, url_verification)."""
    return encoded({"token": "deprecated", "challenge": value, "type": "url_verification"})


@pytest.fixture
def installed(services: Services) -> None:
    services.events.installations.save(make_installation(), None, None)


def waiting(store: redis.Redis) -> int:
    """How many questions wait for a worker."""
    return int(store.llen(f"waiting:{OWN_APP.app_id}:{TEAM_ID}"))


@pytest.mark.parametrize("is_signed", [True, False])
@pytest.mark.parametrize("value", [CHALLENGE, "x", "x" * 512, "a b~!", "<script>"])
def test_slacks_challenge_is_answered_with_or_without_a_signature(
    client: FlaskClient, value: str, is_signed: bool
) -> None:
    body = challenge(value)

    response = send(client, body, signed(body) if is_signed else {})

    assert (response.status_code, response.text) == (200, value)
    assert response.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert response.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize("is_signed", [True, False])
@pytest.mark.parametrize(
    "value",
    ["", "x" * 513, "a\nb", "a\r\nSet-Cookie: x", "\x00", "\x7f", "é", "\ud800", None, 7, [], {}, True],
)
def test_no_odd_challenge_is_echoed(client: FlaskClient, value: object, is_signed: bool) -> None:
    body = challenge(value)

    response = send(client, body, signed(body) if is_signed else {})

    assert (response.status_code, response.data) == (401, b"")


def test_a_challenge_is_answered_also_while_the_store_is_away(storeless_client: FlaskClient) -> None:
    response = send(storeless_client, challenge(CHALLENGE), {})

    assert (response.status_code, response.text) == (200, CHALLENGE)


def test_a_question_is_acknowledged_with_an_empty_body_once_it_is_stored(
    client: FlaskClient, store: redis.Redis, installed: None
) -> None:
    response = send_signed(client, make_event())

    assert (response.status_code, response.data) == (200, b"")
    assert waiting(store) == 1


def test_a_repeat_is_acknowledged_and_asked_once(
    client: FlaskClient, store: redis.Redis, installed: None
) -> None:
    body = encoded(make_event())
    retry = {"X-Slack-Retry-Num": "1", "X-Slack-Retry-Reason": "http_timeout"}

    answers = [send(client, body), send(client, body, {**signed(body), **retry})]

    assert [(answer.status_code, answer.data) for answer in answers] == [(200, b""), (200, b"")]
    assert waiting(store) == 1


@pytest.mark.parametrize(
    "payload",
    [
        make_event({"type": "reaction_added"}),
        make_event({"type": "app_home_opened"}),
        make_event({"bot_id": "B0BOT"}),
        make_event({"user": BOT_USER_ID}),
        make_event({"edited": {"user": "U0ANN", "ts": "1.2"}}),
        make_event({"type": "message", "channel_type": "channel"}),
        make_event({"type": "message", "channel_type": "im", "subtype": "message_changed"}),
        make_event({"subtype": "channel_join"}),
        make_event({"type": None, "user": None, "channel": [], "ts": {}}),
        make_event({"user": 7}),
        make_event(team_id="T0NOBODY", authorizations=[]),
        make_event(authorizations="odd", team_id=None),
        make_event(type="app_rate_limited", minute_rate_limited=1),
        make_event(type="something_new"),
        make_event(event_id=None),
        make_event(event_id=7),
        {**make_event(), "event": []},
        {**make_event(), "event": None},
        {"api_app_id": OWN_APP.app_id},
    ],
)
def test_anything_else_that_is_signed_is_acknowledged_and_asked_nobody(
    client: FlaskClient, store: redis.Redis, installed: None, payload: dict[str, Any]
) -> None:
    response = send_signed(client, payload)

    assert (response.status_code, response.data) == (200, b"")
    assert waiting(store) == 0


@pytest.mark.parametrize("value", [10**400, -(10**400), 10**18, -1, 1e308, True, "1", None, [], {}])
@pytest.mark.parametrize("kind", ["app_mention", "app_uninstalled", "tokens_revoked"])
def test_an_odd_time_does_no_harm(client: FlaskClient, installed: None, kind: str, value: object) -> None:
    response = send_signed(client, make_event({"type": kind}, event_time=value))

    assert response.status_code == 200


@pytest.mark.parametrize("name", ["event_id", "team_id"])
def test_half_a_character_in_the_envelope_does_no_harm(
    client: FlaskClient, installed: None, name: str
) -> None:
    response = send_signed(client, make_event(**{name: "x\ud800"}))

    assert response.status_code == 200


@pytest.mark.parametrize("name", ["text", "user", "channel", "ts", "thread_ts", "type"])
def test_half_a_character_in_the_event_does_no_harm(client: FlaskClient, installed: None, name: str) -> None:
    response = send_signed(client, make_event({name: "x\ud800"}))

    assert response.status_code == 200


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b'"text"',
        b"7",
        b"null",
        b"NaN",
        b"\xff\xfe",
        b'{"api_app_id": "\xff"}',
        encoded([make_event()]),
        encoded(make_event()).decode().encode("utf-16"),
        b"[" * 100_000,
        b'{"api_app_id": "A0OWN", "event": ' + b"[" * 100_000,
        b'{"api_app_id": "A0OWN", "event_time": ' + b"1" * 5_000 + b"}",
        b'{"api_app_id": 1e400}',
        encoded(make_event())[:-1],
    ],
)
def test_what_cannot_be_read_is_refused_signed_or_not(client: FlaskClient, body: bytes) -> None:
    answers = [send(client, body), send(client, body, {}), send(client, body, signed(body, "wrong"))]

    assert [(answer.status_code, answer.data) for answer in answers] == [(401, b"")] * 3


def test_an_infinite_number_does_no_harm(client: FlaskClient, installed: None) -> None:
    body = encoded(make_event()).replace(b'"event_time": 1800000000', b'"event_time": 1e400')
    assert b"1e400" in body

    response = send(client, body)

    assert response.status_code == 200


@pytest.mark.parametrize("kind", ["app_uninstalled", "tokens_revoked"])
def test_an_app_that_is_removed_is_forgotten(
    client: FlaskClient, sectorflow: responses.RequestsMock, clock: FixedClock, kind: str
) -> None:
    installation, _ = install(client, sectorflow)
    body = make_event({"type": kind, "tokens": {"bot": [BOT_USER_ID]}}, event_time=int(clock.now) + 1)

    response = send_signed(client, body)

    assert response.status_code == 200
    assert client.get(f"{INSTALLATIONS}/{installation['id']}", headers=AUTHORIZED).status_code == 404


def test_a_question_is_refused_while_the_store_is_away_so_that_slack_sends_it_again(
    storeless_client: FlaskClient,
) -> None:
    began = time.monotonic()

    answers = [
        send_signed(storeless_client, make_event()),
        send_signed(storeless_client, make_event(api_app_id=CUSTOMERS_APP.app_id), "any"),
    ]

    assert [answer.status_code for answer in answers] == [503, 503]
    assert time.monotonic() - began < 2 * 3  # Slack waits 3 s for each


def test_no_question_is_in_a_log_or_readable_in_the_store(
    client: FlaskClient, store: redis.Redis, installed: None, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")

    send_signed(client, make_event({"text": f"<@{BOT_USER_ID}> planted question"}))

    assert waiting(store) == 1
    assert "planted" not in caplog.text
    assert "planted" not in "".join(_dump(store))


def _dump(store: redis.Redis) -> Iterator[str]:
    for key in store.scan_iter():
        yield str(key)
        readers = {"string": store.get, "hash": store.hgetall, "set": store.smembers}
        if reader := readers.get(str(store.type(key))):
            yield str(reader(key))
