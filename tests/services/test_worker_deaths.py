"""Workers that die, hang or end: a question is answered once all the same."""

from __future__ import annotations

import threading
import uuid

import pytest

from sectorflow_slack.domain.errors import AnswerLost, SectorFlowBusy, SlackBusy
from sectorflow_slack.formatting.words import ENGLISH
from sectorflow_slack.services.answering import DEATHS_BEFORE_FAILURE, DEATHS_BEFORE_GIVING_UP
from sectorflow_slack.storage.answers import AnswerStore
from sectorflow_slack.storage.conversations import ConversationStore
from sectorflow_slack.storage.installations import InstallationStore
from sectorflow_slack.storage.questions import QuestionStore
from sectorflow_slack.storage.statuses import StatusStore
from tests.fakes import make_reply
from tests.services.scenario import Scenario
from tests.services.steps import FAILED_ID, KEY, LONG_REPLY, WorkerKilled, die, let_time_pass
from tests.values import MODEL_IDS, WORKSPACE_ID, make_block_action, make_question
from tests.waiting import until


@pytest.fixture
def undisturbed(acme):
    """The texts that are posted for a question if no worker dies."""
    acme.sectorflow.reply = LONG_REPLY
    acme.ask(99)
    texts = acme.slack.texts
    assert len(texts) > 3
    acme.slack.posted.clear()
    acme.slack.shown.clear()
    acme.sectorflow.asked.clear()
    return texts


# Dying

#: The method before which the worker dies, and how often SectorFlow is asked in all.
STEPS = {
    "the question was leased": (InstallationStore, "find", 1),
    "its installation was loaded": (ConversationStore, "find", 1),
    "SectorFlow was asked": (AnswerStore, "save", 2),
    "the answer was stored": (QuestionStore, "save_plan", 2),
    "the plan was stored": (ConversationStore, "save", 1),
    "the conversation was stored": (QuestionStore, "assert_held", 1),
    "the last message was posted": (AnswerStore, "mark_posted", 1),
    "the messages were stored": (StatusStore, "end", 1),
    "the status was ended": (QuestionStore, "complete", 1),
}


@pytest.mark.parametrize("step", STEPS)
def test_a_question_whose_worker_died_is_answered_once(acme, undisturbed, monkeypatch, step):
    store, method, times_asked = STEPS[step]

    with acme.killed(), monkeypatch.context() as patch:
        patch.setattr(store, method, die)
        acme.ask()

    assert len(acme.sectorflow.asked) == times_asked
    assert acme.slack.texts == undisturbed
    assert acme.ended == {"answered": 2}
    assert acme.services.read_metrics().counters["let_go", ""] == 1
    assert (acme.unaccounted, acme.left) == (0, [])


@pytest.mark.parametrize("posted", [0, 1, 2, 3])
def test_the_next_worker_posts_only_what_the_dead_one_did_not(acme, undisturbed, posted):
    acme.slack.posts.then(*[None] * posted, WorkerKilled())

    with acme.killed():
        acme.ask()

    assert len(acme.sectorflow.asked) == 1
    assert acme.slack.texts == undisturbed
    assert (acme.ended, acme.left) == ({"answered": 2}, [])


def test_the_buttons_show_the_posted_reply_although_a_worker_died_before(acme, monkeypatch):
    acme.sectorflow.reply = make_reply(MODEL_IDS, text="The first reply")

    def die_and_change_the_reply(*_):
        acme.sectorflow.reply = make_reply(MODEL_IDS, text="The second reply")
        raise WorkerKilled

    with acme.killed(), monkeypatch.context() as patch:
        patch.setattr(QuestionStore, "save_plan", die_and_change_the_reply)
        acme.ask()

    assert acme.stored().answer.models[0].text in acme.slack.texts[0]
    assert [message for _, _, message in acme.slack.posted] == acme.rendered()


@pytest.mark.parametrize("step", ["save_plan", "assert_held", "complete"])
def test_a_notice_of_failure_is_posted_once_although_its_worker_died(acme, monkeypatch, step):
    acme.sectorflow.answers.then(*[AnswerLost("ReadTimeout")] * 2)

    with acme.killed(), monkeypatch.context() as patch:
        patch.setattr(QuestionStore, step, die)
        acme.ask(id=FAILED_ID)

    assert len(acme.sectorflow.asked) == (2 if step == "save_plan" else 1)
    assert acme.slack.texts == [ENGLISH.too_slow]
    assert acme.has_failed_with("answer_lost")


def test_a_notice_of_failure_after_half_an_answer_is_posted_although_its_worker_died(acme, undisturbed):
    acme.slack.posts.then(None, *[RuntimeError("unforeseen")] * 4, WorkerKilled())
    acme.ask()
    for _ in range(2):
        acme.later()

    with acme.killed():
        acme.later()

    assert acme.slack.texts == [undisturbed[0], ENGLISH.unexpected]
    assert acme.left == []


# Questions that kill workers


def let_workers_die(acme: Scenario, deaths: int) -> None:
    """Lease the question with workers that die over it, and then with one more that does not."""
    for _ in range(deaths):
        with pytest.raises(WorkerKilled):
            acme.later("underway")
    acme.later("underway")


def test_a_question_over_which_many_workers_died_is_not_asked_any_more(acme):
    acme.sectorflow.answers.then(*[WorkerKilled()] * DEATHS_BEFORE_FAILURE)
    acme.accept(id=FAILED_ID)

    let_workers_die(acme, DEATHS_BEFORE_FAILURE)

    assert len(acme.sectorflow.asked) == DEATHS_BEFORE_FAILURE
    assert acme.slack.texts == [ENGLISH.unexpected]
    assert acme.has_failed_with("deadly")


def test_if_workers_die_even_over_the_notice_a_job_of_its_own_posts_it(acme):
    acme.accept()
    acme.slack.posts.then(*[WorkerKilled()] * DEATHS_BEFORE_GIVING_UP)

    let_workers_die(acme, DEATHS_BEFORE_GIVING_UP)
    acme.run_slack_jobs()

    assert acme.slack.seen == []
    assert [text for _, text in acme.ephemerals] == [ENGLISH.unexpected]
    assert acme.has_failed_with("deadly")


def test_a_question_that_no_worker_can_read_is_left_for_a_minute_and_harms_none(acme, caplog):
    acme.receive()
    (question_id,) = acme.waiting
    key = f"question:{question_id}"
    acme.store.hset(key, "event", acme.answers.questions._cipher.seal(key, "event", "{}"))

    assert acme.work()

    assert caplog.messages == ["question cannot be read"]
    assert acme.retries == [60.0]
    acme.ask(2)
    assert len(acme.sectorflow.asked) == 1


# Workers that hang, and lose their question to another


@pytest.mark.parametrize("step", ["save_plan", "assert_held", "release", "complete"])
def test_a_worker_whose_question_went_to_another_posts_and_stores_nothing(acme, monkeypatch, caplog, step):
    original = getattr(QuestionStore, step)

    def overtaken(*arguments, **named):
        monkeypatch.setattr(QuestionStore, step, original)
        acme.later("underway")
        return original(*arguments, **named)

    monkeypatch.setattr(QuestionStore, step, overtaken)
    acme.sectorflow.answers.then(SectorFlowBusy("status 503") if step == "release" else None)

    acme.ask()

    assert len(acme.slack.posted) == 1
    assert (acme.ended, acme.left) == ({"answered": 1}, [])
    assert "question left to another worker" in caplog.messages


def test_a_late_reply_does_not_change_the_conversations_thread(acme):
    def be_late():
        acme.later("underway")
        acme.sectorflow.reply = make_reply(MODEL_IDS, "late-thread")

    acme.sectorflow.answers.then(be_late)

    question = acme.ask()

    assert acme.answers.conversations.find(question, WORKSPACE_ID).thread_id == "thread-2"


def test_a_process_extends_the_lease_of_a_question_that_one_of_its_threads_lost_to_another(acme):
    second_asks, second_may_end = threading.Event(), threading.Event()
    second = threading.Thread(target=acme.work)

    def lose():
        let_time_pass(acme.store, "underway")
        acme.answers.questions.tick("worker")
        second.start()
        assert second_asks.wait(20)

    def take_long():
        second_asks.set()
        assert second_may_end.wait(20)

    acme.sectorflow.answers.then(lose, take_long)
    question = acme.ask()
    let_time_pass(acme.store, "underway")

    acme.answers.extend_leases()
    leased_until = acme.store.zscore(f"underway:{KEY}", question.id)
    second_may_end.set()
    second.join(20)

    assert leased_until
    assert len(acme.slack.posted) == 1
    assert (acme.ended, acme.left) == ({"answered": 1}, [])


def test_a_process_extends_no_lease_of_a_question_that_it_has_answered(acme, monkeypatch):
    extended = []
    monkeypatch.setattr(QuestionStore, "extend", lambda _, leased: extended.append(leased))

    acme.ask()
    acme.answers.extend_leases()

    assert extended == []


# Workers that end


def test_questions_of_a_worker_that_ends_go_to_others_at_once_and_as_no_failure(acme):
    progress = []

    def end():
        acme.answers.hand_over()
        again = acme.answers.questions.lease()
        assert again is not None
        progress.append(again.progress)
        let_time_pass(acme.store, "underway")
        acme.later("underway")

    acme.sectorflow.answers.then(end)

    acme.ask()

    assert [(each.deaths, each.failures) for each in progress] == [(0, 0)]
    assert len(acme.slack.posted) == 1
    assert (acme.ended, acme.left) == ({"answered": 1}, [])


def test_a_question_that_another_worker_has_is_not_handed_over(acme):
    acme.sectorflow.answers.then(lambda: (acme.later("underway"), acme.answers.hand_over()))

    acme.ask()

    assert (acme.ended, acme.left) == ({"answered": 1}, [])


def test_a_question_with_a_message_on_its_way_to_slack_is_not_handed_over(acme):
    acme.slack.posts.then(acme.answers.hand_over)

    acme.ask()

    assert (acme.ended, acme.left) == ({"answered": 1}, [])


def lease_elsewhere(acme, question):
    """Let the lease of one question end, and another worker take it."""
    acme.store.zadd(f"underway:{KEY}", {question.id: 0})
    acme.store.zadd("due", {str(KEY): 0})
    acme.answers.questions.tick("worker")
    return acme.answers.questions.lease()


def test_a_question_that_another_worker_has_keeps_no_other_from_being_handed_over(acme):
    first, second = acme.accept(1), acme.accept(2)
    elsewhere = []

    def end():
        elsewhere.append(lease_elsewhere(acme, first).id)
        acme.answers.hand_over()
        elsewhere.append(acme.answers.questions.lease().id)

    acme.sectorflow.answers.then(acme.work, end)

    acme.work()

    assert elsewhere == [first.id, second.id]


def test_a_question_with_a_message_on_its_way_keeps_no_other_from_being_handed_over(acme):
    _, second = acme.accept(1), acme.accept(2)
    elsewhere = []

    def end():
        acme.answers.hand_over()
        elsewhere.append(acme.answers.questions.lease().id)

    acme.sectorflow.answers.then(None, end)
    acme.slack.posts.then(acme.work)

    acme.work()

    assert elsewhere == [second.id]


def test_a_message_on_its_way_is_stored_as_posted_before_its_question_is_handed_over(acme):
    acme.sectorflow.reply = LONG_REPLY
    ending = threading.Thread(target=acme.answers.hand_over, args=(30.0,))

    def end():
        ending.start()
        until(lambda: acme.answers.posting._left, 10, "the question is left")

    acme.slack.posts.then(end)

    acme.ask()
    ending.join()
    posted = len(acme.slack.posted)
    again = acme.answers.questions.lease()

    assert posted == 1
    assert again is not None
    assert len(again.progress.posted) == 1


def test_a_question_that_is_handed_over_is_not_posted_here_any_more(acme, monkeypatch):
    """Without that, its thread could pass the check of its lease, and post while another worker does."""
    monkeypatch.setattr(QuestionStore, "release", lambda *_, **__: None)
    acme.sectorflow.answers.then(acme.answers.hand_over)

    acme.ask()
    assert acme.slack.posted == []
    monkeypatch.undo()
    acme.later("underway")

    assert acme.shows_the_answer_alone()


# The number that Slack may know a repeated post by


def test_a_message_has_the_same_number_each_time_it_is_posted_and_each_message_its_own(acme, undisturbed):
    acme.slack.client_msg_ids.clear()
    acme.slack.posts.then(None, None, *[SlackBusy("ReadTimeout")] * 2)
    numbers: list[str] = []
    post = acme.slack.post
    monkey = pytest.MonkeyPatch()
    monkey.setattr(acme.slack, "post", lambda *each: (numbers.append(each[3]), post(*each))[1])

    acme.ask()
    for _ in range(2):
        acme.later()

    # The third message was tried three times.
    assert numbers[2] == numbers[3] == numbers[4]
    assert len(set(numbers)) == len(undisturbed) == len(numbers) - 2
    assert all(uuid.UUID(number) for number in numbers)


def test_after_a_crash_a_message_is_posted_with_the_same_number(acme, monkeypatch):
    with acme.killed(), monkeypatch.context() as patch:
        patch.setattr(QuestionStore, "mark_posted", die)
        acme.ask()

    first, second = acme.slack.client_msg_ids
    assert first == second


def test_what_is_no_repeat_has_another_number(acme):
    """A notice, the answer of a question that is asked again, and the one line after a stop."""
    acme.sectorflow.answers.then(*[AnswerLost("ReadTimeout")] * 2)
    acme.ask(id=FAILED_ID)
    for _ in range(2):
        acme.clock.now += 60
        acme.interact(make_block_action(FAILED_ID))
        acme.work()
    acme.slack.posts.then(None, lambda: acme.stop(make_question(2)))
    acme.sectorflow.reply = LONG_REPLY
    acme.ask(2)
    acme.work()

    assert acme.slack.texts[-1] == ENGLISH.stopped
    assert len(set(acme.slack.client_msg_ids)) == len(acme.slack.client_msg_ids) == 6
