"""Workers that are killed, or told to stop, with questions under way.

This file comes last: what it looks at began with the first test, and goes on beside the others.
"""

from __future__ import annotations

from concurrent.futures import Future

import pytest

from tests.chaos.worker_deaths import GRACE_SECONDS, NEW_QUESTIONS, Deaths

pytestmark = pytest.mark.processes

#: From a worker's death to the first sign that another one goes on.
RECOVERY_SECONDS = 20.0
#: Heroku kills 30 s after SIGTERM, the Procfile's grace is 25 s.
REST_SECONDS = 5.0


@pytest.fixture
def deaths(dying: Future[Deaths]) -> Deaths:
    return dying.result(timeout=90)


def test_a_question_whose_worker_is_killed_while_sectorflow_is_asked_is_answered_once(deaths: Deaths) -> None:
    assert deaths.verdicts["asking"] == "answered"
    assert deaths.seconds_until_asked_again < RECOVERY_SECONDS


def test_what_stood_in_for_the_answer_when_the_worker_was_killed_turns_into_it(deaths: Deaths) -> None:
    assert len(deaths.stood_in) == 1
    assert deaths.remained == deaths.stood_in


def test_a_worker_killed_between_two_posts_leaves_neither_half_an_answer_nor_two(deaths: Deaths) -> None:
    assert deaths.verdicts["posting"] == "answered"


def test_a_reply_that_arrived_before_the_death_is_not_paid_for_again(deaths: Deaths) -> None:
    assert deaths.times_asked["posting"] == 1


def test_a_question_of_a_worker_told_to_stop_goes_to_another(deaths: Deaths) -> None:
    assert deaths.verdicts["stopping"] == "answered"
    assert deaths.is_handed_over
    assert deaths.seconds_to_stop < GRACE_SECONDS + REST_SECONDS


def test_a_worker_told_to_stop_takes_nothing_new(deaths: Deaths) -> None:
    assert deaths.new_work == ["answered"] * NEW_QUESTIONS
