"""Posting a plan: rate limits are waited for, and refused messages are posted in plainer forms."""

from __future__ import annotations

import pytest

from sectorflow_slack.domain.errors import SlackBusy, SlackRefused, SlackRefusedMessage, TokenRefused
from sectorflow_slack.domain.questions import Address, Message
from sectorflow_slack.formatting.words import ENGLISH
from tests.fakes import FakeSlackClient
from tests.services.scenario import Scenario
from tests.services.steps import FAILED_ID, LONG_REPLY, WorkerKilled, delays
from tests.values import make_bot, make_installation, make_settings

REFUSED = SlackRefusedMessage("invalid_blocks")


def failures(acme: Scenario, *questions: object) -> list[int]:
    return [acme.answers.questions.progress(each).failures for each in questions]


def test_a_message_that_slack_refuses_to_change_is_not_posted_again(acme):
    acme.slack.updates.then(SlackRefused("is_archived"))
    messaging, message = acme.answers.posting.messaging, Message("Hello.")

    with pytest.raises(SlackRefused, match="is_archived"):
        messaging.post_or_update(acme.installation, Address("C0GENERAL"), message, "1.1")

    assert acme.slack.posted == []


def test_a_message_besides_an_answer_has_no_number_of_its_own(acme):
    acme.answers.posting.messaging.post(acme.installation, Address("C0GENERAL"), Message("Hello."))

    assert acme.slack.client_msg_ids == [""]


# Rate limits


def test_slacks_rate_limit_is_waited_for_more_often_than_any_failure(acme, caplog):
    acme.slack.posts.then(*[SlackBusy("ratelimited", 30.0)] * 12)
    question = acme.ask()

    for _ in range(12):
        assert failures(acme, question) == [0]
        acme.end_pauses()
        acme.later()

    assert delays(caplog) == [31.0] * 12
    assert (len(acme.sectorflow.asked), len(acme.slack.posted), acme.left) == (1, 1, [])


def test_while_slack_limits_an_installation_only_the_others_post(acme):
    other = make_installation(make_settings(id="other"), make_bot(team_id="T0OTHER", bot_token="xoxb-other"))
    acme.answers.installations.save(other, None, None)
    acme.slack.posts.then(SlackBusy("ratelimited", 3600.0))

    limited, waiting = acme.ask(1), acme.ask(2)
    acme.ask(3, installation=other.key)

    assert [token for token, _, _ in acme.slack.posted] == ["xoxb-other"]
    assert [3000 < delay <= 3601 for delay in acme.retries] == [True, True]
    assert failures(acme, limited, waiting) == [0, 0]
    assert acme.services.read_metrics().counters["slack_rate_limited", ""] == 1
    assert acme.ended == {"answered": 1}


def test_a_notice_of_failure_waits_for_slack_too(acme):
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


def types(message: Message) -> set[str]:
    """The types of a message's blocks."""
    return {str(block["type"]) for block in message.blocks}


@pytest.mark.parametrize(
    ("refusals", "has", "lacks"),
    [
        (0, {"section", "rich_text"}, set()),
        (1, {"section"}, {"rich_text"}),
        (2, set(), {"section", "rich_text"}),
    ],
    ids=["as it is", "simpler", "plainer"],
)
def test_a_message_that_slack_refuses_is_posted_in_plainer_forms(acme, refusals, has, lacks):
    acme.slack.posts.then(*[REFUSED] * refusals)

    acme.ask()

    (message,) = acme.slack.shown.values()
    shown = repr(message.blocks) if message.blocks else message.text
    assert types(message) >= has
    assert not types(message) & lacks
    assert all(f"Answer {number}" in shown for number in (1, 2, 3))
    assert acme.left == []


@pytest.mark.parametrize(
    ("refusals", "has_button", "notice"),
    [(3, True, [ENGLISH.unexpected]), (4, False, [ENGLISH.unexpected]), (5, False, [])],
    ids=["as it is", "without a button", "in no form"],
)
def test_after_a_refusal_of_every_form_the_user_is_notified(acme, refusals, has_button, notice):
    acme.slack.posts.then(*[REFUSED] * refusals)

    acme.ask(id=FAILED_ID)

    assert acme.slack.seen == notice
    assert all(("actions" in types(message)) == has_button for message in acme.slack.shown.values())
    assert acme.has_failed_with("slack_invalid_blocks")


def forms(slack: FakeSlackClient) -> list[str]:
    """The form of each message that is shown."""
    return [
        "rich_text" if "rich_text" in types(message) else "blocks" if message.blocks else "text"
        for message in slack.shown.values()
    ]


@pytest.mark.parametrize(("refusals", "form"), [(1, "blocks"), (2, "text")])
def test_only_the_message_that_slack_refuses_is_posted_in_another_form(acme, refusals, form):
    acme.sectorflow.reply = LONG_REPLY
    acme.slack.posts.then(None, *[REFUSED] * refusals)

    acme.ask()

    first, *others = forms(acme.slack)
    changed = others.count(form)
    assert first == "rich_text"
    assert others == [form] * changed + ["rich_text"] * (len(others) - changed)
    assert 0 < changed < len(others)
    shown = "".join(
        repr(message.blocks) if message.blocks else message.text for message in acme.slack.shown.values()
    )
    assert shown.count("long") == 3 * 1000


def test_the_next_worker_continues_after_the_right_one_of_several_plainer_messages(acme):
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


def test_a_notice_of_failure_whose_form_slack_refuses_is_posted_without_a_button(acme):
    acme.sectorflow.answers.then(TokenRefused("status 401"))
    acme.slack.posts.then(REFUSED)

    acme.ask()

    assert [message for _, _, message in acme.slack.posted] == [Message(ENGLISH.key_refused)]
