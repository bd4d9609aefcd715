"""The calls to SectorFlow that are not about questions, and what holds for every call."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
import requests
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sectorflow_slack.clients import sectorflow as sectorflow_module
from sectorflow_slack.clients.sectorflow import HttpSectorFlowClient
from sectorflow_slack.domain.errors import (
    AnswerLost,
    ReplyUnreadable,
    SectorFlowBusy,
    SectorFlowError,
    TokenRefused,
    WorkspaceMissing,
)
from sectorflow_slack.domain.installations import SectorFlowSettings
from tests.clients.local_server import LocalServer, free_port, raw, reply, says, silent
from tests.values import API_TOKEN, MODEL_IDS, PLUS_ID, WORKSPACE_ID

Call = Callable[[HttpSectorFlowClient], object]
SETTINGS = SectorFlowSettings(API_TOKEN, WORKSPACE_ID, MODEL_IDS, PLUS_ID)
CALLS: dict[str, Call] = {
    "ask": lambda client: client.ask(SETTINGS, "Tell me a joke"),
    "models": lambda client: client.list_models(API_TOKEN),
    "workspaces": lambda client: client.list_workspaces(API_TOKEN),
    "create": lambda client: client.create_workspace(API_TOKEN, {"name": "Team"}),
    "get": lambda client: client.get_workspace(API_TOKEN, WORKSPACE_ID),
    "update": lambda client: client.update_workspace(API_TOKEN, WORKSPACE_ID, {"name": "Team"}),
    "expert": lambda client: client.expert_name(API_TOKEN, PLUS_ID),
    "prompts": lambda client: client.sample_prompts(API_TOKEN, WORKSPACE_ID),
}
every_call = pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
new_calls = pytest.mark.parametrize("call", [CALLS["expert"], CALLS["prompts"]], ids=["expert", "prompts"])


@pytest.fixture
def client(session: requests.Session, server: LocalServer) -> HttpSectorFlowClient:
    return client_of(session, server.url)


def client_of(session: requests.Session, url: str) -> HttpSectorFlowClient:
    return HttpSectorFlowClient(session, base_url=f"{url}/api/v1", chat_timeout=5.0)


def test_an_expert_is_called_by_its_title(client: HttpSectorFlowClient, server: LocalServer) -> None:
    server.answers(says({"id": PLUS_ID, "title": " Legal\nexpert ", "isPublic": False}))

    name = client.expert_name(API_TOKEN, PLUS_ID)

    assert name == "Legal expert"
    (seen,) = server.seen
    assert (seen.method, seen.path) == ("GET", f"/api/v1/plus/{PLUS_ID}")
    assert seen.headers["Authorization"] == f"Bearer {API_TOKEN}"


def test_an_expert_without_a_title_has_no_name(client: HttpSectorFlowClient, server: LocalServer) -> None:
    server.answers(says({"id": PLUS_ID}))

    assert client.expert_name(API_TOKEN, PLUS_ID) == ""


def test_an_expert_that_is_no_object_is_unreadable(client: HttpSectorFlowClient, server: LocalServer) -> None:
    server.answers(says(["Legal expert"]))

    with pytest.raises(ReplyUnreadable):
        client.expert_name(API_TOKEN, PLUS_ID)


def test_a_workspace_suggests_prompts(client: HttpSectorFlowClient, server: LocalServer) -> None:
    server.answers(says({"samplePrompts": [{"content": "One?"}, "Two?"]}))

    prompts = client.sample_prompts(API_TOKEN, WORKSPACE_ID)

    assert prompts == ("One?", "Two?")
    (seen,) = server.seen
    assert (seen.method, seen.path) == ("GET", f"/api/v1/chat/{WORKSPACE_ID}/sample-prompts?limit=4")
    assert seen.headers["Authorization"] == f"Bearer {API_TOKEN}"


@pytest.mark.parametrize("found", [None, 7, "One?", {"error": "no"}, [[["One?"]]]])
def test_a_workspace_whose_prompts_are_unreadable_suggests_none(
    client: HttpSectorFlowClient, server: LocalServer, found: Any
) -> None:
    server.answers(says(found))

    assert client.sample_prompts(API_TOKEN, WORKSPACE_ID) == ()


@new_calls
@pytest.mark.parametrize(
    ("status", "kind"), [(403, TokenRefused), (404, WorkspaceMissing), (503, SectorFlowBusy)]
)
def test_what_sectorflow_refuses_is_told_by_its_status(
    client: HttpSectorFlowClient, server: LocalServer, call: Call, status: int, kind: type[SectorFlowError]
) -> None:
    server.answers(reply(status, "no"))

    with pytest.raises(kind):
        call(client)


@new_calls
def test_an_answer_that_breaks_off_is_lost(
    client: HttpSectorFlowClient, server: LocalServer, call: Call
) -> None:
    server.answers(raw(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{"))

    with pytest.raises(AnswerLost):
        call(client)


@pytest.mark.parametrize("status", [200, 302, 401, 403, 404, 429, 500, 503])
def test_whatever_sectorflow_says_without_a_token_shows_that_it_is_there(
    client: HttpSectorFlowClient, server: LocalServer, status: int
) -> None:
    server.answers(reply(status, "<html>"))

    assert client.probe() == status

    (seen,) = server.seen
    assert (seen.method, seen.path) == ("GET", "/api/v1/models")
    assert "Authorization" not in seen.headers


def test_where_nobody_listens_sectorflow_is_away(session: requests.Session) -> None:
    with pytest.raises(SectorFlowBusy):
        client_of(session, f"http://127.0.0.1:{free_port()}").probe()


def test_what_says_nothing_is_away_too(
    client: HttpSectorFlowClient, server: LocalServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sectorflow_module, "QUICK_TIMEOUT_SECONDS", 0.2)
    server.answers(silent)

    with pytest.raises(AnswerLost):
        client.probe()


@every_call
def test_no_call_takes_the_token_elsewhere(
    client: HttpSectorFlowClient, server: LocalServer, trap: LocalServer, call: Call
) -> None:
    server.answers(reply(307, b"", Location=f"{trap.url}/trap"))

    with pytest.raises(ReplyUnreadable):
        call(client)

    assert trap.seen == []


@every_call
@pytest.mark.parametrize("status", [200, 401, 500])
def test_no_error_and_no_log_shows_the_token(
    client: HttpSectorFlowClient,
    server: LocalServer,
    caplog: pytest.LogCaptureFixture,
    call: Call,
    status: int,
) -> None:
    caplog.set_level(logging.DEBUG)
    server.answers(reply(status, f"<html>{API_TOKEN}"))

    with pytest.raises(SectorFlowError) as caught:
        call(client)

    assert API_TOKEN not in f"{caught.value} {caught.value!r} {caught.value.args} {caplog.text}"
    assert caught.value.__cause__ is None


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda each: (
        st.lists(each, max_size=3)
        | st.dictionaries(
            st.sampled_from(["title", "prompts", "content", "name", "models"]), each, max_size=3
        )
    ),
    max_leaves=6,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150, deadline=None)
@given(call=st.sampled_from(list(CALLS.values())), found=_JSON)
def test_whatever_comes_back_a_call_ends_well_or_with_an_error_of_ours(
    client: HttpSectorFlowClient, server: LocalServer, call: Call, found: Any
) -> None:
    server.answers(reply(200, json.dumps(found)))

    with suppress(SectorFlowError):
        call(client)
