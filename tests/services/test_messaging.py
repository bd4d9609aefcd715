"""Posting a plan: what Slack limits is waited out, what it refuses is said more simply."""

from __future__ import annotations

import pytest

from sectorflow_slack.domain.errors import SlackBusy, SlackRefusedMessage, TokenRefused
from sectorflow_slack.domain.questions import Message
from sectorflow_slack.formatting.words import ENGLISH
from tests.fakes import FakeSlackClient, Script
from tests.services.scenario import Scenario
from tests.services.steps import KEY, LETTER_ID, LONG_REPLY, WorkerKilled
from tests.values import make_bot, make_installation, make_terms

REFUSED = SlackRefusedMessage("invalid_blocks")


# Rate limits


def test_slacks_rate_limit_is_waited_out_more_often_than_any_failure(acme: Scenario) -> None:
    acme.slack.posts.then(*[SlackBusy("ratelimited", 30.0)] * 12)
    question = acme.ask()

    for _ in range(12):
        assert acme.answers.questions.progress(question).failures == 0
        acme.end_pauses()
        acme.later()

    assert acme.queue.jobs == [(KEY, 31.0)] * 12
    assert len(acme.sectorflow.asked) == 1
    assert len(acme.slack.posted) == 1
    assert acme.left == []


def test_while_slack_limits_an_installation_nothing_of_its_is_posted_and_others_go_on(acme: Scenario) -> None:
    other = make_installation(make_terms(id="other"), make_bot(team_id="T0OTHER", bot_token="xoxb-other"))
    acme.answers.installations.save(other, None, None)
    acme.slack.posts.then(SlackBusy("ratelimited", 3600.0))
    limited = acme.ask(1)

    waiting = acme.ask(2)
    acme.ask(3, installation=other.key)

    assert [token for token, _, _ in acme.slack.posted] == ["xoxb-other"]
    assert [key for key, _ in acme.queue.jobs] == [KEY, KEY]
    assert all(3000 < delay <= 3601 for _, delay in acme.queue.jobs)
    assert [acme.answers.questions.progress(each).failures for each in (limited, waiting)] == [0, 0]
    assert acme.services.read_metrics().counters["slack_rate_limited", ""] == 1
    assert acme.ended == {"answered": 1}


def test_an_apology_waits_for_slack_too(acme: Scenario) -> None:
    acme.sectorflow.answers.then(TokenRefused("status 401"))
    acme.slack.posts.then(SlackBusy("ratelimited", 30.0), SlackBusy("fatal_error"))
    acme.ask()

    for _ in range(2):
        acme.end_pauses()
        acme.later()

    assert len(acme.sectorflow.asked) == 1
    assert acme.slack.texts == [ENGLISH.key_refused]
    assert acme.ended == {"token_refused": 1}


# Refused forms


@pytest.fixture(params=["posted", "in the placeholder's place"])
def takes(request: pytest.FixtureRequest, acme: Scenario) -> Script:
    """Whether Slack takes the first message of an answer: it is posted, or updates a placeholder."""
    if request.param == "posted":
        acme.accept(id=LETTER_ID)
        return acme.slack.posts
    acme.accept_with_placeholder(id=LETTER_ID)
    return acme.slack.updates


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
    acme: Scenario, takes: Script, refusals: int, has: set[str], lacks: set[str]
) -> None:
    takes.then(*[REFUSED] * refusals)

    acme.work()

    (message,) = acme.slack.shown.values()
    shown = repr(message.blocks) if message.blocks else message.text
    assert kinds(message) >= has
    assert not kinds(message) & lacks
    assert all(f"Answer {number}" in shown for number in (1, 2, 3))
    assert acme.left == []


@pytest.mark.parametrize(
    ("refusals", "has_button", "told"),
    [(3, True, [ENGLISH.unexpected]), (4, False, [ENGLISH.unexpected]), (5, False, [])],
    ids=["as it is", "without a button", "in no form"],
)
def test_what_slack_refuses_in_any_form_is_told_if_it_takes_that_and_can_be_asked_for_again(
    acme: Scenario, takes: Script, refusals: int, has_button: bool, told: list[str]
) -> None:
    before = acme.slack.seen
    takes.then(*[REFUSED] * refusals)

    acme.work()

    seen = acme.slack.shown.values()
    assert acme.slack.seen == (told or before)
    assert ["actions" in kinds(message) for message in seen] == [has_button] * len(seen)
    assert acme.ended == {"slack_invalid_blocks": 1}
    assert [question.id for question, _ in acme.failed_questions] == [LETTER_ID]
    assert acme.left == []


def forms(slack: FakeSlackClient) -> list[str]:
    """The form of each message that is shown."""
    return [
        "markdown" if "markdown" in kinds(message) else "blocks" if message.blocks else "text"
        for message in slack.shown.values()
    ]


@pytest.mark.parametrize(("refusals", "form"), [(1, "blocks"), (2, "text")])
def test_only_the_message_that_slack_refuses_is_said_in_another_form(
    acme: Scenario, refusals: int, form: str
) -> None:
    acme.sectorflow.reply = LONG_REPLY
    acme.slack.posts.then(None, *[REFUSED] * refusals)

    acme.ask()

    first, *others = forms(acme.slack)
    changed = others.count(form)
    assert first == "markdown"
    assert others == [form] * changed + ["markdown"] * (len(others) - changed)
    assert 0 < changed < len(others)


def test_the_next_worker_goes_on_at_the_right_one_of_several_plainer_messages(acme: Scenario) -> None:
    acme.sectorflow.reply = LONG_REPLY
    acme.slack.posts.then(None, REFUSED, REFUSED)
    acme.ask(1)
    undisturbed = acme.slack.texts
    acme.slack.posted.clear()
    acme.slack.posts.then(None, REFUSED, REFUSED, None, WorkerKilled())

    with acme.killed():
        acme.ask(2)

    assert acme.slack.texts == undisturbed
    assert acme.left == []


def test_the_next_worker_goes_on_with_a_simpler_form_in_the_placeholders_place(acme: Scenario) -> None:
    acme.slack.updates.then(REFUSED, WorkerKilled())
    acme.accept_with_placeholder()

    with acme.killed():
        acme.work()

    assert forms(acme.slack) == ["blocks"]
    assert "Answer 1" in acme.slack.seen[0]


def test_an_apology_whose_form_slack_refuses_is_made_without_a_button(acme: Scenario) -> None:
    acme.sectorflow.answers.then(TokenRefused("status 401"))
    acme.slack.posts.then(REFUSED)

    acme.ask()

    assert [message for _, _, message in acme.slack.posted] == [Message(ENGLISH.key_refused)]
