"""The events URL: Slack's challenge, acknowledged events and refused ones."""

import pytest

from sectorflow_slack.domain import metrics
from sectorflow_slack.domain.slack import EVENTS_PATH
from tests.storage.conftest import dump
from tests.values import BOT_USER_ID, OWN_APP, encoded, make_event, signed
from tests.web.flows import waiting

CHALLENGE = "3eZbrw1aBm2rZgRNFdxV2595E9CY3gmdALWMmHkvFXO7tYXAYM8P"


def challenge(value):
    """The request that Slack sends to verify an events URL (docs.slack.dev, url_verification)."""
    return encoded({"token": "deprecated", "challenge": value, "type": "url_verification"})


@pytest.mark.parametrize("value", [CHALLENGE, "x", "x" * 512, "a b~!", "<script>"])
def test_slacks_challenge_is_echoed_with_or_without_a_signature(client, value):
    body = challenge(value)

    for response in (client.send_event(body), client.send_event(body, {})):
        assert (response.status_code, response.text) == (200, value)
        assert response.headers["Content-Type"] == "text/plain; charset=utf-8"
        assert response.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize(
    "value",
    ["", "x" * 513, "a\nb", "a\r\nSet-Cookie: x", "\x00", "\x7f", "é", "\ud800", None, 7, [], {}, True],
)
def test_an_odd_challenge_is_refused(client, value):
    body = challenge(value)

    for response in (client.send_event(body), client.send_event(body, {})):
        assert (response.status_code, response.data) == (401, b"")


def test_a_challenge_is_answered_while_redis_is_down(storeless_client):
    response = storeless_client.send_event(challenge(CHALLENGE), {})

    assert (response.status_code, response.text) == (200, CHALLENGE)


def test_a_question_is_acknowledged_once_it_is_stored_and_a_retry_stores_no_second_one(
    client, store, installed
):
    body = encoded(make_event())
    retry = {"X-Slack-Retry-Num": "1", "X-Slack-Retry-Reason": "http_timeout"}

    for headers in (signed(body), {**signed(body), **retry}):
        response = client.send_event(body, headers)

        assert (response.status_code, response.data) == (200, b"")
        assert waiting(store) == 1


def test_slashes_that_a_proxy_doubles_at_the_start_do_not_count(client, store, installed):
    body = encoded(make_event())

    response = client.post(
        data=body, headers=signed(body), environ_overrides={"PATH_INFO": f"/{EVENTS_PATH}"}
    )

    assert (response.status_code, response.data) == (200, b"")
    assert waiting(store) == 1


def test_the_time_to_acknowledge_an_event_is_measured(client, services, installed):
    client.send_signed_event(make_event()).close()
    client.send_event(encoded(make_event()), {}).close()

    assert services.read_metrics().histograms[metrics.ACKNOWLEDGE_SECONDS].count == 1


@pytest.mark.parametrize(
    "payload",
    [make_event({"bot_id": "B0BOT"}), {**make_event(), "event": []}, {"api_app_id": OWN_APP.app_id}],
)
def test_any_other_signed_event_is_acknowledged_without_a_question(client, store, installed, payload):
    response = client.send_signed_event(payload)

    assert (response.status_code, response.data) == (200, b"")
    assert waiting(store) == 0


@pytest.mark.parametrize(
    "body",
    [
        *(b"", b"{", b"[]", b"\xff\xfe", b'{"api_app_id": "\xff"}', encoded([make_event()])),
        *(encoded(make_event()).decode().encode("utf-16"), encoded(make_event())[:-1], b"[" * 100_000),
        b'{"api_app_id": "A0OWN", "event": ' + b"[" * 100_000,
        b'{"api_app_id": "A0OWN", "event_time": ' + b"1" * 5_000 + b"}",
    ],
    ids=range(11),
)
def test_an_unreadable_body_is_refused_signed_or_not(client, body):
    responses = [
        client.send_event(body),
        client.send_event(body, {}),
        client.send_event(body, signed(body, "wrong")),
    ]

    assert [(response.status_code, response.data) for response in responses] == [(401, b"")] * 3


@pytest.mark.parametrize("app_id", [OWN_APP.app_id, "A0ANOTHER"])
def test_while_redis_is_down_a_question_is_503_so_that_slack_retries(storeless_client, app_id):
    assert storeless_client.send_signed_event(make_event(api_app_id=app_id)).status_code == 503


def test_no_question_is_in_a_log_or_readable_in_redis(client, store, installed, caplog):
    caplog.set_level("DEBUG")

    client.send_signed_event(make_event({"text": f"<@{BOT_USER_ID}> planted question"}))

    assert waiting(store) == 1
    assert "planted" not in caplog.text + str(dump(store))


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "PUT", "DELETE"])
def test_the_events_url_accepts_posts_only(client, method):
    response = client.open(EVENTS_PATH, method=method)

    assert (response.status_code, response.headers["Allow"]) == (405, "POST")
    assert response.headers["X-Content-Type-Options"] == "nosniff"


def test_an_unexpected_error_is_500_without_its_text(client, services, installed, monkeypatch, caplog):
    def fail(*_):
        raise RuntimeError("planted")

    monkeypatch.setattr(type(services.events), "accept", fail)
    client.application.testing = False

    response = client.send_event(
        encoded(make_event()), {**signed(encoded(make_event())), "X-Request-Id": "id-1"}
    )

    assert (response.status_code, response.json["code"], response.headers["X-Request-Id"]) == (
        500,
        500,
        "id-1",
    )
    (record,) = (each for each in caplog.records if each.message == "request failed")
    assert (record.endpoint, record.method, record.request_id) == ("events", "POST", "id-1")
    assert "planted" not in response.text


def test_a_response_names_the_request(client, installed):
    body = encoded(make_event())

    response = client.send_event(body, {**signed(body), "X-Request-Id": "id-1"})

    assert (response.status_code, response.headers["X-Request-Id"]) == (200, "id-1")
