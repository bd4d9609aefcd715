"""The elements below an answer, in real processes: regenerate, follow up, plain text, feedback."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from sandbox.sectorflow.models import MODELS
from sandbox.slack import seed
from sandbox.stage import Stage
from tests.waiting import until
from tests.whole.helpers import (
    NAMES,
    ask,
    blocks_of,
    element,
    ephemeral_texts,
    fault,
    finish,
    headings,
    hold,
    option,
    release,
    requests_of,
    send_block_action,
    texts,
    wait_for_answer,
)

pytestmark = pytest.mark.processes

GPT = 2


def test_one_model_is_asked_again_and_only_its_answer_changes(stage: Stage) -> None:
    fault(stage, "sectorflow", target="completions", answer_length=40)
    thread = ask(stage, "What is our refund policy?")
    hold(stage, "sectorflow", "completions")
    asked = len(requests_of(stage))

    thread.press(**option(thread.answer, "more", GPT, "regenerate"))
    thread.until("Asking again")
    release(stage)
    thread.until("Asking again", is_gone=True)

    changed = thread.message()
    (body,) = [each["body"] for each in requests_of(stage)[asked:]]
    same = [old == new for old, new in zip(texts(thread.answer), texts(changed), strict=True)]
    assert body["models"] == [MODELS[GPT].id]
    assert changed["ts"] == thread.answer["ts"]
    assert headings(changed) == NAMES
    assert same == [number != GPT for number in range(len(MODELS))]


def test_a_model_that_is_asked_again_by_many_at_once_is_asked_once(stage: Stage) -> None:
    thread = ask(stage)
    hold(stage, "sectorflow", "completions")
    asked = len(requests_of(stage))

    ts, value = thread.answer["ts"], option(thread.answer, "more", GPT, "regenerate")["value"]
    with ThreadPoolExecutor(3) as pool:
        list(pool.map(lambda _: send_block_action(stage, ts, "more", value), range(3)))
    thread.until("Asking again")
    release(stage)
    thread.until("Asking again", is_gone=True)

    assert len(requests_of(stage)) == asked + 1


def test_a_failed_model_is_tried_again_by_its_button(stage: Stage) -> None:
    fault(stage, "sectorflow", model_id=MODELS[1].id, model_fault="error")
    thread = ask(stage)

    thread.press(**element(thread.answer, "regenerate", 1))
    thread.until("did not answer", is_gone=True)
    thread.until("Asking again", is_gone=True)

    changed = texts(thread.message())
    assert len(texts(thread.answer)) == len(MODELS) - 1
    assert len(changed) == len(MODELS)
    assert "antennas" in changed[1]


def test_a_failed_regeneration_keeps_the_old_answer_and_notifies_only_its_user(stage: Stage) -> None:
    thread = ask(stage)
    fault(stage, "sectorflow", target="completions", status=400)

    thread.press(**option(thread.answer, "more", GPT, "regenerate"), user=seed.TOM_ID)

    until(lambda: any("nothing has changed" in text for text in ephemeral_texts(stage)))
    until(lambda: texts(*thread.replies()) == texts(thread.answer))
    thread.until("Asking again", is_gone=True)


def test_a_follow_up_goes_to_its_model_alone_and_is_answered_in_the_thread(stage: Stage) -> None:
    thread = ask(stage)
    asked = len(requests_of(stage))

    thread.press(**option(thread.answer, "more", GPT, "follow_up"), user=seed.TOM_ID)
    until(lambda: stage.control("modals")["modals"])
    (modal,) = stage.control("modals")["modals"]
    sent = stage.submit(modal["view"]["id"], {"follow_up": "And another joke?"})
    until(lambda: len(thread.replies()) == 2)
    _, more = wait_for_answer(stage, thread.question)

    (seen,) = requests_of(stage)[asked:]
    assert (sent["status"], sent["is_closed"], modal["user_id"]) == (200, True, seed.TOM_ID)
    assert NAMES[GPT] in str(modal["view"])
    assert seen["body"]["models"] == [MODELS[GPT].id]
    assert seen["body"]["messages"] == [{"role": "user", "content": "And another joke?"}]
    assert seen["threadId"] is not None
    assert headings(more) == [NAMES[GPT]]
    quoted, _ = blocks_of([more], "rich_text")
    assert "And another joke?" in str(quoted)


def test_votes_are_counted_once_a_user_and_read_over_the_install_api(stage: Stage) -> None:
    thread = ask(stage)
    before = votes_of(stage, MODELS[3].id)

    for user, vote in (
        (seed.MAYA_ID, "up"),
        (seed.MAYA_ID, "up"),
        (seed.TOM_ID, "up"),
        (seed.TOM_ID, "down"),
    ):
        thread.press(**option(thread.answer, "more", 3, vote), user=user)

    after = votes_of(stage, MODELS[3].id)
    assert (after[0] - before[0], after[1] - before[1]) == (1, 1)


def votes_of(stage: Stage, model_id: str) -> tuple[int, int]:
    url = f"{stage.service_url}/api/v1/installations"
    (one,) = requests.get(url, headers=stage.headers, timeout=5).json()["items"]
    found = requests.get(f"{url}/{one['id']}/feedback", headers=stage.headers, timeout=5).json()["items"]
    return next(((each["up"], each["down"]) for each in found if each["modelId"] == model_id), (0, 0))


def test_plain_text_is_shown_only_to_the_user_who_asked_for_it(stage: Stage) -> None:
    thread = ask(stage)
    before = len(ephemeral_texts(stage))

    thread.press(**option(thread.answer, "more", 3, "plain_text"), user=seed.TOM_ID)
    until(lambda: len(ephemeral_texts(stage)) == before + 1)

    shown = [each for each in stage.messages() if each.get("is_ephemeral")][-1]
    assert shown["ephemeral_for"] == seed.TOM_ID
    assert "They *leafed* the room" in str(shown["blocks"])
    assert len(thread.replies()) == 1


def test_an_answer_as_tabs_and_back_stays_the_same_message(stage: Stage) -> None:
    thread = ask(stage)

    thread.press(**option(thread.answer, "switch_display", 0, "tabs"))
    until(lambda: len(headings(*thread.replies())) == 1)
    finish(stage)
    as_tabs = thread.message()
    thread.press(**option(as_tabs, "switch_display", 0, "separated"))
    until(lambda: len(headings(*thread.replies())) == len(MODELS))

    back = thread.message()
    assert as_tabs["ts"] == back["ts"] == thread.answer["ts"]
    assert texts(back) == texts(thread.answer)
