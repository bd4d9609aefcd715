"""Where people meet the app as an agent: its DM, its Home tab, its suggestions, and where it was shut out."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox.sectorflow.models import MODELS, PLUS_TITLE, SAMPLE_PROMPTS
from sandbox.slack import seed
from sandbox.stage import Stage, is_stand_in
from tests.whole.looking import headings, until

pytestmark = pytest.mark.processes


def said_in(stage: Stage, channel: str) -> list[dict[str, Any]]:
    """Give what the app said in a DM, without what only stands in for an answer."""
    return [each for each in stage.messages(channel) if each.get("bot_id") and not is_stand_in(each)]


@pytest.fixture
def dm(stage: Stage) -> str:
    """Tom's DM with the app."""
    return str(stage.control("open-dm", {"user": seed.TOM_ID})["channel"])


def test_a_direct_message_needs_no_mention_and_leaves_nothing_but_the_answer(stage: Stage, dm: str) -> None:
    before = len(said_in(stage, dm))

    stage.ask("Tell me a joke", channel=dm, user=seed.TOM_ID)
    until(lambda: len(said_in(stage, dm)) == before + 1)

    answer = said_in(stage, dm)[-1]
    assert headings([answer]) == [model.name for model in MODELS]
    assert answer.get("thread_ts") is None
    assert not any(is_stand_in(each) for each in stage.messages(dm))


def test_a_question_in_a_dms_thread_is_answered_there(stage: Stage, dm: str) -> None:
    first = stage.ask("Tell me a joke", channel=dm, user=seed.TOM_ID)
    until(lambda: said_in(stage, dm) and float(said_in(stage, dm)[-1]["ts"]) > float(first["ts"]))

    stage.ask("And another?", channel=dm, user=seed.TOM_ID, thread_ts=first["ts"])

    (answer,) = stage.wait_for_answer(first, timeout=20, channel=dm)
    assert headings([answer]) == [model.name for model in MODELS]
    assert stage.control(f"status?channel={dm}&thread_ts={first['ts']}")["status"] is None


def test_the_home_tab_names_the_models_the_expert_and_the_workspace(stage: Stage) -> None:
    stage.control("open-home", {"user": seed.TOM_ID, "tab": "home"})

    place = f"home?app_id={seed.SECTORFLOW_APP_ID}&user={seed.TOM_ID}"
    until(lambda: stage.control(place)["view"])
    view = str(stage.control(place)["view"])
    assert all(model.name in view for model in MODELS)
    assert PLUS_TITLE in view


def test_who_opens_the_messages_tab_gets_the_workspaces_own_prompts(stage: Stage) -> None:
    channel = stage.control("open-home", {"user": seed.TOM_ID, "tab": "messages"})["channel"]

    until(lambda: stage.control(f"prompts?channel={channel}")["prompts"])
    prompts = stage.control(f"prompts?channel={channel}")["prompts"]["prompts"]
    assert [each["message"] for each in prompts] == list(SAMPLE_PROMPTS[:4])


def test_a_question_with_a_file_is_answered_and_says_that_the_file_was_not_read(
    stage: Stage, dm: str
) -> None:
    stage.ask("What is in this?", channel=dm, user=seed.TOM_ID, files=["figures.pdf"])

    until(lambda: "I can't read files" in str(said_in(stage, dm)[-1:]))
    assert headings(said_in(stage, dm))[-len(MODELS) :] == [model.name for model in MODELS]


def test_who_mentions_the_app_where_it_was_removed_is_told_in_a_dm(stage: Stage) -> None:
    channel = stage.control("channel", {"name": "left-again"})["channel"]
    stage.control("invite", {"channel": channel})
    stage.control("faults", {"service": "sectorflow", "target": "completions", "delay": 1.5})
    dm = stage.control("open-dm", {"user": seed.TOM_ID})["channel"]
    before = len(said_in(stage, dm))

    stage.ask("{bot} Are you there?", channel=channel, user=seed.TOM_ID)
    stage.control("remove", {"channel": channel})

    until(lambda: len(said_in(stage, dm)) == before + 1)
    assert "Invite me there" in said_in(stage, dm)[-1]["text"]
