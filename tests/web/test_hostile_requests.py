"""Generated requests from strangers, and from callers with a key or a secret: never a 5xx."""

import re
from uuid import UUID

from hypothesis import example, given, settings
from hypothesis import strategies as st

from sectorflow_slack.storage.installation_index import member_of
from sectorflow_slack.web.fields import CURSOR
from tests.values import encoded, install_request, make_block_action, make_event
from tests.web.flows import INSTALLATIONS, JSON, cookie_name
from tests.web.test_interactions import form
from tests.web.test_interactions import send as send_interaction

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
utf8 = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=60)
header_values = st.text(
    st.characters(min_codepoint=0x20, max_codepoint=0xFF, exclude_characters="\x7f"), max_size=80
)
slack_headers = st.dictionaries(
    st.sampled_from(["X-Slack-Signature", "X-Slack-Request-Timestamp", "Content-Type", "X-Slack-Retry-Num"]),
    header_values | st.integers().map(str),
)


def changed(original, *, without=()):
    """``original`` with any of its values, except those ``without``, replaced by anything."""
    changes = st.dictionaries(st.sampled_from(sorted(original.keys() - set(without))), anything, min_size=1)
    return changes.map(lambda changes: {**original, **changes})


# Slack's URLs


@generated
@given(body=bodies, headers=slack_headers)
def test_an_unsigned_event_is_refused(client, body, headers):
    response = client.send_event(body, headers)

    is_challenge = response.status_code == 200 and b"url_verification" in body
    assert response.status_code == 401 or is_challenge


@generated
@given(body=bodies, payload=anything)
def test_signed_bytes_are_acknowledged_or_refused(client, body, payload):
    assert client.send_event(body).status_code in {200, 401}
    assert send_interaction(client, body).status_code in {200, 401}
    assert send_interaction(client, form(payload)).status_code in {200, 401}


EVENT = {"subtype": None, "bot_id": None, "thread_ts": "1.2", "channel_type": "im", "tokens": {}, "files": []}


@generated
@given(
    event=changed(make_event(EVENT)["event"]),
    kind=st.sampled_from(["app_mention", "message", "app_uninstalled", "tokens_revoked"]),
    envelope=changed(make_event(), without=("api_app_id", "event", "type")),
)
def test_any_signed_event_is_acknowledged_with_an_empty_body(client, installed, event, kind, envelope):
    payload = {**envelope, "event": {"type": kind, **event}}

    response = client.send_event(encoded(payload))

    assert (response.status_code, response.data) == (200, b"")


@generated
@given(payload=changed(make_block_action("f" * 32), without=("api_app_id",)))
def test_any_signed_interaction_is_acknowledged(client, installed, payload):
    assert send_interaction(client, form(payload)).status_code == 200


# The install API


OPTIONAL = ("customerId", "teamId", "replaces", "slackApp", "returnUrl")


@generated
@given(body=changed(install_request(display="tabs", allowExternalUsers=True, **dict.fromkeys(OPTIONAL))))
def test_any_registration_is_201_or_422(client, sectorflow, body):
    response = client.post(INSTALLATIONS, data=encoded(body), headers=JSON)

    assert response.status_code in {201, 422}


@generated
@given(installation_id=st.uuids(), created=st.integers(0, 10**15 - 1))
@example(installation_id=UUID(int=0), created=0)
@example(installation_id=UUID(int=2**128 - 1), created=10**15 - 1)
def test_every_cursor_of_a_page_matches_the_documented_pattern(installation_id, created):
    assert re.fullmatch(CURSOR, member_of(str(installation_id), created / 1000))


@generated
@given(cursor=st.from_regex(CURSOR, fullmatch=True))
def test_every_documented_cursor_is_accepted(client, cursor):
    assert client.get_api(cursor=cursor).json == {"items": [], "nextCursor": None}


# Browsers


@generated
@given(
    query=st.dictionaries(st.sampled_from(["state", "code", "error", "x"]), utf8),
    cookie=header_values | header_values.map(lambda value: f"{cookie_name('x')}={value}"),
)
def test_any_redirect_from_slack_is_a_page(app, query, cookie):
    client = app.test_client(use_cookies=False)

    response = client.get("/slack/oauth_redirect", query_string=query, headers={"Cookie": cookie})

    assert (response.status_code, response.mimetype) == (400, "text/html")
