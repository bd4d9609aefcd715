"""What can be done with an answer, pressed for real: ask again, follow up, copy, vote."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests

from sandbox.sectorflow.models import MODELS
from sandbox.slack import seed
from sandbox.stage import Stage
from tests.waiting import until
from tests.whole.looking import (
    ask,
    blocks_of,
    finish,
    headings,
    hold,
    option,
    place_of,
    release,
    requests_of,
    send_press,
    texts,
    wait_for_answer,
    whispers,
)

pytestmark = pytest.mark.processes

GPT = 2


def press(stage: Stage, answer: dict[str, Any], place: dict[str, str], user: str = seed.MAYA_ID) -> None:
    named = dict(place)
    assert stage.press(answer, named.pop("action_id"), user, **named)["status"] == 200


def test_one_model_is_asked_again_and_only_its_answer_changes(stage: Stage) -> None:
    stage.control("faults", {"service": "sectorflow", "target": "completions", "answer_length": 40})
    question, answer = ask(stage, "What is our refund policy?")
    hold(stage, "sectorflow", "completions")
    asked = len(requests_of(stage))

    press(stage, answer, option(answer, "more", GPT, "regenerate"))
    until(lambda: "Asking again" in str(stage.replies(question)))
    release(stage)
    until(lambda: "Asking again" not in str(stage.replies(question)))

    (changed,) = stage.replies(question)
    (body,) = [each["body"] for each in requests_of(stage)[asked:]]
    same = [old == new for old, new in zip(texts([answer]), texts([changed]), strict=True)]
    assert body["models"] == [MODELS[GPT].id]
    assert changed["ts"] == answer["ts"]
    assert headings([changed]) == [model.name for model in MODELS]
    assert same == [number != GPT for number in range(len(MODELS))]


def test_a_model_that_is_asked_again_by_many_at_once_is_asked_once(stage: Stage) -> None:
    question, answer = ask(stage)
    hold(stage, "sectorflow", "completions")
    asked = len(requests_of(stage))

    value = option(answer, "more", GPT, "regenerate")["value"]
    with ThreadPoolExecutor(3) as pool:
        list(pool.map(lambda _: send_press(stage, seed.GENERAL_ID, answer["ts"], "more", value), range(3)))
    until(lambda: "Asking again" in str(stage.replies(question)))
    release(stage)
    until(lambda: "Asking again" not in str(stage.replies(question)))

    assert len(requests_of(stage)) == asked + 1


def test_a_failed_model_is_tried_again_by_its_button(stage: Stage) -> None:
    fault = {"service": "sectorflow", "model_id": MODELS[1].id, "model_fault": "error"}
    stage.control("faults", fault)
    question, answer = ask(stage)

    press(stage, answer, place_of(answer, "regenerate", 1))
    until(lambda: "did not answer" not in str(stage.replies(question)))
    until(lambda: "Asking again" not in str(stage.replies(question)))

    (changed,) = stage.replies(question)
    assert len(texts([answer])) == len(MODELS) - 1
    assert len(texts([changed])) == len(MODELS)
    assert "antennas" in texts([changed])[1]


def test_a_new_answer_that_does_not_arrive_leaves_the_old_one_and_is_told_to_who_pressed(
    stage: Stage,
) -> None:
    question, answer = ask(stage)
    stage.control("faults", {"service": "sectorflow", "target": "completions", "status": 400})

    press(stage, answer, option(answer, "more", GPT, "regenerate"), seed.TOM_ID)

    until(
        lambda: any("nothing has changed" in text for text in whispers(stage, seed.GENERAL_ID, seed.TOM_ID))
    )
    until(lambda: texts(stage.replies(question)) == texts([answer]))
    until(lambda: "Asking again" not in str(stage.replies(question)))


def test_a_follow_up_goes_to_its_model_alone_and_is_answered_in_the_thread(stage: Stage) -> None:
    question, answer = ask(stage)
    asked = len(requests_of(stage))

    press(stage, answer, option(answer, "more", GPT, "follow_up"), seed.TOM_ID)
    until(lambda: stage.control("modals")["modals"])
    (modal,) = stage.control("modals")["modals"]
    sent = stage.submit(modal["view"]["id"], {"follow_up": "And another joke?"})
    until(lambda: len(stage.replies(question)) == 2)
    _, more = wait_for_answer(stage, question)

    (seen,) = requests_of(stage)[asked:]
    assert (sent["status"], sent["is_closed"], modal["user_id"]) == (200, True, seed.TOM_ID)
    assert MODELS[GPT].name in str(modal["view"])
    assert seen["body"]["models"] == [MODELS[GPT].id]
    assert seen["body"]["messages"] == [{"role": "user", "content": "And another joke?"}]
    assert seen["threadId"] is not None
    assert headings([more]) == [MODELS[GPT].name]
    quoted, _ = blocks_of([more], "rich_text")
    assert "And another joke?" in str(quoted)


def test_votes_are_counted_once_a_person_and_read_over_the_install_api(stage: Stage) -> None:
    _, answer = ask(stage)
    before = votes_of(stage, MODELS[3].id)

    press(stage, answer, option(answer, "more", 3, "up"), seed.MAYA_ID)
    press(stage, answer, option(answer, "more", 3, "up"), seed.MAYA_ID)
    press(stage, answer, option(answer, "more", 3, "up"), seed.TOM_ID)
    press(stage, answer, option(answer, "more", 3, "down"), seed.TOM_ID)

    after = votes_of(stage, MODELS[3].id)
    assert (after[0] - before[0], after[1] - before[1]) == (1, 1)


def votes_of(stage: Stage, model_id: str) -> tuple[int, int]:
    url = f"{stage.service_url}/api/v1/installations"
    (one,) = requests.get(url, headers=stage.headers, timeout=5).json()["items"]
    found = requests.get(f"{url}/{one['id']}/feedback", headers=stage.headers, timeout=5).json()["items"]
    return next(((each["up"], each["down"]) for each in found if each["modelId"] == model_id), (0, 0))


def test_plain_text_is_shown_to_who_wants_it_only(stage: Stage) -> None:
    question, answer = ask(stage)
    heard = len(whispers(stage, seed.GENERAL_ID, seed.TOM_ID))

    press(stage, answer, option(answer, "more", 3, "plain_text"), seed.TOM_ID)
    until(lambda: len(whispers(stage, seed.GENERAL_ID, seed.TOM_ID)) == heard + 1)

    said = [each for each in stage.messages(seed.GENERAL_ID) if each.get("is_ephemeral")][-1]
    assert said["ephemeral_for"] == seed.TOM_ID
    assert "They *leafed* the room" in str(said["blocks"])
    assert len(stage.replies(question)) == 1


def test_an_answer_as_tabs_and_back_keeps_its_place(stage: Stage) -> None:
    question, answer = ask(stage)

    press(stage, answer, place_of(answer, "switch_display"))
    until(lambda: len(headings(stage.replies(question))) == 1)
    finish(stage)
    (as_tabs,) = stage.replies(question)
    press(stage, {**as_tabs, "channel": seed.GENERAL_ID}, place_of(as_tabs, "switch_display"))
    until(lambda: len(headings(stage.replies(question))) == len(MODELS))

    (back,) = stage.replies(question)
    assert as_tabs["ts"] == back["ts"] == answer["ts"]
    assert texts([back]) == texts([answer])
