"""An answer's messages follow the buttons that users press, with as few calls as possible."""

from __future__ import annotations

import re
import threading
import time
from dataclasses import replace
from typing import Any

import pytest

from sectorflow_slack.domain.errors import SlackBusy, SlackRefused, SlackRefusedMessage
from sectorflow_slack.domain.questions import Reply
from sectorflow_slack.domain.slack_jobs import SlackJob
from sectorflow_slack.formatting import block_kit
from sectorflow_slack.services import rendering
from sectorflow_slack.storage.answers import AnswerStore
from tests.formatting.drawing import headings
from tests.services.block_actions import (
    ANSWER_ID,
    FOLDED,
    SEPARATED,
    TABS,
    THREAD_TS,
    block_action,
    everything_in,
    from_menu,
    long_reply,
    reply_of,
)
from tests.services.scenario import Scenario
from tests.services.steps import FIRST_TS, KEY, WorkerKilled
from tests.storage.conftest import race
from tests.values import MODEL_IDS

REFUSED = SlackRefusedMessage("invalid_blocks")


@pytest.fixture
def long(acme):
    """An answer of three models, with several messages for each."""
    acme.sectorflow.reply = long_reply()
    acme.have_answered()
    assert len(acme.stored().posted) >= 6
    return acme


@pytest.fixture
def in_tabs(long):
    """The same as tabs, in one message."""
    show(long, TABS)
    assert list(long.slack.shown) == [FIRST_TS]
    return long


def show(acme: Scenario, *payloads: dict[str, Any]) -> None:
    """Press buttons, and render the outcome."""
    acme.interact(*payloads)
    acme.run_slack_jobs()


def regenerate(acme: Scenario, model: int) -> None:
    """Press the button, render that it was pressed, and answer again."""
    show(acme, from_menu(block_kit.REGENERATE, model))
    acme.work_and_run_slack_jobs()


def only_job(acme: Scenario) -> SlackJob:
    """Take the one job from the queue."""
    ((job, _),) = acme.slack_jobs
    acme.forget_slack_jobs()
    return job


def updated(acme: Scenario) -> list[int]:
    """The indexes of the updated messages, in the order of the updates."""
    return [int(ts[-6:]) - 1 for _, _, ts, _ in acme.slack.updated]


def indexes(acme: Scenario) -> list[int]:
    """The indexes of all messages of the answer."""
    return list(range(len(acme.stored().posted)))


def first_message(acme: Scenario) -> str:
    return everything_in(acme.slack.shown[FIRST_TS])


# Tabs, pages and displays


def test_pages_turn_and_another_tab_opens_at_its_first_page(in_tabs):
    shown = []
    turns = [block_action(block_kit.TURN_PAGE, 0, page) for page in (0, 1, 0, 1)]
    for payload in (*turns, block_action(block_kit.SHOW_TAB, 1)):
        show(in_tabs, payload)
        shown.append(first_message(in_tabs))

    assert [re.findall(r"Page (\d+) of", each) for each in shown] == [["1"], ["2"], ["1"], ["2"], ["1"]]
    assert shown[2] == shown[0] != shown[4]
    assert {update[1:3] for update in in_tabs.slack.updated} == {("C0GENERAL", FIRST_TS)}


def test_tabs_replace_the_first_message_and_the_others_are_deleted(long):
    before = long.stored().posted
    # A user has deleted one already.
    long.slack.removals.then(None, SlackRefused("message_not_found"))

    show(long, TABS)

    assert long.stored().posted == (FIRST_TS,)
    assert [ts for _, _, ts in long.slack.removed] == [before[1], *before[3:]]


def test_separated_answers_replace_the_tabs_and_are_posted_below_with_the_question(in_tabs):
    posted = len(in_tabs.slack.posted)
    assert "Tell me a joke" not in first_message(in_tabs)

    show(in_tabs, SEPARATED)

    assert in_tabs.shows_what_is_stored()
    assert len(in_tabs.stored().posted) == 1 + len(in_tabs.slack.posted) - posted > 3
    assert {address.thread_ts for address in in_tabs.slack.addresses} == {THREAD_TS}
    first, *others = [headings([message])[0] for message in in_tabs.slack.shown.values()]
    assert first == "Model 0"
    assert all(heading.endswith(", on “Tell me a joke”") for heading in others)


def test_only_messages_that_are_added_to_an_answer_name_the_question(long):
    before = indexes(long)
    long.sectorflow.reply = reply_of(MODEL_IDS[2], "More words. " * 4_000)

    regenerate(long, 2)

    shown = enumerate(long.slack.shown.values())
    named = [at for at, message in shown if ", on “" in everything_in(message)]
    assert before + named == indexes(long) != before
    assert long.shows_what_is_stored()


# No call too many


@pytest.mark.parametrize(
    ("payloads", "updates"),
    [((TABS, TABS, block_action(block_kit.SHOW_TAB, 1)), 1), ((SEPARATED,), 0)],
    ids=["several at once", "nothing changed"],
)
def test_block_actions_are_rendered_in_one_update_at_most(answered, payloads, updates):
    show(answered, *payloads)

    assert len(answered.slack.updated) == updates
    assert answered.shows_what_is_stored()


def test_regenerating_a_model_updates_its_own_messages_only(long):
    before = long_reply().answers[1]
    long.sectorflow.reply = Reply((replace(before, text=before.text.replace("line", "word", 1)),))
    shown = list(long.slack.shown.values())
    (first,) = [at for at, message in enumerate(shown) if before.name in headings([message])]

    regenerate(long, 1)

    # That it is asked again is shown beside its name. Then this is removed, its first line is another one,
    # and the footer does not show any more how long the answer took.
    assert updated(long) == [first, first, len(shown) - 1]
    assert long.shows_what_is_stored()


def test_a_message_that_slack_took_in_a_simpler_form_is_not_updated_again(answered):
    answered.slack.updates.then(REFUSED)

    show(answered, TABS)
    show(answered, TABS)

    ((_, _, _, message),) = answered.slack.updated
    assert message != answered.rendered()[0]
    assert "Answer 1" in everything_in(message)
    assert answered.stored().rendered == answered.stored().version


def test_the_messages_after_one_that_slack_refuses_are_rendered_too(in_tabs):
    in_tabs.slack.updates.then(REFUSED)

    show(in_tabs, SEPARATED)

    assert len(in_tabs.slack.shown) == len(in_tabs.rendered())


def test_a_message_that_slack_took_as_several_plain_ones_is_rendered_again(long):
    long.slack.updates.then(REFUSED, REFUSED)
    show(long, TABS)
    assert len(long.slack.shown) > 1

    show(long, TABS)

    assert long.shows_what_is_stored()


# Crashes, and block actions meanwhile


@pytest.mark.parametrize(
    ("call", "at"), [("updates", 0), ("posts", 0), ("posts", 2), ("removals", 0), ("removals", 2)]
)
def test_a_worker_that_dies_while_it_renders_leaves_no_second_message(long, call, at):
    long.interact(TABS)
    if call != "removals":
        long.run_slack_jobs()
        long.interact(SEPARATED)
    job = only_job(long)
    getattr(long.slack, call).then(*[None] * at, WorkerKilled())

    with pytest.raises(WorkerKilled):
        long.services.slack_jobs.run(job)
    long.services.slack_jobs.run(job)

    assert long.shows_what_is_stored()


@pytest.mark.parametrize("at", [0, 1, 3])
def test_a_worker_that_dies_before_it_records_an_update_leaves_no_outdated_message(long, monkeypatch, at):
    long.interact(from_menu(block_kit.REGENERATE, 1), TABS)
    mark_rendered, calls = AnswerStore.mark_rendered, iter(range(99))

    def die_at_one(*args):
        if next(calls) == at:
            long.forget_slack_jobs()
            raise WorkerKilled
        mark_rendered(*args)

    with monkeypatch.context() as patch:
        patch.setattr(AnswerStore, "mark_rendered", die_at_one)
        with pytest.raises(WorkerKilled):
            long.run_slack_jobs()

    # The answer is again as the messages showed it, as far as that was stored.
    long.answers.answers.replace(ANSWER_ID, 1, None)
    show(long, SEPARATED)

    assert long.shows_what_is_stored()


def test_a_block_action_while_an_answer_is_rendered_is_rendered_too(answered):
    def show_the_third_tab():
        answered.interact(block_action(block_kit.SHOW_TAB, 2))
        answered.forget_slack_jobs()

    answered.slack.updates.then(show_the_third_tab)

    show(answered, TABS)

    assert len(answered.slack.updated) == 2
    assert "Answer 3" in first_message(answered)
    assert answered.shows_what_is_stored()


def test_a_block_action_before_all_is_posted_is_rendered_after_the_last_message(acme):
    def show_tabs():
        show(acme, TABS)
        # No message of the answer is stored yet.
        assert acme.slack.updated == []

    acme.sectorflow.reply = long_reply()
    acme.slack.posts.then(None, show_tabs)

    acme.ask()
    acme.run_slack_jobs()

    assert list(acme.slack.shown) == [FIRST_TS]
    assert acme.shows_what_is_stored()


# Refusals and rate limits


def test_a_message_that_cannot_be_updated_any_more_is_posted_again(answered):
    answered.slack.updates.then(SlackRefused("edit_window_closed"))

    show(answered, TABS)

    assert answered.stored().posted == ("1700000001.000002",)
    assert answered.slack.texts[1:] == [answered.rendered()[0].text]


def test_any_of_the_three_displays_can_be_chosen_and_no_other(answered):
    for payload, display in (
        (FOLDED, "folded"),
        (TABS, "tabs"),
        (SEPARATED, "separated"),
        (block_action(block_kit.SWITCH_DISPLAY, choice="up"), "separated"),
    ):
        show(answered, payload)

        assert answered.stored().answer.display == display
        assert answered.shows_what_is_stored()


def test_a_message_that_cannot_become_another_kind_is_posted_again_and_the_old_one_deleted(long):
    before = long.stored().posted
    long.slack.updates.then(SlackRefused("block_mismatch"))

    show(long, FOLDED)

    assert not {*before} & {*long.stored().posted}
    assert long.shows_what_is_stored()


def test_an_old_message_that_slack_does_not_delete_is_not_replaced_twice(answered):
    answered.slack.updates.then(SlackRefused("block_mismatch"))
    answered.slack.removals.then(SlackBusy("internal_error", None))

    show(answered, FOLDED)
    show(answered, FOLDED)

    assert len(answered.slack.posted) == 2
    assert answered.stored().posted == ("1700000001.000002",)


def test_where_slack_refuses_containers_answers_are_separated_from_then_on(answered):
    answered.slack.updates.then(REFUSED)

    show(answered, FOLDED)
    first = answered.slack.shown[FIRST_TS]
    show(answered, FOLDED)

    assert headings([first]) == ["Model 1", "Model 2", "Model 3"]
    assert answered.installation.refused == {"containers"}
    assert answered.shows_what_is_stored()


def test_a_new_answer_is_separated_at_once_where_containers_were_refused(acme):
    acme.configure(display="folded")
    acme.slack.posts.then(REFUSED)
    acme.ask(1)

    acme.ask(2)

    assert acme.installation.refused == {"containers"}
    assert ["container" in str(message.blocks) for _, _, message in acme.slack.posted] == [False, False]


def test_a_message_that_slack_takes_in_no_folded_and_no_separated_form_says_nothing_of_containers(acme):
    acme.configure(display="folded")
    acme.slack.posts.then(REFUSED, REFUSED)

    acme.ask()

    assert acme.installation.refused == set()


def test_a_change_of_settings_lets_slack_be_asked_again(acme):
    acme.answers.installations.mark_refused(KEY, "containers")
    assert acme.installation.refused == {"containers"}

    acme.configure(display="folded")

    assert acme.installation.refused == set()


def test_a_message_that_slack_refuses_in_every_form_stays_as_it_was(answered):
    answered.slack.updates.then(*[REFUSED] * 5)

    show(answered, TABS)

    assert answered.slack.updated == []
    assert answered.stored().posted == (FIRST_TS,)


def test_a_message_that_slack_does_not_delete_is_deleted_by_the_next_rendering(long):
    long.slack.removals.then(SlackRefused("is_archived"))
    show(long, TABS)
    assert len(long.slack.shown) > 1

    show(long, TABS)

    assert long.shows_what_is_stored()


@pytest.mark.parametrize(("retry_after", "delay"), [(7.0, 7.0), (None, 1.0)])
def test_while_slack_limits_updates_they_wait_and_none_is_repeated(long, retry_after, delay):
    long.store.hdel(f"answer:{ANSWER_ID}", "digests")
    long.slack.updates.then(*[None] * 4, SlackBusy("ratelimited", retry_after))
    long.interact(SEPARATED)
    job = only_job(long)

    long.services.slack_jobs.run(job)

    assert long.slack_jobs == [(replace(job, tries=1), delay)]
    long.end_pauses()
    long.run_slack_jobs()
    assert updated(long) == indexes(long)
    assert long.shows_what_is_stored()


# Several processes


def test_an_answer_that_another_process_renders_for_long_is_rendered_later(answered, monkeypatch):
    monkeypatch.setattr(rendering, "WAIT_SECONDS", 0.0)
    answered.interact(TABS)
    job = only_job(answered)

    with answered.services.slack_jobs.rendering.locks.hold(f"draw:{ANSWER_ID}", 30.0):
        answered.services.slack_jobs.run(job)

    assert answered.slack.updated == []
    assert answered.slack_jobs == [(job, 1.0)]


def test_after_a_rendering_that_outlasted_its_lock_no_digest_is_trusted(long):
    ticks = iter(range(0, 10_000, 31))
    slow = replace(long.services.slack_jobs.rendering, monotonic=lambda: float(next(ticks)))
    long.interact(SEPARATED)
    replace(long.services.slack_jobs, rendering=slow).run(only_job(long))
    assert long.slack.updated == []

    show(long, SEPARATED)

    assert updated(long) == indexes(long)


def test_after_simultaneous_block_actions_the_last_is_shown_and_one_worker_renders_at_a_time(answered):
    alone, met = threading.Lock(), []

    def take_time():
        met.append(not alone.acquire(blocking=False))
        time.sleep(0.01)
        if not met[-1]:
            alone.release()

    answered.slack.updates.then(*[take_time] * 20)
    answered.interact(TABS)
    job = only_job(answered)

    def show_tab_and_render(number):
        answered.interact(block_action(block_kit.SHOW_TAB, number % 3))
        answered.services.slack_jobs.run(job)

    race(8, show_tab_and_render)

    assert not any(met)
    assert answered.stored().rendered == answered.stored().version == 10
    assert answered.shows_what_is_stored()
