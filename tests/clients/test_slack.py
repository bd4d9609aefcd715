from __future__ import annotations

import base64
import json
import logging
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sectorflow_slack.clients import slack as slack_module
from sectorflow_slack.clients.slack import BUSY_ERRORS, MESSAGE_ERRORS, SlackWebClient
from sectorflow_slack.domain.errors import SlackBusy, SlackError, SlackRefused, SlackRefusedMessage
from sectorflow_slack.domain.models import Address, BotInstall, Message
from sectorflow_slack.domain.slack import SCOPES
from tests.clients.local_server import LocalServer, free_port, raw, reply, silent
from tests.values import BOT_TOKEN, CUSTOMERS_APP

BLOCKS = ({"type": "section", "text": {"type": "plain_text", "text": "Höhe"}},)
MESSAGE = Message("the fallback", BLOCKS)
CHANNEL = Address("C0GENERAL")
REDIRECT_URI = "https://slack.example.com/slack/oauth_redirect"
INSTALLED = {
    "ok": True,
    "app_id": "A0CUSTOMER",
    "access_token": BOT_TOKEN,
    "token_type": "bot",
    "scope": ",".join(SCOPES),
    "bot_user_id": "U0BOT",
    "team": {"id": "T0ACME", "name": "Acme"},
    "enterprise": None,
    "is_enterprise_install": False,
    "authed_user": {"id": "U0ANN"},
}


@pytest.fixture
def client(session: requests.Session, server: LocalServer) -> SlackWebClient:
    return SlackWebClient(session, base_url=server.url)


def says(payload: Any, status: int = 200, **headers: str):
    return reply(status, json.dumps(payload), Content_Type="application/json", **headers)


def test_the_consent_page_is_asked_for_what_the_app_needs(client: SlackWebClient) -> None:
    url = client.authorize_url(CUSTOMERS_APP, "st&te=1", REDIRECT_URI, "T0ACME")

    parts = urlsplit(url)
    assert parts.path == "/oauth/v2/authorize"
    assert parse_qs(parts.query) == {
        "client_id": [CUSTOMERS_APP.client_id],
        "scope": [",".join(SCOPES)],
        "redirect_uri": [REDIRECT_URI],
        "state": ["st&te=1"],
        "team": ["T0ACME"],
    }


def test_the_consent_page_lets_a_person_choose_the_team_where_none_is_named(client: SlackWebClient) -> None:
    url = client.authorize_url(CUSTOMERS_APP, "state", REDIRECT_URI, None)

    assert "team" not in parse_qs(urlsplit(url).query)


def test_a_message_is_posted_with_its_blocks_and_without_link_previews(
    client: SlackWebClient, server: LocalServer
) -> None:
    server.answers(says({"ok": True, "ts": "1700000001.000100"}))

    ts = client.post(BOT_TOKEN, CHANNEL, MESSAGE)

    assert ts == "1700000001.000100"
    (seen,) = server.seen
    assert (seen.method, seen.path) == ("POST", "/api/chat.postMessage")
    assert seen.headers["Authorization"] == f"Bearer {BOT_TOKEN}"
    assert seen.headers["Content-Type"].startswith("application/json")
    assert json.loads(seen.body) == {
        "channel": "C0GENERAL",
        "text": "the fallback",
        "blocks": list(BLOCKS),
        "unfurl_links": False,
        "unfurl_media": False,
    }


def test_a_message_goes_into_a_thread_under_the_name_it_is_given(
    client: SlackWebClient, server: LocalServer
) -> None:
    server.answers(says({"ok": True, "ts": "1.2"}))

    client.post(BOT_TOKEN, Address("C0GENERAL", "1.0", "Acme Assistant"), Message("words"))

    assert json.loads(server.seen[0].body) == {
        "channel": "C0GENERAL",
        "text": "words",
        "thread_ts": "1.0",
        "username": "Acme Assistant",
        "unfurl_links": False,
        "unfurl_media": False,
    }


def test_many_messages_use_one_connection(client: SlackWebClient, server: LocalServer) -> None:
    server.answers(says({"ok": True, "ts": "1.2"}))

    for _ in range(3):
        client.post(BOT_TOKEN, CHANNEL, MESSAGE)

    assert len(server.connections) == 1


def test_another_message_is_put_in_the_place_of_ours(client: SlackWebClient, server: LocalServer) -> None:
    server.answers(says({"ok": True, "ts": "1.2"}))

    client.update(BOT_TOKEN, "C0GENERAL", "1.2", MESSAGE)

    (seen,) = server.seen
    assert (seen.method, seen.path) == ("POST", "/api/chat.update")
    assert seen.headers["Authorization"] == f"Bearer {BOT_TOKEN}"
    assert json.loads(seen.body) == {
        "channel": "C0GENERAL",
        "ts": "1.2",
        "text": "the fallback",
        "blocks": list(BLOCKS),
    }


@pytest.mark.parametrize("code", ["message_not_found", "cant_update_message", "edit_window_closed"])
def test_a_message_that_cannot_be_replaced_is_refused_by_slacks_word(
    client: SlackWebClient, server: LocalServer, code: str
) -> None:
    server.answers(says({"ok": False, "error": code}))

    with pytest.raises(SlackRefused, match=code):
        client.update(BOT_TOKEN, "C0GENERAL", "1.2", MESSAGE)


def test_a_token_is_taken_back(client: SlackWebClient, server: LocalServer) -> None:
    server.answers(says({"ok": True, "revoked": True}))

    client.revoke(BOT_TOKEN)

    (seen,) = server.seen
    assert seen.path == "/api/auth.revoke"
    assert seen.headers["Authorization"] == f"Bearer {BOT_TOKEN}"


def test_a_code_is_exchanged_as_a_form_with_the_secret_in_the_header_only(
    client: SlackWebClient, server: LocalServer
) -> None:
    server.answers(says(INSTALLED))

    bot = client.exchange_code(CUSTOMERS_APP, "the-code", REDIRECT_URI)

    (seen,) = server.seen
    basic = base64.b64encode(f"{CUSTOMERS_APP.client_id}:{CUSTOMERS_APP.client_secret}".encode()).decode()
    assert seen.path == "/api/oauth.v2.access"
    assert seen.headers["Authorization"] == f"Basic {basic}"
    assert seen.headers["Content-Type"] == "application/x-www-form-urlencoded"
    assert parse_qs(seen.body.decode()) == {"code": ["the-code"], "redirect_uri": [REDIRECT_URI]}
    assert bot == BotInstall("A0CUSTOMER", BOT_TOKEN, "U0BOT", "T0ACME", "Acme")


@pytest.mark.parametrize("flag", [True, "true"])
def test_an_org_wide_install_is_kept_under_its_enterprise(
    client: SlackWebClient, server: LocalServer, flag: Any
) -> None:
    org = {"team": None, "enterprise": {"id": "E0ORG", "name": "Org"}, "is_enterprise_install": flag}
    server.answers(says({**INSTALLED, **org}))

    bot = client.exchange_code(CUSTOMERS_APP, "the-code", REDIRECT_URI)

    assert (bot.team_id, bot.tenant_id, bot.team_name) == (None, "E0ORG", "Org")


def test_a_team_of_an_org_is_kept_under_the_team(client: SlackWebClient, server: LocalServer) -> None:
    server.answers(says({**INSTALLED, "enterprise": {"id": "E0ORG", "name": "Org"}}))

    bot = client.exchange_code(CUSTOMERS_APP, "the-code", REDIRECT_URI)

    assert (bot.tenant_id, bot.enterprise_id, bot.team_name) == ("T0ACME", "E0ORG", "Acme")


@pytest.mark.parametrize("field", ["app_id", "access_token", "bot_user_id", "team"])
@pytest.mark.parametrize("value", [None, "", 7, [], {}, {"id": 7}])
def test_an_install_that_lacks_what_it_must_have_is_refused(
    client: SlackWebClient, server: LocalServer, field: str, value: Any
) -> None:
    server.answers(says({**INSTALLED, field: value}))

    with pytest.raises(SlackRefused, match="unexpected_reply"):
        client.exchange_code(CUSTOMERS_APP, "the-code", REDIRECT_URI)


def test_an_org_wide_install_without_its_org_is_refused(client: SlackWebClient, server: LocalServer) -> None:
    server.answers(says({**INSTALLED, "is_enterprise_install": True}))

    with pytest.raises(SlackRefused, match="unexpected_reply"):
        client.exchange_code(CUSTOMERS_APP, "the-code", REDIRECT_URI)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda each: st.lists(each, max_size=2) | st.dictionaries(st.text(max_size=5), each, max_size=2),
    max_leaves=4,
)
_REPLIES = _JSON | st.fixed_dictionaries(
    {"ok": st.just(True) | _JSON},
    optional={name: st.just(INSTALLED[name]) | _JSON for name in INSTALLED if name != "ok"},
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)
@given(found=_REPLIES)
def test_any_reply_is_an_install_or_an_error_of_ours(
    client: SlackWebClient, server: LocalServer, found: Any
) -> None:
    server.answers(says(found))

    try:
        bot = client.exchange_code(CUSTOMERS_APP, "the-code", REDIRECT_URI)
    except SlackError:
        return

    assert all(isinstance(value, str) and value for value in (bot.app_id, bot.bot_token, bot.tenant_id))


def refusal(client: SlackWebClient) -> SlackError:
    with pytest.raises(SlackError) as caught:
        client.post(BOT_TOKEN, CHANNEL, MESSAGE)
    return caught.value


@pytest.mark.parametrize("code", sorted(MESSAGE_ERRORS))
def test_a_message_whose_form_slack_refuses_may_be_posted_plainer(
    client: SlackWebClient, server: LocalServer, code: str
) -> None:
    server.answers(says({"ok": False, "error": code}))

    error = refusal(client)

    assert type(error) is SlackRefusedMessage
    assert str(error) == error.code == code


@pytest.mark.parametrize("code", ["channel_not_found", "invalid_auth", "is_archived", "token_revoked"])
def test_any_other_refusal_is_final(client: SlackWebClient, server: LocalServer, code: str) -> None:
    server.answers(says({"ok": False, "error": code}))

    error = refusal(client)

    assert type(error) is SlackRefused
    assert str(error) == error.code == code


@pytest.mark.parametrize("code", sorted(BUSY_ERRORS))
def test_what_failed_on_slacks_side_may_be_tried_again(
    client: SlackWebClient, server: LocalServer, code: str
) -> None:
    server.answers(says({"ok": False, "error": code}))

    error = refusal(client)

    assert (type(error), error.code, error.retry_after) == (SlackBusy, code, None)


@pytest.mark.parametrize(("value", "seconds"), [("30", 30.0), ("0", 0.0), ("soon", None)])
def test_a_rate_limit_says_how_long_to_wait(
    client: SlackWebClient, server: LocalServer, value: str, seconds: float | None
) -> None:
    server.answers(says({"ok": False, "error": "ratelimited"}, 429, Retry_After=value))

    error = refusal(client)

    assert (type(error), error.code, error.retry_after) == (SlackBusy, "ratelimited", seconds)


@pytest.mark.parametrize("status", [500, 502, 503, 504])
@pytest.mark.parametrize("body", ["", "<html>away</html>", "null", '{"ok": false}', '{"ok": true}'])
def test_a_status_that_passes_is_tried_again_whatever_its_body(
    client: SlackWebClient, server: LocalServer, status: int, body: str
) -> None:
    server.answers(reply(status, body))

    error = refusal(client)

    assert (type(error), error.code) == (SlackBusy, f"status_{status}")


@pytest.mark.parametrize("body", ["<html>secret</html>", "", "null", "{}", '{"ok": false, "error": 7}'])
def test_an_answer_that_is_none_of_slacks_is_tried_again_and_named_by_its_status(
    client: SlackWebClient, server: LocalServer, body: str
) -> None:
    server.answers(reply(200, body))

    error = refusal(client)

    assert (type(error), error.code) == (SlackBusy, "status_200")


@pytest.mark.parametrize("body", ["", "<html>slow down</html>", "null", '{"ok": true}'])
def test_a_rate_limit_is_one_whatever_its_body(
    client: SlackWebClient, server: LocalServer, body: str
) -> None:
    server.answers(reply(429, body, Retry_After="7"))

    error = refusal(client)

    assert (type(error), error.code, error.retry_after) == (SlackBusy, "ratelimited", 7.0)


@pytest.mark.parametrize("error", ["no such thing: xoxb-1", "x" * 81, "<html>", "ü§"])
def test_an_error_that_is_no_code_is_not_repeated(
    client: SlackWebClient, server: LocalServer, error: str
) -> None:
    server.answers(says({"ok": False, "error": error}))

    assert refusal(client).code == "status_200"


@pytest.mark.parametrize("body", ["[1]", '"text"', "7", "[" * 200_000])
def test_an_answer_that_slacks_own_library_cannot_read_is_tried_again(
    client: SlackWebClient, server: LocalServer, body: str
) -> None:
    server.answers(reply(200, body))

    assert type(refusal(client)) is SlackBusy


def test_a_redirect_is_not_followed(client: SlackWebClient, server: LocalServer, trap: LocalServer) -> None:
    server.answers(reply(307, b"", Location=f"{trap.url}/trap"))

    error = refusal(client)

    assert error.code == "status_307"
    assert trap.seen == []


@pytest.mark.parametrize(
    "answer",
    [raw(b""), raw(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{"), silent],
    ids=["hung up", "cut", "silence"],
)
def test_an_answer_that_does_not_come_whole_is_tried_again(
    client: SlackWebClient, server: LocalServer, monkeypatch: pytest.MonkeyPatch, answer
) -> None:
    monkeypatch.setattr(slack_module, "TIMEOUT_SECONDS", 0.2)
    server.answers(answer)

    assert type(refusal(client)) is SlackBusy


def test_a_refused_connection_is_tried_again(session: requests.Session) -> None:
    client = SlackWebClient(session, base_url=f"http://127.0.0.1:{free_port()}")

    assert type(refusal(client)) is SlackBusy


@pytest.mark.parametrize(
    "answer",
    [
        says({"ok": False, "error": "invalid_auth", "access_token": BOT_TOKEN}),
        says({"ok": False, "error": f"odd {BOT_TOKEN}"}),
        reply(200, f"<html>{BOT_TOKEN}"),
        reply(500, BOT_TOKEN),
        raw(b""),
        says({"ok": True, "ts": "1.2", "access_token": BOT_TOKEN}),
    ],
    ids=["refused", "odd", "html", "broken", "hung up", "fine"],
)
def test_no_error_and_no_log_shows_a_token_or_a_text(
    client: SlackWebClient, server: LocalServer, caplog: pytest.LogCaptureFixture, answer
) -> None:
    caplog.set_level(logging.DEBUG)
    server.answers(answer)

    error = _post_anyway(client)

    shown = "\n".join([str(error), repr(error), *(record.getMessage() for record in caplog.records)])
    assert BOT_TOKEN not in shown
    assert MESSAGE.text not in shown
    assert "Höhe" not in shown
    assert error is None or (error.__cause__ is None and error.__suppress_context__)


def _post_anyway(client: SlackWebClient) -> SlackError | None:
    try:
        client.post(BOT_TOKEN, CHANNEL, MESSAGE)
    except SlackError as error:
        return error
    return None
