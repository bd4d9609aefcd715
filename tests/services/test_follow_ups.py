"""More asked of one model, in a dialog."""

from __future__ import annotations

import pytest

from sectorflow_slack.domain.errors import TokenRefused
from sectorflow_slack.formatting import actions
from sectorflow_slack.formatting.words import ENGLISH
from tests.fakes import make_reply
from tests.formatting.drawing import quotes
from tests.services.pressing import (
    ANSWER_ID,
    THREAD_TS,
    TRIGGER_ID,
    by,
    everything_in,
    press,
    reply_of,
    submission,
)
from tests.services.scenario import Scenario
from tests.values import MODEL_IDS

SECOND = MODEL_IDS[1]


def test_the_button_opens_a_dialog_while_slack_still_lets_it(answered: Scenario) -> None:
    answered.press(press(actions.FOLLOW_UP, 1))
    answered.run_jobs()

    ((trigger_id, view),) = answered.slack.dialogs
    assert trigger_id == TRIGGER_ID
    assert view["private_metadata"] == f"{ANSWER_ID}.1.0."
    assert "Model 2" in str(view)


def test_a_follow_up_goes_to_that_model_in_the_same_threads_and_quotes_the_question(
    answered: Scenario,
) -> None:
    answered.press(submission("And a longer one?", model=1, **by("U0BOB")))
    answered.work_and_run_jobs()

    settings, text, thread_id = answered.sectorflow.asked[-1]
    assert (settings.model_ids, text, thread_id) == ((SECOND,), "And a longer one?", "thread-1")
    places = {(address.channel_id, address.thread_ts) for address in answered.slack.addresses}
    assert places == {("C0GENERAL", THREAD_TS)}
    (_, shown) = answered.slack.shown.values()
    assert quotes([shown]) == ["And a longer one?"]
    assert "Answer 1" in everything_in(shown)


def test_in_a_dm_a_follow_up_is_answered_inline_and_continues_the_conversation(acme: Scenario) -> None:
    acme.have_answered(channel_id="D0ANN", is_direct=True)

    acme.press(submission(model=1))
    acme.work_and_run_jobs()

    assert [thread_id for _, _, thread_id in acme.sectorflow.asked] == [None, "thread-1"]
    places = [(address.channel_id, address.thread_ts) for address in acme.slack.addresses]
    assert places == [("D0ANN", None)] * 2


def test_a_follow_up_has_a_placeholder(answered: Scenario) -> None:
    answered.press(submission(model=1))

    ran = answered.run_jobs()

    assert [errand.kind for errand in ran] == ["greet"]
    assert len(answered.slack.posted) == 2
    assert answered.slack.addresses[-1].thread_ts == THREAD_TS


def test_a_dialog_that_comes_twice_asks_once_and_another_one_again(answered: Scenario) -> None:
    answered.press(submission("One?"), submission("One?"), submission("Two?", view={"id": "V0SECOND"}))
    for _ in range(3):
        answered.work_and_run_jobs()

    assert [text for _, text, _ in answered.sectorflow.asked[1:]] == ["One?", "Two?"]
    assert answered.unaccounted == 0


@pytest.mark.parametrize("text", ["", "   \n", None])
def test_an_empty_dialog_asks_nothing(answered: Scenario, text: str | None) -> None:
    answered.press(submission(text))

    assert answered.is_untouched()


def test_a_follow_up_has_buttons_of_its_own(answered: Scenario) -> None:
    answered.press(submission(model=1))
    second_id = answered.queue.errands[0][0].question_id
    answered.work_and_run_jobs()
    container = {"message_ts": "1700000001.000002", "channel_id": "C0GENERAL", "thread_ts": THREAD_TS}
    answered.sectorflow.reply = reply_of(SECOND, "A third try")

    answered.press(press(actions.REGENERATE, 0, answer_id=second_id, container=container))
    answered.work_and_run_jobs()

    assert [model.text for model in answered.kept(second_id).answer.models] == ["A third try"]
    assert answered.kept().answer.models == make_reply(MODEL_IDS).answers


def test_a_follow_up_that_fails_is_said_with_a_button_that_asks_it_again(answered: Scenario) -> None:
    answered.sectorflow.answers.then(TokenRefused("status 401"))

    answered.press(submission(model=1))
    answered.work_and_run_jobs()

    assert answered.slack.seen[-1] == ENGLISH.key_refused
    ((question, _),) = answered.failed_questions
    assert (question.text, question.model_ids) == ("And a longer one?", (SECOND,))


def test_people_inside_may_ask_more_of_what_a_person_outside_asked(acme: Scenario) -> None:
    acme.configure(allow_external_users=True)
    acme.have_answered(is_external=True)
    acme.configure(allow_external_users=False)

    acme.press(submission(model=1))
    acme.work_and_run_jobs()

    assert [text for _, text, _ in acme.sectorflow.asked] == ["Tell me a joke", "And a longer one?"]
