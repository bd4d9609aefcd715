from __future__ import annotations

from typing import Any

import pytest
import redis
import responses
from flask.testing import FlaskClient

from sectorflow_slack.domain import metrics
from sectorflow_slack.domain.installations import Installation
from sectorflow_slack.services import Services
from tests.storage.conftest import dump
from tests.values import BOT_USER_ID, OWN_APP, FixedClock, encoded, make_event, signed
from tests.web.flows import get_one, install, send, send_signed, waiting

CHALLENGE = "3eZbrw1aBm2rZgRNFdxV2595E9CY3gmdALWMmHkvFXO7tYXAYM8P"


def challenge(value: Any) -> bytes:
    """The request that Slack sends before an events URL is used (docs.slack.dev, url_verification)."""
    return encoded({"token": "deprecated", "challenge": value, "type": "url_verification"})


@pytest.mark.parametrize("value", [CHALLENGE, "x", "x" * 512, "a b~!", "<script>"])
def test_slacks_challenge_is_answered_with_or_without_a_signature(client: FlaskClient, value: str) -> None:
    body = challenge(value)

    for response in (send(client, body), send(client, body, {})):
        assert (response.status_code, response.text) == (200, value)
        assert response.headers["Content-Type"] == "text/plain; charset=utf-8"
        assert response.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize(
    "value",
    ["", "x" * 513, "a\nb", "a\r\nSet-Cookie: x", "\x00", "\x7f", "é", "\ud800", None, 7, [], {}, True],
)
def test_an_odd_challenge_is_not_echoed(client: FlaskClient, value: object) -> None:
    body = challenge(value)

    for response in (send(client, body), send(client, body, {})):
        assert (response.status_code, response.data) == (401, b"")


def test_a_challenge_is_answered_also_while_the_store_is_away(storeless_client: FlaskClient) -> None:
    response = send(storeless_client, challenge(CHALLENGE), {})

    assert (response.status_code, response.text) == (200, CHALLENGE)


def test_a_question_is_acknowledged_with_an_empty_body_once_it_is_stored(
    client: FlaskClient, store: redis.Redis, installed: Installation
) -> None:
    response = send_signed(client, make_event())

    assert (response.status_code, response.data) == (200, b"")
    assert waiting(store) == 1


def test_how_long_an_acknowledgement_took_is_measured(
    client: FlaskClient, services: Services, installed: Installation
) -> None:
    send_signed(client, make_event()).close()
    send(client, encoded(make_event()), {}).close()

    assert services.read_metrics().histograms[metrics.ACKNOWLEDGE_SECONDS].count == 1


def test_a_repeat_is_acknowledged_and_asked_once(
    client: FlaskClient, store: redis.Redis, installed: Installation
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
        make_event({"bot_id": "B0BOT"}),
        make_event(team_id="T0NOBODY", authorizations=[]),
        make_event(type="app_rate_limited", minute_rate_limited=1),
        {**make_event(), "event": []},
        {"api_app_id": OWN_APP.app_id},
    ],
    ids=["another event", "a bot", "another team", "another envelope", "no event", "nothing"],
)
def test_anything_else_that_is_signed_is_acknowledged_and_asks_nothing(
    client: FlaskClient, store: redis.Redis, installed: Installation, payload: dict[str, Any]
) -> None:
    response = send_signed(client, payload)

    assert (response.status_code, response.data) == (200, b"")
    assert waiting(store) == 0


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"\xff\xfe",
        b'{"api_app_id": "\xff"}',
        encoded([make_event()]),
        encoded(make_event()).decode().encode("utf-16"),
        b"[" * 100_000,
        b'{"api_app_id": "A0OWN", "event": ' + b"[" * 100_000,
        b'{"api_app_id": "A0OWN", "event_time": ' + b"1" * 5_000 + b"}",
        encoded(make_event())[:-1],
    ],
    ids=range(11),
)
def test_an_unreadable_body_is_refused_signed_or_not(client: FlaskClient, body: bytes) -> None:
    answers = [send(client, body), send(client, body, {}), send(client, body, signed(body, "wrong"))]

    assert [(answer.status_code, answer.data) for answer in answers] == [(401, b"")] * 3


@pytest.mark.parametrize("kind", ["app_uninstalled", "tokens_revoked"])
def test_an_app_that_is_removed_is_forgotten(
    client: FlaskClient, sectorflow: responses.RequestsMock, clock: FixedClock, kind: str
) -> None:
    installation, _ = install(client, sectorflow)
    event = make_event({"type": kind, "tokens": {"bot": [BOT_USER_ID]}}, event_time=int(clock.now) + 1)

    response = send_signed(client, event)

    assert response.status_code == 200
    assert get_one(client, installation["id"]).status_code == 404


def test_a_question_is_refused_while_the_store_is_away_so_that_slack_sends_it_again(
    storeless_client: FlaskClient,
) -> None:
    statuses = [
        send_signed(storeless_client, make_event(api_app_id=app_id)).status_code
        for app_id in (OWN_APP.app_id, "A0ANOTHER")
    ]

    assert statuses == [503, 503]


def test_no_question_is_in_a_log_or_readable_in_the_store(
    client: FlaskClient, store: redis.Redis, installed: Installation, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")

    send_signed(client, make_event({"text": f"<@{BOT_USER_ID}> planted question"}))

    assert waiting(store) == 1
    assert "planted" not in caplog.text + str(dump(store))
