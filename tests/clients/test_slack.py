from __future__ import annotations

import json
import time
from email.utils import formatdate
from typing import Any

import pytest
import requests

from sectorflow_slack.clients import slack as slack_module
from sectorflow_slack.clients.slack import SlackWebClient
from sectorflow_slack.domain.errors import SlackBusy, SlackError, SlackRefused, SlackRefusedMessage
from sectorflow_slack.domain.messages import Address, Message
from tests.clients.local_server import LocalServer, free_port, reply, says, silent
from tests.values import BOT_TOKEN, NOW, FixedClock

BLOCKS = ({"type": "section", "text": {"type": "plain_text", "text": "Höhe"}},)
MESSAGE = Message("the fallback", BLOCKS)
CHANNEL = Address("C0GENERAL")
VIEW = {"type": "home", "blocks": list(BLOCKS)}


@pytest.fixture
def client(session: requests.Session, server: LocalServer) -> SlackWebClient:
    return SlackWebClient(session, base_url=server.url)


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


def test_one_of_our_messages_is_deleted(client: SlackWebClient, server: LocalServer) -> None:
    server.answers(says({"ok": True, "ts": "1.2"}))

    client.delete(BOT_TOKEN, "C0GENERAL", "1.2")

    assert called(server) == "chat.delete"
    assert server.seen[0].body == b"channel=C0GENERAL&ts=1.2"


def test_a_message_that_is_gone_already_is_deleted(client: SlackWebClient, server: LocalServer) -> None:
    server.answers(says({"ok": False, "error": "message_not_found"}))

    client.delete(BOT_TOKEN, "C0GENERAL", "1.2")

    assert len(server.seen) == 1


@pytest.mark.parametrize("code", ["cant_delete_message", "channel_not_found", "invalid_arguments"])
def test_a_message_that_slack_keeps_is_not_deleted(
    client: SlackWebClient, server: LocalServer, code: str
) -> None:
    server.answers(says({"ok": False, "error": code}))

    with pytest.raises(SlackRefused, match=code):
        client.delete(BOT_TOKEN, "C0GENERAL", "1.2")


def test_one_person_is_told_in_a_thread_under_the_name_that_is_given(
    client: SlackWebClient, server: LocalServer
) -> None:
    server.answers(says({"ok": True, "message_ts": "1.2"}))

    client.whisper(BOT_TOKEN, Address("C0GENERAL", "1.0", "Acme Assistant"), "U0ANN", MESSAGE)

    assert called(server) == "chat.postEphemeral"
    assert sent(server) == {
        "channel": "C0GENERAL",
        "user": "U0ANN",
        "text": "the fallback",
        "blocks": list(BLOCKS),
        "thread_ts": "1.0",
        "username": "Acme Assistant",
    }


def test_one_person_is_told_in_a_channel_with_words_alone(
    client: SlackWebClient, server: LocalServer
) -> None:
    server.answers(says({"ok": True}))

    client.whisper(BOT_TOKEN, CHANNEL, "U0ANN", Message("words"))

    assert sent(server) == {"channel": "C0GENERAL", "user": "U0ANN", "text": "words"}


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("user_not_in_channel", SlackRefused),
        ("channel_not_found", SlackRefused),
        ("invalid_blocks", SlackRefusedMessage),
    ],
)
def test_what_one_person_cannot_be_told_is_refused(
    client: SlackWebClient, server: LocalServer, code: str, kind: type[SlackError]
) -> None:
    server.answers(says({"ok": False, "error": code}))

    with pytest.raises(SlackError, match=code) as caught:
        client.whisper(BOT_TOKEN, CHANNEL, "U0ANN", MESSAGE)

    assert type(caught.value) is kind


@pytest.mark.parametrize("status", ["is asking four LLMs …", ""])
def test_a_thread_shows_that_the_app_is_at_work_or_not_any_more(
    client: SlackWebClient, server: LocalServer, status: str
) -> None:
    server.answers(says({"ok": True}))

    client.set_status(BOT_TOKEN, "D0ANN", "1.0", status)

    assert called(server) == "assistant.threads.setStatus"
    assert sent(server) == {"channel_id": "D0ANN", "thread_ts": "1.0", "status": status}


def test_prompts_are_offered_four_at_most_under_a_title_and_in_no_thread(
    client: SlackWebClient, server: LocalServer
) -> None:
    server.answers(says({"ok": True}))

    client.suggest(BOT_TOKEN, "D0ANN", "Hello", {f"Title {n}": f"Message {n}" for n in range(6)})

    assert called(server) == "assistant.threads.setSuggestedPrompts"
    assert sent(server) == {
        "channel_id": "D0ANN",
        "title": "Hello",
        "prompts": [{"title": f"Title {n}", "message": f"Message {n}"} for n in range(4)],
    }


def test_a_view_is_put_on_a_persons_home_tab(client: SlackWebClient, server: LocalServer) -> None:
    server.answers(says({"ok": True}))

    client.publish_home(BOT_TOKEN, "U0ANN", VIEW)

    assert called(server) == "views.publish"
    assert sent(server) == {"user_id": "U0ANN", "view": VIEW}


def test_a_dialog_is_opened_for_who_pressed(client: SlackWebClient, server: LocalServer) -> None:
    server.answers(says({"ok": True}))

    client.open_dialog(BOT_TOKEN, "12345.98765.abcd", VIEW)

    assert called(server) == "views.open"
    assert sent(server) == {"trigger_id": "12345.98765.abcd", "view": VIEW}


def test_a_dialog_does_not_keep_the_answer_to_the_press_waiting(
    client: SlackWebClient, server: LocalServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(slack_module, "DIALOG_TIMEOUT_SECONDS", 0.2)
    server.answers(silent)
    started = time.monotonic()

    with pytest.raises(SlackBusy):
        client.open_dialog(BOT_TOKEN, "12345.98765.abcd", VIEW)

    assert time.monotonic() - started < 1


@pytest.mark.parametrize("ahead", [-400, 0, 90])
def test_the_operator_learns_how_far_slacks_clock_is_ahead(
    session: requests.Session, server: LocalServer, ahead: int
) -> None:
    client = SlackWebClient(session, base_url=server.url, clock=FixedClock())
    server.answers(dated(formatdate(NOW + ahead, usegmt=True)))

    skew = client.probe()

    assert skew == ahead
    (seen,) = server.seen
    assert seen.path == "/api/api.test"
    assert "Authorization" not in seen.headers


@pytest.mark.parametrize("date", [None, "", "soon", "Wed, 99 Foo 2015 07:28:00 GMT"])
def test_without_a_readable_date_slack_is_there_all_the_same(
    client: SlackWebClient, server: LocalServer, date: str | None
) -> None:
    server.answers(dated(date))

    assert client.probe() is None


@pytest.mark.parametrize(
    "answer", [reply(503, "away"), reply(200, "<html>"), reply(302, b"", Location="/"), says({"ok": False})]
)
def test_what_does_not_answer_as_slack_does_is_not_slack(
    client: SlackWebClient, server: LocalServer, answer
) -> None:
    server.answers(answer)

    with pytest.raises(SlackError):
        client.probe()


def test_where_nobody_listens_slack_is_away(session: requests.Session) -> None:
    with pytest.raises(SlackError):
        SlackWebClient(session, base_url=f"http://127.0.0.1:{free_port()}").probe()


def dated(date: str | None):
    """An answer with this ``Date``: the handler would add the true one by itself."""

    def answer(handler) -> None:
        handler.send_response_only(200)
        if date is not None:
            handler.send_header("Date", date)
        handler.send_header("Content-Length", "11")
        handler.end_headers()
        handler.wfile.write(b'{"ok":true}')

    return answer


def called(server: LocalServer) -> str:
    """The method that was called, with the bot's token and once."""
    (seen,) = server.seen
    assert seen.method == "POST"
    assert seen.headers["Authorization"] == f"Bearer {BOT_TOKEN}"
    return seen.path.removeprefix("/api/")


def sent(server: LocalServer) -> Any:
    (seen,) = server.seen
    assert seen.headers["Content-Type"].startswith("application/json")
    return json.loads(seen.body)
