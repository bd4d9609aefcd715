"""Whatever strangers, and people with a key or a secret, send: an answer, and never a 5xx."""

from __future__ import annotations

import json
from typing import Any

import pytest
import responses
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sectorflow_slack.services import Services
from tests.values import AUTHORIZED, encoded, install_request, make_event, make_installation, signed
from tests.web.flows import COOKIE, INSTALLATIONS, send

relaxed = settings(
    max_examples=60,
    deadline=None,
    # The client is the same for all examples; what one leaves in the store makes no other fail.
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)

anything = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(min_value=10**300, max_value=10**400)
    | st.floats()
    | st.text(st.characters(exclude_categories=()), max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
header_texts = st.text(
    st.characters(min_codepoint=0x20, max_codepoint=0xFF, exclude_characters="\x7f"), max_size=80
)
slack_headers = st.dictionaries(
    st.sampled_from(["X-Slack-Signature", "X-Slack-Request-Timestamp", "Content-Type", "X-Slack-Retry-Num"]),
    header_texts | st.integers().map(str),
)


def changed(original: dict[str, Any]) -> st.SearchStrategy[dict[str, Any]]:
    """``original`` with any of its values replaced by anything at all."""
    return st.dictionaries(st.sampled_from(sorted(original)), anything, min_size=1).map(
        lambda changes: {**original, **changes}
    )


@pytest.fixture
def installed(services: Services) -> None:
    services.events.installations.save(make_installation(), None, None)


@relaxed
@given(body=st.binary(max_size=300) | anything.map(encoded), headers=slack_headers)
def test_an_unsigned_event_is_refused_whatever_it_is(
    client: FlaskClient, body: bytes, headers: dict[str, str]
) -> None:
    response = send(client, body, headers)

    is_challenge = response.status_code == 200 and b"url_verification" in body
    assert response.status_code == 401 or is_challenge


@relaxed
@given(body=st.binary(max_size=300) | anything.map(encoded))
def test_signed_bytes_are_acknowledged_or_refused(client: FlaskClient, body: bytes) -> None:
    response = send(client, body)

    assert response.status_code in {200, 401}


@relaxed
@given(payload=changed(make_event(enterprise_id=None, is_ext_shared_channel=True)))
def test_a_signed_envelope_with_anything_in_it_is_acknowledged_or_refused(
    client: FlaskClient, installed: None, payload: dict[str, Any]
) -> None:
    response = send(client, encoded(payload))

    assert response.status_code in {200, 401}


@relaxed
@given(
    event=changed(
        make_event(
            {
                "subtype": None,
                "bot_id": None,
                "thread_ts": "1.2",
                "channel_type": "im",
                "tokens": {},
                "files": [],
            }
        )["event"]
    ),
    kind=st.sampled_from(["app_mention", "message", "app_uninstalled", "tokens_revoked"]),
)
def test_a_signed_event_with_anything_in_it_is_acknowledged_with_an_empty_body(
    client: FlaskClient, installed: None, event: dict[str, Any], kind: str
) -> None:
    response = send(client, encoded(make_event({"type": kind, **event})))

    assert (response.status_code, response.data) == (200, b"")


@relaxed
@given(authorization=anything)
def test_a_signed_event_with_any_authorization_is_acknowledged(
    client: FlaskClient, installed: None, authorization: object
) -> None:
    payload = make_event(authorizations=[authorization])

    response = send(client, encoded(payload))

    assert response.status_code == 200


@relaxed
@given(body=st.binary(max_size=300) | anything.map(encoded))
def test_any_body_with_a_key_is_refused_as_the_callers_fault(client: FlaskClient, body: bytes) -> None:
    headers = {**AUTHORIZED, "Content-Type": "application/json"}

    response = client.post(INSTALLATIONS, data=body, headers=headers)

    assert response.status_code in {400, 422}
    assert (response.json or {}).keys() >= {"code", "status", "message"}


@relaxed
@given(
    body=changed(
        install_request(
            display="tabs",
            customerId=None,
            allowExternalUsers=True,
            teamId=None,
            replaces=None,
            slackApp=None,
            returnUrl=None,
        )
    )
)
def test_a_request_with_anything_in_it_is_taken_or_refused_as_the_callers_fault(
    client: FlaskClient, sectorflow: responses.RequestsMock, body: dict[str, Any]
) -> None:
    headers = {**AUTHORIZED, "Content-Type": "application/json"}

    response = client.post(INSTALLATIONS, data=json.dumps(body), headers=headers)

    assert response.status_code in {201, 422}


@relaxed
@given(authorization=header_texts)
def test_no_guess_is_a_key(client: FlaskClient, authorization: str) -> None:
    response = client.post(
        INSTALLATIONS, json=install_request(), headers={"Authorization": f"Bearer {authorization}"}
    )

    assert response.status_code == 401


@relaxed
@given(
    query=st.dictionaries(
        st.sampled_from(["state", "code", "error", "x"]), st.text(st.characters(codec="utf-8"), max_size=60)
    ),
    cookie=st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=60),
)
def test_whatever_comes_back_from_slack_is_a_page(app: Flask, query: dict[str, str], cookie: str) -> None:
    client = app.test_client()
    client.set_cookie(COOKIE, cookie, path="/slack")

    response = client.get("/slack/oauth_redirect", query_string=query)

    assert response.status_code == 400
    assert response.mimetype == "text/html"


@relaxed
@given(
    raw=st.text(
        st.characters(min_codepoint=0x21, max_codepoint=0xFF, exclude_characters="\x7f"), max_size=120
    )
)
def test_no_cookie_breaks_a_page(app: Flask, raw: str) -> None:
    client = app.test_client(use_cookies=False)

    response = client.get("/slack/oauth_redirect?state=x", headers={"Cookie": raw})

    assert response.status_code == 400


@relaxed
@given(link=st.text(st.characters(codec="utf-8", exclude_characters="/?#"), min_size=1, max_size=80))
def test_no_guess_is_an_install_link(client: FlaskClient, link: str) -> None:
    response = client.get(f"/slack/install/{link}")

    assert response.status_code == 404


def test_a_signature_does_not_outlive_a_changed_byte(client: FlaskClient) -> None:
    body = encoded(make_event())
    headers = signed(body)

    statuses = {
        send(client, body[:place] + bytes([body[place] ^ 1]) + body[place + 1 :], headers).status_code
        for place in range(0, len(body), 7)
    }

    assert statuses == {401}
