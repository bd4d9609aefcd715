"""One model of an answer asked again."""

from __future__ import annotations

import fakeredis
import pytest
import redis

from sectorflow_slack.domain.errors import AnswerLost, SectorFlowBusy, StorageUnavailable, TokenRefused
from sectorflow_slack.domain.questions import Question
from sectorflow_slack.formatting import actions
from sectorflow_slack.formatting.words import ENGLISH
from sectorflow_slack.services import Services
from sectorflow_slack.services.answers import AnswerService
from sectorflow_slack.storage.questions import RedisQuestionStore
from tests.fakes import FakeSectorFlowClient, FakeSlackClient, FakeTaskQueue, make_reply
from tests.services.pressing import (
    ANSWER_ID,
    FIRST_TS,
    THREAD_TS,
    answer_what_waits,
    answered,
    by,
    drawn,
    everything_in,
    from_menu,
    kept,
    press,
    reply_of,
    run_errands,
    screen,
    submission,
)
from tests.services.steps import (
    KEY,
    WorkerKilled,
    ended,
    go_on_after_death,
    left,
    let_time_pass,
    some_failed,
    unaccounted,
)
from tests.values import MODEL_IDS

FIRST, SECOND, THIRD = MODEL_IDS
REGENERATE = from_menu(actions.REGENERATE, 1, **by("U0BOB"))
FAILURE = [TokenRefused("status 401"), AnswerLost("timed out")]


def ask_again(services: Services, queue: FakeTaskQueue) -> None:
    """Have the second model asked again, and a worker answer."""
    services.interactions.accept(REGENERATE)
    answer_what_waits(services, queue)


# One model again


def test_only_that_model_is_asked_and_its_answer_takes_the_old_ones_place(
    answer: Question,
    services: Services,
    queue: FakeTaskQueue,
    sectorflow: FakeSectorFlowClient,
    slack: FakeSlackClient,
    store: redis.Redis,
) -> None:
    old = kept(services).answer.models
    sectorflow.reply = reply_of(SECOND, "Something quite different")

    ask_again(services, queue)

    settings, text, thread_id = sectorflow.asked[-1]
    assert (settings.model_ids, text, thread_id) == ((SECOND,), "Tell me a joke", "thread-1")
    assert kept(services).answer.models == (old[0], sectorflow.reply.answers[0], old[2])
    assert list(screen(slack).items()) == [(FIRST_TS, drawn(services)[0])]
    assert len(slack.posted) == 1
    assert slack.whispered == []
    assert left(store) == []
    assert ended(services) == {"answered": 2}


def test_while_it_is_asked_the_message_says_so(
    answer: Question, services: Services, queue: FakeTaskQueue, slack: FakeSlackClient
) -> None:
    services.interactions.accept(REGENERATE)
    run_errands(services, queue)

    (message,) = screen(slack).values()
    assert ENGLISH.asking_again in everything_in(message)
    assert "Answer 2" in everything_in(message)

    answer_what_waits(services, queue)

    (message,) = screen(slack).values()
    assert ENGLISH.asking_again not in everything_in(message)


def test_a_double_click_asks_once_and_a_later_one_again(
    answer: Question, services: Services, queue: FakeTaskQueue, sectorflow: FakeSectorFlowClient
) -> None:
    for _ in range(3):
        services.interactions.accept(REGENERATE)
    for _ in range(3):
        answer_what_waits(services, queue)
    assert len(sectorflow.asked) == 2

    ask_again(services, queue)

    assert len(sectorflow.asked) == 3
    assert unaccounted(services.read_metrics()) == 0


def test_two_models_asked_again_at_once_both_get_their_answer(
    answer: Question, services: Services, queue: FakeTaskQueue, sectorflow: FakeSectorFlowClient
) -> None:
    services.interactions.accept(REGENERATE)
    services.interactions.accept(from_menu(actions.REGENERATE, 2))
    answer_what_waits(services, queue)
    answer_what_waits(services, queue)

    assert [settings.model_ids for settings, _, _ in sectorflow.asked[1:]] == [(SECOND,), (THIRD,)]
    # Each is the only one of its reply, and the fake's models say their number.
    assert [model.text for model in kept(services).answer.models] == ["Answer 1", "Answer 1", "Answer 1"]
    assert [model.model_id for model in kept(services).answer.models] == [FIRST, SECOND, THIRD]
    assert kept(services).answer.busy == ()


@pytest.mark.parametrize("error", FAILURE)
def test_one_that_fails_leaves_the_old_answer_and_tells_only_who_pressed(
    answer: Question,
    services: Services,
    queue: FakeTaskQueue,
    sectorflow: FakeSectorFlowClient,
    slack: FakeSlackClient,
    store: redis.Redis,
    error: Exception,
) -> None:
    sectorflow.answers.then(error)

    ask_again(services, queue)

    stays_and_is_told(answer, services, slack)
    assert services.letters.dead() == ()
    assert left(store) == []
    assert unaccounted(services.read_metrics()) == 0


def test_a_model_that_has_no_new_answer_is_a_failure_too(
    answer: Question,
    services: Services,
    queue: FakeTaskQueue,
    sectorflow: FakeSectorFlowClient,
    slack: FakeSlackClient,
) -> None:
    sectorflow.reply = reply_of(SECOND, "", failed=True)

    ask_again(services, queue)

    stays_and_is_told(answer, services, slack)


def stays_and_is_told(answer: Question, services: Services, slack: FakeSlackClient) -> None:
    assert kept(services).answer.models == make_reply(MODEL_IDS).answers
    assert kept(services).answer.busy == ()
    assert list(screen(slack).values()) == drawn(services)
    assert len(slack.posted) == 1
    ((address, user_id, message),) = slack.whispered
    assert (address.channel_id, address.thread_ts) == (answer.channel_id, THREAD_TS)
    assert (user_id, message.text) == ("U0BOB", ENGLISH.regenerate_failed)


def test_while_sectorflow_is_busy_it_is_tried_again(
    answer: Question,
    services: Services,
    queue: FakeTaskQueue,
    sectorflow: FakeSectorFlowClient,
    slack: FakeSlackClient,
    store: redis.Redis,
) -> None:
    sectorflow.answers.then(SectorFlowBusy("status 503"))
    services.interactions.accept(REGENERATE)

    answer_what_waits(services, queue)
    assert kept(services).answer.busy == (SECOND,)
    let_time_pass(store)
    answer_what_waits(services, queue)

    assert len(sectorflow.asked) == 3
    assert kept(services).answer.busy == ()
    assert slack.whispered == []


def test_a_model_that_failed_can_be_tried_again_alone(
    answers: AnswerService,
    services: Services,
    queue: FakeTaskQueue,
    sectorflow: FakeSectorFlowClient,
    slack: FakeSlackClient,
) -> None:
    sectorflow.reply = some_failed(SECOND)
    answered(services, queue)
    (message,) = screen(slack).values()
    assert ENGLISH.try_again in everything_in(message)
    sectorflow.reply = reply_of(SECOND, "Now I know one")

    services.interactions.accept(press(actions.REGENERATE, 1))
    answer_what_waits(services, queue)

    (message,) = screen(slack).values()
    assert [model.text for model in kept(services).answer.models] == [
        "Answer 1",
        "Now I know one",
        "Answer 3",
    ]
    assert "Now I know one" in everything_in(message)
    assert ENGLISH.try_again not in everything_in(message)


def test_a_worker_that_dies_with_the_new_answer_in_hand_leaves_it_to_others(
    answer: Question,
    services: Services,
    queue: FakeTaskQueue,
    sectorflow: FakeSectorFlowClient,
    slack: FakeSlackClient,
    store: redis.Redis,
) -> None:
    services.interactions.accept(REGENERATE)
    queue.errands.clear()
    queue.enqueues.then(WorkerKilled())
    with pytest.raises(WorkerKilled):
        services.answers.answer_next(KEY)

    go_on_after_death(services.answers, store)
    run_errands(services, queue)

    assert len(sectorflow.asked) == 2
    assert list(screen(slack).values()) == drawn(services)
    assert kept(services).answer.busy == ()
    assert left(store) == []


def test_a_press_of_which_only_half_was_stored_is_made_whole_by_the_next(
    answer: Question,
    services: Services,
    queue: FakeTaskQueue,
    sectorflow: FakeSectorFlowClient,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def gone(*_: object) -> bool:
        raise StorageUnavailable("ConnectionError")

    with monkeypatch.context() as patched:
        patched.setattr(RedisQuestionStore, "accept", gone)
        with pytest.raises(StorageUnavailable):
            services.interactions.accept(REGENERATE)
    assert kept(services).answer.busy == (SECOND,)

    ask_again(services, queue)

    assert len(sectorflow.asked) == 2
    assert kept(services).answer.busy == ()


def test_where_the_answer_expires_meanwhile_nothing_is_asked_and_nothing_said(
    answer: Question,
    services: Services,
    queue: FakeTaskQueue,
    sectorflow: FakeSectorFlowClient,
    slack: FakeSlackClient,
    store: redis.Redis,
) -> None:
    services.interactions.accept(REGENERATE)
    store.delete(f"answer:{ANSWER_ID}")

    answer_what_waits(services, queue)

    assert len(sectorflow.asked) == 1
    assert len(slack.posted) == 1
    assert left(store) == []


@pytest.mark.parametrize("make", [lambda: REGENERATE, lambda: submission()], ids=["again", "follow-up"])
def test_a_worker_that_could_not_be_woken_finds_it_all_the_same(
    answer: Question,
    services: Services,
    queue: FakeTaskQueue,
    sectorflow: FakeSectorFlowClient,
    make: object,
) -> None:
    queue.enqueues.then(StorageUnavailable("ConnectionError"))

    services.interactions.accept(make())  # type: ignore[operator]
    services.answers.keep_going()
    assert queue.jobs == [(KEY, 0.0)]
    answer_what_waits(services, queue)

    assert len(sectorflow.asked) == 2


def test_nothing_is_asked_while_the_store_is_away(
    answer: Question, services: Services, redis_server: fakeredis.FakeServer, sectorflow: FakeSectorFlowClient
) -> None:
    redis_server.connected = False

    for payload in (REGENERATE, submission()):
        with pytest.raises(StorageUnavailable):
            services.interactions.accept(payload)

    assert len(sectorflow.asked) == 1
