"""Slack's signature: of the app that the body names, over the raw body, at most five minutes old."""

import dataclasses

import pytest
from werkzeug.test import EnvironBuilder
from werkzeug.wrappers import Request

from sectorflow_slack.web.guards import signed_payload
from tests.losing import lose
from tests.values import CUSTOMERS_APP, NOW, OWN_APP, encoded, make_event, signed
from tests.web.flows import CUSTOMERS_APP_FIELDS

BODY = encoded(make_event())
GARBLED = ["", " ", "v0=", "0", "-1", "NaN", "1e9", "inf", "9" * 5_000, "v1=abc", "é", "\xff", "x" * 9_000]

#: The example of docs.slack.dev, verifying requests from Slack.
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
def test_slacks_published_example_verifies(client_with, monkeypatch, body, signature, expected):
    monkeypatch.setattr("slack_sdk.signature.Clock.now", lambda _: PUBLISHED_TIME)
    own_app = dataclasses.replace(OWN_APP, signing_secret=PUBLISHED_SECRET)
    services = client_with(slack_app=own_app).application.extensions["sectorflow_slack"]
    headers = {"X-Slack-Request-Timestamp": str(PUBLISHED_TIME), "X-Slack-Signature": signature}

    def payload(_body):
        return encoded({"api_app_id": OWN_APP.app_id})

    request = Request(EnvironBuilder(method="POST", data=body, headers=headers).get_environ())
    assert (signed_payload(request, services.events, payload) is not None) is expected


def test_a_signature_is_valid_for_five_minutes_in_both_directions(client, monkeypatch):
    monkeypatch.setattr("slack_sdk.signature.Clock.now", lambda _: NOW)

    statuses = {
        seconds: client.send_event(BODY, signed(BODY, at=NOW + seconds)).status_code
        for seconds in (-86_400, -301, -300, 0, 300, 301, 86_400)
    }

    assert statuses == {-86_400: 401, -301: 401, -300: 200, 0: 200, 300: 200, 301: 401, 86_400: 401}


@pytest.mark.parametrize("name", ["X-Slack-Signature", "X-Slack-Request-Timestamp"])
def test_a_missing_or_garbled_header_is_refused(client, name):
    valid = signed(BODY)
    value = valid.pop(name)

    assert client.send_event(BODY, valid).status_code == 401
    for garbled in (*GARBLED, value.upper() + "0", value[3:], f"v1{value[2:]}"):
        assert client.send_event(BODY, {**valid, name: garbled}).status_code == 401
    if value.startswith("v0="):
        assert client.send_event(BODY, {**valid, name: value.upper()}).status_code == 401


def test_the_signature_covers_the_raw_bytes_of_the_body(client):
    compact = BODY.replace(b", ", b",")
    form = {**signed(BODY), "Content-Type": "application/x-www-form-urlencoded"}

    assert client.send_event(compact, signed(BODY)).status_code == 401
    assert client.send_event(compact, signed(compact)).status_code == 200
    assert client.send_event(BODY, form).status_code == 200


# The secret of the app


def test_the_secret_of_one_app_does_not_verify_the_events_of_another(client, sectorflow):
    client.install_customers_app(sectorflow)
    apps = (OWN_APP, CUSTOMERS_APP)

    accepted = {
        (app.app_id, signer.app_id)
        for app in apps
        for signer in apps
        if client.send_signed_event(make_event(api_app_id=app.app_id), signer.signing_secret).status_code
        == 200
    }

    assert accepted == {(app.app_id, app.app_id) for app in apps}


def test_a_new_signing_secret_replaces_the_old_one_with_the_first_event_that_it_signs(client, sectorflow):
    older, _ = client.install_customers_app(sectorflow)
    renewed = {**CUSTOMERS_APP_FIELDS, "signingSecret": "the-new-signing-secret"}
    client.install_customers_app(sectorflow, slackApp=renewed, replaces=older["id"])
    event = make_event(api_app_id=CUSTOMERS_APP.app_id)
    old, new = CUSTOMERS_APP.signing_secret, "the-new-signing-secret"

    statuses = [client.send_signed_event(event, secret).status_code for secret in (old, new, old, new)]

    assert statuses == [200, 200, 401, 200]


def test_an_event_is_503_while_no_encryption_key_opens_the_signing_secret(client, sectorflow, store):
    client.install_customers_app(sectorflow)
    app, event = f"app:{CUSTOMERS_APP.app_id}", make_event(api_app_id=CUSTOMERS_APP.app_id)
    readable = store.hgetall(app)
    lose(store, app, "signing_secret")
    while_lost = client.send_signed_event(event, CUSTOMERS_APP.signing_secret)

    store.hset(app, mapping=readable)

    assert while_lost.status_code == 503
    assert client.send_signed_event(event, CUSTOMERS_APP.signing_secret).status_code == 200


@pytest.mark.parametrize(
    "app_id",
    [
        *("A0UNKNOWN", "a0own", "A0OWN\n", "A0OWN:T0", "A" * 100, "A0\u0661", "../A0OWN", "\ud800"),
        *(None, "", 7, [], {}),
    ],
)
def test_an_unknown_or_odd_app_is_refused_with_any_signature(client, app_id):
    for secret in ("", "0" * 32, OWN_APP.signing_secret):
        assert client.send_signed_event(make_event(api_app_id=app_id), secret).status_code == 401


# Refusals


def test_every_refusal_is_the_same_response(client):
    responses = [
        client.send_signed_event(make_event(api_app_id="A0UNKNOWN")),
        client.send_signed_event(make_event(), "another-secret"),
        client.send_event(BODY, {}),
        client.send_event(b"unreadable"),
        client.send_event(b'{"type": "url_verification"}'),
    ]

    for response in responses:
        del response.headers["X-Request-Id"]  # each has its own
    assert len({(response.status, response.data, str(response.headers)) for response in responses}) == 1
    assert (responses[0].status_code, responses[0].data) == (401, b"")


def test_a_refused_event_logs_no_signature_and_no_body(client, caplog):
    caplog.set_level("DEBUG")
    body = encoded(make_event({"text": "planted question"}))

    client.send_event(body, {**signed(body), "X-Slack-Signature": "v0=planted"})
    client.send_event(body)

    assert "planted" not in caplog.text
    assert signed(body)["X-Slack-Signature"] not in caplog.text
