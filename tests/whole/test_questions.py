"""From a question to the answers in real processes: gunicorn, the worker, Redis, HTTP on loopback."""

from __future__ import annotations

import json
from typing import Any

import pytest

from sandbox.sectorflow.models import MODELS, PLUS_TITLE, SAMPLE_PROMPTS
from sandbox.slack import seed
from sandbox.stage import Stage
from tests.waiting import until
from tests.whole.helpers import (
    NAMES,
    Message,
    ask,
    blocks_of,
    fault,
    finish,
    headings,
    hold,
    release,
    requests_of,
    wait_for_answer,
)

pytestmark = pytest.mark.processes


def posted_in(stage: Stage, channel: str) -> list[dict[str, Any]]:
    """Return the apps' messages in a channel."""
    return [each for each in stage.messages(channel) if each.get("bot_id")]


@pytest.fixture
def dm(stage: Stage) -> str:
    """Tom's DM with the app."""
    return str(stage.control("open-dm", {"user": seed.TOM_ID})["channel"])


# In a channel


def test_each_models_answer_comes_back_apart_and_in_order(stage: Stage) -> None:
    question = stage.ask("{bot} Tell me a joke")

    answer = wait_for_answer(stage, question)

    assert headings(*answer) == NAMES
    assert len(blocks_of(answer, "rich_text")) == len(MODELS)
    # Between the answers, and above the elements for all of them.
    assert len(blocks_of(answer, "divider")) == len(MODELS)
    assert all(message["thread_ts"] == question["ts"] for message in answer)


def test_a_follow_up_in_the_thread_carries_its_thread_id(stage: Stage) -> None:
    question = ask(stage, "What is a monad?").question
    asked = requests_of(stage)[-1:]

    for number, text in enumerate(("And a functor?", "And a comonad?"), start=2):
        stage.ask(f"{{bot}} {text}", thread_ts=question["ts"])
        until(lambda number=number: headings(*stage.replies(question)).count(NAMES[0]) == number)
        asked.append(requests_of(stage)[-1])

    assert "threadId" not in asked[0]["body"]
    assert asked[1]["body"]["messages"] == [{"role": "user", "content": "And a functor?"}]
    assert asked[1]["threadId"] is not None
    assert asked[2]["threadId"] == asked[1]["threadId"]


def test_mentions_in_an_answer_notify_no_one(stage: Stage) -> None:
    answer = ask(stage, "Please mention everybody").answer

    assert "channel" in str(answer)
    assert answer["pings"] == []


def test_a_long_answer_goes_on_in_further_messages(stage: Stage) -> None:
    answer = wait_for_answer(stage, stage.ask("{bot} Give me a long answer"))

    assert len(answer) > 1
    assert [name for name in headings(*answer) if "(continued)" not in name] == NAMES


def test_a_failed_question_is_asked_again_by_its_button_once(stage: Stage) -> None:
    fault(stage, "sectorflow", status=400)
    thread = ask(stage, "Try me again")
    asked = len(requests_of(stage))

    # The button is there until the answer is posted: a double click can be as slow as that.
    hold(stage, "slack", "chat.postMessage")
    for _ in range(2):
        thread.press("ask_again")
    release(stage)
    until(lambda: headings(*thread.replies()).count(NAMES[0]) == 1)

    (answer,) = wait_for_answer(stage, thread.question)
    assert answer["ts"] > thread.answer["ts"]
    assert headings(answer) == NAMES
    assert len(requests_of(stage)) == asked + 1


def test_a_question_is_followed_through_the_log_by_its_event(stage: Stage) -> None:
    fault(stage, "sectorflow", status=503)
    answer = ask(stage, "Follow me").answer
    event_id = stage.control("deliveries")["deliveries"][-1]["event_id"]

    # The last line is written right after the last post.
    until(lambda: '"question answered"' in "".join(lines_of(stage, event_id)))

    assert headings(answer) == NAMES
    messages = [json.loads(line)["message"] for line in lines_of(stage, event_id)]
    # A worker may be faster than the web process is to write its line.
    assert [*sorted(messages[:2]), *messages[2:]] == [
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


# DMs, the app home and other channels


def test_a_direct_message_needs_no_mention_and_leaves_nothing_but_the_answer(stage: Stage, dm: str) -> None:
    before = len(posted_in(stage, dm))

    stage.ask("Tell me a joke", channel=dm, user=seed.TOM_ID)
    until(lambda: len(posted_in(stage, dm)) > before)
    finish(stage)

    (answer,) = posted_in(stage, dm)[before:]
    assert headings(answer) == NAMES
    assert answer.get("thread_ts") is None


def test_the_home_tab_names_the_models_the_expert_and_the_workspace(stage: Stage) -> None:
    stage.control("open-home", {"user": seed.TOM_ID, "tab": "home"})

    report = f"home?app_id={seed.SECTORFLOW_APP_ID}&user={seed.TOM_ID}"
    until(lambda: stage.control(report)["view"])
    view = str(stage.control(report)["view"])
    assert all(name in view for name in NAMES)
    assert PLUS_TITLE in view


def test_opening_the_messages_tab_offers_the_workspaces_own_prompts(stage: Stage) -> None:
    channel = stage.control("open-home", {"user": seed.TOM_ID, "tab": "messages"})["channel"]

    until(lambda: stage.control(f"prompts?channel={channel}")["prompts"])
    prompts = stage.control(f"prompts?channel={channel}")["prompts"]["prompts"]
    assert [each["message"] for each in prompts] == list(SAMPLE_PROMPTS[:4])


def test_a_question_with_a_file_is_answered_with_a_note_on_the_file(stage: Stage, dm: str) -> None:
    stage.ask("What is in this?", channel=dm, user=seed.TOM_ID, files=["figures.pdf"])

    until(lambda: "I can't read files" in str(posted_in(stage, dm)[-1:]))
    assert headings(*posted_in(stage, dm))[-len(MODELS) :] == NAMES


def test_a_mention_in_a_channel_that_the_app_left_is_answered_in_a_dm(stage: Stage, dm: str) -> None:
    channel = stage.control("channel", {"name": "left-again"})["channel"]
    stage.control("invite", {"channel": channel})
    hold(stage, "sectorflow", "completions")
    before = len(posted_in(stage, dm))

    stage.ask("{bot} Are you there?", channel=channel, user=seed.TOM_ID)
    until(lambda: not stage.control("faults")["sectorflow"])
    stage.control("remove", {"channel": channel})
    release(stage)

    until(lambda: len(posted_in(stage, dm)) == before + 1)
    assert "Invite me there" in posted_in(stage, dm)[-1]["text"]


# While SectorFlow is slow


def is_processing(stage: Stage, question: Message, channel: str = seed.GENERAL_ID) -> bool:
    """Whether the question's thread shows a status with a Stop button."""
    found = stage.control(f"sessions?channel={channel}&thread_ts={question['ts']}")["sessions"]
    return any(each["status"] == "processing" for each in found)


def test_a_slow_answer_has_a_status_that_ends_with_the_answer(stage: Stage, dm: str) -> None:
    before = len(posted_in(stage, dm))
    for word in ("slowlyone", "slowlytwo"):
        hold(stage, "sectorflow", "completions", word)

    question = stage.ask("{bot} please think slowlyone")
    direct = stage.ask("please think slowlytwo", channel=dm, user=seed.TOM_ID)
    until(lambda: is_processing(stage, question) and is_processing(stage, direct, dm), what="statuses")
    assert (stage.replies(question), len(posted_in(stage, dm))) == ([], before)
    release(stage)
    (answer,) = wait_for_answer(stage, question)

    assert headings(answer) == NAMES
    assert headings(*posted_in(stage, dm)[before:]) == NAMES
    assert not is_processing(stage, question)
    assert not is_processing(stage, direct, dm)


def test_a_question_that_is_stopped_is_answered_by_one_line(stage: Stage) -> None:
    hold(stage, "sectorflow", "completions", "stopped")
    question = stage.ask("{bot} this will be stopped")
    until(lambda: is_processing(stage, question), what="the status")

    place = {"channel": seed.GENERAL_ID, "thread_ts": question["ts"]}
    stage.control("stop", {**place, "user": seed.MAYA_ID, "app_id": seed.SECTORFLOW_APP_ID})
    (line,) = wait_for_answer(stage, question)
    release(stage)
    finish(stage)

    assert line["text"] == "Stopped."
    assert stage.replies(question) == [line]
    assert not is_processing(stage, question)
    assert len([each for each in requests_of(stage) if "will be stopped" in str(each["body"])]) == 1


def test_two_bots_that_answer_each_other_come_to_an_end(limited_stage: Stage) -> None:
    stage = limited_stage
    for number in range(5):
        stage.ask(f"{{bot}} round {number}")
    told = "You ask faster than I may answer"
    until(lambda: told in str(stage.messages()), what="the sentence")
    finish(stage)

    asked = [each for each in requests_of(stage) if "round" in str(each["body"])]
    assert len(asked) == 3
    private = [each["text"] for each in stage.messages() if each.get("ephemeral_for")]
    assert [text.startswith(told) for text in private] == [True]
