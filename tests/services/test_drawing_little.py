"""Of an answer's messages only those are changed that are to show something else, whatever happens."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import redis

from sectorflow_slack.domain.errors import SlackBusy, SlackRefusedMessage
from sectorflow_slack.domain.questions import Question, Reply
from sectorflow_slack.formatting import actions
from sectorflow_slack.services import Services
from sectorflow_slack.services.answers import AnswerService
from sectorflow_slack.storage.answers import RedisAnswerStore
from tests.fakes import FakeSectorFlowClient, FakeSlackClient, FakeTaskQueue
from tests.formatting.drawing import headings
from tests.services.pressing import (
    ANSWER_ID,
    answer_what_waits,
    answered,
    everything_in,
    from_menu,
    is_as_it_should_be,
    kept,
    long_reply,
    press,
    reply_of,
    run_errands,
    screen,
)
from tests.services.steps import WorkerKilled
from tests.values import MODEL_IDS

TABS = press(actions.SWITCH_DISPLAY, choice="tabs")
SEPARATED = press(actions.SWITCH_DISPLAY, choice="separated")
#: Slack takes so many changes a minute.
TIER_3 = 50


@pytest.fixture
def nine_messages(
    answers: AnswerService, services: Services, queue: FakeTaskQueue, sectorflow: FakeSectorFlowClient
) -> Question:
    """An answer of three models that takes nine messages."""
    sectorflow.reply = long_reply(30_000)
    question = answered(services, queue)
    assert len(kept(services).posted) == 9
    return question


def regenerate(services: Services, queue: FakeTaskQueue, model: int) -> None:
    """Press the button, let people see that it was, and have the new answer come."""
    services.interactions.accept(from_menu(actions.REGENERATE, model))
    run_errands(services, queue)
    answer_what_waits(services, queue)


def changed(slack: FakeSlackClient) -> list[int]:
    """The places of the messages that were changed, in the order of the changes."""
    return [int(ts[-6:]) - 1 for _, _, ts, _ in slack.updated]


def test_asking_a_model_again_changes_its_own_messages_only(
    nine_messages: Question,
    services: Services,
    queue: FakeTaskQueue,
    slack: FakeSlackClient,
    sectorflow: FakeSectorFlowClient,
) -> None:
    before = long_reply(30_000).answers[1]
    sectorflow.reply = Reply((replace(before, text=before.text.replace("line", "word", 1)),))
    shown = list(screen(slack).values())
    (first,) = [at for at, message in enumerate(shown) if before.name in headings([message])]
    (last,) = [at for at, message in enumerate(shown) if f"{ANSWER_ID}.1.0.up" in everything_in(message)]

    regenerate(services, queue, 1)

    # That it is asked again is said below its end. Then that goes, its first line is another one, and the
    # footer does not say any more how long it took.
    assert changed(slack) == [last, first, last, 8]
    assert is_as_it_should_be(services, slack)


def test_five_models_asked_again_stay_within_what_slack_takes_in_a_minute(
    nine_messages: Question,
    services: Services,
    queue: FakeTaskQueue,
    slack: FakeSlackClient,
    sectorflow: FakeSectorFlowClient,
) -> None:
    for number in range(5):
        sectorflow.reply = reply_of(MODEL_IDS[number % 3], f"Take {number}. " * 2_300)
        regenerate(services, queue, number % 3)

    assert len(slack.updated) < TIER_3
    assert is_as_it_should_be(services, slack)


def test_a_press_that_changes_nothing_to_be_seen_calls_nobody(
    nine_messages: Question, services: Services, queue: FakeTaskQueue, slack: FakeSlackClient
) -> None:
    services.interactions.accept(SEPARATED)
    run_errands(services, queue)

    assert slack.updated == []
    assert is_as_it_should_be(services, slack)


def test_an_answer_of_which_nobody_knows_what_its_messages_show_is_drawn_whole(
    nine_messages: Question,
    services: Services,
    queue: FakeTaskQueue,
    slack: FakeSlackClient,
    store: redis.Redis,
) -> None:
    store.hdel(f"answer:{ANSWER_ID}", "digests")

    for _ in range(2):
        services.interactions.accept(SEPARATED)
        run_errands(services, queue)

    assert changed(slack) == list(range(9))


def test_what_slack_took_before_it_wanted_quiet_is_not_done_again(
    nine_messages: Question,
    services: Services,
    queue: FakeTaskQueue,
    slack: FakeSlackClient,
    store: redis.Redis,
) -> None:
    store.hdel(f"answer:{ANSWER_ID}", "digests")
    slack.updates.then(*[None] * 4, SlackBusy("ratelimited", 7.0))
    services.interactions.accept(SEPARATED)
    services.errands.run(queue.errands.pop()[0])
    for quiet in store.scan_iter("pause:*"):
        store.delete(quiet)

    run_errands(services, queue)

    assert changed(slack) == list(range(9))
    assert is_as_it_should_be(services, slack)


@pytest.mark.parametrize("at", range(9))
def test_whoever_dies_between_a_change_and_its_record_leaves_nothing_old_behind(
    nine_messages: Question,
    services: Services,
    queue: FakeTaskQueue,
    slack: FakeSlackClient,
    monkeypatch: pytest.MonkeyPatch,
    at: int,
) -> None:
    services.interactions.accept(from_menu(actions.REGENERATE, 1))
    services.interactions.accept(TABS)
    drawn, calls = RedisAnswerStore.drawn, iter(range(99))

    def die_at_one(*args: Any) -> None:
        if next(calls) == at:
            raise WorkerKilled
        drawn(*args)

    with monkeypatch.context() as patch:
        patch.setattr(RedisAnswerStore, "drawn", die_at_one)
        try:
            run_errands(services, queue)
        except WorkerKilled:
            queue.errands.clear()

    # Back to what the messages showed, as far as was recorded.
    services.answers.kept.replace(ANSWER_ID, 1, None)
    services.interactions.accept(SEPARATED)
    run_errands(services, queue)

    assert is_as_it_should_be(services, slack)


def test_whoever_drew_for_longer_than_the_lock_holds_trusts_none_of_its_notes(
    nine_messages: Question, services: Services, queue: FakeTaskQueue, slack: FakeSlackClient
) -> None:
    ticks = iter(range(0, 10_000, 31))
    slow = replace(services.errands.drawing, monotonic=lambda: float(next(ticks)))
    services.interactions.accept(SEPARATED)
    replace(services.errands, drawing=slow).run(queue.errands.pop()[0])
    assert slack.updated == []

    services.interactions.accept(SEPARATED)
    run_errands(services, queue)

    assert changed(slack) == list(range(9))


def test_a_message_that_slack_took_in_a_simpler_form_is_left_at_that(
    nine_messages: Question, services: Services, queue: FakeTaskQueue, slack: FakeSlackClient
) -> None:
    slack.updates.then(SlackRefusedMessage("invalid_blocks"))
    services.interactions.accept(TABS)
    run_errands(services, queue)

    services.interactions.accept(TABS)
    run_errands(services, queue)

    assert changed(slack) == [0]


def test_a_message_that_slack_took_in_several_plain_ones_is_never_taken_for_one_of_them(
    nine_messages: Question, services: Services, queue: FakeTaskQueue, slack: FakeSlackClient
) -> None:
    slack.updates.then(*[SlackRefusedMessage("invalid_blocks")] * 2)
    services.interactions.accept(TABS)
    run_errands(services, queue)
    assert len(screen(slack)) > 1

    services.interactions.accept(TABS)
    run_errands(services, queue)

    assert is_as_it_should_be(services, slack)


def test_messages_that_come_later_than_the_first_name_the_question(
    nine_messages: Question, services: Services, queue: FakeTaskQueue, slack: FakeSlackClient
) -> None:
    services.interactions.accept(TABS)
    run_errands(services, queue)
    assert "Tell me a joke" not in everything_in(screen(slack)[kept(services).posted[0]])

    services.interactions.accept(SEPARATED)
    run_errands(services, queue)

    shown = list(screen(slack).values())
    above = [headings([message])[0] for message in shown]
    assert above[:2] == ["Model 0", "Model 0 (continued), on “Tell me a joke”"]
    assert all(heading.endswith(", on “Tell me a joke”") for heading in above[1:])
    assert sum(", on “" in heading for heading in headings(shown)) == len(shown) - 1
    assert is_as_it_should_be(services, slack)


def test_only_what_an_answer_has_grown_by_names_the_question(
    nine_messages: Question,
    services: Services,
    queue: FakeTaskQueue,
    slack: FakeSlackClient,
    sectorflow: FakeSectorFlowClient,
) -> None:
    sectorflow.reply = reply_of(MODEL_IDS[2], "More words. " * 4_000)

    regenerate(services, queue, 2)

    named = [number for number, each in enumerate(screen(slack).values()) if ", on “" in everything_in(each)]
    assert named == list(range(9, len(kept(services).posted))) != []
