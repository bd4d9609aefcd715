from __future__ import annotations

import pytest
import redis

from sectorflow_slack.domain.errors import SlackRefused, StorageUnavailable, TokenRefused
from sectorflow_slack.formatting.actions import REGENERATE, ActionValue
from sectorflow_slack.formatting.interim import asking
from sectorflow_slack.formatting.words import ENGLISH
from sectorflow_slack.services import Services
from sectorflow_slack.services.answers import AnswerService
from sectorflow_slack.storage.letters import RedisLetterStore
from tests.fakes import FakeSectorFlowClient, FakeSlackClient, FakeTaskQueue, make_reply
from tests.services.steps import (
    KEY,
    LETTER_ID,
    WorkerKilled,
    ask,
    ended,
    go_on_after_death,
    left,
    let_claims_lapse,
    run_errands,
    some_failed,
    unaccounted,
)
from tests.values import BOT_TOKEN, MODEL_IDS, make_press

REFUSED = TokenRefused("status 401")
#: The first message that the fake posts; ``make_press`` presses a button of it.
PRESSED_TS = "1700000001.000001"


@pytest.fixture
def failed(answers: AnswerService, sectorflow: FakeSectorFlowClient, slack: FakeSlackClient) -> None:
    """Somebody's question failed, and they were told so beside a button."""
    sectorflow.answers.then(REFUSED)
    ask(answers, id=LETTER_ID)


def buttons(slack: FakeSlackClient) -> list[tuple[str, str]]:
    """Action and value of all buttons that people see."""
    return [
        (element["action_id"].partition(":")[0], element["value"])
        for message in slack.shown.values()
        for block in message.blocks
        if block["type"] == "actions"
        for element in block["elements"]  # type: ignore[attr-defined]
        if element["type"] == "button"
    ]


def test_a_question_that_failed_has_a_button_that_asks_it_again(
    failed: None,
    answers: AnswerService,
    services: Services,
    slack: FakeSlackClient,
    sectorflow: FakeSectorFlowClient,
    queue: FakeTaskQueue,
    store: redis.Redis,
) -> None:
    assert buttons(slack) == [("ask_again", LETTER_ID)]

    services.interactions.accept(make_press(LETTER_ID))
    answers.answer_next(KEY)

    assert queue.jobs == [(KEY, 0.0)]
    assert [text for _, text, _ in sectorflow.asked] == ["Tell me a joke"] * 2
    assert ended(services) == {"token_refused": 1, "answered": 1}
    assert services.letters.dead() == ()
    assert unaccounted(services.read_metrics()) == 0
    assert left(store) == []


def test_the_answer_takes_the_place_of_the_excuse_whose_button_was_pressed(
    failed: None, answers: AnswerService, services: Services, slack: FakeSlackClient
) -> None:
    services.interactions.accept(make_press(LETTER_ID))

    answers.answer_next(KEY)

    assert [(token, channel, ts) for token, channel, ts, _ in slack.updated] == [
        (BOT_TOKEN, "C0GENERAL", PRESSED_TS)
    ]
    assert list(slack.shown) == [PRESSED_TS]
    assert "Answer 1" in slack.seen[0]


def test_the_excuse_whose_button_was_pressed_says_at_once_that_models_are_asked_again(
    failed: None, answers: AnswerService, services: Services, slack: FakeSlackClient, queue: FakeTaskQueue
) -> None:
    services.interactions.accept(make_press(LETTER_ID))

    run_errands(services, queue)

    assert slack.shown == {PRESSED_TS: asking(())}
    answers.answer_next(KEY)
    assert list(slack.shown) == [PRESSED_TS]
    assert "Answer 1" in slack.seen[0]


def test_who_died_while_the_excuse_was_changed_holds_up_no_answer(
    failed: None,
    answers: AnswerService,
    services: Services,
    slack: FakeSlackClient,
    queue: FakeTaskQueue,
    store: redis.Redis,
) -> None:
    slack.updates.then(WorkerKilled())
    services.interactions.accept(make_press(LETTER_ID))
    with pytest.raises(WorkerKilled):
        run_errands(services, queue)
    let_claims_lapse(store)

    answers.answer_next(KEY)

    assert list(slack.shown) == [PRESSED_TS]
    assert "Answer 1" in slack.seen[0]


def test_an_answer_that_comes_before_that_is_not_written_over(
    failed: None, answers: AnswerService, services: Services, slack: FakeSlackClient, queue: FakeTaskQueue
) -> None:
    services.interactions.accept(make_press(LETTER_ID))

    answers.answer_next(KEY)
    run_errands(services, queue)

    assert list(slack.shown) == [PRESSED_TS]
    assert "Answer 1" in slack.seen[0]


def test_the_buttons_of_an_answer_that_was_asked_again_are_those_of_the_newer_one(
    answers: AnswerService, services: Services, slack: FakeSlackClient, sectorflow: FakeSectorFlowClient
) -> None:
    slack.posts.then(SlackRefused("is_archived"))
    ask(answers, id=LETTER_ID)
    sectorflow.reply = make_reply(MODEL_IDS, text="Newer answer")

    services.interactions.accept(make_press(LETTER_ID))
    answers.answer_next(KEY)

    kept = answers.kept.find(LETTER_ID)
    assert "Newer answer" in slack.seen[0]
    assert kept is not None
    assert [model.text for model in kept.answer.models] == ["Newer answer"] * 3
    assert kept.posted == tuple(slack.shown)


def test_a_model_that_failed_is_asked_again_alone_and_answers_in_its_place(
    answers: AnswerService,
    services: Services,
    slack: FakeSlackClient,
    sectorflow: FakeSectorFlowClient,
    queue: FakeTaskQueue,
) -> None:
    sectorflow.reply = some_failed(MODEL_IDS[0], MODEL_IDS[2])
    ask(answers, id=LETTER_ID)
    assert services.letters.find(LETTER_ID) is None
    sectorflow.reply = None
    try_first_again = ActionValue(LETTER_ID, model=0).encode()
    assert (REGENERATE, try_first_again) in buttons(slack)

    services.interactions.accept(make_press(LETTER_ID, actions=[press_of(REGENERATE, try_first_again)]))
    answers.answer_next(KEY)
    run_errands(services, queue)

    assert [settings.model_ids for settings, _, _ in sectorflow.asked] == [MODEL_IDS, MODEL_IDS[:1]]
    assert list(slack.shown) == [PRESSED_TS]
    assert "Answer 1" in slack.seen[0]
    assert slack.seen[0].count(ENGLISH.model_failed) == 1
    assert ended(services) == {"answered": 2}


@pytest.mark.parametrize(
    "outcome", [REFUSED, None], ids=["SectorFlow refuses", "the model has no answer again"]
)
def test_a_model_that_fails_again_stays_as_it_was(
    answers: AnswerService,
    services: Services,
    slack: FakeSlackClient,
    sectorflow: FakeSectorFlowClient,
    queue: FakeTaskQueue,
    outcome: Exception | None,
) -> None:
    sectorflow.reply = some_failed(MODEL_IDS[0])
    ask(answers, id=LETTER_ID)
    before = slack.seen
    sectorflow.answers.then(outcome)
    again = press_of(REGENERATE, ActionValue(LETTER_ID, model=0).encode())
    services.interactions.accept(make_press(LETTER_ID, actions=[again]))

    answers.answer_next(KEY)
    told = [errand.sentence for errand, _ in queue.errands if errand.kind == "tell"]
    run_errands(services, queue)

    assert slack.seen == before
    assert told == ["regenerate_failed"]
    assert [(user_id, message.text) for _, user_id, message in slack.whispered] == [
        ("U0ANN", ENGLISH.regenerate_failed)
    ]
    assert services.letters.dead() == ()


def press_of(action: str, value: str) -> dict[str, str]:
    return {"type": "button", "action_id": f"{action}:0", "value": value}


def test_a_model_that_failed_does_not_hide_the_others(
    answers: AnswerService, slack: FakeSlackClient, sectorflow: FakeSectorFlowClient
) -> None:
    sectorflow.reply = some_failed(MODEL_IDS[0])

    ask(answers)

    assert ENGLISH.model_failed in slack.texts[0]
    assert "Answer 2" in slack.texts[0]


def test_where_no_model_answered_the_question_has_failed(
    answers: AnswerService, services: Services, slack: FakeSlackClient, sectorflow: FakeSectorFlowClient
) -> None:
    sectorflow.reply = some_failed(*MODEL_IDS)

    question = ask(answers, id=LETTER_ID)

    assert slack.texts == [ENGLISH.no_answer]
    assert buttons(slack) == [("ask_again", LETTER_ID)]
    assert ended(services) == {"no_answer": 1}
    assert [(letter.question, letter.reason) for letter in services.letters.dead()] == [
        (question, "no_answer")
    ]


def test_a_question_that_fails_again_can_be_asked_again_again(
    failed: None,
    answers: AnswerService,
    services: Services,
    slack: FakeSlackClient,
    sectorflow: FakeSectorFlowClient,
) -> None:
    sectorflow.answers.then(REFUSED)
    services.interactions.accept(make_press(LETTER_ID))
    answers.answer_next(KEY)

    (letter,) = services.letters.dead()
    services.interactions.accept(make_press(LETTER_ID))
    answers.answer_next(KEY)

    assert letter.question.button_ts is None
    assert list(slack.shown) == [PRESSED_TS]
    assert "Answer 1" in slack.seen[0]
    assert ended(services) == {"token_refused": 2, "answered": 1}


def test_a_button_that_is_pressed_twice_asks_once(
    failed: None, answers: AnswerService, services: Services, sectorflow: FakeSectorFlowClient
) -> None:
    for _ in range(2):
        services.interactions.accept(make_press(LETTER_ID))

    for _ in range(2):
        answers.answer_next(KEY)

    assert len(sectorflow.asked) == 2


def test_of_two_presses_at_the_same_moment_one_asks(
    failed: None, services: Services, queue: FakeTaskQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    letter = services.letters.find(LETTER_ID)
    monkeypatch.setattr(RedisLetterStore, "find", lambda *_: letter)

    for _ in range(2):
        services.interactions.accept(make_press(LETTER_ID))

    assert queue.jobs == [(KEY, 0.0)]


def test_where_the_excuse_is_gone_the_answer_is_posted_anew(
    failed: None, answers: AnswerService, services: Services, slack: FakeSlackClient
) -> None:
    slack.updates.then(SlackRefused("message_not_found"))
    services.interactions.accept(make_press(LETTER_ID))

    answers.answer_next(KEY)

    assert "Answer 1" in slack.texts[-1]


def test_the_answer_takes_the_place_of_the_excuse_though_a_worker_died_over_it(
    failed: None, answers: AnswerService, services: Services, slack: FakeSlackClient, store: redis.Redis
) -> None:
    slack.updates.then(WorkerKilled())
    services.interactions.accept(make_press(LETTER_ID))
    with pytest.raises(WorkerKilled):
        answers.answer_next(KEY)

    go_on_after_death(answers, store)

    assert [ts for _, _, ts, _ in slack.updated] == [PRESSED_TS]


def test_a_press_without_a_message_is_answered_in_a_new_one(
    failed: None, answers: AnswerService, services: Services, slack: FakeSlackClient
) -> None:
    services.interactions.accept(make_press(LETTER_ID, container=None))

    answers.answer_next(KEY)

    assert "Answer 1" in slack.texts[-1]
    assert slack.updated == []


def test_a_press_whose_wake_up_failed_is_found_later(
    failed: None, services: Services, queue: FakeTaskQueue
) -> None:
    queue.enqueues.then(StorageUnavailable("ConnectionError"))

    services.interactions.accept(make_press(LETTER_ID))

    assert queue.jobs == []
    assert services.answers.questions.due() == (KEY,)
