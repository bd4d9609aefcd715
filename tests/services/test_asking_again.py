"""Questions from buttons: a failed one again, one model again, and a follow-up to one model."""

from __future__ import annotations

import pytest

from sectorflow_slack.domain.errors import AnswerLost, SlackRefused, StorageUnavailable, TokenRefused
from sectorflow_slack.formatting import block_kit
from sectorflow_slack.formatting.words import ENGLISH
from sectorflow_slack.storage.failed_questions import FailedQuestionStore
from sectorflow_slack.storage.questions import QuestionStore
from sectorflow_slack.storage.slack_jobs import SlackJobQueue
from tests.fakes import make_reply
from tests.formatting.drawing import quotes
from tests.services.block_actions import (
    ANSWER_ID,
    THREAD_TS,
    TRIGGER_ID,
    block_action,
    by,
    everything_in,
    from_menu,
    reply_of,
    view_submission,
)
from tests.services.scenario import Scenario
from tests.services.steps import FAILED_ID, FIRST_TS, WorkerKilled, die, some_failed
from tests.values import BOT_TOKEN, MODEL_IDS, make_block_action

FIRST, SECOND, THIRD = MODEL_IDS
REFUSED = TokenRefused("status 401")
ASK_AGAIN = make_block_action(FAILED_ID)
REGENERATE = from_menu(block_kit.REGENERATE, 1, **by("U0BOB"))


def buttons(acme: Scenario) -> list[tuple[str, str]]:
    """Return action and value of all visible buttons."""
    return [
        (element["action_id"].partition(":")[0], element["value"])
        for message in acme.slack.shown.values()
        for block in message.blocks
        if block["type"] == "actions"
        for element in block["elements"]  # type: ignore[attr-defined]
        if element["type"] == "button"
    ]


def regenerate(acme: Scenario) -> None:
    """Regenerate the second model's answer."""
    acme.interact(REGENERATE)
    acme.run_slack_jobs()
    acme.work_and_run_slack_jobs()


def asked_again(acme: Scenario) -> list[str]:
    """Return the questions that SectorFlow got after the first one."""
    return [text for _, text, _ in acme.sectorflow.asked[1:]]


# A failed question


def test_a_failed_question_has_a_button_that_asks_it_again_and_goes_with_the_answer(failed):
    assert buttons(failed) == [("ask_again", FAILED_ID)]

    failed.interact(ASK_AGAIN)
    failed.work()

    assert asked_again(failed) == ["Tell me a joke"]
    assert failed.slack.removed == [(BOT_TOKEN, "C0GENERAL", FIRST_TS)]
    assert ["Answer 1" in text for text in failed.slack.seen] == [True]
    assert failed.ended == {"token_refused": 1, "answered": 1}
    assert (failed.failed_questions, failed.unaccounted, failed.left) == ([], 0, [])


def test_a_question_that_no_model_answered_has_failed(acme):
    acme.sectorflow.reply = some_failed(*MODEL_IDS)

    question = acme.ask(id=FAILED_ID)

    assert acme.slack.texts == [ENGLISH.no_answer]
    assert buttons(acme) == [("ask_again", FAILED_ID)]
    assert acme.ended == {"no_answer": 1}
    assert acme.failed_questions == [(question, "no_answer")]


@pytest.mark.parametrize("step", ["posts", "removals"])
def test_the_message_with_the_button_goes_although_a_worker_died(failed, step):
    getattr(failed.slack, step).then(WorkerKilled())
    failed.interact(ASK_AGAIN)

    with failed.killed():
        failed.work()

    assert ["Answer 1" in text for text in failed.slack.seen] == [True]
    assert len(failed.sectorflow.asked) == 2


def test_a_question_that_is_asked_again_took_as_long_as_this_time(failed):
    failed.clock.now += 3600
    failed.interact(ASK_AGAIN)
    failed.clock.now += 5
    failed.work()

    assert failed.stored(FAILED_ID).answer.seconds == 5


def test_the_buttons_of_an_answer_are_those_of_the_newest_one(acme):
    acme.slack.posts.then(SlackRefused("is_archived"))
    acme.ask(id=FAILED_ID)
    acme.sectorflow.reply = make_reply(MODEL_IDS, text="Newer answer")

    acme.interact(make_block_action(FAILED_ID, container={"channel_id": "C0GENERAL"}))
    acme.work()

    stored = acme.stored(FAILED_ID)
    assert "Newer answer" in acme.slack.seen[0]
    assert [model.text for model in stored.answer.models] == ["Newer answer"] * 3
    assert stored.posted == tuple(acme.slack.shown)


def test_a_question_that_fails_again_can_be_asked_once_more(failed):
    failed.sectorflow.answers.then(REFUSED)
    failed.interact(ASK_AGAIN)
    failed.work()

    ((question, _),) = failed.failed_questions
    failed.interact(ASK_AGAIN)
    failed.work()

    assert question.button_ts is None
    assert ["Answer 1" in text for text in failed.slack.seen] == [False, True]
    assert failed.ended == {"token_refused": 2, "answered": 1}


@pytest.mark.parametrize("concurrent", [False, True])
def test_a_second_click_on_the_button_asks_nothing(failed, monkeypatch, concurrent):
    if concurrent:
        question = failed.services.failed_questions.find(FAILED_ID)
        monkeypatch.setattr(FailedQuestionStore, "find", lambda *_: question)

    failed.interact(ASK_AGAIN, ASK_AGAIN)

    assert failed.waiting == [FAILED_ID]
    for _ in range(2):
        failed.work()
    assert len(failed.sectorflow.asked) == 2


def test_a_button_without_a_message_is_answered_in_a_new_one(failed):
    failed.interact(make_block_action(FAILED_ID, channel=None, container={"channel_id": "C0GENERAL"}))

    failed.work()

    assert "Answer 1" in failed.slack.texts[-1]
    assert failed.slack.removed == []


# One model again


def test_only_that_model_is_asked_and_its_new_answer_replaces_the_old_one(answered):
    old = answered.stored().answer.models
    answered.sectorflow.reply = reply_of(SECOND, "Something quite different")

    answered.interact(REGENERATE)
    answered.run_slack_jobs()
    assert ENGLISH.asking_again in everything_in(answered.slack.shown[FIRST_TS])
    assert "Answer 2" in everything_in(answered.slack.shown[FIRST_TS])
    answered.work_and_run_slack_jobs()

    settings, text, thread_id = answered.sectorflow.asked[-1]
    assert (settings.model_ids, text, thread_id) == ((SECOND,), "Tell me a joke", "thread-1")
    assert answered.stored().answer.models == (old[0], answered.sectorflow.reply.answers[0], old[2])
    assert list(answered.slack.shown) == [FIRST_TS]
    assert answered.shows_what_is_stored()
    assert answered.ended == {"answered": 2}
    assert (answered.slack.ephemerals, answered.left) == ([], [])


def test_a_double_click_asks_once_and_a_later_click_again(answered):
    answered.interact(REGENERATE, REGENERATE, REGENERATE)
    for _ in range(3):
        answered.work_and_run_slack_jobs()
    assert len(answered.sectorflow.asked) == 2

    regenerate(answered)

    assert len(answered.sectorflow.asked) == 3
    assert answered.unaccounted == 0


@pytest.mark.parametrize(
    "outcome", [REFUSED, AnswerLost("timed out"), None], ids=["refused", "lost", "no answer of the model"]
)
def test_a_model_that_fails_keeps_its_old_answer_and_only_the_user_is_notified(answered, outcome):
    answered.sectorflow.answers.then(outcome)
    answered.sectorflow.reply = reply_of(SECOND, "", failed=True)

    regenerate(answered)

    answer = answered.stored().answer
    assert (answer.models, answer.busy) == (make_reply(MODEL_IDS).answers, ())
    assert answered.shows_what_is_stored()
    assert len(answered.slack.posted) == 1
    ((address, user_id, message),) = answered.slack.ephemerals
    assert (address.channel_id, address.thread_ts) == ("C0GENERAL", THREAD_TS)
    assert (user_id, message.text) == ("U0BOB", ENGLISH.regenerate_failed)
    assert (answered.failed_questions, answered.unaccounted, answered.left) == ([], 0, [])


def test_if_a_worker_dies_with_the_new_answer_another_one_stores_it(answered, monkeypatch):
    answered.interact(REGENERATE)
    answered.forget_slack_jobs()

    with answered.killed(), monkeypatch.context() as patched:
        patched.setattr(SlackJobQueue, "enqueue", die)
        answered.work()
    answered.run_slack_jobs()

    assert len(answered.sectorflow.asked) == 2
    assert answered.shows_what_is_stored()
    assert (answered.stored().answer.busy, answered.left) == ((), [])


def test_a_click_of_which_only_half_was_stored_is_completed_by_the_next(answered, monkeypatch):
    def down(*_: object) -> bool:
        raise StorageUnavailable("ConnectionError")

    with monkeypatch.context() as patched:
        patched.setattr(QuestionStore, "accept", down)
        with pytest.raises(StorageUnavailable):
            answered.interact(REGENERATE)
    assert answered.stored().answer.busy == (SECOND,)

    regenerate(answered)

    assert len(answered.sectorflow.asked) == 2
    assert answered.stored().answer.busy == ()


def test_if_the_answer_expires_in_the_meantime_nothing_is_asked_or_posted(answered):
    answered.interact(REGENERATE)
    answered.store.delete(f"answer:{ANSWER_ID}")

    answered.work_and_run_slack_jobs()

    assert (asked_again(answered), len(answered.slack.posted), answered.left) == ([], 1, [])
    assert answered.ephemerals == []


# A follow-up in a dialog


def test_the_button_opens_a_dialog(answered):
    answered.interact(block_action(block_kit.FOLLOW_UP, 1))
    answered.run_slack_jobs()

    ((trigger_id, view),) = answered.slack.dialogs
    assert (trigger_id, view["private_metadata"]) == (TRIGGER_ID, f"{ANSWER_ID}.1.0.")
    assert "Model 2" in str(view)


def test_a_follow_up_goes_to_that_model_in_the_same_threads_and_quotes_the_question(answered):
    answered.interact(view_submission("And a longer one?", model=1, **by("U0BOB")))
    answered.work()

    settings, text, thread_id = answered.sectorflow.asked[-1]
    assert (settings.model_ids, text, thread_id) == ((SECOND,), "And a longer one?", "thread-1")
    threads = {(address.channel_id, address.thread_ts) for address in answered.slack.addresses}
    assert threads == {("C0GENERAL", THREAD_TS)}
    (_, shown) = answered.slack.shown.values()
    assert quotes([shown]) == ["And a longer one?"]
    assert "Answer 1" in everything_in(shown)


def test_a_follow_up_names_nothing_that_was_left_out_of_the_first_question(acme):
    acme.have_answered(left_out=("text",))
    acme.interact(view_submission("And a longer one?", model=1))
    acme.work()

    first, second = acme.slack.shown.values()
    assert [ENGLISH.question_cut in everything_in(each) for each in (first, second)] == [True, False]


def test_in_a_dm_a_follow_up_is_answered_outside_threads_and_continues_the_conversation(acme):
    acme.have_answered(channel_id="D0ANN", is_direct=True, has_files=True)

    acme.interact(view_submission(model=1))
    acme.work_and_run_slack_jobs()

    assert [thread_id for _, _, thread_id in acme.sectorflow.asked] == [None, "thread-1"]
    assert {(address.channel_id, address.thread_ts) for address in acme.slack.addresses} == {("D0ANN", None)}
    # The follow-up itself has no files.
    shown = map(everything_in, acme.slack.shown.values())
    assert [ENGLISH.file_not_read in each for each in shown] == [True, False]


def test_a_repeated_dialog_asks_once_and_another_one_again(answered):
    answered.interact(
        view_submission("One?"), view_submission("One?"), view_submission("Two?", view={"id": "V0SECOND"})
    )
    for _ in range(3):
        answered.work_and_run_slack_jobs()

    assert asked_again(answered) == ["One?", "Two?"]
    assert answered.unaccounted == 0


@pytest.mark.parametrize("text", ["", "   \n", None])
def test_an_empty_dialog_asks_nothing(answered, text):
    answered.interact(view_submission(text))

    assert answered.is_untouched()


def test_a_follow_up_has_buttons_of_its_own(answered):
    answered.interact(view_submission(model=1))
    (second_id,) = answered.waiting
    answered.work_and_run_slack_jobs()
    container = {"message_ts": "1700000001.000002", "channel_id": "C0GENERAL", "thread_ts": THREAD_TS}
    answered.sectorflow.reply = reply_of(SECOND, "A third try")

    answered.interact(block_action(block_kit.REGENERATE, 0, answer_id=second_id, container=container))
    answered.work_and_run_slack_jobs()

    assert [model.text for model in answered.stored(second_id).answer.models] == ["A third try"]
    assert answered.stored().answer.models == make_reply(MODEL_IDS).answers


def test_users_inside_may_follow_up_on_an_external_users_question(acme):
    acme.configure(allow_external_users=True)
    acme.have_answered(is_external=True)
    acme.configure(allow_external_users=False)

    acme.interact(view_submission(model=1))
    acme.work_and_run_slack_jobs()

    assert asked_again(acme) == ["And a longer one?"]
