from __future__ import annotations

import dataclasses

import pytest
import responses
from flask import Flask
from flask.testing import FlaskClient

from sectorflow_slack.app import create_app
from sectorflow_slack.config import Settings
from sectorflow_slack.domain.installations import SlackApp
from sectorflow_slack.services import Services
from sectorflow_slack.web.signature import verified_app_id
from tests.values import CUSTOMERS_APP, NOW, OWN_APP, encoded, make_event, signed
from tests.web.flows import CUSTOMERS_APP_FIELDS, install_customers_app, send, send_signed

BODY = encoded(make_event())

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


@pytest.fixture
def slacks_time(monkeypatch: pytest.MonkeyPatch) -> float:
    """The moment at which signatures are checked."""
    monkeypatch.setattr("slack_sdk.signature.Clock.now", lambda _: NOW)
    return NOW


@pytest.fixture
def published_app(settings: Settings, services: Services, monkeypatch: pytest.MonkeyPatch) -> Flask:
    """A service with the secret of Slack's published example, at the example's time."""
    monkeypatch.setattr("slack_sdk.signature.Clock.now", lambda _: PUBLISHED_TIME)
    events = dataclasses.replace(services.events, apps=_OneApp(PUBLISHED_SECRET))
    return create_app(settings, dataclasses.replace(services, events=events))


@dataclasses.dataclass
class _OneApp:
    """An app store that knows one signing secret for every app."""

    secret: str

    def find(self, app_id: str) -> SlackApp | None:
        return None

    def signing_secrets(self, app_id: str) -> tuple[str, ...]:
        return (self.secret,)

    def adopt_signing_secret(self, app_id: str, secret: str) -> None:
        raise AssertionError("the only secret is in force already")


@pytest.mark.parametrize(
    ("body", "signature", "expected"),
    [
        (PUBLISHED_BODY, PUBLISHED_SIGNATURE, OWN_APP.app_id),
        (PUBLISHED_BODY + b" ", PUBLISHED_SIGNATURE, None),
        (PUBLISHED_BODY, PUBLISHED_SIGNATURE[:-1] + "4", None),
    ],
)
def test_slacks_published_example_verifies_and_nothing_near_it(
    published_app: Flask, body: bytes, signature: str, expected: str | None
) -> None:
    headers = {"X-Slack-Request-Timestamp": str(PUBLISHED_TIME), "X-Slack-Signature": signature}

    with published_app.test_request_context(method="POST", data=body, headers=headers):
        found = verified_app_id(OWN_APP.app_id)

    assert found == expected


@pytest.mark.parametrize(("seconds", "status"), [(0, 200), (299, 200), (300, 200), (301, 401), (86_400, 401)])
@pytest.mark.parametrize("direction", [-1, 1])
def test_a_signature_is_good_for_five_minutes_in_both_directions(
    client: FlaskClient, slacks_time: float, seconds: int, status: int, direction: int
) -> None:
    headers = signed(BODY, at=slacks_time + direction * seconds)

    response = send(client, BODY, headers)

    assert response.status_code == status


@pytest.mark.parametrize("name", ["X-Slack-Signature", "X-Slack-Request-Timestamp"])
@pytest.mark.parametrize(
    "value",
    [
        None,
        "",
        " ",
        "v0=",
        "0",
        "-1",
        "NaN",
        "1e9",
        "inf",
        "9" * 400,
        "9" * 5_000,
        "v1=abc",
        "é",
        "\xff",
        "x" * 9_000,
    ],
)
def test_a_missing_or_garbled_header_is_refused(client: FlaskClient, name: str, value: str | None) -> None:
    headers = signed(BODY)
    del headers[name]
    if value is not None:
        headers[name] = value

    response = send(client, BODY, headers)

    assert response.status_code == 401


@pytest.mark.parametrize("change", [str.upper, lambda s: s[3:], lambda s: s + "0", lambda s: "v1" + s[2:]])
def test_a_signature_in_another_form_is_refused(client: FlaskClient, change: object) -> None:
    headers = signed(BODY)
    assert callable(change)
    headers["X-Slack-Signature"] = change(headers["X-Slack-Signature"])

    response = send(client, BODY, headers)

    assert response.status_code == 401


def test_the_signature_is_over_the_very_bytes(client: FlaskClient) -> None:
    other_bytes = BODY.replace(b", ", b",")

    statuses = [send(client, other_bytes, signed(body)).status_code for body in (BODY, other_bytes)]

    assert statuses == [401, 200]


def test_a_form_is_signed_over_its_raw_body(client: FlaskClient) -> None:
    headers = {**signed(BODY), "Content-Type": "application/x-www-form-urlencoded"}

    response = send(client, BODY, headers)

    assert response.status_code == 200


def test_one_apps_secret_signs_nothing_of_another(
    client: FlaskClient, sectorflow: responses.RequestsMock
) -> None:
    install_customers_app(client, sectorflow)
    apps = (OWN_APP, CUSTOMERS_APP)

    statuses = {
        (app.app_id, signer.app_id): send_signed(
            client, make_event(api_app_id=app.app_id, event_id="Ev1"), signer.signing_secret
        ).status_code
        for app in apps
        for signer in apps
    }

    assert statuses == {
        (OWN_APP.app_id, OWN_APP.app_id): 200,
        (OWN_APP.app_id, CUSTOMERS_APP.app_id): 401,
        (CUSTOMERS_APP.app_id, OWN_APP.app_id): 401,
        (CUSTOMERS_APP.app_id, CUSTOMERS_APP.app_id): 200,
    }


@pytest.mark.parametrize("secret", ["", "0" * 32, OWN_APP.signing_secret])
def test_an_app_that_nobody_knows_is_refused_whatever_it_is_signed_with(
    client: FlaskClient, secret: str
) -> None:
    response = send_signed(client, make_event(api_app_id="A0NOBODY"), secret)

    assert response.status_code == 401


def test_an_unknown_app_and_a_bad_signature_get_the_same_answer(client: FlaskClient) -> None:
    answers = [
        send_signed(client, make_event(api_app_id="A0NOBODY")),
        send_signed(client, make_event(), "another-secret"),
        send(client, BODY, {}),
        send(client, b"unreadable"),
        send(client, b'{"type": "url_verification"}'),
    ]

    seen = {(answer.status, answer.data, str(answer.headers)) for answer in answers}
    assert len(seen) == 1
    assert answers[0].data == b""


@pytest.mark.parametrize(
    "app_id",
    [None, "", 7, [], {}, "a0own", "A0OWN\n", "A0OWN:T0", "A" * 100, "A0\u0661", "../A0OWN", "\ud800"],
)
def test_what_is_no_app_id_is_refused(client: FlaskClient, app_id: object) -> None:
    response = send_signed(client, make_event(api_app_id=app_id))

    assert response.status_code == 401


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


def test_a_refused_event_logs_no_signature_and_no_body(
    client: FlaskClient, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    body = encoded(make_event({"text": "planted question"}))
    headers = {**signed(body), "X-Slack-Signature": "v0=planted"}

    send(client, body, headers)
    send(client, body)

    assert "planted" not in caplog.text
    assert signed(body)["X-Slack-Signature"] not in caplog.text
