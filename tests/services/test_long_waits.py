"""People whose question is open for long are told once that it goes on."""

from __future__ import annotations

import pytest

from sectorflow_slack.domain.errors import SectorFlowBusy, SlackBusy, SlackRefused
from sectorflow_slack.formatting import actions
from sectorflow_slack.formatting.interim import status, still_going
from sectorflow_slack.formatting.words import ENGLISH
from sectorflow_slack.services.speaking import POST
from tests.services.pressing import from_menu
from tests.services.scenario import Scenario
from tests.services.steps import KEY
from tests.values import NOW

STILL_GOING = still_going(25.0).text


def tell(acme: Scenario) -> None:
    """Let all that is open be open for long, and have a worker look who is to be told."""
    acme.wait_long()
    acme.clock.now = NOW + 25
    acme.services.interim.tell_all()


@pytest.fixture
def line(acme: Scenario) -> Scenario:
    """An installation with no more room, in whose line two people wait."""
    acme.answers.questions._limit = 1  # type: ignore[attr-defined]
    # The one under way is not asked again while the others are told.
    acme.accept(1)
    question = acme.answers.questions.take(KEY)
    assert question is not None
    acme.answers.questions.mark_posted(question, ["1.1"])
    for number in (2, 3):
        acme.accept(number)
    return acme


def threads(acme: Scenario) -> list[str | None]:
    return [address.thread_ts for address in acme.slack.addresses]


# In line


def test_people_in_line_are_told_once_where_they_asked(line: Scenario) -> None:
    tell(line)
    tell(line)

    assert line.slack.texts == [ENGLISH.still_waiting] * 2
    assert threads(line) == ["2.000100", "3.000100"]


def test_people_who_could_not_be_told_are_told_later_and_stay_in_line(line: Scenario) -> None:
    line.slack.posts.then(None, SlackBusy("status_503"))

    tell(line)
    tell(line)

    assert threads(line) == ["2.000100", "3.000100"]
    assert line.store.llen(f"waiting:{KEY}") == 2


def test_a_person_who_cannot_be_told_keeps_no_other_from_being_told(line: Scenario) -> None:
    line.slack.posts.then(SlackRefused("not_in_channel"))

    tell(line)
    tell(line)

    assert threads(line) == ["3.000100"]


def test_while_slack_wants_quiet_no_one_is_told(line: Scenario) -> None:
    line.services.interim.speaking.pauses.pause(KEY, POST, 3600.0)

    tell(line)

    assert line.slack.posted == []


# Being worked on


def test_a_placeholder_says_once_how_long_it_takes(acme: Scenario) -> None:
    acme.greeted()
    acme.answers.questions.take(KEY)

    tell(acme)
    tell(acme)

    assert acme.slack.seen == [STILL_GOING]
    assert len(acme.slack.updated) == 1


def test_without_a_placeholder_people_are_told_in_a_message_that_the_answer_takes_over(
    acme: Scenario,
) -> None:
    acme.sectorflow.answers.then(SectorFlowBusy("status 503"))
    acme.ask()

    tell(acme)
    assert acme.slack.seen == [STILL_GOING]
    acme.later()

    assert len(acme.slack.seen) == 1
    assert "Answer 1" in acme.slack.seen[0]


def test_a_status_is_set_again_before_slack_ends_it(acme: Scenario) -> None:
    acme.greeted(is_direct=True, thread_ts="0.5", channel_id="D0ANN")
    acme.answers.questions.take(KEY)

    tell(acme)

    assert acme.slack.status_set == [("D0ANN", "0.5", status(3))] * 2
    assert acme.slack.posted == []


def test_people_who_wait_for_one_model_asked_again_read_so_in_the_old_answer_alone(
    answered: Scenario,
) -> None:
    answered.press(from_menu(actions.REGENERATE, 1))
    answered.run_jobs()
    shown = answered.slack.seen

    tell(answered)

    assert answered.slack.seen == shown
    assert len(answered.slack.posted) == 1
