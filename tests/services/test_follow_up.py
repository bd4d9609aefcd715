"""More asked of one model, in a dialog."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sectorflow_slack.domain.errors import TokenRefused
from sectorflow_slack.domain.questions import Question
from sectorflow_slack.formatting import actions
from sectorflow_slack.formatting.words import ENGLISH
from sectorflow_slack.services import Services
from sectorflow_slack.services.answers import AnswerService
from tests.fakes import FakeSectorFlowClient, FakeSlackClient, FakeTaskQueue, make_reply
from tests.formatting.drawing import quotes
from tests.services.pressing import (
    ANSWER_ID,
    THREAD_TS,
    answer_what_waits,
    answered,
    by,
    everything_in,
    kept,
    press,
    reply_of,
    run_errands,
    screen,
    submission,
)
from tests.services.steps import (
    unaccounted,
)
from tests.values import MODEL_IDS, make_installation, make_terms

FIRST, SECOND, THIRD = MODEL_IDS


def test_the_button_opens_a_dialog_while_slack_still_lets_it(
    answer: Question, services: Services, queue: FakeTaskQueue, slack: FakeSlackClient
) -> None:
    services.interactions.accept(press(actions.FOLLOW_UP, 1))
    run_errands(services, queue)

    ((trigger_id, view),) = slack.dialogs
    assert trigger_id == "1337.4711.permission"
    assert view["private_metadata"] == f"{ANSWER_ID}.1.0."
    assert "Model 2" in str(view)


def test_a_follow_up_goes_to_that_model_in_the_same_threads_and_quotes_the_question(
    answer: Question,
    services: Services,
    queue: FakeTaskQueue,
    sectorflow: FakeSectorFlowClient,
    slack: FakeSlackClient,
) -> None:
    services.interactions.accept(submission("And a longer one?", model=1, **by("U0BOB")))
    answer_what_waits(services, queue)

    settings, text, thread_id = sectorflow.asked[-1]
    assert (settings.model_ids, text, thread_id) == ((SECOND,), "And a longer one?", "thread-1")
    assert {(address.channel_id, address.thread_ts) for address in slack.addresses} == {
        ("C0GENERAL", THREAD_TS)
    }
    (_, shown) = screen(slack).values()
    assert quotes([shown]) == ["And a longer one?"]
    assert "Answer 1" in everything_in(shown)


def test_in_a_dm_a_follow_up_is_answered_inline_and_goes_on_with_the_talk(
    answers: AnswerService,
    services: Services,
    queue: FakeTaskQueue,
    sectorflow: FakeSectorFlowClient,
    slack: FakeSlackClient,
) -> None:
    answered(services, queue, channel_id="D0ANN", is_direct=True)

    services.interactions.accept(submission(model=1))
    answer_what_waits(services, queue)

    assert [thread_id for _, _, thread_id in sectorflow.asked] == [None, "thread-1"]
    assert [(address.channel_id, address.thread_ts) for address in slack.addresses] == [("D0ANN", None)] * 2


def test_people_see_that_a_follow_up_was_taken(
    answer: Question, services: Services, queue: FakeTaskQueue, slack: FakeSlackClient
) -> None:
    services.interactions.accept(submission(model=1))

    ran = run_errands(services, queue)

    assert [errand.kind for errand in ran] == ["greet"]
    assert len(slack.posted) == 2
    assert slack.addresses[-1].thread_ts == THREAD_TS


def test_a_dialog_that_comes_twice_asks_once(
    answer: Question, services: Services, queue: FakeTaskQueue, sectorflow: FakeSectorFlowClient
) -> None:
    for _ in range(2):
        services.interactions.accept(submission())
    for _ in range(2):
        answer_what_waits(services, queue)

    assert len(sectorflow.asked) == 2
    assert unaccounted(services.read_metrics()) == 0


def test_two_dialogs_are_two_questions(
    answer: Question, services: Services, queue: FakeTaskQueue, sectorflow: FakeSectorFlowClient
) -> None:
    services.interactions.accept(submission("One?"))
    services.interactions.accept(submission("Two?", view={"id": "V0SECOND"}))
    for _ in range(2):
        answer_what_waits(services, queue)

    assert [text for _, text, _ in sectorflow.asked[1:]] == ["One?", "Two?"]


@pytest.mark.parametrize("text", ["", "   \n", None])
def test_an_empty_dialog_asks_nothing(
    answer: Question, services: Services, queue: FakeTaskQueue, text: str | None
) -> None:
    services.interactions.accept(submission(text))

    assert (queue.jobs, queue.errands) == ([], [])


def test_a_follow_up_has_buttons_of_its_own(
    answer: Question, services: Services, queue: FakeTaskQueue, sectorflow: FakeSectorFlowClient
) -> None:
    services.interactions.accept(submission(model=1))
    second_id = queue.errands[0][0].question_id
    answer_what_waits(services, queue)
    container = {"message_ts": "1700000001.000002", "channel_id": "C0GENERAL", "thread_ts": THREAD_TS}
    sectorflow.reply = reply_of(SECOND, "A third try")

    services.interactions.accept(
        press(actions.REGENERATE, 0, answer_id=second_id, container=container, choice=actions.REGENERATE)
    )
    answer_what_waits(services, queue)

    assert [model.text for model in kept(services, second_id).answer.models] == ["A third try"]
    assert kept(services).answer.models == make_reply(MODEL_IDS).answers


def test_a_follow_up_that_fails_is_said_with_a_button_that_asks_it_again(
    answer: Question,
    services: Services,
    queue: FakeTaskQueue,
    sectorflow: FakeSectorFlowClient,
    slack: FakeSlackClient,
) -> None:
    sectorflow.answers.then(TokenRefused("status 401"))

    services.interactions.accept(submission(model=1))
    answer_what_waits(services, queue)

    assert ENGLISH.key_refused in everything_in(list(screen(slack).values())[-1])
    (letter,) = services.letters.dead()
    assert (letter.question.text, letter.question.model_ids) == ("And a longer one?", (SECOND,))


def test_of_what_somebody_outside_asked_people_inside_may_ask_more(
    answers: AnswerService, services: Services, queue: FakeTaskQueue, sectorflow: FakeSectorFlowClient
) -> None:
    open_to_all = replace(make_terms(), allow_external_users=True, revision=2)
    services.answers.installations.change(make_installation(open_to_all), 1)
    answered(services, queue, is_external=True)
    services.answers.installations.change(make_installation(replace(make_terms(), revision=3)), 2)

    services.interactions.accept(submission(model=1))
    answer_what_waits(services, queue)

    assert [text for _, text, _ in sectorflow.asked] == ["Tell me a joke", "And a longer one?"]
