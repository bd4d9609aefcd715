"""Workers that are killed, or told to stop, with questions under way.

This file comes last: its workers die beside the other tests, from the first test on.
"""

import pytest

from tests.chaos.worker_deaths import GRACE_SECONDS, NEW_QUESTIONS

pytestmark = pytest.mark.processes

#: From a worker's death until another one takes over.
RECOVERY_SECONDS = 15.0
#: Heroku kills 30 s after SIGTERM, the Procfile's grace is 25 s.
REST_SECONDS = 5.0


@pytest.fixture
def deaths(dying):
    return dying.result(timeout=90)


def test_a_question_whose_worker_is_killed_while_sectorflow_is_asked_is_answered_once_and_its_status_ends(
    deaths,
):
    assert deaths.verdicts["asking"] == "answered"
    assert deaths.seconds_until_asked_again < RECOVERY_SECONDS
    assert (deaths.is_shown, deaths.is_left) == (True, False)


def test_a_worker_killed_between_two_posts_leaves_one_whole_answer_that_is_paid_for_once(deaths):
    assert deaths.verdicts["posting"] == "answered"
    assert deaths.times_posting_asked == 1


def test_a_worker_told_to_stop_hands_its_question_over_and_takes_nothing_new(deaths):
    assert deaths.verdicts["stopping"] == "answered"
    assert deaths.is_handed_over
    assert deaths.seconds_to_stop < GRACE_SECONDS + REST_SECONDS
    assert deaths.new_work == ["answered"] * NEW_QUESTIONS
