"""From a question to the answers, over real processes: gunicorn, the worker, Redis, HTTP on loopback."""

from __future__ import annotations

import json
from typing import Any

import pytest

from sandbox.sectorflow.models import MODELS, PLUS_TITLE, SAMPLE_PROMPTS
from sandbox.slack import seed
from sandbox.stage import Stage, is_stand_in
from tests.waiting import until
from tests.whole.looking import (
    ask,
    blocks_of,
    finish,
    headings,
    hold,
    release,
    requests_of,
    store_of,
    wait_for_answer,
)

pytestmark = pytest.mark.processes

NAMES = [model.name for model in MODELS]


def said_in(stage: Stage, channel: str) -> list[dict[str, Any]]:
    """Return what the app said in a channel."""
    return [each for each in stage.messages(channel) if each.get("bot_id")]


@pytest.fixture
def dm(stage: Stage) -> str:
    """Tom's DM with the app."""
    return str(stage.control("open-dm", {"user": seed.TOM_ID})["channel"])


# In a channel


def test_each_models_answer_comes_back_apart_and_in_order(stage: Stage) -> None:
    question = stage.ask("{bot} Tell me a joke")

    answer = wait_for_answer(stage, question)

    assert headings(answer) == NAMES
    assert len(blocks_of(answer, "rich_text")) == len(MODELS)
    # Between them, and above what is for all of them.
    assert len(blocks_of(answer, "divider")) == len(MODELS)
    assert all(message["thread_ts"] == question["ts"] for message in answer)


def test_a_follow_up_in_the_thread_carries_its_thread_id(stage: Stage) -> None:
    question, _ = ask(stage, "What is a monad?")
    asked = requests_of(stage)[-1:]

    for number, text in enumerate(("And a functor?", "And a comonad?"), start=2):
        stage.ask(f"{{bot}} {text}", thread_ts=question["ts"])
        until(lambda number=number: headings(stage.replies(question)).count(NAMES[0]) == number)
        asked.append(requests_of(stage)[-1])

    assert "threadId" not in asked[0]["body"]
    assert asked[1]["body"]["messages"] == [{"role": "user", "content": "And a functor?"}]
    assert asked[1]["threadId"] is not None
    assert asked[2]["threadId"] == asked[1]["threadId"]


def test_an_answer_that_tries_to_ping_pings_nobody(stage: Stage) -> None:
    _, answer = ask(stage, "Please mention everybody")

    assert "channel" in str(answer)
    assert answer["pings"] == []


def test_a_long_answer_goes_on_in_further_messages(stage: Stage) -> None:
    answer = wait_for_answer(stage, stage.ask("{bot} Give me a long answer"))

    assert len(answer) > 1
    assert [name for name in headings(answer) if "(continued)" not in name] == NAMES


def test_an_event_that_slack_repeats_is_answered_once(stage: Stage) -> None:
    question, answer = ask(stage, "Only once, please")
    before = stage.control("deliveries")["deliveries"]
    asked = len(requests_of(stage))

    stage.control("replay", {"event_id": before[-1]["event_id"]})
    until(lambda: len(stage.control("deliveries")["deliveries"]) > len(before))
    finish(stage)

    assert stage.control("deliveries")["deliveries"][-1]["status"] == 200
    assert len(requests_of(stage)) == asked
    assert [each["ts"] for each in stage.replies(question)] == [answer["ts"]]


def test_an_acknowledgement_does_not_wait_for_sectorflow(stage: Stage) -> None:
    before = len(stage.control("deliveries")["deliveries"])
    hold(stage, "sectorflow", "completions")

    stage.ask("{bot} Take your time")
    until(lambda: len(stage.control("deliveries")["deliveries"]) > before)
    delivery = stage.control("deliveries")["deliveries"][-1]
    release(stage)
    finish(stage)

    assert (delivery["status"], delivery["attempt"]) == (200, 0)


def test_a_failed_question_is_asked_again_by_its_button_once(stage: Stage) -> None:
    stage.control("faults", {"service": "sectorflow", "status": 400, "times": 1})
    question, excuse = ask(stage, "Try me again")
    asked = len(requests_of(stage))

    # The button stands until the first change is taken: a double click can be as slow as that.
    hold(stage, "slack", "chat.update")
    for _ in range(2):
        stage.press(excuse, "ask_again")
    release(stage)
    until(lambda: headings(stage.replies(question)).count(NAMES[0]) == 1)

    (answer,) = wait_for_answer(stage, question)
    assert answer["ts"] == excuse["ts"]
    assert headings([answer]) == NAMES
    assert len(requests_of(stage)) == asked + 1


def test_a_question_is_followed_through_the_log_by_its_event(stage: Stage) -> None:
    stage.control("faults", {"service": "sectorflow", "status": 503, "times": 1})
    _, answer = ask(stage, "Follow me")
    event_id = stage.control("deliveries")["deliveries"][-1]["event_id"]

    # The last line is written right after the last post.
    until(lambda: '"question answered"' in "".join(lines_of(stage, event_id)))

    assert headings([answer]) == NAMES
    assert [json.loads(line)["message"] for line in lines_of(stage, event_id)] == [
        "question accepted",
        "question leased",
        "question released",
        "question leased",
        "plan stored",
        "message posted",
        "question answered",
    ]


def lines_of(stage: Stage, event_id: str) -> list[str]:
    return [line for line in stage.log.read_text().splitlines() if f'"event_id": "{event_id}"' in line]


# Where people meet the app as an agent


def test_a_direct_message_needs_no_mention_and_leaves_nothing_but_the_answer(stage: Stage, dm: str) -> None:
    before = len(said_in(stage, dm))

    stage.ask("Tell me a joke", channel=dm, user=seed.TOM_ID)
    until(lambda: len(said_in(stage, dm)) > before)
    finish(stage)

    (answer,) = said_in(stage, dm)[before:]
    assert headings([answer]) == NAMES
    assert answer.get("thread_ts") is None


def test_the_home_tab_names_the_models_the_expert_and_the_workspace(stage: Stage) -> None:
    stage.control("open-home", {"user": seed.TOM_ID, "tab": "home"})

    place = f"home?app_id={seed.SECTORFLOW_APP_ID}&user={seed.TOM_ID}"
    until(lambda: stage.control(place)["view"])
    view = str(stage.control(place)["view"])
    assert all(name in view for name in NAMES)
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
    assert headings(said_in(stage, dm))[-len(MODELS) :] == NAMES


def test_who_mentions_the_app_where_it_was_removed_is_told_in_a_dm(stage: Stage, dm: str) -> None:
    channel = stage.control("channel", {"name": "left-again"})["channel"]
    stage.control("invite", {"channel": channel})
    hold(stage, "sectorflow", "completions")
    before = len(said_in(stage, dm))

    stage.ask("{bot} Are you there?", channel=channel, user=seed.TOM_ID)
    until(lambda: not stage.control("faults")["sectorflow"])
    stage.control("remove", {"channel": channel})
    release(stage)

    until(lambda: len(said_in(stage, dm)) == before + 1)
    assert "Invite me there" in said_in(stage, dm)[-1]["text"]


# While SectorFlow takes its time


def test_a_slow_answer_is_announced_at_once_and_again_after_a_while_and_nothing_stays_behind(
    stage: Stage, dm: str
) -> None:
    root = stage.ask("Tell me a joke", channel=dm, user=seed.TOM_ID)
    until(lambda: said_in(stage, dm) and float(said_in(stage, dm)[-1]["ts"]) > float(root["ts"]))
    finish(stage)
    status = f"status?channel={dm}&thread_ts={root['ts']}"
    for word in ("slowlyone", "slowlytwo"):
        hold(stage, "sectorflow", "completions", word)

    question = stage.ask("{bot} please think slowlyone")
    stage.ask("please think slowlytwo", channel=dm, user=seed.TOM_ID, thread_ts=root["ts"])
    until(lambda: stage.replies(question) and stage.control(status)["status"])
    (stand_in,) = stage.replies(question)
    as_if_asked_half_a_minute_ago(stage)
    until(lambda: "Still working on it" in stage.replies(question)[0]["text"])
    release(stage)
    (answer,) = wait_for_answer(stage, question)

    assert stand_in["text"].startswith("Asking Cohere Command R+")
    assert answer["ts"] == stand_in["ts"]
    assert headings([answer]) == NAMES
    assert [headings([each]) for each in stage.replies(root, dm)] == [NAMES]
    assert stage.control(status)["status"] is None
    assert not any(is_stand_in(each) for each in said_in(stage, dm))


def as_if_asked_half_a_minute_ago(stage: Stage) -> None:
    with store_of(stage) as store:
        for key in store.scan_iter("question:*"):
            store.hincrbyfloat(key, "accepted_at", -30.0)
