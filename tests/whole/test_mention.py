"""From a mention to the answers, over real processes: gunicorn, dramatiq, Redis, HTTP on loopback."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import pytest
import requests

from sandbox.sectorflow.models import MODELS
from sandbox.slack import seed
from sandbox.stage import Stage

pytestmark = pytest.mark.processes


def headings(messages: list[dict[str, Any]]) -> list[str]:
    blocks = [block for message in messages for block in message["blocks"]]
    return [block["text"]["text"] for block in blocks if block["type"] == "header"]


def blocks_of(messages: list[dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    return [block for message in messages for block in message["blocks"] if block["type"] == kind]


def from_bots(stage: Stage, channel: str) -> list[dict[str, Any]]:
    found = stage.control(f"messages?channel={channel}")["messages"]
    return [message for message in found if message.get("bot_id")]


def answers_in(stage: Stage, question: dict[str, Any]) -> int:
    thread = [m for m in from_bots(stage, seed.GENERAL_ID) if m.get("thread_ts") == question["ts"]]
    return headings(thread).count(MODELS[0].name)


def until(condition: Callable[[], bool], timeout: float = 20.0) -> None:
    deadline = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_each_models_answer_comes_back_apart_and_in_order(stage: Stage) -> None:
    question = stage.ask("{bot} Tell me a joke")

    answer = stage.wait_for_answer(question, timeout=20)

    assert headings(answer) == [model.name for model in MODELS]
    assert len(blocks_of(answer, "markdown")) == len(MODELS)
    # Between them, and above what is for all of them.
    assert len(blocks_of(answer, "divider")) == len(MODELS)
    assert all(message["thread_ts"] == question["ts"] for message in answer)


def test_a_follow_up_in_the_thread_carries_its_thread_id(stage: Stage) -> None:
    question = stage.ask("{bot} What is a monad?")
    stage.wait_for_answer(question, timeout=20)
    asked_first = stage.control("requests")["requests"][-1]

    asked = [asked_first]
    for number, text in enumerate(("And a functor?", "And a comonad?"), start=2):
        stage.ask(f"{{bot}} {text}", thread_ts=question["ts"])
        until(lambda number=number: answers_in(stage, question) == number)
        asked.append(stage.control("requests")["requests"][-1])

    assert "threadId" not in asked[0]["body"]
    assert asked[1]["body"]["messages"] == [{"role": "user", "content": "And a functor?"}]
    assert asked[1]["threadId"] is not None
    assert asked[2]["threadId"] == asked[1]["threadId"]


def test_an_answer_that_tries_to_ping_pings_nobody(stage: Stage) -> None:
    question = stage.ask("{bot} Please mention everybody")

    answer = stage.wait_for_answer(question, timeout=20)

    assert "channel" in str(answer)
    assert [message["pings"] for message in answer] == [[] for _ in answer]


def test_a_long_answer_goes_on_in_further_messages(stage: Stage) -> None:
    question = stage.ask("{bot} Give me a long answer")

    answer = stage.wait_for_answer(question, timeout=30)

    assert len(answer) > 1
    assert [name for name in headings(answer) if "(continued)" not in name] == [m.name for m in MODELS]


def test_an_event_that_slack_repeats_is_answered_once(stage: Stage) -> None:
    question = stage.ask("{bot} Only once, please")
    stage.wait_for_answer(question, timeout=20)
    event_id = stage.control("deliveries")["deliveries"][-1]["event_id"]
    asked = len(stage.control("requests")["requests"])

    stage.control("replay", {"event_id": event_id})
    time.sleep(1.5)

    assert stage.control("deliveries")["deliveries"][-1]["status"] == 200
    assert len(stage.control("requests")["requests"]) == asked


def test_an_empty_mention_gets_help(stage: Stage) -> None:
    question = stage.ask("{bot}")

    (answer,) = stage.wait_for_answer(question, timeout=20)

    assert "mention me" in answer["text"]


def test_sectorflow_being_busy_is_waited_for(stage: Stage) -> None:
    stage.control("faults", {"service": "sectorflow", "status": 503, "times": 1})

    answer = stage.wait_for_answer(stage.ask("{bot} Tell me a joke"), timeout=30)

    assert headings(answer) == [model.name for model in MODELS]


def test_a_failed_model_is_marked_and_the_others_are_shown(stage: Stage) -> None:
    stage.control("faults", {"service": "sectorflow", "model_id": MODELS[1].id, "model_fault": "error"})

    answer = stage.wait_for_answer(stage.ask("{bot} Tell me a joke"), timeout=20)

    assert headings(answer) == [model.name for model in MODELS]
    assert len(blocks_of(answer, "markdown")) == len(MODELS) - 1
    assert "did not answer" in str(answer)


def test_an_acknowledgement_does_not_wait_for_sectorflow(stage: Stage) -> None:
    stage.control("faults", {"service": "sectorflow", "delay": 3.0, "times": 1})

    question = stage.ask("{bot} Take your time")
    stage.wait_for_answer(question, timeout=20)

    delivery = stage.control("deliveries")["deliveries"][-1]
    assert (delivery["status"], delivery["attempt"]) == (200, 0)
    assert delivery["seconds"] < 1.0


def test_a_direct_message_is_answered_inline_without_a_mention(stage: Stage) -> None:
    channel = stage.control("open-dm", {"user": seed.MAYA_ID})["channel"]

    stage.ask("Tell me a joke", channel=channel)
    until(lambda: len(from_bots(stage, channel)) == 1)

    assert from_bots(stage, channel)[0].get("thread_ts") is None


def test_no_secret_and_no_text_reaches_the_log(stage: Stage) -> None:
    stage.wait_for_answer(stage.ask("{bot} canary-in-the-question"), timeout=20)
    installs = stage.control("install-app", {})

    log = stage.log.read_text()

    assert "question answered" in log
    for secret in ("canary", "sf-demo-token", installs["install"]["bot_token"], stage.install_api_key):
        assert secret not in log


def test_a_failed_question_is_asked_again_by_its_button_once(stage: Stage) -> None:
    stage.control("faults", {"service": "sectorflow", "status": 400, "times": 1})
    question = stage.ask("{bot} Try me again")
    (excuse,) = stage.wait_for_answer(question, timeout=20)
    asked = len(stage.control("requests")["requests"])

    # The button stands until the first change is taken: a double click can be as slow as that.
    stage.control("faults", {"service": "slack", "target": "chat.update", "delay": 1.0})
    for _ in range(2):
        stage.press({**excuse, "channel": seed.GENERAL_ID}, "ask_again")
    until(lambda: answers_in(stage, question) == 1)

    (answer,) = stage.wait_for_answer(question, timeout=20)
    assert answer["ts"] == excuse["ts"]
    assert headings([answer]) == [model.name for model in MODELS]
    assert len(stage.control("requests")["requests"]) == asked + 1


def test_a_question_is_followed_through_the_log_by_its_event(stage: Stage) -> None:
    stage.control("faults", {"service": "sectorflow", "status": 503, "times": 1})
    stage.wait_for_answer(stage.ask("{bot} Follow me"), timeout=30)
    event_id = stage.control("deliveries")["deliveries"][-1]["event_id"]

    # The last line is written right after the last post.
    until(lambda: '"question answered"' in "".join(lines_of(stage, event_id)))

    told = [json.loads(line)["message"] for line in lines_of(stage, event_id)]
    assert told == [
        "question accepted",
        "question taken",
        "question put back",
        "question taken",
        "plan kept",
        "message posted",
        "question answered",
    ]


def lines_of(stage: Stage, event_id: str) -> list[str]:
    return [line for line in stage.log.read_text().splitlines() if f'"event_id": "{event_id}"' in line]


def test_health_is_told_over_http(stage: Stage) -> None:
    assert requests.get(f"{stage.service_url}/healthz", timeout=5).status_code == 200
    assert requests.get(f"{stage.service_url}/readyz", timeout=5).json()["missing"] == []
