"""Generated input of strangers, and of callers with a key or a secret: always an answer, never a 5xx."""

from __future__ import annotations

import re
from typing import Any
from uuid import UUID

import responses
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import example, given, settings
from hypothesis import strategies as st

from sectorflow_slack.domain.installations import Installation
from sectorflow_slack.storage.installation_index import member_of
from sectorflow_slack.web.fields import CURSOR
from tests.values import AUTHORIZED, encoded, install_request, make_event, make_press
from tests.web.flows import COOKIE, INSTALLATIONS, get, send
from tests.web.test_interactions import form
from tests.web.test_interactions import send as send_interaction

JSON = {**AUTHORIZED, "Content-Type": "application/json"}

generated = settings(max_examples=60)

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
bodies = st.binary(max_size=300) | anything.map(encoded)
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


# Slack's URLs


@generated
@given(body=bodies, headers=slack_headers)
def test_an_unsigned_event_is_refused(client: FlaskClient, body: bytes, headers: dict[str, str]) -> None:
    response = send(client, body, headers)

    is_challenge = response.status_code == 200 and b"url_verification" in body
    assert response.status_code == 401 or is_challenge


@generated
@given(body=bodies, payload=anything)
def test_signed_bytes_are_acknowledged_or_refused(client: FlaskClient, body: bytes, payload: object) -> None:
    assert send(client, body).status_code in {200, 401}
    assert send_interaction(client, body).status_code in {200, 401}
    assert send_interaction(client, form(payload)).status_code in {200, 401}


NEEDED = ("api_app_id", "event", "type")
EVENT = {"subtype": None, "bot_id": None, "thread_ts": "1.2", "channel_type": "im", "tokens": {}, "files": []}


@generated
@given(
    event=changed(make_event(EVENT)["event"]),
    kind=st.sampled_from(["app_mention", "message", "app_uninstalled", "tokens_revoked"]),
    envelope=changed({name: value for name, value in make_event().items() if name not in NEEDED}),
)
def test_a_signed_event_with_anything_in_it_is_acknowledged_with_an_empty_body(
    client: FlaskClient, installed: Installation, event: dict[str, Any], kind: str, envelope: dict[str, Any]
) -> None:
    response = send(client, encoded(make_event({"type": kind, **event}, **envelope)))

    assert (response.status_code, response.data) == (200, b"")


@generated
@given(
    payload=changed(
        {name: value for name, value in make_press("f" * 32).items() if name != "api_app_id"}
    ).map(lambda payload: make_press("f" * 32, **payload))
)
def test_a_signed_press_with_anything_in_it_is_acknowledged(
    client: FlaskClient, installed: Installation, payload: dict[str, Any]
) -> None:
    assert send_interaction(client, form(payload)).status_code == 200


# The install API


@generated
@given(authorization=header_texts)
def test_a_guessed_key_is_refused(client: FlaskClient, authorization: str) -> None:
    response = client.get(INSTALLATIONS, headers={"Authorization": f"Bearer {authorization}"})

    assert response.status_code == 401


@generated
@given(body=bodies)
def test_any_body_with_a_key_is_refused_as_the_callers_fault(client: FlaskClient, body: bytes) -> None:
    response = client.post(INSTALLATIONS, data=body, headers=JSON)

    assert response.status_code in {400, 422}
    assert (response.json or {}).keys() >= {"code", "status", "message"}


OPTIONAL = ("customerId", "teamId", "replaces", "slackApp", "returnUrl")


@generated
@given(body=changed(install_request(display="tabs", allowExternalUsers=True, **dict.fromkeys(OPTIONAL))))
def test_a_request_with_anything_in_it_is_taken_or_refused_as_the_callers_fault(
    client: FlaskClient, sectorflow: responses.RequestsMock, body: dict[str, Any]
) -> None:
    response = client.post(INSTALLATIONS, data=encoded(body), headers=JSON)

    assert response.status_code in {201, 422}


@generated
@given(installation_id=st.uuids(), created=st.integers(0, 10**15 - 1))
@example(installation_id=UUID(int=0), created=0)
@example(installation_id=UUID(int=2**128 - 1), created=10**15 - 1)
def test_every_cursor_that_a_page_can_have_is_documented(installation_id: UUID, created: int) -> None:
    assert re.fullmatch(CURSOR, member_of(str(installation_id), created / 1000))


@generated
@given(cursor=st.from_regex(CURSOR, fullmatch=True))
def test_every_documented_cursor_is_a_place_in_the_list(client: FlaskClient, cursor: str) -> None:
    assert get(client, cursor=cursor).json == {"items": [], "nextCursor": None}


# Browsers


@generated
@given(
    query=st.dictionaries(
        st.sampled_from(["state", "code", "error", "x"]), st.text(st.characters(codec="utf-8"), max_size=60)
    ),
    cookie=st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=60),
)
def test_coming_back_from_slack_with_anything_is_a_page(
    app: Flask, query: dict[str, str], cookie: str
) -> None:
    client = app.test_client()
    client.set_cookie(COOKIE, cookie, path="/slack")

    response = client.get("/slack/oauth_redirect", query_string=query)

    assert (response.status_code, response.mimetype) == (400, "text/html")


@generated
@given(
    raw=st.text(
        st.characters(min_codepoint=0x21, max_codepoint=0xFF, exclude_characters="\x7f"), max_size=120
    )
)
def test_no_cookie_breaks_a_page(app: Flask, raw: str) -> None:
    client = app.test_client(use_cookies=False)

    response = client.get("/slack/oauth_redirect?state=x", headers={"Cookie": raw})

    assert response.status_code == 400


@generated
@given(link=st.text(st.characters(codec="utf-8", exclude_characters="/?#"), min_size=1, max_size=80))
def test_a_guessed_install_link_is_404(client: FlaskClient, link: str) -> None:
    assert client.get(f"/slack/install/{link}").status_code == 404
