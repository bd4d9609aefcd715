from __future__ import annotations

import pytest
import redis

from sectorflow_slack.domain.errors import SlackBusy, SlackRefusedMessage, TokenRefused
from sectorflow_slack.domain.messages import Message
from sectorflow_slack.domain.progress import Progress
from sectorflow_slack.formatting.words import ENGLISH
from sectorflow_slack.services import Services
from sectorflow_slack.services.answers import AnswerService
from tests.fakes import FakeSectorFlowClient, FakeSlackClient, FakeTaskQueue, Script, make_reply
from tests.services.steps import (
    KEY,
    LETTER_ID,
    WorkerKilled,
    ask,
    ended,
    go_on_after_death,
    greeted,
    later,
    left,
    saying_to,
)
from tests.values import MODEL_IDS, make_bot, make_installation, make_question, make_terms

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


@pytest.fixture(params=["posted", "in the place of what stood in"])
def takes(request: pytest.FixtureRequest, services: Services, slack: FakeSlackClient) -> Script:
    """Say whether Slack takes a message: a first one is posted, or updates one that is there."""
    if request.param == "posted":
        services.answers.questions.accept(make_question(id=LETTER_ID))
        return slack.posts
    greeted(services, id=LETTER_ID)
    return slack.updates


def kinds(message: Message) -> set[str]:
    """The types of a message's blocks."""
    return {str(block["type"]) for block in message.blocks}


@pytest.mark.parametrize(
    ("refusals", "has", "lacks"),
    [
        (0, {"header", "markdown", "context_actions"}, set()),
        (1, {"header", "section", "actions"}, {"markdown", "context_actions"}),
        (2, set(), {"header", "section", "actions"}),
    ],
    ids=["as it is", "simpler", "plainer"],
)
def test_a_message_that_slack_refuses_is_said_in_simpler_and_simpler_forms(
    answers: AnswerService,
    slack: FakeSlackClient,
    takes: Script,
    store: redis.Redis,
    refusals: int,
    has: set[str],
    lacks: set[str],
) -> None:
    takes.then(*[REFUSED] * refusals)

    answers.answer_next(KEY)

    (message,) = slack.shown.values()
    shown = repr(message.blocks) if message.blocks else message.text
    assert kinds(message) >= has
    assert not kinds(message) & lacks
    assert all(f"Answer {number}" in shown for number in (1, 2, 3))
    assert left(store) == []


@pytest.mark.parametrize(
    ("refusals", "has_button", "told"),
    [(3, True, [ENGLISH.unexpected]), (4, False, [ENGLISH.unexpected]), (5, False, [])],
    ids=["as it is", "without a button", "in no form"],
)
def test_what_slack_refuses_in_any_form_is_told_if_it_takes_that_and_can_be_asked_for_again(
    answers: AnswerService,
    services: Services,
    slack: FakeSlackClient,
    takes: Script,
    store: redis.Redis,
    refusals: int,
    has_button: bool,
    told: list[str],
) -> None:
    before = slack.seen
    takes.then(*[REFUSED] * refusals)

    answers.answer_next(KEY)

    assert slack.seen == (told or before)
    assert ["actions" in kinds(message) for message in slack.shown.values()] == [has_button] * len(slack.seen)
    assert left(store) == []
    assert ended(services) == {"slack_invalid_blocks": 1}
    assert [letter.question.id for letter in services.letters.dead()] == [LETTER_ID]


def test_only_the_message_that_slack_refuses_is_said_simpler(
    answers: AnswerService, slack: FakeSlackClient, sectorflow: FakeSectorFlowClient
) -> None:
    sectorflow.reply = make_reply(MODEL_IDS, text="A long answer. " * 1000)
    slack.posts.then(None, REFUSED)

    ask(answers)

    first, simpler, *others = slack.shown.values()
    assert "markdown" in kinds(first)
    assert "markdown" not in kinds(simpler)
    assert others
    assert all("markdown" in kinds(message) for message in others)


def test_only_the_message_that_slack_refuses_twice_is_said_without_blocks(
    answers: AnswerService, slack: FakeSlackClient, sectorflow: FakeSectorFlowClient
) -> None:
    sectorflow.reply = make_reply(MODEL_IDS, text="A long answer. " * 1000)
    slack.posts.then(None, REFUSED, REFUSED)

    ask(answers)

    has_blocks = [bool(message.blocks) for message in slack.shown.values()]
    plain = has_blocks.count(False)
    assert plain > 1
    assert has_blocks == [True, *[False] * plain, *[True] * (len(has_blocks) - 1 - plain)]
    assert has_blocks[-1]


def test_whoever_goes_on_with_plainer_parts_goes_on_at_the_right_one(
    answers: AnswerService,
    slack: FakeSlackClient,
    sectorflow: FakeSectorFlowClient,
    store: redis.Redis,
) -> None:
    sectorflow.reply = make_reply(MODEL_IDS, text="A long answer. " * 1000)
    undisturbed = FakeSlackClient()
    undisturbed.posts.then(None, REFUSED, REFUSED)
    ask(saying_to(undisturbed, answers), 1)
    slack.posts.then(None, REFUSED, REFUSED, None, WorkerKilled())
    with pytest.raises(WorkerKilled):
        ask(answers, 2)
    assert len(slack.posted) == 2

    go_on_after_death(answers, store)

    assert slack.texts == undisturbed.texts
    assert left(store) == []


def test_the_plainer_parts_take_the_messages_place_in_what_is_kept(
    answers: AnswerService, slack: FakeSlackClient
) -> None:
    slack.posts.then(REFUSED, REFUSED, WorkerKilled())

    with pytest.raises(WorkerKilled):
        ask(answers)

    progress = answers.questions.progress(make_question())
    assert progress.plan is not None
    assert [message.blocks for message in progress.plan.messages] == [()]
    assert progress == Progress(progress.plan)


def test_whoever_goes_on_with_a_simpler_form_puts_it_in_the_same_place(
    answers: AnswerService, services: Services, slack: FakeSlackClient, store: redis.Redis
) -> None:
    slack.updates.then(REFUSED, WorkerKilled())
    greeted(services)
    with pytest.raises(WorkerKilled):
        answers.answer_next(KEY)

    go_on_after_death(answers, store)

    (message,) = slack.shown.values()
    assert "section" in kinds(message)
    assert "Answer 1" in message.text
    assert left(store) == []


def test_an_apology_whose_form_slack_refuses_is_made_without_a_button(
    answers: AnswerService, slack: FakeSlackClient, sectorflow: FakeSectorFlowClient
) -> None:
    sectorflow.answers.then(TokenRefused("status 401"))
    slack.posts.then(REFUSED)

    ask(answers)

    assert [message for _, _, message in slack.posted] == [Message(ENGLISH.key_refused)]
