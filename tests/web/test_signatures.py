"""The guard of Slack's requests: signed by the app that they name, over the raw body, within five minutes."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import pytest
import redis
import responses
from flask.testing import FlaskClient

from sectorflow_slack.web.guards import is_signed_by_slack
from tests.losing import lose
from tests.values import CUSTOMERS_APP, NOW, OWN_APP, encoded, make_event, signed
from tests.web.flows import CUSTOMERS_APP_FIELDS, install_customers_app, send, send_signed

BODY = encoded(make_event())
GARBLED = ["", " ", "v0=", "0", "-1", "NaN", "1e9", "inf", "9" * 5_000, "v1=abc", "é", "\xff", "x" * 9_000]

#: docs.slack.dev, verifying requests from Slack: the example with its secret, time and signature.
PUBLISHED_SECRET = "8f742231b10e8888abcd99yyyzzz85a5"
PUBLISHED_TIME = 1531420618
PUBLISHED_BODY = (
    b"token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V"
    b"&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text="
    b"&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN"
    b"&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c"
)
PUBLISHED_SIGNATURE = "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503"


@pytest.mark.parametrize(
    ("body", "signature", "expected"),
    [
        (PUBLISHED_BODY, PUBLISHED_SIGNATURE, True),
        (PUBLISHED_BODY + b" ", PUBLISHED_SIGNATURE, False),
        (PUBLISHED_BODY, PUBLISHED_SIGNATURE[:-1] + "4", False),
    ],
    ids=["published", "another body", "another signature"],
)
def test_slacks_published_example_verifies_and_nothing_near_it(
    client_with: Callable[..., FlaskClient],
    monkeypatch: pytest.MonkeyPatch,
    body: bytes,
    signature: str,
    expected: bool,
) -> None:
    monkeypatch.setattr("slack_sdk.signature.Clock.now", lambda _: PUBLISHED_TIME)
    app = client_with(slack_app=dataclasses.replace(OWN_APP, signing_secret=PUBLISHED_SECRET)).application
    headers = {"X-Slack-Request-Timestamp": str(PUBLISHED_TIME), "X-Slack-Signature": signature}

    with app.test_request_context(method="POST", data=body, headers=headers):
        verified = is_signed_by_slack({"api_app_id": OWN_APP.app_id})

    assert verified is expected


def test_a_signature_is_good_for_five_minutes_in_both_directions(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("slack_sdk.signature.Clock.now", lambda _: NOW)

    statuses = {
        seconds: send(client, BODY, signed(BODY, at=NOW + seconds)).status_code
        for seconds in (-86_400, -301, -300, 0, 300, 301, 86_400)
    }

    assert statuses == {-86_400: 401, -301: 401, -300: 200, 0: 200, 300: 200, 301: 401, 86_400: 401}


@pytest.mark.parametrize("name", ["X-Slack-Signature", "X-Slack-Request-Timestamp"])
def test_a_missing_or_garbled_header_is_refused(client: FlaskClient, name: str) -> None:
    good = signed(BODY)
    without = {header: value for header, value in good.items() if header != name}

    statuses = [send(client, BODY, {**good, name: value}).status_code for value in GARBLED]

    assert send(client, BODY, without).status_code == 401
    assert statuses == [401] * len(GARBLED)


def test_a_signature_in_another_form_is_refused(client: FlaskClient) -> None:
    good = signed(BODY)
    signature = good["X-Slack-Signature"]
    others = (signature.upper(), signature[3:], f"{signature}0", f"v1{signature[2:]}")

    statuses = [send(client, BODY, {**good, "X-Slack-Signature": other}).status_code for other in others]

    assert statuses == [401] * 4


def test_the_signature_covers_the_raw_bytes_of_the_body(client: FlaskClient) -> None:
    compact = BODY.replace(b", ", b",")
    form = {**signed(BODY), "Content-Type": "application/x-www-form-urlencoded"}

    statuses = [
        send(client, compact, signed(BODY)).status_code,
        send(client, compact, signed(compact)).status_code,
        send(client, BODY, form).status_code,
    ]

    assert statuses == [401, 200, 200]


# Whose secret counts


def test_the_secret_of_one_app_signs_nothing_of_another(
    client: FlaskClient, sectorflow: responses.RequestsMock
) -> None:
    install_customers_app(client, sectorflow)
    apps = (OWN_APP, CUSTOMERS_APP)

    accepted = {
        (app.app_id, signer.app_id)
        for app in apps
        for signer in apps
        if send_signed(client, make_event(api_app_id=app.app_id), signer.signing_secret).status_code == 200
    }

    assert accepted == {(app.app_id, app.app_id) for app in apps}


def test_a_new_signing_secret_takes_over_with_the_first_event_that_it_signs(
    client: FlaskClient, sectorflow: responses.RequestsMock
) -> None:
    older, _ = install_customers_app(client, sectorflow)
    renewed = {**CUSTOMERS_APP_FIELDS, "signingSecret": "the-new-signing-secret"}
    install_customers_app(client, sectorflow, slackApp=renewed, replaces=older["id"])
    event = make_event(api_app_id=CUSTOMERS_APP.app_id)
    old, new = CUSTOMERS_APP.signing_secret, "the-new-signing-secret"

    statuses = [send_signed(client, event, secret).status_code for secret in (old, new, old, new)]

    assert statuses == [200, 200, 401, 200]


def test_an_event_waits_while_no_encryption_key_opens_the_signing_secret(
    client: FlaskClient, sectorflow: responses.RequestsMock, store: redis.Redis
) -> None:
    install_customers_app(client, sectorflow)
    app, event = f"app:{CUSTOMERS_APP.app_id}", make_event(api_app_id=CUSTOMERS_APP.app_id)
    readable = store.hgetall(app)
    lose(store, app, "signing_secret")
    while_lost = send_signed(client, event, CUSTOMERS_APP.signing_secret)

    store.hset(app, mapping=readable)

    assert while_lost.status_code == 503
    assert send_signed(client, event, CUSTOMERS_APP.signing_secret).status_code == 200


@pytest.mark.parametrize("secret", ["", "0" * 32, OWN_APP.signing_secret])
def test_an_unknown_app_is_refused_whatever_its_event_is_signed_with(
    client: FlaskClient, secret: str
) -> None:
    assert send_signed(client, make_event(api_app_id="A0NOBODY"), secret).status_code == 401


@pytest.mark.parametrize(
    "app_id",
    [None, "", 7, [], {}, "a0own", "A0OWN\n", "A0OWN:T0", "A" * 100, "A0\u0661", "../A0OWN", "\ud800"],
)
def test_a_value_that_is_not_an_app_id_is_refused(client: FlaskClient, app_id: object) -> None:
    assert send_signed(client, make_event(api_app_id=app_id)).status_code == 401


# Refusals


def test_every_refusal_is_the_same_answer(client: FlaskClient) -> None:
    answers = [
        send_signed(client, make_event(api_app_id="A0NOBODY")),
        send_signed(client, make_event(), "another-secret"),
        send(client, BODY, {}),
        send(client, b"unreadable"),
        send(client, b'{"type": "url_verification"}'),
    ]

    assert len({(answer.status, answer.data, str(answer.headers)) for answer in answers}) == 1
    assert (answers[0].status_code, answers[0].data) == (401, b"")


def test_a_refused_event_logs_no_signature_and_no_body(
    client: FlaskClient, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    body = encoded(make_event({"text": "planted question"}))

    send(client, body, {**signed(body), "X-Slack-Signature": "v0=planted"})
    send(client, body)

    assert "planted" not in caplog.text
    assert signed(body)["X-Slack-Signature"] not in caplog.text
