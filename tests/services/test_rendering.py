"""An answer's messages follow what people press, with as few calls as can be, whatever happens meanwhile."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
import redis

from sectorflow_slack.bootstrap import Remotes, build_services, make_connections
from sectorflow_slack.config import Settings
from sectorflow_slack.domain.errors import SlackBusy, SlackRefused, SlackRefusedMessage
from sectorflow_slack.domain.questions import Reply
from sectorflow_slack.formatting import actions
from sectorflow_slack.services import rendering as drawing
from sectorflow_slack.storage.answers import AnswerStore
from tests.fakes import FakeSectorFlowClient, FakeSlackClient, FakeTaskQueue
from tests.formatting.drawing import headings
from tests.services.pressing import (
    ANSWER_ID,
    SEPARATED,
    TABS,
    THREAD_TS,
    everything_in,
    from_menu,
    long_reply,
    press,
    reply_of,
)
from tests.services.scenario import Scenario
from tests.services.steps import FIRST_TS, WorkerKilled
from tests.storage.conftest import race
from tests.values import MODEL_IDS, FixedClock, make_installation

REFUSED = SlackRefusedMessage("invalid_blocks")


@pytest.fixture
def long(acme: Scenario) -> Scenario:
    """An answer of three models that takes several messages each."""
    acme.sectorflow.reply = long_reply()
    acme.have_answered()
    assert len(acme.kept().posted) >= 6
    return acme


@pytest.fixture
def in_tabs(long: Scenario) -> Scenario:
    """The same, in one message by tabs."""
    show(long, TABS)
    assert list(long.slack.shown) == [FIRST_TS]
    return long


def show(acme: Scenario, *payloads: dict[str, Any]) -> None:
    """Press buttons, and have workers render what comes of it."""
    acme.press(*payloads)
    acme.run_jobs()


def regenerate(acme: Scenario, model: int) -> None:
    """Press the button, let people see that it was, and have the new answer come."""
    show(acme, from_menu(actions.REGENERATE, model))
    acme.work_and_run_jobs()


def changed(slack: FakeSlackClient) -> list[int]:
    """The places of the messages that were changed, in the order of the changes."""
    return [int(ts[-6:]) - 1 for _, _, ts, _ in slack.updated]


def shown_first(acme: Scenario) -> str:
    return everything_in(acme.slack.shown[FIRST_TS])


# Tabs, pages and displays


def test_pages_are_turned_for_everybody_and_another_tab_opens_at_its_first(in_tabs: Scenario) -> None:
    shown = []
    turns = [press(actions.TURN_PAGE, 0, page) for page in (0, 1, 0, 1)]
    for payload in (*turns, press(actions.SHOW_TAB, 1)):
        show(in_tabs, payload)
        shown.append(shown_first(in_tabs))

    assert [re.findall(r"Page (\d+) of", each) for each in shown] == [["1"], ["2"], ["1"], ["2"], ["1"]]
    assert shown[2] == shown[0] != shown[4]
    assert {update[1:3] for update in in_tabs.slack.updated} == {("C0GENERAL", FIRST_TS)}


def test_tabs_take_the_first_message_and_the_others_are_deleted(long: Scenario) -> None:
    before = long.kept().posted
    # A user has deleted one already.
    long.slack.removals.then(None, SlackRefused("message_not_found"))

    show(long, TABS)

    assert long.kept().posted == (FIRST_TS,)
    assert [ts for _, _, ts in long.slack.removed] == [before[1], *before[3:]]


def test_all_answers_take_the_message_and_as_many_more_as_they_need(in_tabs: Scenario) -> None:
    posted = len(in_tabs.slack.posted)

    show(in_tabs, SEPARATED)

    assert in_tabs.shows_what_is_stored()
    assert len(in_tabs.kept().posted) == 1 + len(in_tabs.slack.posted) - posted > 3
    assert {address.thread_ts for address in in_tabs.slack.addresses} == {THREAD_TS}


def test_messages_that_come_later_than_the_first_name_the_question(in_tabs: Scenario) -> None:
    assert "Tell me a joke" not in shown_first(in_tabs)

    show(in_tabs, SEPARATED)

    first, *above = [headings([message])[0] for message in in_tabs.slack.shown.values()]
    assert first == "Model 0"
    assert all(heading.endswith(", on “Tell me a joke”") for heading in above)


def test_only_what_an_answer_has_grown_by_names_the_question(long: Scenario) -> None:
    before = len(long.kept().posted)
    long.sectorflow.reply = reply_of(MODEL_IDS[2], "More words. " * 4_000)

    regenerate(long, 2)

    shown = enumerate(long.slack.shown.values())
    assert [at for at, each in shown if ", on “" in everything_in(each)] == list(
        range(before, len(long.kept().posted))
    )
    assert len(long.kept().posted) > before
    assert long.shows_what_is_stored()


# No call too many


def test_several_presses_are_rendered_in_one_change(answered: Scenario) -> None:
    show(answered, TABS, TABS, press(actions.SHOW_TAB, 1))

    assert len(answered.slack.updated) == 1
    assert answered.shows_what_is_stored()


def test_a_press_that_changes_nothing_to_be_seen_calls_nothing(long: Scenario) -> None:
    show(long, SEPARATED)

    assert long.slack.updated == []
    assert long.shows_what_is_stored()


def test_asking_a_model_again_changes_its_own_messages_only(long: Scenario) -> None:
    before = long_reply().answers[1]
    long.sectorflow.reply = Reply((replace(before, text=before.text.replace("line", "word", 1)),))
    shown = list(long.slack.shown.values())
    (first,) = [at for at, message in enumerate(shown) if before.name in headings([message])]

    regenerate(long, 1)

    # That it is asked again is said beside its name. Then that goes, its first line is another one, and the
    # footer does not say any more how long it took.
    assert changed(long.slack) == [first, first, len(shown) - 1]
    assert long.shows_what_is_stored()


def test_an_answer_whose_messages_are_not_known_is_rendered_whole_once(long: Scenario) -> None:
    long.store.hdel(f"answer:{ANSWER_ID}", "digests")

    for _ in range(2):
        show(long, SEPARATED)

    assert changed(long.slack) == list(range(len(long.kept().posted)))


def test_a_message_that_slack_took_in_a_simpler_form_is_left_at_that(answered: Scenario) -> None:
    answered.slack.updates.then(REFUSED)

    show(answered, TABS)
    show(answered, TABS)

    ((_, _, _, message),) = answered.slack.updated
    assert message != answered.rendered()[0]
    assert "Answer 1" in everything_in(message)
    assert answered.kept().rendered == answered.kept().version


def test_a_message_that_slack_took_in_several_plain_ones_is_never_taken_for_one_of_them(
    long: Scenario,
) -> None:
    long.slack.updates.then(REFUSED, REFUSED)
    show(long, TABS)
    assert len(long.slack.shown) > 1

    show(long, TABS)

    assert long.shows_what_is_stored()


# Crashes and presses meanwhile


@pytest.mark.parametrize(
    ("call", "at"), [("updates", 0), ("posts", 0), ("posts", 2), ("removals", 0), ("removals", 2)]
)
def test_a_worker_that_dies_while_it_renders_leaves_nothing_double(
    long: Scenario, call: str, at: int
) -> None:
    long.press(TABS)
    if call != "removals":
        long.run_jobs()
        long.press(SEPARATED)
    (errand, _) = long.queue.slack_jobs.pop()
    getattr(long.slack, call).then(*[None] * at, WorkerKilled())

    with pytest.raises(WorkerKilled):
        long.services.slack_jobs.run(errand)
    long.services.slack_jobs.run(errand)

    assert long.shows_what_is_stored()


@pytest.mark.parametrize("at", [0, 1, 3])
def test_a_worker_that_dies_between_a_change_and_its_record_leaves_nothing_old_behind(
    long: Scenario, monkeypatch: pytest.MonkeyPatch, at: int
) -> None:
    long.press(from_menu(actions.REGENERATE, 1), TABS)
    record, calls = AnswerStore.mark_rendered, iter(range(99))

    def die_at_one(*args: Any) -> None:
        if next(calls) == at:
            raise WorkerKilled
        record(*args)

    with monkeypatch.context() as patch:
        patch.setattr(AnswerStore, "mark_rendered", die_at_one)
        try:
            long.run_jobs()
        except WorkerKilled:
            long.queue.slack_jobs.clear()

    # Back to what the messages showed, as far as was recorded.
    long.answers.answers.replace(ANSWER_ID, 1, None)
    show(long, SEPARATED)

    assert long.shows_what_is_stored()


def test_a_press_during_a_rendering_is_rendered_too(answered: Scenario) -> None:
    def press_meanwhile() -> None:
        answered.press(press(actions.SHOW_TAB, 2))
        answered.queue.slack_jobs.clear()

    answered.slack.updates.then(press_meanwhile)

    show(answered, TABS)

    assert len(answered.slack.updated) == 2
    assert "Answer 3" in shown_first(answered)
    assert answered.shows_what_is_stored()


def test_a_press_before_all_is_posted_is_rendered_at_the_end(acme: Scenario) -> None:
    def press_the_first() -> None:
        show(acme, TABS)
        # There is nothing to change yet: the messages are not known.
        assert acme.slack.updated == []

    acme.sectorflow.reply = long_reply()
    acme.slack.posts.then(None, press_the_first)

    acme.ask()
    acme.run_jobs()

    assert list(acme.slack.shown) == [FIRST_TS]
    assert acme.shows_what_is_stored()


# What Slack does not take


def test_a_message_that_cannot_be_changed_any_more_is_posted_anew(answered: Scenario) -> None:
    answered.slack.updates.then(SlackRefused("edit_window_closed"))

    show(answered, TABS)

    assert answered.kept().posted == ("1700000001.000002",)
    assert answered.slack.texts[1:] == [answered.rendered()[0].text]


def test_what_slack_refuses_in_every_form_ends_and_harms_nothing(answered: Scenario) -> None:
    answered.slack.updates.then(*[REFUSED] * 5)

    show(answered, TABS)

    assert answered.slack.updated == []
    assert answered.kept().posted == (FIRST_TS,)


@pytest.mark.parametrize(("retry_after", "delay"), [(7.0, 7.0), (None, 1.0)])
def test_while_slack_limits_changes_they_wait_and_none_is_made_twice(
    long: Scenario, retry_after: float | None, delay: float
) -> None:
    long.store.hdel(f"answer:{ANSWER_ID}", "digests")
    long.slack.updates.then(*[None] * 4, SlackBusy("ratelimited", retry_after))
    long.press(SEPARATED)
    (errand, _) = long.queue.slack_jobs.pop()

    long.services.slack_jobs.run(errand)

    assert long.queue.slack_jobs == [(replace(errand, tries=1), delay)]
    long.end_pauses()
    long.run_jobs()
    assert changed(long.slack) == list(range(len(long.kept().posted)))
    assert long.shows_what_is_stored()


# Several processes


def test_an_answer_that_another_process_renders_for_long_is_looked_at_again(
    answered: Scenario, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(drawing, "WAIT_SECONDS", 0.0)
    answered.press(TABS)
    (errand, _) = answered.queue.slack_jobs.pop()

    with answered.services.slack_jobs.rendering.locks.hold(f"draw:{ANSWER_ID}", 30.0):
        answered.services.slack_jobs.run(errand)

    assert answered.slack.updated == []
    assert answered.queue.slack_jobs == [(errand, 1.0)]


def test_a_process_that_rendered_for_longer_than_its_lock_trusts_none_of_its_notes(long: Scenario) -> None:
    ticks = iter(range(0, 10_000, 31))
    slow = replace(long.services.slack_jobs.rendering, monotonic=lambda: float(next(ticks)))
    long.press(SEPARATED)
    replace(long.services.slack_jobs, rendering=slow).run(long.queue.slack_jobs.pop()[0])
    assert long.slack.updated == []

    show(long, SEPARATED)

    assert changed(long.slack) == list(range(len(long.kept().posted)))


@pytest.fixture
def processes(
    real_redis_url: str, settings: Settings, clock: FixedClock, slack: FakeSlackClient
) -> Iterator[list[Scenario]]:
    """The services of eight processes on a real server, with one Slack."""
    made, clients = list[Scenario](), list[redis.Redis]()
    for _ in range(8):
        client, raw = (redis.Redis.from_url(real_redis_url, decode_responses=text) for text in (True, False))
        sectorflow, queue = FakeSectorFlowClient(), FakeTaskQueue()
        remotes = Remotes(queue=queue, slack=slack, sectorflow=sectorflow, clock=clock)  # type: ignore[arg-type]
        services = build_services(settings, make_connections(client, raw), clock, remotes)
        made.append(Scenario(services, slack, sectorflow, queue, client, clock))
        clients += [client, raw]
    clients[0].flushdb()
    yield made
    clients[0].flushdb()
    for client in clients:
        client.close()


@pytest.mark.real_redis
def test_presses_at_once_end_in_what_was_pressed_last_and_one_process_renders_at_a_time(
    processes: list[Scenario], slack: FakeSlackClient
) -> None:
    alone, met = threading.Lock(), []

    def take_time() -> None:
        met.append(not alone.acquire(blocking=False))
        time.sleep(0.01)
        if not met[-1]:
            alone.release()

    first = processes[0]
    first.answers.installations.save(make_installation(), None, None)
    first.have_answered()
    first.press(TABS)
    slack.updates.then(*[take_time] * 20)

    race(8, lambda number: show(processes[number], press(actions.SHOW_TAB, number % 3)))

    assert not any(met)
    assert first.kept().rendered == first.kept().version == 10
    assert first.shows_what_is_stored()
