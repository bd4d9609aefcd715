import json
import logging

import pytest

from sectorflow_slack.clients import http
from sectorflow_slack.clients import sectorflow as sectorflow_module
from sectorflow_slack.clients.sectorflow import HttpSectorFlowClient
from sectorflow_slack.domain.errors import (
    AnswerCutOff,
    AnswerLost,
    BlockedByFirewall,
    CreditsSpent,
    QuestionRefused,
    QuestionTooLong,
    ReplyUnreadable,
    SectorFlowBroken,
    SectorFlowBusy,
    SectorFlowError,
    TokenRefused,
    WorkspaceMissing,
)
from sectorflow_slack.domain.installations import SectorFlowSettings, Workspace
from tests.clients.local_server import (
    TOO_LATE,
    breaks_off,
    hangs_up,
    raw,
    reply,
    says,
    silent,
    trickles,
)
from tests.clients.test_http import at_second_request
from tests.clients.test_sectorflow_replies import VENDOR_REPLY
from tests.values import API_TOKEN, MODEL_IDS, PLUS_ID, WORKSPACE_ID

SETTINGS = SectorFlowSettings(API_TOKEN, WORKSPACE_ID, MODEL_IDS, PLUS_ID)
QUESTION = "What does Björn's  <tag> & “quote” mean? 🤔"
WORKSPACE = {
    "name": "Team",
    "modelIds": ["m1"],
    "chatHistoryType": "TEAM",
    "contextType": "SHARED",
    "sharingType": "TEAM",
}
CALLS = {
    "ask": lambda client: client.ask(SETTINGS, QUESTION),
    "models": lambda client: client.list_models(API_TOKEN),
    "experts": lambda client: client.list_experts(API_TOKEN),
    "workspaces": lambda client: client.list_workspaces(API_TOKEN),
    "create": lambda client: client.create_workspace(API_TOKEN, WORKSPACE),
    "get": lambda client: client.get_workspace(API_TOKEN, "w1"),
    "update": lambda client: client.update_workspace(API_TOKEN, "w1", WORKSPACE),
    "expert": lambda client: client.expert_name(API_TOKEN, PLUS_ID),
    "prompts": lambda client: client.sample_prompts(API_TOKEN, WORKSPACE_ID),
}
every_call = pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)


@pytest.fixture
def client(session, server):
    return client_of(session, server.url)


def client_of(session, url, chat_timeout=5.0):
    return HttpSectorFlowClient(session, base_url=f"{url}/api/v1", chat_timeout=chat_timeout)


# Requests


def test_a_question_is_sent_as_the_api_guide_documents_it(client, server):
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


def test_a_conversation_continues_with_its_thread_id(client, server):
    server.answers(reply(200, VENDOR_REPLY.read_bytes()))

    first = client.ask(SETTINGS, QUESTION)
    client.ask(SETTINGS, QUESTION, first.thread_id)

    begun, continued = (json.loads(seen.body) for seen in server.seen)
    assert continued == {**begun, "threadId": "d10594ce-ead3-47ae-a0c1-5b71d57b31ef"}
    assert len(server.connections) == 1


TWO = [{"id": "one"}, {"id": "two"}]
MODELS = [{"modelId": "M1", "name": "One"}, {"modelId": "m2", "name": "Two"}]


@pytest.mark.parametrize(
    ("call", "request_line", "body", "answer", "result"),
    [
        ("models", ("GET", "/models?includeSystem=true"), None, TWO, TWO),
        ("experts", ("GET", "/plus"), None, TWO, TWO),
        ("workspaces", ("GET", "/workspaces"), None, TWO, TWO),
        ("create", ("POST", "/workspaces"), WORKSPACE, {"id": "w1"}, {"id": "w1"}),
        ("update", ("POST", "/workspaces/w1"), WORKSPACE, {"id": "w1"}, {"id": "w1"}),
        (
            "get",
            ("GET", "/workspaces/w1"),
            None,
            {"id": "w1", "name": "Team", "models": MODELS},
            Workspace("Team", {"m1": "One", "m2": "Two"}, frozenset({"m1", "m2"})),
        ),
        ("expert", ("GET", f"/plus/{PLUS_ID}"), None, {"title": " Legal\nexpert "}, "Legal expert"),
        (
            "prompts",
            ("GET", f"/chat/{WORKSPACE_ID}/sample-prompts?limit=4"),
            None,
            {"samplePrompts": [{"content": "One?"}, "Two?"]},
            ("One?", "Two?"),
        ),
    ],
)
def test_the_other_calls_send_the_token_and_read_the_reply(
    client, server, call, request_line, body, answer, result
):
    server.answers(says(answer))

    assert CALLS[call](client) == result

    (seen,) = server.seen
    assert (seen.method, seen.path.removeprefix("/api/v1")) == request_line
    assert seen.headers["Authorization"] == f"Bearer {API_TOKEN}"
    assert (json.loads(seen.body) if seen.body else None) == body


# Responses


@pytest.mark.parametrize(
    ("models", "ids"),
    [
        (None, None),
        ({}, None),
        ("x", None),
        ([], frozenset()),
        ([None, 7, {}, {"modelId": 7, "name": "x"}, {"modelId": "m", "name": ""}], frozenset("m")),
    ],
)
def test_invalid_models_of_a_workspace_are_ignored(client, server, models, ids):
    server.answers(says({"name": None, "models": models}))

    assert client.get_workspace(API_TOKEN, "w1") == Workspace("", {}, ids)


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        *[(status, QuestionRefused) for status in (400, 422)],
        (402, CreditsSpent),
        *[(status, TokenRefused) for status in (401, 403)],
        (404, WorkspaceMissing),
        *[(status, QuestionTooLong) for status in (413, 414)],
        *[(status, SectorFlowBusy) for status in (429, 502, 503)],
        *[(status, AnswerLost) for status in (504, 522, 523, 524)],
        *[(status, SectorFlowBroken) for status in (500, 501)],
        *[(status, ReplyUnreadable) for status in (201, 204, 304)],
    ],
)
def test_every_status_maps_to_an_error(client, server, status, kind):
    server.answers(reply(status, b"" if status in {204, 304} else b'{"choices": []}', Retry_After="7"))

    with pytest.raises(SectorFlowError) as caught:
        client.ask(SETTINGS, QUESTION)

    assert type(caught.value) is kind
    assert not isinstance(caught.value, SectorFlowBusy) or caught.value.retry_after == 7.0


@pytest.mark.parametrize("status", [400, 402, 403, 429, 500])
@pytest.mark.parametrize(
    "message",
    [
        "Insufficient credits",
        "You have no credits left.",
        "Not enough chat credits for gpt-4o",
        "Your team is out of credits",
        "Credit limit reached",
        "All credits are used up",
    ],
)
def test_an_error_that_names_credits_is_about_credits(client, server, status, message):
    server.answers(says({"status": status, "message": message}, status))

    with pytest.raises(CreditsSpent):
        client.ask(SETTINGS, QUESTION)


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ("<!DOCTYPE html><title>Attention Required! | Cloudflare</title>", BlockedByFirewall),
        ("\n <html><body>403 Forbidden</body></html>", BlockedByFirewall),
        ('{"message": "Forbidden"}', TokenRefused),
        ("Forbidden", TokenRefused),
        ("", TokenRefused),
    ],
)
def test_a_firewalls_page_is_no_refusal_of_the_token(client, server, body, kind):
    server.answers(reply(403, body))

    with pytest.raises(kind):
        client.ask(SETTINGS, QUESTION)


@pytest.mark.parametrize(
    ("call", "body"),
    [
        *[
            ("ask", body)
            for body in (
                b"<html>Please log in</html>",
                b"",
                b'{"choices": 7}',
                b'{"choices": [',
                b"[" * 200_000,
                b'{"choices": "\xff\xfe"}',
                b"1" * 10_000,
            )
        ],
        *[("models", b"{}"), ("experts", b"{}"), ("workspaces", b"[1]")],
        *[("get", b"[]"), ("create", b"null"), ("update", b"7"), ("expert", b'["Legal expert"]')],
    ],
)
def test_a_body_that_is_not_a_reply_is_unreadable(client, server, call, body):
    server.answers(reply(200, body))

    with pytest.raises(ReplyUnreadable):
        CALLS[call](client)


def test_a_body_that_is_too_large_is_unreadable(client, server, monkeypatch):
    monkeypatch.setattr(http, "MAX_BODY_BYTES", 1000)
    server.answers(reply(200, b"x" * 1001))

    with pytest.raises(ReplyUnreadable, match="too large"):
        client.ask(SETTINGS, QUESTION)


def test_without_a_connection_nothing_was_sent(session, unreachable):
    with pytest.raises(SectorFlowBusy) as caught:
        client_of(session, *unreachable).ask(SETTINGS, QUESTION)

    assert caught.value.retry_after is None


@pytest.mark.parametrize(
    ("answer", "seconds", "how"),
    [
        (silent, 0.3, "ReadTimeout"),
        (trickles, 0.3, TOO_LATE),
        (hangs_up, 5.0, "ConnectionError"),
        (breaks_off, 5.0, "BodyBroken"),
        (raw(b"something else\r\n\r\n"), 5.0, "ConnectionError"),
    ],
    ids=["silence", "too slow", "hung up", "cut", "not http"],
)
def test_an_incomplete_answer_is_lost_and_not_requested_again(session, server, answer, seconds, how):
    server.answers(answer)

    with pytest.raises(AnswerLost, match=how) as caught:
        client_of(session, server.url, seconds).ask(SETTINGS, QUESTION)

    assert len(server.seen) <= 1
    assert isinstance(caught.value, AnswerCutOff) == (seconds == 5.0)


def test_a_question_on_an_idle_connection_that_was_reset_is_asked_again_unseen(client, server):
    server.answers(at_second_request(hangs_up))
    client.probe()
    client.probe()

    assert len(server.seen) == 3


def test_the_quick_calls_have_a_time_out_of_their_own(session, server, monkeypatch):
    monkeypatch.setattr(sectorflow_module, "QUICK_TIMEOUT_SECONDS", 0.2)
    server.answers(trickles)
    client = client_of(session, server.url, chat_timeout=60)

    with pytest.raises(AnswerLost, match=TOO_LATE):
        client.probe()
    with pytest.raises(AnswerLost, match=TOO_LATE):
        client.get_workspace(API_TOKEN, "w1", timeout=0.2)


@pytest.mark.parametrize("status", [200, 302, 401, 403, 404, 429, 500, 503])
def test_a_probe_without_a_token_returns_any_status(client, server, status):
    server.answers(reply(status, "<html>"))

    assert client.probe() == status

    (seen,) = server.seen
    assert (seen.method, seen.path) == ("GET", "/api/v1/models")
    assert "Authorization" not in seen.headers


# Every call


SHOWN = f"{API_TOKEN} {QUESTION}"
FAILURES = {
    "refused": reply(401, SHOWN),
    "broken": reply(500, SHOWN),
    "redirect": reply(302, b"", Location=f"https://elsewhere.invalid/{API_TOKEN}"),
    "unreadable": reply(200, f"<html>{SHOWN}"),
    "hung up": hangs_up,
    "cut": raw(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n" + API_TOKEN.encode()),
}


@every_call
@pytest.mark.parametrize("answer", FAILURES.values(), ids=FAILURES)
def test_no_error_and_no_log_shows_the_token_or_the_question(client, server, caplog, call, answer):
    caplog.set_level(logging.DEBUG)
    server.answers(answer)

    with pytest.raises(SectorFlowError) as caught:
        call(client)

    error = caught.value
    shown = f"{error} {error!r} {error.args} {caplog.text}"
    assert API_TOKEN not in shown
    assert QUESTION not in shown
    assert error.__cause__ is None
    assert error.__suppress_context__ or error.__context__ is None
