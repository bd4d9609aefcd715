from __future__ import annotations

import json
import logging
import time
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from sectorflow_slack.clients import http
from sectorflow_slack.clients.sectorflow import HttpSectorFlowClient
from sectorflow_slack.domain.errors import (
    AnswerLost,
    QuestionRefused,
    ReplyUnreadable,
    SectorFlowBroken,
    SectorFlowBusy,
    SectorFlowError,
    TokenRefused,
    WorkspaceMissing,
)
from sectorflow_slack.domain.installations import SectorFlowSettings, Workspace
from tests.clients.local_server import LocalServer, free_port, full_port, raw, reply, silent
from tests.clients.test_replies import VENDOR_MODEL_IDS, VENDOR_REPLY
from tests.values import API_TOKEN, MODEL_IDS, PLUS_ID, WORKSPACE_ID

SETTINGS = SectorFlowSettings(API_TOKEN, WORKSPACE_ID, MODEL_IDS, PLUS_ID)
QUESTION = "What does Björn's  <tag> & “quote” mean? 🤔"


@pytest.fixture
def client(session: requests.Session, server: LocalServer) -> HttpSectorFlowClient:
    return client_of(session, server.url)


def client_of(session: requests.Session, url: str, chat_timeout: float = 5.0) -> HttpSectorFlowClient:
    return HttpSectorFlowClient(session, base_url=f"{url}/api/v1", chat_timeout=chat_timeout)


def test_a_question_is_sent_exactly_as_the_api_guide_says(
    client: HttpSectorFlowClient, server: LocalServer
) -> None:
    server.answers(reply(200, VENDOR_REPLY.read_bytes(), Content_Type="application/json"))

    answers = client.ask(SETTINGS, QUESTION).answers

    (seen,) = server.seen
    assert (seen.method, seen.path) == ("POST", f"/api/v1/chat/{WORKSPACE_ID}/completions")
    assert seen.headers["Authorization"] == f"Bearer {API_TOKEN}"
    assert seen.headers["Content-Type"] == "application/json"
    assert seen.headers["Accept"] == "application/json"
    assert json.loads(seen.body) == {
        "messages": [{"role": "user", "content": QUESTION}],
        "models": list(MODEL_IDS),
        "chatTools": [],
        "plusId": PLUS_ID,
    }
    assert [answer.failed for answer in answers] == [False, False, False]


def test_a_conversation_goes_on_by_its_thread_id(client: HttpSectorFlowClient, server: LocalServer) -> None:
    server.answers(reply(200, VENDOR_REPLY.read_bytes()))

    first = client.ask(SETTINGS, QUESTION)
    client.ask(SETTINGS, "And another?", first.thread_id)

    assert json.loads(server.seen[1].body) == {
        "messages": [{"role": "user", "content": "And another?"}],
        "models": list(MODEL_IDS),
        "chatTools": [],
        "plusId": PLUS_ID,
        "threadId": "d10594ce-ead3-47ae-a0c1-5b71d57b31ef",
    }
    assert len(server.connections) == 1


def test_the_vendors_example_comes_back_in_the_order_asked(
    client: HttpSectorFlowClient, server: LocalServer
) -> None:
    server.answers(reply(200, VENDOR_REPLY.read_bytes()))

    answers = client.ask(SectorFlowSettings(API_TOKEN, WORKSPACE_ID, VENDOR_MODEL_IDS), QUESTION).answers

    assert [answer.model_id for answer in answers] == list(VENDOR_MODEL_IDS)


@pytest.mark.parametrize(
    ("call", "request_line", "body"),
    [
        (lambda client: client.list_models(API_TOKEN), ("GET", "/models"), b""),
        (lambda client: client.list_workspaces(API_TOKEN), ("GET", "/workspaces"), b""),
    ],
)
def test_models_and_workspaces_are_listed(
    client: HttpSectorFlowClient, server: LocalServer, call, request_line: tuple[str, str], body: bytes
) -> None:
    server.answers(reply(200, '[{"id": "one"}, {"id": "two"}]'))

    found = call(client)

    assert found == [{"id": "one"}, {"id": "two"}]
    (seen,) = server.seen
    assert (seen.method, seen.path.removeprefix("/api/v1"), seen.body) == (*request_line, body)
    assert seen.headers["Authorization"] == f"Bearer {API_TOKEN}"


@pytest.mark.parametrize(
    ("call", "path"),
    [
        (lambda client, body: client.create_workspace(API_TOKEN, body), "/workspaces"),
        (lambda client, body: client.update_workspace(API_TOKEN, "w1", body), "/workspaces/w1"),
    ],
)
def test_a_workspace_is_made_and_changed(
    client: HttpSectorFlowClient, server: LocalServer, call, path: str
) -> None:
    workspace = {
        "name": "Team",
        "modelIds": ["m1"],
        "chatHistoryType": "TEAM",
        "contextType": "SHARED",
        "sharingType": "TEAM",
    }
    server.answers(reply(200, '{"id": "w1"}'))

    found = call(client, workspace)

    assert found == {"id": "w1"}
    (seen,) = server.seen
    assert (seen.method, seen.path) == ("POST", f"/api/v1{path}")
    assert json.loads(seen.body) == workspace


def test_a_workspace_tells_its_name_and_its_models_names(
    client: HttpSectorFlowClient, server: LocalServer
) -> None:
    models = [{"modelId": "M1", "name": "One"}, {"modelId": "m2", "name": "Two"}]
    server.answers(reply(200, json.dumps({"id": "w1", "name": "Team", "models": models})))

    workspace = client.get_workspace(API_TOKEN, "w1")

    assert workspace == Workspace("w1", "Team", {"m1": "One", "m2": "Two"})
    assert (server.seen[0].method, server.seen[0].path) == ("GET", "/api/v1/workspaces/w1")


@pytest.mark.parametrize(
    "models", [None, {}, "x", [None, 7, {}, {"modelId": 7, "name": "x"}, {"modelId": "m", "name": ""}]]
)
def test_what_a_workspace_says_of_its_models_may_be_odd(
    client: HttpSectorFlowClient, server: LocalServer, models: Any
) -> None:
    server.answers(reply(200, json.dumps({"name": None, "models": models})))

    workspace = client.get_workspace(API_TOKEN, "w1")

    assert workspace == Workspace("w1", "", {})


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, QuestionRefused),
        (401, TokenRefused),
        (402, QuestionRefused),
        (403, TokenRefused),
        (404, WorkspaceMissing),
        (422, QuestionRefused),
        (429, SectorFlowBusy),
        (500, SectorFlowBroken),
        (501, SectorFlowBroken),
        (502, SectorFlowBusy),
        (503, SectorFlowBusy),
        (504, SectorFlowBusy),
        (204, ReplyUnreadable),
        (201, ReplyUnreadable),
        (304, ReplyUnreadable),
    ],
)
def test_every_status_has_a_meaning(
    client: HttpSectorFlowClient, server: LocalServer, status: int, kind: type[SectorFlowError]
) -> None:
    server.answers(reply(status, b"" if status in {204, 304} else b'{"message": "no"}'))

    with pytest.raises(SectorFlowError) as caught:
        client.ask(SETTINGS, QUESTION)

    assert type(caught.value) is kind


def test_a_redirect_is_no_reply_and_takes_no_token_anywhere(
    client: HttpSectorFlowClient, server: LocalServer, trap: LocalServer
) -> None:
    server.answers(reply(302, b"", Location=f"{trap.url}/trap"))

    with pytest.raises(ReplyUnreadable):
        client.ask(SETTINGS, QUESTION)

    assert trap.seen == []


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ({"Retry_After": "7"}, 7.0),
        ({"Retry_After": "Wed, 21 Oct 2015 07:28:00 GMT"}, 0.0),
        ({"Retry_After": "-3"}, 0.0),
        ({"Retry_After": "99999999"}, 3600.0),
        ({"Retry_After": "soon"}, None),
        ({}, None),
    ],
)
def test_a_busy_answer_says_how_long_to_wait(
    client: HttpSectorFlowClient, server: LocalServer, header: dict[str, str], seconds: float | None
) -> None:
    server.answers(reply(429, b"", **header))

    with pytest.raises(SectorFlowBusy) as caught:
        client.ask(SETTINGS, QUESTION)

    assert caught.value.retry_after == seconds


@pytest.mark.parametrize(
    "body",
    [
        b"<html>Please log in</html>",
        b"null",
        b"[]",
        b"",
        b'{"choices": 7}',
        b'{"choices": [',
        b"[" * 200_000,
        b'{"choices": "\xff\xfe"}',
        b"1" * 10_000,
    ],
    ids=["html", "null", "list", "empty", "number", "cut", "deep", "not utf-8", "huge number"],
)
def test_a_body_that_is_no_reply_is_unreadable(
    client: HttpSectorFlowClient, server: LocalServer, body: bytes
) -> None:
    server.answers(reply(200, body))

    with pytest.raises(ReplyUnreadable):
        client.ask(SETTINGS, QUESTION)


def test_a_body_that_is_too_large_is_unreadable(
    client: HttpSectorFlowClient, server: LocalServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http, "MAX_BODY_BYTES", 1000)
    server.answers(reply(200, b"x" * 1001))

    with pytest.raises(ReplyUnreadable, match="too large"):
        client.ask(SETTINGS, QUESTION)


@pytest.mark.parametrize(
    ("call", "body"),
    [
        (lambda client: client.list_models(API_TOKEN), "{}"),
        (lambda client: client.list_models(API_TOKEN), "[1]"),
        (lambda client: client.get_workspace(API_TOKEN, "w1"), "[]"),
        (lambda client: client.create_workspace(API_TOKEN, {}), "null"),
    ],
)
def test_an_answer_of_the_wrong_shape_is_unreadable(
    client: HttpSectorFlowClient, server: LocalServer, call, body: str
) -> None:
    server.answers(reply(200, body))

    with pytest.raises(ReplyUnreadable):
        call(client)


def test_a_refused_connection_means_that_nothing_was_asked(session: requests.Session) -> None:
    client = client_of(session, f"http://127.0.0.1:{free_port()}")

    with pytest.raises(SectorFlowBusy) as caught:
        client.ask(SETTINGS, QUESTION)

    assert caught.value.retry_after is None


def test_a_host_without_an_address_means_that_nothing_was_asked(
    session: requests.Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unknown(*args: object, **kwargs: object) -> None:
        raise OSError(-2, "Name or service not known")

    monkeypatch.setattr("socket.getaddrinfo", unknown)
    client = client_of(session, "http://sectorflow.invalid")

    with pytest.raises(SectorFlowBusy):
        client.ask(SETTINGS, QUESTION)


def test_a_connection_that_is_not_made_in_time_means_that_nothing_was_asked(
    session: requests.Session,
) -> None:
    with full_port() as port:
        client = client_of(session, f"http://127.0.0.1:{port}", chat_timeout=0.3)

        with pytest.raises(SectorFlowBusy):
            client.ask(SETTINGS, QUESTION)


@pytest.mark.parametrize(
    "answer",
    [
        silent,
        raw(b""),
        raw(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{"),
        raw(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n", *[b"x"] * 50, pause=0.05),
        raw(b"something else\r\n\r\n"),
    ],
    ids=["silence", "hung up", "cut", "too slow", "not http"],
)
def test_an_answer_that_did_not_come_whole_is_lost_and_in_time(
    session: requests.Session, server: LocalServer, answer
) -> None:
    server.answers(answer)
    client = client_of(session, server.url, chat_timeout=0.3)
    started = time.monotonic()

    with pytest.raises(AnswerLost):
        client.ask(SETTINGS, QUESTION)

    assert time.monotonic() - started < 1
    assert len(server.seen) == 1


def test_the_quick_calls_have_their_own_timeout(session: requests.Session, server: LocalServer) -> None:
    server.answers(silent)
    client = client_of(session, server.url, chat_timeout=60)

    with pytest.raises(AnswerLost):
        client.get_workspace(API_TOKEN, "w1", timeout=0.2)


FAILURES = {
    "refused": reply(401, API_TOKEN),
    "busy": reply(503, API_TOKEN),
    "broken": reply(500, f"{API_TOKEN} {QUESTION}"),
    "moved": reply(302, b"", Location=f"https://elsewhere.invalid/{API_TOKEN}"),
    "unreadable": reply(200, f"<html>{API_TOKEN}"),
    "hung up": raw(b""),
    "silence": silent,
    "cut": raw(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n" + API_TOKEN.encode()),
}


@pytest.mark.parametrize("answer", FAILURES.values(), ids=FAILURES)
def test_no_error_and_no_log_shows_the_token_or_the_question(
    session: requests.Session, server: LocalServer, caplog: pytest.LogCaptureFixture, answer
) -> None:
    caplog.set_level(logging.DEBUG)
    server.answers(answer)
    client = client_of(session, server.url, chat_timeout=0.3)

    with pytest.raises(SectorFlowError) as caught:
        client.ask(SETTINGS, QUESTION)

    shown = "\n".join([*_texts(caught.value), caplog.text])
    assert API_TOKEN not in shown
    assert QUESTION not in shown


def _texts(error: BaseException | None) -> Iterator[str]:
    while error is not None:
        yield from (str(error), repr(error), repr(error.args))
        error = error.__cause__ or error.__context__
