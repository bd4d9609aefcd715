"""What people see while SectorFlow takes half a minute, in a channel and in a thread of a DM."""

from __future__ import annotations

import time
from typing import Any

import pytest

from sandbox.slack import seed
from sandbox.stage import Stage, is_stand_in
from tests.whole.looking import headings, until

pytestmark = pytest.mark.processes

SLOW_SECONDS = 30.0
#: From a question to the first sign that it was heard.
HEARD_SECONDS = 1.5
#: After 20 s people are told; who looks for them does so every 5 s, and tells at most as often.
TOLD_SECONDS = 27.0


def ask_slowly(stage: Stage, text: str, channel: str, **rest: Any) -> dict[str, Any]:
    word = text.split()[-1]
    fault = {"service": "sectorflow", "target": "completions", "delay": SLOW_SECONDS, "containing": word}
    stage.control("faults", fault)
    return stage.ask(text, channel=channel, **rest)


def test_a_slow_answer_is_announced_at_once_and_again_after_a_while_and_nothing_stays_behind(
    stage: Stage,
) -> None:
    dm = stage.control("open-dm", {"user": seed.TOM_ID})["channel"]
    root = stage.ask("Tell me a joke", channel=dm, user=seed.TOM_ID)
    until(lambda: any(headings([each]) for each in stage.messages(dm) if each.get("bot_id")))
    status = f"status?channel={dm}&thread_ts={root['ts']}"

    question = ask_slowly(stage, "{bot} please think slowlyone", seed.GENERAL_ID)
    ask_slowly(stage, "please think slowlytwo", dm, user=seed.TOM_ID, thread_ts=root["ts"])
    heard = until(lambda: stage.replies(question) and stage.control(status)["status"])
    (stand_in,) = stage.replies(question)
    until(lambda: "Still working on it" in stage.replies(question)[0]["text"], TOLD_SECONDS)
    (answer,) = stage.wait_for_answer(question, timeout=SLOW_SECONDS)
    in_dm = stage.wait_for_answer(root, timeout=SLOW_SECONDS, channel=dm)
    time.sleep(1.0)

    assert heard < HEARD_SECONDS
    assert stand_in["text"].startswith("Asking Cohere Command R+")
    assert answer["ts"] == stand_in["ts"]
    assert len(stage.replies(question)) == len(in_dm) == 1
    assert stage.control(status)["status"] is None
    assert not any(is_stand_in(each) for each in stage.messages(dm))
