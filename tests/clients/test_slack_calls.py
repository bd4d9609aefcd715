from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import pytest
import requests
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from sectorflow_slack.clients import slack_calls
from sectorflow_slack.clients.slack import SlackWebClient
from sectorflow_slack.clients.slack_calls import BUSY_ERRORS, MESSAGE_ERRORS
from sectorflow_slack.domain.errors import SlackBusy, SlackError, SlackRefused, SlackRefusedMessage
from sectorflow_slack.domain.messages import Address, Message
from tests.clients.local_server import LocalServer, free_port, full_port, raw, reply, says, silent
from tests.values import BOT_TOKEN, CUSTOMERS_APP

MESSAGE = Message("the fallback", ({"type": "section", "text": {"type": "plain_text", "text": "Höhe"}},))
CHANNEL = Address("C0GENERAL", "1.0", "Acme Assistant")
CODE = "code-that-nobody-may-see"
REFRESH_TOKEN = "refresh-token-that-nobody-may-see"
CONFIG_TOKEN = "xoxe.xoxp-config-token-that-nobody-may-see"
TRIGGER = "trigger-that-nobody-may-see"
SECRETS = (
    BOT_TOKEN,
    CUSTOMERS_APP.client_secret,
    CODE,
    REFRESH_TOKEN,
    CONFIG_TOKEN,
    TRIGGER,
    MESSAGE.text,
    "Höhe",
    "the-manifest",
)
VIEW = {"type": "home", "blocks": list(MESSAGE.blocks)}

Call = Callable[[SlackWebClient], object]
CALLS: dict[str, Call] = {
    "exchange": lambda slack: slack.exchange_code(CUSTOMERS_APP, CODE, "https://slack.example.com/back"),
    "refresh": lambda slack: slack.refresh(CUSTOMERS_APP, REFRESH_TOKEN),
    "revoke": lambda slack: slack.revoke(BOT_TOKEN),
    "create": lambda slack: slack.create_app(CONFIG_TOKEN, {"the-manifest": 1}, timeout=5),
    "delete app": lambda slack: slack.delete_app(CONFIG_TOKEN, "A0MADE"),
    "post": lambda slack: slack.post(BOT_TOKEN, CHANNEL, MESSAGE),
    "update": lambda slack: slack.update(BOT_TOKEN, "C0GENERAL", "1.2", MESSAGE),
    "delete": lambda slack: slack.delete(BOT_TOKEN, "C0GENERAL", "1.2"),
    "whisper": lambda slack: slack.whisper(BOT_TOKEN, CHANNEL, "U0ANN", MESSAGE),
    "status": lambda slack: slack.set_status(BOT_TOKEN, "C0GENERAL", "1.0", MESSAGE.text),
    "suggest": lambda slack: slack.suggest(BOT_TOKEN, "D0ANN", "Hello", {MESSAGE.text: MESSAGE.text}),
    "home": lambda slack: slack.publish_home(BOT_TOKEN, "U0ANN", VIEW),
    "dialog": lambda slack: slack.open_dialog(BOT_TOKEN, TRIGGER, VIEW),
    "probe": lambda slack: slack.probe(),
}
every_call = pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)


@pytest.fixture
def client(session: requests.Session, server: LocalServer) -> SlackWebClient:
    return SlackWebClient(session, base_url=server.url)


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
    monkeypatch.setattr(slack_calls, "TIMEOUT_SECONDS", 0.2)
    server.answers(answer)

    assert type(refusal(client)) is SlackBusy


def test_a_refused_connection_means_that_nothing_was_sent(session: requests.Session) -> None:
    error = refusal(SlackWebClient(session, base_url=f"http://127.0.0.1:{free_port()}"))

    assert (type(error), error.never_sent) == (SlackBusy, True)


def test_a_host_without_an_address_means_that_nothing_was_sent(
    session: requests.Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unknown(*args: object, **kwargs: object) -> None:
        raise OSError(-2, "Name or service not known")

    monkeypatch.setattr("socket.getaddrinfo", unknown)

    error = refusal(SlackWebClient(session, base_url="http://slack.invalid"))

    assert (type(error), error.never_sent) == (SlackBusy, True)


def test_a_connection_that_is_not_made_in_time_means_that_nothing_was_sent(
    session: requests.Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(slack_calls, "TIMEOUT_SECONDS", 0.3)
    with full_port() as port:
        error = refusal(SlackWebClient(session, base_url=f"http://127.0.0.1:{port}"))

    assert (type(error), error.never_sent) == (SlackBusy, True)


def test_tls_that_fails_means_that_nothing_was_sent(session: requests.Session, server: LocalServer) -> None:
    error = refusal(SlackWebClient(session, base_url=server.url.replace("http:", "https:")))

    assert (type(error), error.never_sent) == (SlackBusy, True)
    assert server.seen == []


@pytest.mark.parametrize(
    "answer",
    [
        says({"ok": False, "error": "ratelimited"}, 429),
        says({"ok": False, "error": "fatal_error"}),
        reply(503, ""),
        reply(200, "<html>"),
        raw(b""),
        raw(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{"),
        silent,
    ],
    ids=["limited", "failed", "away", "html", "hung up", "cut", "silence"],
)
def test_what_reached_slack_is_never_taken_for_unsent(
    client: SlackWebClient, server: LocalServer, monkeypatch: pytest.MonkeyPatch, answer
) -> None:
    monkeypatch.setattr(slack_calls, "TIMEOUT_SECONDS", 0.2)
    server.answers(answer)

    error = refusal(client)

    assert (type(error), error.never_sent) == (SlackBusy, False)


@every_call
def test_no_call_follows_a_redirect(
    client: SlackWebClient, server: LocalServer, trap: LocalServer, call: Call
) -> None:
    server.answers(reply(307, b"", Location=f"{trap.url}/trap"))

    with pytest.raises(SlackBusy, match="status_307"):
        call(client)

    assert trap.seen == []


@every_call
@pytest.mark.parametrize("code", ["invalid_auth", "invalid_arguments", "invalid_blocks"])
def test_only_a_message_can_be_made_plainer(
    client: SlackWebClient, server: LocalServer, call: Call, code: str
) -> None:
    server.answers(says({"ok": False, "error": code}))

    with pytest.raises(SlackError, match=code) as caught:
        call(client)

    is_message = call in (CALLS["post"], CALLS["update"], CALLS["whisper"])
    plainer = is_message and code in MESSAGE_ERRORS
    assert type(caught.value) is (SlackRefusedMessage if plainer else SlackRefused)


SECRET_TEXT = " ".join(SECRETS)
FAULT = {"message": SECRET_TEXT, "pointer": f"/{SECRET_TEXT}"}
ANSWERS = {
    "refused": says({"ok": False, "error": "invalid_auth", "access_token": SECRET_TEXT}),
    "odd": says({"ok": False, "error": SECRET_TEXT}),
    "html": reply(200, f"<html>{SECRET_TEXT}"),
    "broken": reply(500, SECRET_TEXT),
    "not whole": says({"ok": True, "ts": SECRET_TEXT, "token": SECRET_TEXT, "credentials": SECRET_TEXT}),
    "moved": reply(302, b"", Location="https://elsewhere.invalid/" + BOT_TOKEN),
    "faults": says({"ok": False, "error": "invalid_manifest", "errors": [FAULT]}),
    "hung up": raw(b""),
}


@every_call
@pytest.mark.parametrize("answer", ANSWERS.values(), ids=ANSWERS)
def test_no_error_and_no_log_shows_a_secret_or_a_text(
    client: SlackWebClient, server: LocalServer, caplog: pytest.LogCaptureFixture, call: Call, answer
) -> None:
    caplog.set_level(logging.DEBUG)
    server.answers(answer)

    try:
        call(client)
    except SlackError as error:
        shown = "\n".join([*texts(error), caplog.text])
    else:
        shown = caplog.text

    assert not [secret for secret in SECRETS if secret in shown]
    assert server.seen


def texts(error: BaseException | None) -> Iterator[str]:
    assert error is None or error.__suppress_context__ or error.__context__ is None
    while error is not None:
        yield from (str(error), repr(error), repr(error.args))
        error = error.__cause__


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda each: st.lists(each, max_size=3) | st.dictionaries(st.text(max_size=5), each, max_size=3),
    max_leaves=6,
)
_CODES = st.sampled_from(["invalid_manifest", "invalid_blocks", "ratelimited", "message_not_found"])
_FAULTS = st.lists(
    _JSON | st.fixed_dictionaries({}, optional={"message": _JSON, "pointer": _JSON, "code": _JSON}),
    max_size=4,
)
_CREDENTIALS = st.fixed_dictionaries(
    {}, optional={"client_id": _JSON, "client_secret": _JSON, "signing_secret": _JSON}
)
_REPLIES = _JSON | st.fixed_dictionaries(
    {"ok": st.booleans() | _JSON},
    optional={
        "error": _CODES | _JSON,
        "errors": _FAULTS | _JSON,
        "credentials": _CREDENTIALS | _JSON,
        "app_id": st.just("A0CUSTOMER") | _JSON,
        "access_token": st.just(BOT_TOKEN) | _JSON,
        "expires_in": _JSON,
        "refresh_token": _JSON,
        "ts": _JSON,
    },
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=300, deadline=None)
@given(
    call=st.sampled_from(list(CALLS.values())),
    found=_REPLIES,
    status=st.sampled_from([200, 200, 200, 201, 400, 404, 429, 500]),
)
@example(call=CALLS["exchange"], found={"ok": True, "team": {"id": "\ud800"}}, status=200)
@example(
    call=CALLS["create"], found={"ok": False, "error": "x", "errors": [{"message": "\ud800"}]}, status=200
)
@example(call=CALLS["refresh"], found={"ok": True, "access_token": "x", "expires_in": 10**400}, status=200)
def test_whatever_comes_back_a_call_ends_well_or_with_an_error_of_ours(
    client: SlackWebClient, server: LocalServer, call: Call, found: Any, status: int
) -> None:
    server.answers(reply(status, json.dumps(found), Content_Type="application/json"))

    with suppress(SlackError):
        call(client)
