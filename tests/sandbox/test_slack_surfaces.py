"""What apps show beside messages: statuses, suggested prompts, Home tabs."""

from __future__ import annotations

import json
from typing import Any

import pytest

from sandbox.slack.seed import GENERAL_ID, MAYA_ID
from tests.sandbox.helpers import Box, Json, error_of, refusal

HOME = {"type": "home", "blocks": [{"type": "divider"}]}
PROMPT = {"title": "A joke", "message": "Tell me a joke"}


STATUS, PROMPTS = "assistant.threads.setStatus", "assistant.threads.setSuggestedPrompts"


@pytest.fixture
def direct(box: Box) -> str:
    return box.world.open_dm(MAYA_ID, box.install.bot_user_id).id


def test_a_status_stands_until_the_app_answers_ends_it_or_two_minutes_are_over(box: Box) -> None:
    ts, now = box.mention()["ts"], box.world.clock
    seen: list[Any] = []

    def show(text: str = "is thinking…") -> None:
        body = {"channel_id": GENERAL_ID, "thread_ts": ts, "status": text, "loading_messages": ["Reading…"]}
        box.slack.api_call(STATUS, json=body)
        seen.append(box.report("status", channel=GENERAL_ID, thread_ts=ts)["status"])

    def look() -> None:
        seen.append(box.report("status", channel=GENERAL_ID, thread_ts=ts)["status"])

    show()
    box.slack.chat_postEphemeral(channel=GENERAL_ID, user=MAYA_ID, thread_ts=ts, text="psst")
    look()
    box.post(thread_ts=ts)
    look()
    show()
    show("")
    show()
    box.world.clock = lambda: now() + 120
    look()

    assert [each is not None for each in seen] == [True, True, False, True, False, True, False]
    assert (seen[0]["text"], seen[0]["loading_messages"]) == ("is thinking…", ["Reading…"])


@pytest.mark.parametrize("loading", [["x"] * 11, [""], [7], "x"])
def test_ten_loading_messages_are_taken_and_nothing_else(box: Box, loading: Any) -> None:
    body = {"channel_id": GENERAL_ID, "thread_ts": box.mention()["ts"], "status": "x"}

    taken = box.slack.api_call(STATUS, json={**body, "loading_messages": ["x"] * 10})

    assert taken["ok"]
    assert error_of(box.slack.api_call, STATUS, json={**body, "loading_messages": loading}) == (
        "invalid_arguments"
    )


def test_one_to_four_prompts_are_offered_in_the_apps_dm_with_their_scope(box: Box, direct: str) -> None:
    body = {"channel_id": direct, "prompts": [PROMPT] * 4, "title": "Try"}

    box.slack.api_call(PROMPTS, json=body)
    elsewhere = error_of(box.slack.api_call, PROMPTS, json={**body, "channel_id": GENERAL_ID})
    box.install.scopes = ("chat:write",)
    unscoped = error_of(box.slack.api_call, PROMPTS, json=body)

    shown = box.report("prompts", channel=direct)["prompts"]
    assert (shown["title"], shown["prompts"]) == ("Try", [PROMPT] * 4)
    assert (elsewhere, unscoped) == ("channel_not_found", "missing_scope")


@pytest.mark.parametrize(
    "prompts",
    [[], [PROMPT] * 5, [{"title": "x"}], [{**PROMPT, "icon": "x"}], [{"title": "", "message": "x"}], "x"],
)
def test_other_prompts_are_refused(box: Box, direct: str, prompts: Any) -> None:
    body = {"channel_id": direct, "prompts": json.dumps(prompts)}

    assert error_of(box.slack.api_call, PROMPTS, data=body) == "invalid_arguments"


def test_an_app_without_a_tab_shows_none(box: Box, direct: str) -> None:
    tabs = {"home_tab_enabled": False, "messages_tab_enabled": True, "messages_tab_read_only_enabled": True}
    box.app.manifest = {"features": {"app_home": tabs}}

    error = error_of(box.slack.views_publish, user_id=MAYA_ID, view=HOME)

    assert error == "not_enabled"
    assert box.refuses("open-home", user=MAYA_ID, tab="home")
    with pytest.raises(LookupError):
        box.world.ask(MAYA_ID, direct, "hello")


def test_a_home_tab_takes_no_markdown(box: Box) -> None:
    faulty: Json = {"type": "home", "blocks": [{"type": "markdown", "text": "x"}]}

    refused = refusal(box.slack.views_publish, user_id=MAYA_ID, view=faulty)
    box.slack.views_publish(user_id=MAYA_ID, view=HOME)

    assert refused["error"] == "invalid_arguments"
    assert "[json-pointer:/view/blocks/0/type]" in refused["response_metadata"]["messages"][0]
    assert box.report("home", app_id=box.app.app_id, user=MAYA_ID)["view"] == HOME
