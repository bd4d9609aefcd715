"""Comparing answers, going on with one model, and asking in a dialog, in real processes."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox.sectorflow.models import MODELS
from sandbox.slack import seed
from sandbox.stage import Stage
from tests.waiting import until
from tests.whole.helpers import (
    NAMES,
    Thread,
    ask,
    element,
    fault,
    finish,
    headings,
    requests_of,
)

pytestmark = pytest.mark.processes

GPT = 2


def open_dialog(thread: Thread, action: str) -> dict[str, Any]:
    """Press a button in the footer, and return the dialog that it opens."""
    assert thread.stage.press(thread.answer, **element(thread.answer, action))["status"] == 200
    return dialog_of(thread.stage)


def dialog_of(stage: Stage) -> dict[str, Any]:
    until(lambda: stage.control("modals")["modals"], what="the dialog is open")
    (modal,) = stage.control("modals")["modals"]
    return dict(modal["view"])


def test_one_model_compares_the_answers_once_although_the_service_stops_before_it_posts(stage: Stage) -> None:
    thread = ask(stage, "What is our refund policy?")
    asked = len(requests_of(stage))

    fault(stage, "slack", target="chat.postMessage", containing="Compared by", error="internal_error")
    assert stage.submit(open_dialog(thread, "compare")["id"], {"model": MODELS[GPT].id})["is_closed"]
    until(lambda: not any(stage.control("faults").values()), what="the comparison is not posted")
    stage.restart()
    thread.until("Compared by")
    finish(stage)
    again = open_dialog(thread, "compare")
    stage.submit(again["id"], {"model": MODELS[GPT].id})
    finish(stage)

    (seen,) = requests_of(stage)[asked:]
    assert (seen["body"]["models"], seen["threadId"]) == ([MODELS[GPT].id], None)
    assert not any(name in str(seen["body"]) for name in NAMES)
    _, comparison = thread.replies()
    assert headings(comparison) == [f"Compared by {NAMES[GPT]}"]
    assert f"{', '.join(NAMES)} name the same main point" in comparison["text"]


def test_a_thread_goes_on_with_one_model_and_back_in_the_same_conversation(stage: Stage) -> None:
    thread = ask(stage)
    asked = len(requests_of(stage))

    dialog = open_dialog(thread, "models")
    stage.press_in_view(seed.MAYA_ID, "go_on", MODELS[GPT].id)
    until(lambda: "will answer here" in str(dialog_of(stage)["blocks"]))
    thread.until(f"From now on, {NAMES[GPT]} will answer here.")
    stage.control("close-modal", {"view_id": dialog["id"]})
    stage.ask("{bot} And another joke?", thread_ts=thread.question["ts"])
    until(lambda: len(thread.replies()) == 3)
    finish(stage)

    (seen,) = requests_of(stage)[asked:]
    assert seen["body"]["models"] == [MODELS[GPT].id]
    assert seen["threadId"] is not None
    answer = thread.replies()[-1]
    assert headings(answer) == [NAMES[GPT]]
    assert f"In this thread: {NAMES[GPT]}" in str(answer["blocks"])

    back = open_dialog(Thread(stage, thread.question, answer), "models")
    stage.submit(back["id"], {"models:0": [model.id for model in MODELS]})
    thread.until("From now on, all models will answer here.")


def test_the_home_tab_asks_some_models_and_the_answer_comes_as_a_direct_message(stage: Stage) -> None:
    direct = stage.control("open-home", {"user": seed.MAYA_ID, "tab": "home"})["channel"]
    home = f"home?app_id={seed.SECTORFLOW_APP_ID}&user={seed.MAYA_ID}"
    until(lambda: direct in str(stage.control(home)["view"]), what="the Home tab has the button")

    stage.press_in_view(seed.MAYA_ID, "ask", direct)
    some = [MODELS[0].id, MODELS[GPT].id]
    stage.submit(dialog_of(stage)["id"], {"follow_up": "Tell me a joke", "models:0": some})
    until(lambda: "Tell me a joke" in str(stage.messages(direct)))
    finish(stage)

    assert headings(*stage.messages(direct)) == [NAMES[0], NAMES[GPT]]
