"""Tabs in real processes: pressed, pressed at once by many, and after a restart."""

from __future__ import annotations

from collections.abc import Iterator
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
    ephemeral_texts,
    finish,
    headings,
    open_tabs,
    option,
    send_block_action,
    store_of,
    tabs_of,
    texts,
)

pytestmark = pytest.mark.processes


@pytest.fixture(scope="module", autouse=True)
def in_tabs(stage: Stage) -> Iterator[None]:
    """Let the installation answer in tabs for these tests."""
    url = f"{stage.service_url}/api/v1/installations"
    (one,) = requests.get(url, headers=stage.headers, timeout=10).json()["items"]
    for display in ("tabs", one["display"]):
        requests.patch(f"{url}/{one['id']}", json={"display": display}, headers=stage.headers, timeout=10)
        if display == "tabs":
            yield


def test_an_answer_is_one_message_with_a_tab_for_each_model_the_first_open(stage: Stage) -> None:
    answer = ask(stage).answer

    labels = [each["text"]["text"].partition(" · ")[0] for each in tabs_of(answer)]
    assert labels == [f"● {NAMES[0]}", *NAMES[1:]]
    assert headings(answer) == NAMES[:1]
    assert len(texts(answer)) == 1


def test_a_press_shows_that_models_answer_in_the_same_message(stage: Stage) -> None:
    thread = ask(stage)

    thread.press("show_tab:2")
    until(lambda: open_tabs(thread.message()) == [2])

    changed = thread.message()
    assert changed["ts"] == thread.answer["ts"]
    assert headings(changed) == [NAMES[2]]
    assert "atoms" in texts(changed)[0]


def test_twenty_presses_at_once_leave_one_message_with_the_stored_tab_open(stage: Stage) -> None:
    thread, users = ask(stage), [seed.MAYA_ID, seed.TOM_ID]

    with ThreadPoolExecutor(20) as pool:
        list(pool.map(lambda n: thread.press(f"show_tab:{n % 5}", users[n % 2]), range(20)))
    finish(stage)

    message = thread.message()
    (stored,) = [key for key in store_of(stage).scan_iter("answer:*") if key.decode()[7:] in str(message)]
    (shown,) = open_tabs(message)
    assert message["ts"] == thread.answer["ts"]
    assert headings(message) == [NAMES[shown]]
    assert shown == int(store_of(stage).hget(stored, "tab") or -1)


def test_a_long_answer_has_pages_in_its_tab(stage: Stage) -> None:
    thread = ask(stage, "Give me a long answer")

    thread.press("turn_page:1")
    thread.until("Page 2 of")
    second = texts(thread.message())
    thread.press("turn_page:0")
    thread.until("Page 1 of")

    assert second != texts(thread.answer)
    assert texts(thread.message()) == texts(thread.answer)


def test_all_answers_are_shown_and_then_tabs_again_and_nothing_is_left_over(stage: Stage) -> None:
    thread = ask(stage, "Give me a long answer")

    thread.press(**option(thread.answer, "switch_display", 0, "separated"))
    until(lambda: len(headings(*thread.replies())) >= len(MODELS))
    until(lambda: "switch_display" in str(thread.replies()[-1]))
    all_of_them = thread.replies()
    thread.press(**option(all_of_them[-1], "switch_display", 0, "tabs"))
    until(lambda: len(thread.replies()) == 1)

    assert len(all_of_them) > 1
    names = [name.partition(", on “")[0] for name in headings(*all_of_them)]
    assert [name for name in names if "(cont" not in name] == NAMES
    assert all(", on “Give me a long answer”" in headings(each)[0] for each in all_of_them[1:])
    assert len(tabs_of(thread.message())) == len(MODELS)
    assert thread.message()["ts"] == thread.answer["ts"]


def test_a_button_copied_into_another_message_or_channel_does_nothing(stage: Stage) -> None:
    thread = ask(stage)
    before = len(stage.messages(seed.RANDOM_ID))
    elsewhere = stage.ask("Look at this", channel=seed.RANDOM_ID)
    button = "show_tab:3", tabs_of(thread.answer)[3]["value"]

    copied = [
        send_block_action(stage, elsewhere["ts"], *button, channel=seed.RANDOM_ID),
        send_block_action(stage, thread.question["ts"], *button),
    ]
    finish(stage)
    after = open_tabs(thread.message()), len(stage.messages(seed.RANDOM_ID))
    genuine = send_block_action(stage, thread.answer["ts"], *button)

    assert [*copied, genuine] == [200] * 3
    assert after == ([0], before + 1)
    until(lambda: open_tabs(thread.message()) == [3])


def test_an_expired_answer_stays_and_only_the_user_who_pressed_is_notified(stage: Stage) -> None:
    thread = ask(stage)
    for key in store_of(stage).scan_iter("answer:*"):
        store_of(stage).delete(key)

    thread.press("show_tab:1", seed.TOM_ID)

    until(lambda: any("too old" in text for text in ephemeral_texts(stage)))
    assert open_tabs(thread.message()) == [0]


def test_old_tabs_work_after_everything_was_restarted(stage: Stage) -> None:
    thread = ask(stage)

    stage.restart()
    thread.press("show_tab:4")

    until(lambda: open_tabs(thread.message()) == [4])
    assert headings(thread.message()) == [NAMES[4]]
