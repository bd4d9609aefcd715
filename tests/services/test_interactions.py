"""What a press of an answer's buttons does, and what of it is kept."""

from __future__ import annotations

from dataclasses import asdict

import fakeredis
import pytest
import redis

from sectorflow_slack.config import Settings
from sectorflow_slack.domain.errands import Errand
from sectorflow_slack.domain.errors import StorageUnavailable
from sectorflow_slack.domain.progress import ModelVotes
from sectorflow_slack.domain.questions import Question
from sectorflow_slack.formatting import actions
from sectorflow_slack.formatting.words import ENGLISH
from sectorflow_slack.services import Services
from tests.fakes import FakeSlackClient, FakeTaskQueue
from tests.services.pressing import (
    ANSWER_ID,
    EVERYTHING,
    FIRST_TS,
    PRESSES,
    THREAD_TS,
    TRIGGER_ID,
    by,
    everything_in,
    from_menu,
    kept,
    press,
    run_errands,
    screen,
    submission,
)
from tests.services.steps import KEY
from tests.storage.conftest import dump
from tests.values import MODEL_IDS

FIRST, SECOND, _ = MODEL_IDS


# What a press does


def test_a_press_of_a_tab_opens_it_for_everybody(
    shared_answer: Question, services: Services, queue: FakeTaskQueue, slack: FakeSlackClient
) -> None:
    services.interactions.accept(press(actions.SWITCH_DISPLAY, choice="tabs"))
    services.interactions.accept(press(actions.SHOW_TAB, 1, **by("U0BOB")))

    assert (kept(services).answer.display, kept(services).answer.tab) == ("tabs", 1)
    assert [errand.kind for errand, _ in queue.errands] == ["draw", "draw"]
    run_errands(services, queue)
    (message,) = screen(slack).values()
    assert "Answer 2" in everything_in(message)
    assert "Answer 1" not in everything_in(message)
    assert len(slack.updated) == 1


def test_an_errand_names_who_where_and_what_and_tells_nothing(
    shared_answer: Question, services: Services, queue: FakeTaskQueue
) -> None:
    services.interactions.accept(press(actions.FOLLOW_UP, 2))

    expected = Errand(
        "dialog",
        KEY,
        question_id=ANSWER_ID,
        model=2,
        user_id="U0ANN",
        channel_id="C0GENERAL",
        thread_ts=THREAD_TS,
        trigger_id=TRIGGER_ID,
    )
    assert queue.errands == [(expected, 0.0)]


@pytest.mark.parametrize("name", EVERYTHING)
def test_no_errand_carries_what_was_asked_or_answered(
    shared_answer: Question, services: Services, queue: FakeTaskQueue, name: str
) -> None:
    services.interactions.accept(EVERYTHING[name]())

    written = str([asdict(errand) for errand, _ in queue.errands])
    assert [text for text in ("joke", "Answer", "longer", "Model 1") if text in written] == []


def test_a_vote_is_counted_for_the_model_and_changes_no_message(
    shared_answer: Question, services: Services, queue: FakeTaskQueue
) -> None:
    services.interactions.accept(press(actions.VOTE, 0, choice=actions.UP))
    services.interactions.accept(press(actions.VOTE, 0, choice=actions.UP))
    services.interactions.accept(press(actions.VOTE, 0, choice=actions.DOWN, **by("U0BOB")))
    services.interactions.accept(press(actions.VOTE, 1, choice=actions.UP))
    services.interactions.accept(press(actions.VOTE, 1, choice=actions.DOWN))

    assert services.feedback.of(KEY) == tuple(
        sorted((ModelVotes(FIRST, 1, 1), ModelVotes(SECOND, 0, 1)), key=lambda each: each.model_id)
    )
    assert queue.errands == []


def test_plain_text_is_whispered_to_who_wanted_it(
    shared_answer: Question, services: Services, queue: FakeTaskQueue, slack: FakeSlackClient
) -> None:
    services.interactions.accept(from_menu(actions.PLAIN_TEXT, 1, **by("U0BOB")))
    run_errands(services, queue)

    ((address, user_id, message),) = slack.whispered
    assert (address.channel_id, address.thread_ts, user_id) == ("C0GENERAL", THREAD_TS, "U0BOB")
    assert "Answer 2" in everything_in(message)
    assert len(slack.posted) == 1
    assert slack.updated == []


@pytest.mark.parametrize("name", EVERYTHING)
def test_while_the_store_is_away_a_press_is_refused_and_not_lost_unseen(
    shared_answer: Question, services: Services, redis_server: fakeredis.FakeServer, name: str
) -> None:
    redis_server.connected = False

    with pytest.raises(StorageUnavailable):
        services.interactions.accept(EVERYTHING[name]())


# Where the answer is gone


@pytest.mark.parametrize("name", PRESSES)
def test_buttons_of_an_answer_that_is_gone_say_so_to_who_pressed(
    shared_answer: Question,
    services: Services,
    store: redis.Redis,
    queue: FakeTaskQueue,
    slack: FakeSlackClient,
    name: str,
) -> None:
    store.delete(f"answer:{ANSWER_ID}")

    services.interactions.accept(EVERYTHING[name]())
    run_errands(services, queue)

    ((address, user_id, message),) = slack.whispered
    assert (address.channel_id, address.thread_ts, user_id) == ("C0GENERAL", THREAD_TS, "U0ANN")
    assert message.text == ENGLISH.expired
    assert len(slack.posted) == 1
    assert slack.updated == []


def test_a_dialog_of_an_answer_that_is_gone_asks_nothing_and_says_so_in_a_dm(
    shared_answer: Question,
    services: Services,
    store: redis.Redis,
    queue: FakeTaskQueue,
    slack: FakeSlackClient,
) -> None:
    store.delete(f"answer:{ANSWER_ID}")

    services.interactions.accept(submission())
    run_errands(services, queue)

    assert queue.jobs == []
    assert (slack.addresses[-1].channel_id, slack.texts[-1]) == ("U0ANN", ENGLISH.follow_up_failed)


# What is kept


def test_a_dump_shows_neither_questions_nor_answers_nor_who_voted(
    shared_answer: Question, services: Services, store: redis.Redis
) -> None:
    for make in EVERYTHING.values():
        services.interactions.accept(make(**by("U0CURIOUS")))

    written = str(dump(store))

    assert f"answer:{ANSWER_ID}" in written
    assert [text for text in ("joke", "Answer 1", "longer", "U0CURIOUS") if text in written] == []
    assert FIRST_TS in written


def test_an_answer_and_who_voted_are_kept_for_as_long_as_the_settings_say(
    shared_answer: Question, services: Services, settings: Settings, store: redis.Redis
) -> None:
    services.interactions.accept(press(actions.VOTE, 0, choice=actions.UP))

    lifetimes = [int(store.ttl(f"{kind}:{ANSWER_ID}")) / 86_400 for kind in ("answer", "votes")]
    assert lifetimes == pytest.approx([settings.answer_retention_days] * 2, abs=0.01)
