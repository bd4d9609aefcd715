"""What apps show beside messages: statuses, suggested prompts, Home tabs."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
import requests
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError

from sandbox.server import RunningSandbox
from sandbox.slack.records import Install
from sandbox.slack.seed import GENERAL_ID, MAYA_ID, SECTORFLOW_APP_ID, TOM_ID
from sandbox.state import Sandbox
from tests.sandbox.conftest import Receiver

PROMPT = {"title": "A joke", "message": "Tell me a joke"}


def error_of(call: Callable[[], object]) -> str:
    with pytest.raises(SlackApiError) as raised:
        call()
    return str(raised.value.response["error"])


@pytest.fixture
def direct(sandbox: Sandbox, install: Install) -> str:
    return sandbox.world.open_dm(MAYA_ID, install.bot_user_id).id


def test_a_status_stands_until_the_app_answers_ends_it_or_two_minutes_are_over(
    slack: WebClient, sandbox: Sandbox
) -> None:
    surfaces, now = sandbox.world.surfaces, sandbox.world.clock
    ts = sandbox.world.ask(MAYA_ID, GENERAL_ID, "hello")["ts"]
    place = {"channel_id": GENERAL_ID, "thread_ts": ts}
    slack.assistant_threads_setStatus(**place, status="is thinking…", loading_messages=["Reading…"])
    first = surfaces.status(GENERAL_ID, ts)
    slack.chat_postEphemeral(channel=GENERAL_ID, user=MAYA_ID, thread_ts=ts, text="psst")
    after_ephemeral = surfaces.status(GENERAL_ID, ts)

    slack.chat_postMessage(channel=GENERAL_ID, thread_ts=ts, text="hi")
    answered = surfaces.status(GENERAL_ID, ts)
    slack.assistant_threads_setStatus(**place, status="is thinking…")
    slack.assistant_threads_setStatus(**place, status="")
    ended = surfaces.status(GENERAL_ID, ts)
    slack.assistant_threads_setStatus(**place, status="is thinking…")
    sandbox.world.clock = lambda: now() + 120
    over = surfaces.status(GENERAL_ID, ts)

    assert first is not None
    assert (first.text, first.loading_messages) == ("is thinking…", ("Reading…",))
    assert after_ephemeral is not None
    assert (answered, ended, over) == (None, None, None)


@pytest.mark.parametrize("loading", [["x"] * 11, [""], [7], "x"])
def test_ten_loading_messages_are_taken_and_nothing_else(
    slack: WebClient, sandbox: Sandbox, loading: Any
) -> None:
    ts = sandbox.world.ask(MAYA_ID, GENERAL_ID, "hello")["ts"]
    body = {"channel_id": GENERAL_ID, "thread_ts": ts, "status": "x"}

    taken = slack.api_call("assistant.threads.setStatus", json={**body, "loading_messages": ["x"] * 10})

    assert taken["ok"]
    wrong = {**body, "loading_messages": loading}
    assert error_of(lambda: slack.api_call("assistant.threads.setStatus", json=wrong)) == "invalid_arguments"


def test_one_to_four_prompts_are_offered_in_the_apps_dm(
    running: RunningSandbox, slack: WebClient, direct: str
) -> None:
    slack.assistant_threads_setSuggestedPrompts(
        channel_id=direct, thread_ts="", prompts=[PROMPT] * 4, title="Try"
    )

    url = f"{running.base_url}/_control/prompts"
    shown = requests.get(url, params={"channel": direct}).json()["prompts"]
    assert (shown["title"], shown["prompts"]) == ("Try", [PROMPT] * 4)


@pytest.mark.parametrize(
    "prompts",
    [[], [PROMPT] * 5, [{"title": "x"}], [{**PROMPT, "icon": "x"}], [{"title": "", "message": "x"}], "x"],
)
def test_other_prompts_are_refused(slack: WebClient, direct: str, prompts: Any) -> None:
    body = {"channel_id": direct, "prompts": json.dumps(prompts)}

    assert error_of(lambda: slack.api_call("assistant.threads.setSuggestedPrompts", data=body)) in (
        "invalid_arguments",
    )


def test_prompts_need_the_apps_own_dm_and_their_scope(
    slack: WebClient, install: Install, direct: str
) -> None:
    method = "assistant.threads.setSuggestedPrompts"
    elsewhere = error_of(lambda: slack.api_call(method, json={"channel_id": GENERAL_ID, "prompts": [PROMPT]}))
    install.scopes = ("chat:write",)

    unscoped = error_of(lambda: slack.api_call(method, json={"channel_id": direct, "prompts": [PROMPT]}))

    assert (elsewhere, unscoped) == ("channel_not_found", "missing_scope")


def test_opening_a_tab_tells_the_app_and_home_comes_with_its_view(
    running: RunningSandbox, slack: WebClient, receiver: Receiver
) -> None:
    view = {"type": "home", "blocks": [{"type": "divider"}]}
    url = f"{running.base_url}/_control/open-home"
    requests.post(url, json={"user": TOM_ID, "tab": "messages"}).raise_for_status()
    receiver.wait_for(1)
    slack.views_publish(user_id=TOM_ID, view=view)

    requests.post(url, json={"user": TOM_ID, "tab": "home"}).raise_for_status()
    other = requests.post(url, json={"user": TOM_ID, "tab": "about"})

    events = [json.loads(body)["event"] for _, body in receiver.wait_for(2)]
    assert [(each["type"], each["tab"], each["user"]) for each in events] == [
        ("app_home_opened", "messages", TOM_ID),
        ("app_home_opened", "home", TOM_ID),
    ]
    assert [each.get("view") for each in events] == [None, view]
    assert other.status_code == 400
    found = requests.get(
        f"{running.base_url}/_control/home", params={"app_id": SECTORFLOW_APP_ID, "user": TOM_ID}
    )
    assert found.json()["view"] == view


def test_an_app_without_a_tab_shows_none(sandbox: Sandbox, slack: WebClient, direct: str) -> None:
    tabs = {"home_tab_enabled": False, "messages_tab_enabled": True, "messages_tab_read_only_enabled": True}
    sandbox.world.apps[SECTORFLOW_APP_ID].manifest = {"features": {"app_home": tabs}}
    view = {"type": "home", "blocks": [{"type": "divider"}]}

    error = error_of(lambda: slack.views_publish(user_id=MAYA_ID, view=view))

    assert error == "not_enabled"
    with pytest.raises(LookupError):
        sandbox.world.ask(MAYA_ID, direct, "hello")


def test_a_faulty_home_is_refused_by_place(slack: WebClient) -> None:
    view = {"type": "home", "blocks": [{"type": "markdown", "text": "x"}]}

    with pytest.raises(SlackApiError) as raised:
        slack.views_publish(user_id=MAYA_ID, view=view)

    assert raised.value.response["error"] == "invalid_arguments"
    assert "[json-pointer:/view/blocks/0/type]" in raised.value.response["response_metadata"]["messages"][0]


def test_an_ephemeral_message_is_for_people_of_the_channel(slack: WebClient, sandbox: Sandbox) -> None:
    sandbox.world.channels[GENERAL_ID].members.discard(TOM_ID)

    shown = slack.chat_postEphemeral(channel=GENERAL_ID, user=MAYA_ID, text="psst")["message_ts"]

    refused = error_of(lambda: slack.chat_postEphemeral(channel=GENERAL_ID, user=TOM_ID, text="psst"))
    assert refused == "user_not_in_channel"
    assert error_of(lambda: slack.chat_delete(channel=GENERAL_ID, ts=shown)) == "message_not_found"
