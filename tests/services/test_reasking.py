"""Questions that buttons ask: a failed one again, one model of an answer again, and more of one model."""

from __future__ import annotations

from typing import Any

import pytest

from sectorflow_slack.domain.errors import AnswerLost, SlackRefused, StorageUnavailable, TokenRefused
from sectorflow_slack.formatting import actions
from sectorflow_slack.formatting.interim import asking
from sectorflow_slack.formatting.words import ENGLISH
from sectorflow_slack.storage.failed_questions import FailedQuestionStore
from sectorflow_slack.storage.questions import QuestionStore
from tests.fakes import make_reply
from tests.formatting.drawing import quotes
from tests.services.pressing import (
    ANSWER_ID,
    THREAD_TS,
    TRIGGER_ID,
    by,
    everything_in,
    from_menu,
    press,
    reply_of,
    submission,
)
from tests.services.scenario import Scenario
from tests.services.steps import FIRST_TS, KEY, LETTER_ID, WorkerKilled, some_failed
from tests.values import BOT_TOKEN, MODEL_IDS, make_press

FIRST, SECOND, THIRD = MODEL_IDS
REFUSED = TokenRefused("status 401")
ASK_AGAIN = make_press(LETTER_ID)
REGENERATE = from_menu(actions.REGENERATE, 1, **by("U0BOB"))


def buttons(acme: Scenario) -> list[tuple[str, str]]:
    """Action and value of all buttons that people see."""
    return [
        (element["action_id"].partition(":")[0], element["value"])
        for message in acme.slack.shown.values()
        for block in message.blocks
        if block["type"] == "actions"
        for element in block["elements"]  # type: ignore[attr-defined]
        if element["type"] == "button"
    ]


# A failed question


def test_a_question_that_failed_has_a_button_that_asks_it_again(failed: Scenario) -> None:
    assert buttons(failed) == [("ask_again", LETTER_ID)]

    failed.press(ASK_AGAIN)
    failed.work()

    assert failed.queue.jobs == [(KEY, 0.0)]
    assert [text for _, text, _ in failed.sectorflow.asked] == ["Tell me a joke"] * 2
    assert [(token, channel, ts) for token, channel, ts, _ in failed.slack.updated] == [
        (BOT_TOKEN, "C0GENERAL", FIRST_TS)
    ]
    assert failed.shows_the_answer_alone()
    assert failed.ended == {"token_refused": 1, "answered": 1}
    assert failed.failed_questions == []
    assert failed.unaccounted == 0
    assert failed.left == []


def test_if_no_model_answered_the_question_has_failed(acme: Scenario) -> None:
    acme.sectorflow.reply = some_failed(*MODEL_IDS)

    question = acme.ask(id=LETTER_ID)

    assert acme.slack.texts == [ENGLISH.no_answer]
    assert buttons(acme) == [("ask_again", LETTER_ID)]
    assert acme.ended == {"no_answer": 1}
    assert acme.failed_questions == [(question, "no_answer")]


def test_the_apology_whose_button_was_pressed_says_at_once_that_models_are_asked_again(
    failed: Scenario,
) -> None:
    failed.press(ASK_AGAIN)

    failed.run_jobs()

    assert failed.slack.shown == {FIRST_TS: asking(())}
    failed.work()
    assert failed.shows_the_answer_alone()


def test_the_answer_takes_the_apologys_place_though_a_worker_died_over_it(failed: Scenario) -> None:
    failed.slack.updates.then(WorkerKilled())
    failed.press(ASK_AGAIN)

    with failed.killed():
        failed.work()

    assert failed.shows_the_answer_alone()


def test_the_buttons_of_an_answer_that_was_asked_again_are_those_of_the_newer_one(acme: Scenario) -> None:
    acme.slack.posts.then(SlackRefused("is_archived"))
    acme.ask(id=LETTER_ID)
    acme.sectorflow.reply = make_reply(MODEL_IDS, text="Newer answer")

    acme.press(ASK_AGAIN)
    acme.work()

    kept = acme.kept(LETTER_ID)
    assert "Newer answer" in acme.slack.seen[0]
    assert [model.text for model in kept.answer.models] == ["Newer answer"] * 3
    assert kept.posted == tuple(acme.slack.shown)


def test_a_question_that_fails_again_can_be_asked_again_again(failed: Scenario) -> None:
    failed.sectorflow.answers.then(REFUSED)
    failed.press(ASK_AGAIN)
    failed.work()

    ((question, _),) = failed.failed_questions
    failed.press(ASK_AGAIN)
    failed.work()

    assert question.button_ts is None
    assert failed.shows_the_answer_alone()
    assert failed.ended == {"token_refused": 2, "answered": 1}


@pytest.mark.parametrize("at_once", [False, True], ids=["one after the other", "at the same moment"])
def test_a_button_that_is_pressed_twice_asks_once(
    failed: Scenario, monkeypatch: pytest.MonkeyPatch, at_once: bool
) -> None:
    if at_once:
        letter = failed.services.failed_questions.find(LETTER_ID)
        monkeypatch.setattr(FailedQuestionStore, "find", lambda *_: letter)

    failed.press(ASK_AGAIN, ASK_AGAIN)

    assert failed.queue.jobs == [(KEY, 0.0)]
    for _ in range(2):
        failed.work()
    assert len(failed.sectorflow.asked) == 2


def test_a_press_of_a_button_without_a_message_is_answered_in_a_new_one(failed: Scenario) -> None:
    failed.press(make_press(LETTER_ID, channel=None, container={"channel_id": "C0GENERAL"}))

    failed.work()

    assert "Answer 1" in failed.slack.texts[-1]
    assert failed.slack.updated == []


# One model again


def ask_again(acme: Scenario) -> None:
    """Have the second model asked again, people see so, and a worker answer."""
    acme.press(REGENERATE)
    acme.run_jobs()
    acme.work_and_run_jobs()


def test_only_that_model_is_asked_and_its_answer_takes_the_old_ones_place(answered: Scenario) -> None:
    old = answered.kept().answer.models
    answered.sectorflow.reply = reply_of(SECOND, "Something quite different")

    answered.press(REGENERATE)
    answered.run_jobs()
    assert ENGLISH.asking_again in everything_in(answered.slack.shown[FIRST_TS])
    assert "Answer 2" in everything_in(answered.slack.shown[FIRST_TS])
    answered.work_and_run_jobs()

    settings, text, thread_id = answered.sectorflow.asked[-1]
    assert (settings.model_ids, text, thread_id) == ((SECOND,), "Tell me a joke", "thread-1")
    assert answered.kept().answer.models == (old[0], answered.sectorflow.reply.answers[0], old[2])
    assert list(answered.slack.shown) == [FIRST_TS]
    assert answered.shows_what_is_stored()
    assert answered.slack.ephemerals == []
    assert answered.ended == {"answered": 2}
    assert answered.left == []


def test_a_double_click_asks_once_and_a_later_one_again(answered: Scenario) -> None:
    answered.press(REGENERATE, REGENERATE, REGENERATE)
    for _ in range(3):
        answered.work_and_run_jobs()
    assert len(answered.sectorflow.asked) == 2

    ask_again(answered)

    assert len(answered.sectorflow.asked) == 3
    assert answered.unaccounted == 0


@pytest.mark.parametrize(
    "outcome", [REFUSED, AnswerLost("timed out"), None], ids=["refused", "lost", "no answer of the model"]
)
def test_a_model_that_fails_keeps_its_old_answer_and_only_the_person_who_pressed_is_told(
    answered: Scenario, outcome: Exception | None
) -> None:
    answered.sectorflow.answers.then(outcome)
    answered.sectorflow.reply = reply_of(SECOND, "", failed=True)

    ask_again(answered)

    assert answered.kept().answer.models == make_reply(MODEL_IDS).answers
    assert answered.kept().answer.busy == ()
    assert answered.shows_what_is_stored()
    assert len(answered.slack.posted) == 1
    ((address, user_id, message),) = answered.slack.ephemerals
    assert (address.channel_id, address.thread_ts) == ("C0GENERAL", THREAD_TS)
    assert (user_id, message.text) == ("U0BOB", ENGLISH.regenerate_failed)
    assert answered.failed_questions == []
    assert answered.unaccounted == 0
    assert answered.left == []


def test_a_worker_that_dies_with_the_new_answer_in_hand_leaves_it_to_others(answered: Scenario) -> None:
    answered.press(REGENERATE)
    answered.queue.slack_jobs.clear()
    answered.queue.enqueues.then(WorkerKilled())

    with answered.killed():
        answered.work()
    answered.run_jobs()

    assert len(answered.sectorflow.asked) == 2
    assert answered.shows_what_is_stored()
    assert answered.kept().answer.busy == ()
    assert answered.left == []


def test_a_press_of_which_only_half_was_stored_is_made_whole_by_the_next(
    answered: Scenario, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(*_: object) -> bool:
        raise StorageUnavailable("ConnectionError")

    with monkeypatch.context() as patched:
        patched.setattr(QuestionStore, "accept", gone)
        with pytest.raises(StorageUnavailable):
            answered.press(REGENERATE)
    assert answered.kept().answer.busy == (SECOND,)

    ask_again(answered)

    assert len(answered.sectorflow.asked) == 2
    assert answered.kept().answer.busy == ()


def test_if_the_answer_expires_meanwhile_nothing_is_asked_and_nothing_said(answered: Scenario) -> None:
    answered.press(REGENERATE)
    answered.store.delete(f"answer:{ANSWER_ID}")

    answered.work_and_run_jobs()

    assert len(answered.sectorflow.asked) == 1
    assert len(answered.slack.posted) == 1
    assert answered.left == []


@pytest.mark.parametrize("payload", [REGENERATE, submission()], ids=["again", "follow-up"])
def test_a_press_whose_wake_up_failed_is_found_later(answered: Scenario, payload: dict[str, Any]) -> None:
    answered.queue.enqueues.then(StorageUnavailable("ConnectionError"))

    answered.press(payload)
    answered.answers.extend_leases()
    assert answered.queue.jobs == [(KEY, 0.0)]
    answered.work_and_run_jobs()

    assert len(answered.sectorflow.asked) == 2


# More asked of one model, in a dialog


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

    assert [job.kind for job in ran] == ["post_placeholder"]
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
    second_id = answered.queue.slack_jobs[0][0].question_id
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
