from __future__ import annotations

from dataclasses import replace

import pytest
import redis

from sectorflow_slack.domain.errors import SlackBusy, SlackRefused, SlackRefusedMessage, TokenRefused
from sectorflow_slack.domain.models import Message
from sectorflow_slack.domain.progress import Progress
from sectorflow_slack.formatting.words import ENGLISH
from sectorflow_slack.services import Services
from sectorflow_slack.services.answers import AnswerService
from tests.fakes import FakeSectorFlowClient, FakeSlackClient, FakeTaskQueue, make_reply
from tests.services.steps import (
    KEY,
    LETTER_ID,
    WorkerKilled,
    ask,
    ended,
    go_on_after_death,
    later,
    left,
)
from tests.values import MODEL_IDS, NOW, make_bot, make_installation, make_question, make_terms

REFUSED = SlackRefusedMessage("invalid_blocks")


def end_pauses(store: redis.Redis) -> None:
    """Do what time does to pauses."""
    for key in store.scan_iter("pause:*"):
        store.delete(key)


# Rate limits


def test_slacks_rate_limit_is_waited_out_as_often_as_it_takes(
    answers: AnswerService,
    slack: FakeSlackClient,
    sectorflow: FakeSectorFlowClient,
    queue: FakeTaskQueue,
    store: redis.Redis,
) -> None:
    slack.posts.then(*[SlackBusy("ratelimited", 30.0)] * 20)
    question = ask(answers)

    for _ in range(20):
        assert answers.questions.progress(question).failures == 0
        end_pauses(store)
        later(answers, store)

    assert queue.jobs == [(KEY, 31.0)] * 20
    assert len(sectorflow.asked) == 1
    assert len(slack.posted) == 1
    assert left(store) == []


def test_while_slack_limits_an_installation_nothing_of_its_is_posted_and_others_go_on(
    answers: AnswerService, services: Services, slack: FakeSlackClient, queue: FakeTaskQueue
) -> None:
    bot = make_bot(team_id="T0OTHER", bot_token="xoxb-other")
    other = make_installation(make_terms(id="other"), bot)
    answers.installations.save(other, None, None)
    slack.posts.then(SlackBusy("ratelimited", 30.0))
    limited = ask(answers, 1)

    waiting = ask(answers, 2)
    ask(answers, 3, installation=other.key)

    assert [token for token, _, _ in slack.posted] == ["xoxb-other"]
    assert [key for key, _ in queue.jobs] == [KEY, KEY]
    assert all(30 < delay <= 31 for _, delay in queue.jobs)
    assert [answers.questions.progress(each).failures for each in (limited, waiting)] == [0, 0]
    assert services.read_metrics().counters["slack_rate_limited", ""] == 1
    assert ended(services) == {"answered": 1}


def test_a_rate_limit_without_a_time_is_waited_out_as_any_failure(
    answers: AnswerService, services: Services, slack: FakeSlackClient, queue: FakeTaskQueue
) -> None:
    slack.posts.then(SlackBusy("ratelimited"))

    question = ask(answers)

    assert queue.jobs == [(KEY, 1.0)]
    assert answers.questions.progress(question).failures == 1
    assert ("slack_rate_limited", "") not in services.read_metrics().counters


def test_an_apology_waits_for_slack_too(
    answers: AnswerService,
    services: Services,
    slack: FakeSlackClient,
    sectorflow: FakeSectorFlowClient,
    store: redis.Redis,
) -> None:
    sectorflow.answers.then(TokenRefused("status 401"))
    slack.posts.then(SlackBusy("ratelimited", 30.0), SlackBusy("fatal_error"))
    ask(answers)

    for _ in range(2):
        end_pauses(store)
        later(answers, store)

    assert len(sectorflow.asked) == 1
    assert slack.texts == [ENGLISH.key_refused]
    assert ended(services) == {"token_refused": 1}


# Refused forms


def test_blocks_that_slack_refuses_are_posted_plainer(
    answers: AnswerService, slack: FakeSlackClient, store: redis.Redis
) -> None:
    slack.posts.then(REFUSED)

    ask(answers)

    assert slack.posted
    assert all(message.blocks == () for _, _, message in slack.posted)
    assert all(f"Answer {number}" in "\n".join(slack.texts) for number in (1, 2, 3))
    assert left(store) == []


def test_only_the_message_that_slack_refuses_is_posted_plainer(
    answers: AnswerService, slack: FakeSlackClient, sectorflow: FakeSectorFlowClient
) -> None:
    sectorflow.reply = make_reply(MODEL_IDS, text="A long answer. " * 1000)
    slack.posts.then(None, REFUSED)

    ask(answers)

    first, *plain, _, last = [message for _, _, message in slack.posted]
    assert first.blocks
    assert last.blocks
    assert len(plain) > 1
    assert [bool(message.blocks) for message in plain] == sorted(bool(message.blocks) for message in plain)
    assert plain[0].blocks == ()


def test_whoever_goes_on_with_plainer_parts_goes_on_at_the_right_one(
    answers: AnswerService,
    slack: FakeSlackClient,
    sectorflow: FakeSectorFlowClient,
    store: redis.Redis,
) -> None:
    sectorflow.reply = make_reply(MODEL_IDS, text="A long answer. " * 1000)
    undisturbed = FakeSlackClient()
    undisturbed.posts.then(None, REFUSED)
    ask(replace(answers, posting=replace(answers.posting, slack=undisturbed)), 1)
    slack.posts.then(None, REFUSED, None, WorkerKilled())
    with pytest.raises(WorkerKilled):
        ask(answers, 2)
    assert len(slack.posted) == 2

    go_on_after_death(answers, store)

    assert [message for _, _, message in slack.posted] == [message for _, _, message in undisturbed.posted]
    assert left(store) == []


def test_the_plainer_parts_take_the_messages_place_in_what_is_kept(
    answers: AnswerService, slack: FakeSlackClient
) -> None:
    slack.posts.then(REFUSED, WorkerKilled())

    with pytest.raises(WorkerKilled):
        ask(answers)

    progress = answers.questions.progress(make_question())
    assert progress.plan is not None
    assert [message.blocks for message in progress.plan.messages] == [()]
    assert progress == Progress(progress.plan)


@pytest.mark.parametrize(("refusals", "told"), [(2, [ENGLISH.unexpected]), (4, [])])
def test_what_slack_refuses_in_any_form_is_told_if_it_takes_that_and_can_be_asked_for_again(
    answers: AnswerService,
    services: Services,
    slack: FakeSlackClient,
    store: redis.Redis,
    refusals: int,
    told: list[str],
) -> None:
    slack.posts.then(*[REFUSED] * refusals)

    question = ask(answers, id=LETTER_ID)

    assert slack.texts == told
    assert left(store) == []
    assert ended(services) == {"slack_invalid_blocks": 1}
    assert [letter.question for letter in services.letters.dead()] == [question]


def test_an_apology_whose_form_slack_refuses_is_made_without_a_button(
    answers: AnswerService, slack: FakeSlackClient, sectorflow: FakeSectorFlowClient
) -> None:
    sectorflow.answers.then(TokenRefused("status 401"))
    slack.posts.then(REFUSED)

    ask(answers)

    assert [message for _, _, message in slack.posted] == [Message(ENGLISH.key_refused)]


# Apps that are gone


@pytest.mark.parametrize("code", ["token_revoked", "account_inactive"])
def test_an_installation_whose_token_is_gone_is_forgotten(
    answers: AnswerService, services: Services, slack: FakeSlackClient, code: str
) -> None:
    slack.posts.then(SlackRefused(code))
    ask(answers, 1)

    ask(answers, 2)

    assert answers.installations.find(KEY) is None
    assert ended(services) == {f"slack_{code}": 1, "uninstalled": 1}


def test_an_installation_that_is_newer_than_the_token_that_is_gone_stays(
    answers: AnswerService, slack: FakeSlackClient
) -> None:
    newer = replace(make_installation(make_terms(id="newer")), installed_at=NOW + 5)

    def reinstalled(*_: object) -> str:
        answers.installations.save(newer, None, make_terms().id)
        raise SlackRefused("token_revoked")

    slack.post = reinstalled  # type: ignore[method-assign]

    ask(answers)

    assert answers.installations.find(KEY) == newer


@pytest.mark.parametrize("code", ["token_expired", "missing_scope", "not_in_channel", "invalid_auth"])
def test_any_other_refusal_leaves_the_installation(
    answers: AnswerService, slack: FakeSlackClient, code: str
) -> None:
    slack.posts.then(SlackRefused(code))

    ask(answers)

    assert answers.installations.find(KEY) == make_installation()


def test_nobody_answers_for_an_app_that_was_uninstalled_meanwhile_nor_asks_again(
    answers: AnswerService,
    services: Services,
    slack: FakeSlackClient,
    sectorflow: FakeSectorFlowClient,
    store: redis.Redis,
) -> None:
    answers.questions.accept(make_question())
    answers.installations.delete(KEY, before=NOW + 10)

    answers.answer_next(KEY)

    assert (sectorflow.asked, slack.posted, left(store)) == ([], [], [])
    assert ended(services) == {"uninstalled": 1}
    assert services.letters.dead() == ()
