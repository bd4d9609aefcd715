from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace

import fakeredis
import pytest
import redis

from sectorflow_slack.domain.errors import (
    AnswerLost,
    QuestionRefused,
    ReplyUnreadable,
    SectorFlowBroken,
    SectorFlowBusy,
    SlackBusy,
    SlackRefused,
    SlackRefusedMessage,
    StorageUnavailable,
    TokenRefused,
    WorkspaceMissing,
)
from sectorflow_slack.domain.models import InstallationKey, Question, Terms
from sectorflow_slack.formatting.words import ENGLISH
from sectorflow_slack.logging import JsonFormatter
from sectorflow_slack.services import Services
from sectorflow_slack.services.answers import MAX_DEATHS, AnswerService
from tests.fakes import FakeSectorFlowClient, FakeSlackClient, FakeTaskQueue, make_reply
from tests.values import (
    BOT_TOKEN,
    CUSTOMERS_APP,
    MODEL_IDS,
    NOW,
    OWN_APP,
    TEAM_ID,
    WORKSPACE_ID,
    make_bot,
    make_installation,
    make_question,
    make_terms,
)

KEY = InstallationKey(OWN_APP.app_id, TEAM_ID)
LONG = "A long answer. " * 1000


@pytest.fixture
def answers(services: Services) -> AnswerService:
    services.answers.installations.save(make_installation(), None, None)
    return services.answers


def ask(answers: AnswerService, number: int = 1, **changes) -> Question:
    """Have somebody ask, and a worker take it up."""
    question = make_question(number, **changes)
    answers.questions.accept(question)
    answers.answer_next(question.installation)
    return question


def later(answers: AnswerService, store: redis.Redis, line: str = "later") -> None:
    """Let the time come at which a question is due again, and a worker take it up."""
    for key in store.scan_iter(f"{line}:*"):
        store.zadd(str(key), dict.fromkeys(map(str, store.zrange(str(key), 0, -1)), 0))
    answers.answer_next(KEY)


def left(store: redis.Redis) -> list[str]:
    """What is still stored of questions, but for the memory of repeats."""
    places = ("question:", "waiting:", "later:", "underway:")
    return [str(key) for key in store.scan_iter() if str(key).startswith(places)]


def test_a_question_is_asked_and_its_answers_posted_in_its_thread(
    answers: AnswerService,
    slack: FakeSlackClient,
    sectorflow: FakeSectorFlowClient,
    store: redis.Redis,
) -> None:
    question = ask(answers)

    assert sectorflow.asked == [(make_terms().sectorflow, "Tell me a joke", None)]
    ((token, address, message),) = slack.posted
    assert token == BOT_TOKEN
    assert (address.channel_id, address.thread_ts) == (question.channel_id, question.ts)
    shown = [block["text"]["text"] for block in message.blocks if block["type"] == "header"]
    assert shown == ["Model 1", "Model 2", "Model 3"]
    assert [block["text"] for block in message.blocks if block["type"] == "markdown"] == [
        "Answer 1",
        "Answer 2",
        "Answer 3",
    ]
    assert left(store) == []


def test_nothing_happens_where_no_question_waits(answers: AnswerService, slack: FakeSlackClient) -> None:
    answers.answer_next(KEY)

    assert slack.posted == []


def test_questions_are_answered_in_the_order_they_came(
    answers: AnswerService, sectorflow: FakeSectorFlowClient
) -> None:
    for number in (1, 2, 3):
        answers.questions.accept(make_question(number, text=f"Question {number}"))

    for _ in range(3):
        answers.answer_next(KEY)

    assert [text for _, text, _ in sectorflow.asked] == ["Question 1", "Question 2", "Question 3"]


def test_an_answer_of_many_messages_is_posted_in_order(
    answers: AnswerService, slack: FakeSlackClient, sectorflow: FakeSectorFlowClient
) -> None:
    sectorflow.reply = make_reply(MODEL_IDS, text=LONG)

    ask(answers)

    assert len(slack.posted) > 2
    headings = [
        block["text"]["text"].removesuffix(" (continued)")
        for _, _, message in slack.posted
        for block in message.blocks
        if block["type"] == "header"
    ]
    assert list(dict.fromkeys(headings)) == ["Model 1", "Model 2", "Model 3"]
    assert headings == sorted(headings)


@pytest.mark.parametrize(
    ("changes", "thread"),
    [
        ({}, "1.000100"),
        ({"thread_ts": "0.5"}, "0.5"),
        ({"is_direct": True}, None),
        ({"is_direct": True, "thread_ts": "0.5"}, "0.5"),
    ],
    ids=["channel", "thread", "direct message", "thread of a direct message"],
)
def test_an_answer_goes_where_the_question_was_asked(
    answers: AnswerService, slack: FakeSlackClient, changes: dict, thread: str | None
) -> None:
    ask(answers, **changes)

    assert [address.thread_ts for address in slack.addresses] == [thread]


def test_a_shared_app_posts_under_the_customers_name_for_it(
    answers: AnswerService, slack: FakeSlackClient
) -> None:
    ask(answers)

    assert slack.addresses[0].username == "Acme Assistant"


def test_a_customers_own_app_posts_under_its_own_name(answers: AnswerService, slack: FakeSlackClient) -> None:
    app_id = CUSTOMERS_APP.app_id
    own = make_installation(make_terms(id="own", app_id=app_id), make_bot(app_id=app_id))
    answers.installations.save(own, CUSTOMERS_APP, None)

    ask(answers, installation=own.key)

    assert slack.addresses[0].username is None


def test_a_thread_goes_on_with_its_thread_at_sectorflow(
    answers: AnswerService, sectorflow: FakeSectorFlowClient
) -> None:
    ask(answers, 1)
    ask(answers, 2, thread_ts="1.000100")
    ask(answers, 3)

    assert [thread_id for _, _, thread_id in sectorflow.asked] == [None, "thread-1", None]


def test_a_direct_message_goes_on_where_it_stopped(
    answers: AnswerService, sectorflow: FakeSectorFlowClient
) -> None:
    ask(answers, 1, is_direct=True)
    ask(answers, 2, is_direct=True)

    assert [thread_id for _, _, thread_id in sectorflow.asked] == [None, "thread-1"]


def test_another_workspace_begins_another_conversation(
    answers: AnswerService, sectorflow: FakeSectorFlowClient
) -> None:
    ask(answers, 1)
    moved = replace(make_terms().sectorflow, workspace_id="another-workspace")
    terms: Terms = make_terms(id="newer", sectorflow=moved)
    answers.installations.save(make_installation(terms), None, make_terms().id)

    ask(answers, 2, thread_ts="1.000100")

    assert [thread_id for _, _, thread_id in sectorflow.asked] == [None, None]


def test_a_reply_without_a_thread_leaves_the_conversation_as_it_was(
    answers: AnswerService, sectorflow: FakeSectorFlowClient
) -> None:
    ask(answers, 1)
    sectorflow.reply = make_reply(MODEL_IDS, thread_id=None)
    ask(answers, 2, thread_ts="1.000100")
    ask(answers, 3, thread_ts="1.000100")

    assert [thread_id for _, _, thread_id in sectorflow.asked] == [None, "thread-1", "thread-1"]


class WorkerKilled(BaseException):
    """Ends a try as a SIGKILL would: nothing of ours gets to handle it."""


@pytest.mark.parametrize("posted", [0, 1, 2])
def test_whoever_takes_up_a_dead_workers_question_goes_on_where_it_stopped(
    answers: AnswerService,
    slack: FakeSlackClient,
    sectorflow: FakeSectorFlowClient,
    store: redis.Redis,
    posted: int,
) -> None:
    sectorflow.reply = make_reply(MODEL_IDS, text=LONG)
    undisturbed = FakeSlackClient()
    ask(replace(answers, slack=undisturbed), 1)
    slack.posts.then(*[None] * posted, WorkerKilled())  # type: ignore[arg-type]
    sectorflow.asked.clear()

    with pytest.raises(WorkerKilled):
        ask(answers, 2)
    later(answers, store, "underway")

    assert len(sectorflow.asked) == 1
    assert slack.texts == undisturbed.texts
    assert left(store) == []


def test_a_question_is_not_given_up_before_it_was_deadly_for_many_workers(
    answers: AnswerService, slack: FakeSlackClient, sectorflow: FakeSectorFlowClient, store: redis.Redis
) -> None:
    sectorflow.answers.then(*[WorkerKilled()] * (MAX_DEATHS + 1))  # type: ignore[arg-type]
    with pytest.raises(WorkerKilled):
        ask(answers)

    for _ in range(MAX_DEATHS):
        with pytest.raises(WorkerKilled):
            later(answers, store, "underway")
    later(answers, store, "underway")

    assert len(sectorflow.asked) == MAX_DEATHS + 1
    assert slack.texts == [ENGLISH.unexpected]
    assert left(store) == []


def test_an_excuse_that_was_posted_is_not_followed_by_another_try(
    answers: AnswerService,
    slack: FakeSlackClient,
    sectorflow: FakeSectorFlowClient,
    store: redis.Redis,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sectorflow.answers.then(AnswerLost("ReadTimeout"))
    with monkeypatch.context() as patch:
        patch.setattr(type(answers.questions), "finish", killed)
        with pytest.raises(WorkerKilled):
            ask(answers)

    later(answers, store, "underway")

    assert len(sectorflow.asked) == 1
    assert slack.texts == [ENGLISH.too_slow]
    assert left(store) == []


def killed(*args: object) -> bool:
    raise WorkerKilled


def test_slacks_rate_limit_is_waited_out_as_often_as_it_takes(
    answers: AnswerService,
    slack: FakeSlackClient,
    sectorflow: FakeSectorFlowClient,
    queue: FakeTaskQueue,
    store: redis.Redis,
) -> None:
    slack.posts.then(*[SlackBusy("ratelimited", 30.0)] * 20)
    ask(answers)

    for _ in range(20):
        later(answers, store)

    assert queue.jobs == [(KEY, 30.0)] * 20
    assert len(sectorflow.asked) == 1
    assert len(slack.posted) == 1
    assert left(store) == []


def test_a_slack_that_stays_away_is_given_up_in_silence(
    answers: AnswerService, slack: FakeSlackClient, queue: FakeTaskQueue, store: redis.Redis
) -> None:
    slack.posts.then(*[SlackBusy("fatal_error")] * 10)
    ask(answers)

    for _ in range(9):
        later(answers, store)

    assert [delay for _, delay in queue.jobs] == [1, 3, 10, 30, 60, 120, 300, 600, 600]
    assert slack.posted == []
    assert left(store) == []


def test_a_busy_sectorflow_is_asked_four_more_times_and_then_excused(
    answers: AnswerService,
    slack: FakeSlackClient,
    sectorflow: FakeSectorFlowClient,
    queue: FakeTaskQueue,
    store: redis.Redis,
) -> None:
    sectorflow.answers.then(*[SectorFlowBusy("status 503")] * 5)
    ask(answers)

    for _ in range(4):
        assert slack.posted == []
        later(answers, store)

    assert len(sectorflow.asked) == 5
    assert [delay for _, delay in queue.jobs] == [1.5, 5.0, 12.0, 24.0]
    assert slack.texts == [ENGLISH.unreachable]
    assert left(store) == []


def test_a_sectorflow_that_comes_back_answers(
    answers: AnswerService,
    slack: FakeSlackClient,
    sectorflow: FakeSectorFlowClient,
    queue: FakeTaskQueue,
    store: redis.Redis,
) -> None:
    sectorflow.answers.then(SectorFlowBusy("status 429", 40.0))
    ask(answers)

    later(answers, store)

    assert queue.jobs == [(KEY, 40.0)]
    assert "Answer 1" in slack.texts[0]


def test_a_broken_sectorflow_is_asked_once_more(
    answers: AnswerService, slack: FakeSlackClient, sectorflow: FakeSectorFlowClient, store: redis.Redis
) -> None:
    sectorflow.answers.then(*[SectorFlowBroken("status 500")] * 2)
    ask(answers)

    later(answers, store)

    assert len(sectorflow.asked) == 2
    assert slack.texts == [ENGLISH.unreachable]
    assert left(store) == []


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (AnswerLost("ReadTimeout"), ENGLISH.too_slow),
        (TokenRefused("status 401"), ENGLISH.key_refused),
        (WorkspaceMissing("status 404"), ENGLISH.workspace_gone),
        (QuestionRefused("status 400"), ENGLISH.question_refused),
        (ReplyUnreadable("status 200"), ENGLISH.unreadable),
    ],
)
def test_what_another_try_cannot_mend_is_excused_at_once(
    answers: AnswerService,
    slack: FakeSlackClient,
    sectorflow: FakeSectorFlowClient,
    queue: FakeTaskQueue,
    store: redis.Redis,
    error: Exception,
    words: str,
) -> None:
    sectorflow.answers.then(error)

    question = ask(answers)

    assert len(sectorflow.asked) == 1
    assert slack.texts == [words]
    assert slack.addresses[0].thread_ts == question.ts
    assert queue.jobs == []
    assert left(store) == []


def test_blocks_that_slack_refuses_are_posted_plainer(
    answers: AnswerService, slack: FakeSlackClient, store: redis.Redis
) -> None:
    slack.posts.then(SlackRefusedMessage("invalid_blocks"))

    ask(answers)

    assert slack.posted
    assert all(message.blocks == () for _, _, message in slack.posted)
    assert all(f"Answer {number}" in "\n".join(slack.texts) for number in (1, 2, 3))
    assert left(store) == []


def test_what_slack_refuses_in_any_form_is_given_up_in_silence(
    answers: AnswerService, slack: FakeSlackClient, store: redis.Redis
) -> None:
    slack.posts.then(*[SlackRefusedMessage("invalid_blocks")] * 2)

    ask(answers)

    assert slack.posted == []
    assert left(store) == []


def test_a_channel_that_is_closed_to_the_app_is_given_up_in_silence(
    answers: AnswerService, slack: FakeSlackClient, queue: FakeTaskQueue, store: redis.Redis
) -> None:
    slack.posts.then(SlackRefused("is_archived"))

    ask(answers)

    assert slack.posted == []
    assert queue.jobs == []
    assert left(store) == []


def test_an_excuse_that_slack_does_not_take_is_given_up(
    answers: AnswerService, slack: FakeSlackClient, sectorflow: FakeSectorFlowClient, store: redis.Redis
) -> None:
    sectorflow.answers.then(TokenRefused("status 401"))
    slack.posts.then(SlackRefused("is_archived"))

    ask(answers)

    assert slack.posted == []
    assert left(store) == []


def test_an_empty_question_gets_help_and_is_not_asked(
    answers: AnswerService, slack: FakeSlackClient, sectorflow: FakeSectorFlowClient, store: redis.Redis
) -> None:
    ask(answers, text="")

    assert len(slack.posted) == 1
    assert slack.texts[0].startswith("Ask me something")
    assert sectorflow.asked == []
    assert left(store) == []


def test_somebody_of_another_organisation_gets_a_polite_sentence(
    answers: AnswerService, slack: FakeSlackClient, sectorflow: FakeSectorFlowClient
) -> None:
    ask(answers, is_external=True)

    assert slack.texts == [ENGLISH.external_person]
    assert sectorflow.asked == []


def test_somebody_of_another_organisation_is_answered_where_that_is_allowed(
    answers: AnswerService, sectorflow: FakeSectorFlowClient
) -> None:
    open_to_all = make_installation(make_terms(id="open", allow_external_users=True))
    answers.installations.save(open_to_all, None, make_terms().id)

    ask(answers, is_external=True)

    assert len(sectorflow.asked) == 1


def test_nobody_answers_for_an_app_that_was_uninstalled_meanwhile(
    answers: AnswerService, slack: FakeSlackClient, sectorflow: FakeSectorFlowClient, store: redis.Redis
) -> None:
    answers.questions.accept(make_question())
    answers.installations.delete(KEY, before=NOW + 10)

    answers.answer_next(KEY)

    assert sectorflow.asked == []
    assert slack.posted == []
    assert left(store) == []


def test_nobody_excuses_an_app_that_was_uninstalled_meanwhile(
    answers: AnswerService, slack: FakeSlackClient, store: redis.Redis
) -> None:
    def uninstall(*args: object) -> None:
        answers.installations.delete(KEY, before=NOW + 10)
        raise TokenRefused("status 401")

    sectorflow = FakeSectorFlowClient()
    sectorflow.ask = uninstall  # type: ignore[assignment, method-assign]

    ask(replace(answers, sectorflow=sectorflow))

    assert slack.posted == []
    assert left(store) == []


def test_models_that_all_failed_are_one_sentence(
    answers: AnswerService, slack: FakeSlackClient, sectorflow: FakeSectorFlowClient
) -> None:
    sectorflow.reply = make_reply(MODEL_IDS, text="", failed=True)

    ask(answers)

    assert slack.texts == [ENGLISH.no_answer]


def test_a_model_that_failed_does_not_hide_the_others(
    answers: AnswerService, slack: FakeSlackClient, sectorflow: FakeSectorFlowClient
) -> None:
    good = make_reply(MODEL_IDS)
    failed = replace(good.answers[0], text="", failed=True)
    sectorflow.reply = replace(good, answers=(failed, *good.answers[1:]))

    ask(answers)

    assert ENGLISH.model_failed in slack.texts[0]
    assert "Answer 2" in slack.texts[0]


def test_the_unforeseen_is_tried_again_then_excused_and_logged_without_its_words(
    answers: AnswerService,
    slack: FakeSlackClient,
    sectorflow: FakeSectorFlowClient,
    store: redis.Redis,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    sectorflow.answers.then(*[RuntimeError("a secret")] * 4)
    ask(answers)

    for _ in range(3):
        later(answers, store)

    assert len(sectorflow.asked) == 4
    assert slack.texts == [ENGLISH.unexpected]
    assert left(store) == []
    lines = "\n".join(JsonFormatter().format(record) for record in caplog.records)
    assert "RuntimeError" in lines
    assert not any(secret in lines for secret in ("a secret", "Tell me a joke", BOT_TOKEN))


def test_an_installation_that_cannot_be_decrypted_is_given_up_after_its_tries(
    answers: AnswerService, slack: FakeSlackClient, store: redis.Redis
) -> None:
    store.hset(f"installation:{KEY}", "bot_token", "sealed with a key that is lost")
    ask(answers)

    for _ in range(3):
        later(answers, store)

    assert slack.posted == []
    assert left(store) == []


def test_where_more_questions_wait_the_next_worker_is_woken(
    answers: AnswerService, queue: FakeTaskQueue
) -> None:
    answers.questions.accept(make_question(1))
    answers.questions.accept(make_question(2))

    answers.answer_next(KEY)
    answers.answer_next(KEY)

    assert queue.jobs == [(KEY, 0.0)]


def test_a_store_that_goes_away_leaves_the_question_to_be_taken_up_again(
    answers: AnswerService,
    slack: FakeSlackClient,
    sectorflow: FakeSectorFlowClient,
    store: redis.Redis,
    redis_server: fakeredis.FakeServer,
) -> None:
    def cut_off(*args: object) -> None:
        redis_server.connected = False
        return original(*args)

    original: Callable[..., object] = sectorflow.ask
    sectorflow.ask = cut_off  # type: ignore[assignment, method-assign]
    ask(answers)
    assert slack.posted == []

    redis_server.connected = True
    sectorflow.ask = original  # type: ignore[assignment, method-assign]
    later(answers, store, "underway")

    assert "Answer 1" in slack.texts[0]
    assert left(store) == []


def test_what_is_being_worked_on_stays_its_workers(
    answers: AnswerService, sectorflow: FakeSectorFlowClient, store: redis.Redis, queue: FakeTaskQueue
) -> None:
    held: list[float] = []

    def take_long(*args: object) -> object:
        store.zadd(f"underway:{KEY}", {"question-1": 0})
        answers.keep_going()
        held.append(store.zscore(f"underway:{KEY}", "question-1") or 0.0)
        return original(*args)

    original: Callable[..., object] = sectorflow.ask
    sectorflow.ask = take_long  # type: ignore[assignment, method-assign]

    ask(answers)

    assert held[0] > 0
    assert queue.jobs == []


def test_what_is_not_worked_on_any_more_is_not_held(answers: AnswerService, store: redis.Redis) -> None:
    ask(answers)

    answers.keep_going()

    assert left(store) == []


def test_workers_are_woken_for_questions_that_nobody_took_up(
    answers: AnswerService, queue: FakeTaskQueue
) -> None:
    answers.questions.accept(make_question())

    answers.keep_going()
    answers.keep_going()

    assert queue.jobs == [(KEY, 0.0)]


def test_a_queue_that_fails_loses_no_question_that_was_put_back(
    answers: AnswerService,
    slack: FakeSlackClient,
    sectorflow: FakeSectorFlowClient,
    queue: FakeTaskQueue,
    store: redis.Redis,
) -> None:
    sectorflow.answers.then(SectorFlowBusy("status 503"))
    queue.enqueues.then(StorageUnavailable("ConnectionError"))
    with pytest.raises(StorageUnavailable):
        ask(answers)

    store.zadd(f"later:{KEY}", {"question-1": 0})
    answers.keep_going()
    answers.answer_next(KEY)

    assert queue.jobs == [(KEY, 0.0)]
    assert "Answer 1" in slack.texts[0]
    assert [settings.workspace_id for settings, _, _ in sectorflow.asked] == [WORKSPACE_ID] * 2
