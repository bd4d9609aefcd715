"""Tabs, with real processes: pressed, pressed at once by many, and after everything was restarted."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests

from sandbox.sectorflow.models import MODELS
from sandbox.slack import seed
from sandbox.stage import Stage
from tests.waiting import until
from tests.whole.helpers import (
    ask,
    ephemeral_texts,
    finish,
    headings,
    open_tabs,
    send_block_action,
    store_of,
    tabs_of,
    texts,
)

pytestmark = pytest.mark.processes


@pytest.fixture(scope="module", autouse=True)
def in_tabs(stage: Stage) -> Iterator[None]:
    """Let the installation answer in tabs meanwhile."""
    url = f"{stage.service_url}/api/v1/installations"
    (one,) = requests.get(url, headers=stage.headers, timeout=10).json()["items"]
    for display in ("tabs", one["display"]):
        requests.patch(f"{url}/{one['id']}", json={"display": display}, headers=stage.headers, timeout=10)
        if display == "tabs":
            yield


def press(stage: Stage, answer: dict[str, Any], action: str, user: str = seed.MAYA_ID) -> None:
    assert stage.press({**answer, "channel": seed.GENERAL_ID}, action, user)["status"] == 200


def now(stage: Stage, question: dict[str, Any]) -> dict[str, Any]:
    """Return the one message of an answer as it stands now."""
    (message,) = stage.replies(question)
    return message


def test_an_answer_is_one_message_with_a_tab_for_each_model_the_first_open(stage: Stage) -> None:
    _, answer = ask(stage)

    names = [each["text"]["text"] for each in tabs_of(answer)]
    assert names == [f"● {MODELS[0].name}", *(model.name for model in MODELS[1:])]
    assert headings([answer]) == [MODELS[0].name]
    assert len(texts([answer])) == 1


def test_a_press_shows_that_models_answer_in_the_same_message(stage: Stage) -> None:
    question, answer = ask(stage)

    press(stage, answer, "show_tab:2")
    until(lambda: open_tabs(now(stage, question)) == [2])

    changed = now(stage, question)
    assert changed["ts"] == answer["ts"]
    assert headings([changed]) == [MODELS[2].name]
    assert "atoms" in texts([changed])[0]


def test_twenty_presses_at_once_leave_one_message_with_one_open_tab_the_stores(stage: Stage) -> None:
    question, answer = ask(stage)
    people = [seed.MAYA_ID, seed.TOM_ID]

    with ThreadPoolExecutor(20) as pool:
        list(pool.map(lambda n: press(stage, answer, f"show_tab:{n % 5}", people[n % 2]), range(20)))
    finish(stage)

    message = now(stage, question)
    (kept,) = [key for key in store_of(stage).scan_iter("answer:*") if key.decode()[7:] in str(message)]
    (shown,) = open_tabs(message)
    assert message["ts"] == answer["ts"]
    assert headings([message]) == [MODELS[shown].name]
    assert shown == int(store_of(stage).hget(kept, "tab") or -1)


def test_a_long_answer_has_pages_in_its_tab(stage: Stage) -> None:
    question, answer = ask(stage, "Give me a long answer")

    press(stage, answer, "turn_page:1")
    until(lambda: "Page 2 of" in str(now(stage, question)))
    second = texts([now(stage, question)])
    press(stage, answer, "turn_page:0")
    until(lambda: "Page 1 of" in str(now(stage, question)))

    assert second != texts([answer])
    assert texts([now(stage, question)]) == texts([answer])


def test_all_answers_are_shown_and_then_tabs_again_and_nothing_is_left_over(stage: Stage) -> None:
    question, answer = ask(stage, "Give me a long answer")

    press(stage, answer, "switch_display")
    until(lambda: len(headings(stage.replies(question))) >= len(MODELS))
    until(lambda: "switch_display" in str(stage.replies(question)[-1]))
    all_of_them = stage.replies(question)
    press(stage, all_of_them[-1], "switch_display")
    until(lambda: len(stage.replies(question)) == 1)

    assert len(all_of_them) > 1
    names = [name.partition(", on “")[0] for name in headings(all_of_them)]
    assert [name for name in names if "(cont" not in name] == [m.name for m in MODELS]
    assert all(", on “Give me a long answer”" in headings([each])[0] for each in all_of_them[1:])
    assert len(tabs_of(now(stage, question))) == len(MODELS)
    assert now(stage, question)["ts"] == answer["ts"]


def test_a_button_copied_into_another_channel_does_nothing(stage: Stage) -> None:
    question, answer = ask(stage)
    before = len(stage.messages(seed.RANDOM_ID))
    elsewhere = stage.ask("Look at this", channel=seed.RANDOM_ID)
    value = tabs_of(answer)[3]["value"]

    statuses = [
        send_block_action(stage, channel, ts, "show_tab:3", value)
        for channel, ts in ((seed.RANDOM_ID, elsewhere["ts"]), (seed.GENERAL_ID, question["ts"]))
    ]
    finish(stage)

    assert statuses == [200, 200]
    assert open_tabs(now(stage, question)) == [0]
    assert len(stage.messages(seed.RANDOM_ID)) == before + 1


def test_what_send_press_sends_works_in_its_own_message(stage: Stage) -> None:
    question, answer = ask(stage)

    status = send_block_action(
        stage, seed.GENERAL_ID, answer["ts"], "show_tab:3", tabs_of(answer)[3]["value"]
    )

    assert status == 200
    until(lambda: open_tabs(now(stage, question)) == [3])


def test_an_answer_that_is_kept_no_longer_says_so_to_who_pressed_and_stays(stage: Stage) -> None:
    question, answer = ask(stage)
    for key in store_of(stage).scan_iter("answer:*"):
        store_of(stage).delete(key)

    press(stage, answer, "show_tab:1", seed.TOM_ID)

    until(lambda: any("too old" in text for text in ephemeral_texts(stage, seed.GENERAL_ID, seed.TOM_ID)))
    assert open_tabs(now(stage, question)) == [0]


def test_old_tabs_work_after_everything_was_restarted(stage: Stage) -> None:
    question, answer = ask(stage)

    stage.restart()
    press(stage, answer, "show_tab:4")

    until(lambda: open_tabs(now(stage, question)) == [4])
    assert headings([now(stage, question)]) == [MODELS[4].name]
