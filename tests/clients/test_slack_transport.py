import json
import logging
from contextlib import suppress

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from sectorflow_slack.clients import slack_transport as slack_calls
from sectorflow_slack.clients.slack import SlackWebClient
from sectorflow_slack.clients.slack_transport import BUSY_ERRORS, MESSAGE_ERRORS
from sectorflow_slack.domain.errors import SlackBusy, SlackError, SlackRefused, SlackRefusedMessage
from tests.clients.local_server import breaks_off, hangs_up, reply, says, silent, trickles
from tests.clients.slack_requests import CALLS, SECRETS
from tests.values import BOT_TOKEN

every_call = pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)


@pytest.fixture
def client(session, server):
    return SlackWebClient(session, base_url=server.url)


def refusal(client):
    with pytest.raises(SlackError) as caught:
        CALLS["post"](client)
    return caught.value


def test_many_calls_use_one_connection(client, server):
    server.answers(says({"ok": True, "ts": "1.2"}))

    for _ in range(3):
        CALLS["post"](client)

    assert len(server.connections) == 1


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        *[(code, SlackRefusedMessage) for code in sorted(MESSAGE_ERRORS)],
        *[(code, SlackRefused) for code in ("channel_not_found", "invalid_auth", "is_archived", "x" * 80)],
        *[(code, SlackBusy) for code in sorted(BUSY_ERRORS)],
    ],
)
def test_slacks_no_is_about_a_messages_form_or_final_or_passes(client, server, code, kind):
    server.answers(says({"ok": False, "error": code}))

    error = refusal(client)

    assert (type(error), str(error), error.code) == (kind, code, code)
    assert not isinstance(error, SlackBusy) or error.retry_after is None


@pytest.mark.parametrize(
    "body", ["", "<html>slow down</html>", "null", '{"ok": true}', '{"error": "ratelimited"}']
)
@pytest.mark.parametrize(("value", "seconds"), [("30", 30.0), ("0", 0.0), ("soon", None)])
def test_a_rate_limit_is_one_whatever_its_body_and_says_how_long_to_wait(
    client, server, body, value, seconds
):
    server.answers(reply(429, body, Retry_After=value))

    error = refusal(client)

    assert (type(error), error.code, error.retry_after) == (SlackBusy, "ratelimited", seconds)


@pytest.mark.parametrize(
    ("status", "body"),
    [
        *[(500, body) for body in ("", "<html>away</html>", "null", '{"ok": false}', '{"ok": true}')],
        *[(status, "away") for status in (502, 503, 504)],
        *[(200, body) for body in ("<html>secret</html>", "", "null", "{}")],
        *[
            (200, json.dumps({"ok": False, "error": error}))
            for error in (7, "no such thing: xoxb-1", "x" * 81, "<html>", "ü§")
        ],
    ],
)
def test_an_answer_that_is_none_of_slacks_is_tried_again_and_named_by_its_status(
    client, server, status, body
):
    server.answers(reply(status, body))

    error = refusal(client)

    assert (type(error), error.code) == (SlackBusy, f"status_{status}")


@pytest.mark.parametrize("body", ["[1]", '"text"', "7", "[" * 200_000])
def test_an_answer_that_slacks_own_library_cannot_read_is_tried_again(client, server, body):
    server.answers(reply(200, body))

    assert type(refusal(client)) is SlackBusy


def test_where_no_connection_comes_about_nothing_was_sent(session, unreachable, monkeypatch):
    url, seconds = unreachable
    monkeypatch.setattr(slack_calls, "TIMEOUT_SECONDS", seconds)

    error = refusal(SlackWebClient(session, base_url=url))

    assert (type(error), error.never_sent) == (SlackBusy, True)


@pytest.mark.parametrize(
    "answer",
    [
        says({"ok": False, "error": "ratelimited"}, 429),
        reply(503, ""),
        hangs_up,
        breaks_off,
        silent,
        trickles,
    ],
    ids=["limited", "away", "hung up", "cut", "silence", "too slow"],
)
def test_what_reached_slack_is_tried_again_and_never_taken_for_unsent(client, server, monkeypatch, answer):
    monkeypatch.setattr(slack_calls, "TIMEOUT_SECONDS", 0.2)
    server.answers(answer)

    error = refusal(client)

    assert (type(error), error.never_sent) == (SlackBusy, False)


# What holds for every call


@every_call
def test_no_call_follows_a_redirect(client, server, trap, call):
    server.answers(reply(307, b"", Location=f"{trap.url}/trap"))

    with pytest.raises(SlackBusy, match="status_307"):
        call(client)

    assert trap.seen == []


@every_call
@pytest.mark.parametrize("code", ["invalid_auth", "invalid_blocks"])
def test_only_a_message_can_be_made_plainer(client, server, call, code):
    server.answers(says({"ok": False, "error": code}))

    with pytest.raises(SlackError, match=code) as caught:
        call(client)

    is_message = call in (CALLS["post"], CALLS["update"], CALLS["post_ephemeral"])
    plainer = is_message and code in MESSAGE_ERRORS
    assert type(caught.value) is (SlackRefusedMessage if plainer else SlackRefused)


SECRET_TEXT = " ".join(SECRETS)
FAULT = {"message": SECRET_TEXT, "pointer": f"/{SECRET_TEXT}"}
ANSWERS = {
    "refused": says({"ok": False, "error": "invalid_auth", "access_token": SECRET_TEXT}),
    "odd": says({"ok": False, "error": SECRET_TEXT}),
    "broken": reply(500, SECRET_TEXT),
    "not whole": says({"ok": True, "ts": SECRET_TEXT, "token": SECRET_TEXT, "credentials": SECRET_TEXT}),
    "moved": reply(302, b"", Location="https://elsewhere.invalid/" + BOT_TOKEN),
    "faults": says({"ok": False, "error": "invalid_manifest", "errors": [FAULT]}),
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
        **dict.fromkeys(("expires_in", "refresh_token", "ts"), _JSON),
    },
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150, deadline=None)
@given(
    call=st.sampled_from(list(CALLS.values())),
    found=_REPLIES,
    status=st.sampled_from([200, 200, 200, 201, 400, 404, 429, 500]),
)
@example(call=CALLS["exchange"], found={"ok": True, "team": {"id": "\ud800"}}, status=200)
@example(call=CALLS["create"], found={"error": "x", "errors": [{"message": "\ud800"}]}, status=200)
@example(call=CALLS["refresh"], found={"ok": True, "access_token": "x", "expires_in": 10**400}, status=200)
def test_whatever_comes_back_a_call_ends_well_or_with_an_error_of_ours(client, server, call, found, status):
    server.answers(says(found, status))

    with suppress(SlackError):
        call(client)
