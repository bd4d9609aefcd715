"""What a worker had done when it was killed is not done again by whoever goes on."""

from __future__ import annotations

import pytest
import redis

from sectorflow_slack.domain.errors import AnswerLost, SectorFlowBusy
from sectorflow_slack.formatting.words import ENGLISH
from sectorflow_slack.services import Services
from sectorflow_slack.services.answers import MAX_DEATHS, AnswerService
from sectorflow_slack.storage.answers import RedisAnswerStore
from sectorflow_slack.storage.conversations import RedisConversationStore
from sectorflow_slack.storage.interim import RedisInterimStore
from sectorflow_slack.storage.questions import RedisQuestionStore
from tests.fakes import FakeSectorFlowClient, FakeSlackClient, make_reply
from tests.services.steps import (
    LETTER_ID,
    WorkerKilled,
    ask,
    die,
    ended,
    go_on_after_death,
    later,
    left,
    saying_to,
    unaccounted,
)
from tests.values import MODEL_IDS

#: Three models' answers in several messages.
LONG = make_reply(MODEL_IDS, "thread-1", text="A long answer. " * 1000)


@pytest.fixture
def undisturbed(answers: AnswerService, sectorflow: FakeSectorFlowClient) -> list[str]:
    """What is said to a question where nobody dies."""
    sectorflow.reply = LONG
    slack = FakeSlackClient()
    ask(saying_to(slack, answers), 99)
    sectorflow.asked.clear()
    return slack.texts


@pytest.mark.parametrize(
    ("store_of", "step", "times_asked"),
    [
        (RedisQuestionStore, "progress", 1),
        (RedisConversationStore, "find", 1),
        (RedisAnswerStore, "keep", 2),
        (RedisQuestionStore, "save_plan", 2),
        (RedisConversationStore, "save", 1),
        (RedisInterimStore, "take_over", 1),
        (RedisQuestionStore, "confirm", 1),
        (RedisAnswerStore, "posted", 1),
        (RedisQuestionStore, "finish", 1),
    ],
    ids=[
        "the question was taken",
        "its progress was read",
        "SectorFlow was asked",
        "the answer was kept",
        "the plan was kept",
        "the conversation was kept",
        "nobody is to stand in any more",
        "the last message was posted",
        "the messages were kept",
    ],
)
def test_a_question_whose_worker_died_is_answered_once_whatever_was_done_last(
    answers: AnswerService,
    services: Services,
    slack: FakeSlackClient,
    sectorflow: FakeSectorFlowClient,
    store: redis.Redis,
    monkeypatch: pytest.MonkeyPatch,
    undisturbed: list[str],
    store_of: type,
    step: str,
    times_asked: int,
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(store_of, step, die)
        with pytest.raises(WorkerKilled):
            ask(answers)
    assert unaccounted(services.read_metrics()) == 0

    go_on_after_death(answers, store)

    assert len(sectorflow.asked) == times_asked
    assert slack.texts == undisturbed
    assert ended(services) == {"answered": 2}
    assert services.read_metrics().counters["let_go", ""] == 1
    assert unaccounted(services.read_metrics()) == 0
    assert left(store) == []


def test_what_is_kept_for_the_buttons_is_what_was_posted_though_a_worker_died_before(
    answers: AnswerService,
    slack: FakeSlackClient,
    sectorflow: FakeSectorFlowClient,
    store: redis.Redis,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sectorflow.reply = make_reply(MODEL_IDS, text="The first reply")
    with monkeypatch.context() as patch:
        patch.setattr(RedisQuestionStore, "save_plan", die)
        with pytest.raises(WorkerKilled):
            ask(answers, id=LETTER_ID)
    sectorflow.reply = make_reply(MODEL_IDS, text="The second reply")

    go_on_after_death(answers, store)

    kept = answers.kept.find(LETTER_ID)
    assert kept is not None
    assert kept.answer.models[0].text in slack.texts[0]


@pytest.mark.parametrize("posted", [0, 1, 2, 3])
def test_whoever_goes_on_posts_what_the_dead_worker_did_not(
    answers: AnswerService,
    services: Services,
    slack: FakeSlackClient,
    sectorflow: FakeSectorFlowClient,
    store: redis.Redis,
    undisturbed: list[str],
    posted: int,
) -> None:
    slack.posts.then(*[None] * posted, WorkerKilled())
    with pytest.raises(WorkerKilled):
        ask(answers)
    assert len(slack.posted) == posted < len(undisturbed)

    go_on_after_death(answers, store)

    assert len(sectorflow.asked) == 1
    assert slack.texts == undisturbed
    assert ended(services) == {"answered": 2}
    assert left(store) == []


def test_only_a_message_that_was_posted_and_not_yet_recorded_is_posted_again(
    answers: AnswerService,
    slack: FakeSlackClient,
    store: redis.Redis,
    monkeypatch: pytest.MonkeyPatch,
    undisturbed: list[str],
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(RedisQuestionStore, "mark_posted", die)
        with pytest.raises(WorkerKilled):
            ask(answers)

    go_on_after_death(answers, store)

    assert slack.texts == [undisturbed[0], *undisturbed]


@pytest.mark.parametrize("step", ["save_plan", "confirm", "finish"])
def test_an_apology_is_made_once_though_its_worker_died(
    answers: AnswerService,
    services: Services,
    slack: FakeSlackClient,
    sectorflow: FakeSectorFlowClient,
    store: redis.Redis,
    monkeypatch: pytest.MonkeyPatch,
    step: str,
) -> None:
    sectorflow.answers.then(*[AnswerLost("ReadTimeout")] * 2)
    with monkeypatch.context() as patch:
        patch.setattr(RedisQuestionStore, step, die)
        with pytest.raises(WorkerKilled):
            ask(answers, id=LETTER_ID)

    go_on_after_death(answers, store)

    assert len(sectorflow.asked) == (2 if step == "save_plan" else 1)
    assert slack.texts == [ENGLISH.too_slow]
    assert ended(services) == {"answer_lost": 1}
    assert [letter.reason for letter in services.letters.dead()] == ["answer_lost"]
    assert left(store) == []


def test_an_apology_after_half_an_answer_is_made_though_its_worker_died(
    answers: AnswerService,
    slack: FakeSlackClient,
    store: redis.Redis,
    undisturbed: list[str],
) -> None:
    slack.posts.then(None, *[RuntimeError("unforeseen")] * 4, WorkerKilled())
    ask(answers)
    for _ in range(2):
        later(answers, store)
    with pytest.raises(WorkerKilled):
        later(answers, store)

    go_on_after_death(answers, store)

    assert slack.texts == [undisturbed[0], ENGLISH.unexpected]
    assert left(store) == []


def test_a_question_that_waited_for_its_next_try_is_not_tried_more_often_for_a_death(
    answers: AnswerService, slack: FakeSlackClient, sectorflow: FakeSectorFlowClient, store: redis.Redis
) -> None:
    sectorflow.answers.then(SectorFlowBusy("status 503"), WorkerKilled(), *[SectorFlowBusy("status 503")] * 4)
    ask(answers)
    with pytest.raises(WorkerKilled):
        later(answers, store)
    later(answers, store, "underway")

    for _ in range(3):
        later(answers, store)

    assert len(sectorflow.asked) == 6
    assert slack.texts == [ENGLISH.unreachable]


def test_a_question_is_not_given_up_before_it_was_deadly_for_many_workers(
    answers: AnswerService,
    services: Services,
    slack: FakeSlackClient,
    sectorflow: FakeSectorFlowClient,
    store: redis.Redis,
) -> None:
    sectorflow.answers.then(*[WorkerKilled()] * MAX_DEATHS)
    with pytest.raises(WorkerKilled):
        ask(answers, id=LETTER_ID)

    for _ in range(MAX_DEATHS - 1):
        with pytest.raises(WorkerKilled):
            later(answers, store, "underway")
    later(answers, store, "underway")

    assert len(sectorflow.asked) == MAX_DEATHS
    assert slack.texts == [ENGLISH.unexpected]
    assert ended(services) == {"deadly": 1}
    assert [letter.reason for letter in services.letters.dead()] == ["deadly"]
    assert left(store) == []
