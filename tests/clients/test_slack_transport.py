"""The errors of Slack calls, and rules for every call."""

import logging
from contextlib import suppress

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from sectorflow_slack.clients import slack as slack_module
from sectorflow_slack.clients.slack import SlackWebClient
from sectorflow_slack.clients.slack_transport import BUSY_ERRORS, MESSAGE_ERRORS
from sectorflow_slack.domain.errors import SlackBusy, SlackError, SlackRefused, SlackRefusedMessage
from tests.clients.local_server import TOO_LATE, breaks_off, hangs_up, reply, says, silent, trickles
from tests.clients.slack_calls import CALLS, SECRETS, refused
from tests.values import BOT_TOKEN

every_call = pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)


def error_of_post(client):
    with pytest.raises(SlackError) as caught:
        CALLS["post"](client)
    return caught.value


def test_many_calls_use_one_connection(client, server):
    server.answers(says({"ok": True, "ts": "1.2"}))

    for _ in range(3):
        CALLS["post"](client)

    assert len(server.connections) == 1


@pytest.mark.parametrize(
    ("answer", "kind", "code", "retry_after"),
    [
        *[(refused(code), SlackRefusedMessage, code, None) for code in sorted(MESSAGE_ERRORS)],
        *[
            (refused(code), SlackRefused, code, None)
            for code in ("channel_not_found", "invalid_auth", "is_archived", "x" * 80)
        ],
        *[(refused(code), SlackBusy, code, None) for code in sorted(BUSY_ERRORS)],
        *[
            (reply(429, body, Retry_After="30"), SlackBusy, "ratelimited", 30.0)
            for body in ("", "<html>", "null", '{"ok": true}', '{"error": "ratelimited"}')
        ],
        (reply(429, "", Retry_After="0"), SlackBusy, "ratelimited", 0.0),
        (reply(429, "", Retry_After="soon"), SlackBusy, "ratelimited", None),
        *[
            (reply(500, body), SlackBusy, "status_500", None)
            for body in ("", "<html>", "null", '{"ok": false}', '{"ok": true}')
        ],
        *[(reply(status, "down"), SlackBusy, f"status_{status}", None) for status in (502, 503, 504)],
        *[(reply(200, body), SlackBusy, "status_200", None) for body in ("<html>", "", "null", "{}")],
        *[
            (refused(code), SlackBusy, "status_200", None)
            for code in (7, "no such thing: xoxb-1", "x" * 81, "<html>", "ü§")
        ],
    ],
)
def test_an_error_shows_whether_and_when_to_retry(client, server, answer, kind, code, retry_after):
    server.answers(answer)

    error = error_of_post(client)

    assert (type(error), str(error), error.code) == (kind, code, code)
    assert getattr(error, "retry_after", None) == retry_after


@pytest.mark.parametrize("body", ["[1]", '"text"', "7", "[" * 200_000])
def test_a_body_that_slack_sdk_cannot_parse_is_retried(client, server, body):
    server.answers(reply(200, body))

    assert type(error_of_post(client)) is SlackBusy


def test_without_a_connection_nothing_was_sent(session, unreachable, monkeypatch):
    url, seconds = unreachable
    monkeypatch.setattr(slack_module, "TIMEOUT_SECONDS", seconds)

    error = error_of_post(SlackWebClient(session, base_url=url))

    assert (type(error), error.never_sent) == (SlackBusy, True)


@pytest.mark.parametrize(
    ("answer", "seconds", "code"),
    [
        (reply(429), 5.0, "ratelimited"),
        (reply(503), 5.0, "status_503"),
        (hangs_up, 5.0, "ConnectionError"),
        (breaks_off, 5.0, "BodyBroken"),
        (silent, 0.2, "ReadTimeout"),
        (trickles, 0.2, TOO_LATE),
    ],
    ids=["rate limit", "down", "hung up", "cut", "silence", "too slow"],
)
def test_a_request_that_reached_slack_does_not_count_as_unsent(
    client, server, monkeypatch, answer, seconds, code
):
    monkeypatch.setattr(slack_module, "TIMEOUT_SECONDS", seconds)
    server.answers(answer)

    with pytest.raises(SlackBusy, match=code) as caught:
        CALLS["post"](client)

    assert not caught.value.never_sent


def test_slack_sdk_follows_no_redirect(client, server, trap):
    server.answers(reply(307, b"", Location=f"{trap.url}/trap"))

    assert error_of_post(client).code == "status_307"
    assert trap.seen == []


# Every call


@every_call
def test_only_a_refused_message_can_be_sent_in_a_plainer_form(client, server, call):
    server.answers(refused("invalid_blocks"))

    with pytest.raises(SlackError, match="invalid_blocks") as caught:
        call(client)

    is_message = call in (CALLS["post"], CALLS["update"], CALLS["post_ephemeral"])
    assert type(caught.value) is (SlackRefusedMessage if is_message else SlackRefused)


SECRET_TEXT = " ".join(SECRETS)
ANSWERS = {
    "refused": refused("invalid_auth", access_token=SECRET_TEXT),
    "unknown code": refused(SECRET_TEXT),
    "error page": reply(500, SECRET_TEXT),
    "incomplete": says({"ok": True, "ts": SECRET_TEXT, "token": SECRET_TEXT, "credentials": SECRET_TEXT}),
    "redirect": reply(302, b"", Location="https://elsewhere.invalid/" + BOT_TOKEN),
    "faults": refused("invalid_manifest", errors=[{"message": SECRET_TEXT, "pointer": f"/{SECRET_TEXT}"}]),
    "hung up": hangs_up,
}


@every_call
@pytest.mark.parametrize("answer", ANSWERS.values(), ids=ANSWERS)
def test_no_error_and_no_log_shows_a_secret_or_a_text(client, server, caplog, call, answer):
    caplog.set_level(logging.DEBUG)
    server.answers(answer)
    errors = []

    try:
        call(client)
    except SlackError as error:
        errors.append(error)

    for error in errors:
        assert error.__cause__ is None
        assert error.__suppress_context__ or error.__context__ is None
    shown = caplog.text + "".join(f"{error} {error!r} {error.args}" for error in errors)
    assert not [secret for secret in SECRETS if secret in shown]
    assert server.seen


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda each: st.lists(each, max_size=3) | st.dictionaries(st.text(max_size=5), each, max_size=3),
    max_leaves=6,
)
_REPLIES = _JSON | st.fixed_dictionaries(
    {"ok": st.booleans() | _JSON},
    optional={
        "error": st.sampled_from(["invalid_manifest", "invalid_blocks", "message_not_found"]) | _JSON,
        "errors": st.lists(st.dictionaries(st.sampled_from(["message", "pointer"]), _JSON), max_size=3)
        | _JSON,
        "credentials": st.dictionaries(st.sampled_from(["client_id", "signing_secret"]), _JSON) | _JSON,
        "app_id": st.just("A0CUSTOMER") | _JSON,
        "access_token": st.just(BOT_TOKEN) | _JSON,
        **dict.fromkeys(("team", "expires_in", "refresh_token", "ts"), _JSON),
    },
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150, deadline=None)
@given(
    call=st.sampled_from(list(CALLS.values())),
    found=_REPLIES,
    status=st.sampled_from([200, 200, 200, 201, 400, 404, 429, 500]),
)
@example(call=CALLS["exchange_code"], found={"ok": True, "team": {"id": "\ud800"}}, status=200)
@example(call=CALLS["create_app"], found={"error": "x", "errors": [{"message": "\ud800"}]}, status=200)
@example(call=CALLS["refresh"], found={"ok": True, "access_token": "x", "expires_in": 10**400}, status=200)
def test_any_reply_is_a_success_or_a_slack_error(client, server, call, found, status):
    server.answers(says(found, status))

    with suppress(SlackError):
        call(client)
