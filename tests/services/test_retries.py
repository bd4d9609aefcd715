from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sectorflow_slack.domain.errors import SectorFlowBroken, SectorFlowBusy, SlackBusy
from sectorflow_slack.services.retries import counts_as_failure, delay_before_retry


def delays(error: Exception, random: float = 0.5) -> list[float]:
    found = []
    while (delay := delay_before_retry(error, len(found), lambda: random)) is not None:
        found.append(delay)
    return found


def test_a_busy_sectorflow_is_asked_four_more_times_within_a_minute() -> None:
    slowest = delays(SectorFlowBusy("x"), random=1.0)

    assert len(slowest) == 4
    assert sum(slowest) < 60
    assert slowest == sorted(slowest)


def test_a_broken_sectorflow_is_asked_once_more() -> None:
    assert len(delays(SectorFlowBroken("x"))) == 1


def test_a_busy_slack_is_tried_for_half_an_hour() -> None:
    assert 20 * 60 < sum(delays(SlackBusy("x"))) < 40 * 60


def test_the_unforeseen_is_tried_three_more_times() -> None:
    assert len(delays(ZeroDivisionError())) == 3


def test_whoever_says_how_long_to_wait_is_listened_to() -> None:
    assert delay_before_retry(SectorFlowBusy("x", 57.0), 0, lambda: 0.5) == 57.0


@given(random=st.floats(0, 1, exclude_max=True), failures=st.integers(0, 100))
def test_slack_is_waited_for_however_often_and_all_come_back_apart(random: float, failures: int) -> None:
    delay = delay_before_retry(SlackBusy("x", 3600.0), failures, lambda: random)

    assert delay is not None
    assert 3600.75 <= delay <= 3601.25


def test_nobody_is_left_waiting_for_sectorflow_for_long_without_a_word() -> None:
    assert delay_before_retry(SectorFlowBusy("x", 61.0), 0, lambda: 0.5) is None


@pytest.mark.parametrize("kind", [SectorFlowBusy, SlackBusy])
def test_nobody_makes_us_hurry(kind: type[SectorFlowBusy | SlackBusy]) -> None:
    assert delay_before_retry(kind("x", 0.0), 0, lambda: 0.5) == delay_before_retry(kind("x"), 0, lambda: 0.5)


@given(random=st.floats(0, 1, exclude_max=True), failures=st.integers(0, 3))
def test_those_who_failed_together_come_back_apart(random: float, failures: int) -> None:
    usual = delay_before_retry(SectorFlowBusy("x"), failures, lambda: 0.5)
    delay = delay_before_retry(SectorFlowBusy("x"), failures, lambda: random)

    assert usual is not None
    assert delay == pytest.approx(usual, rel=0.25)


@pytest.mark.parametrize(
    ("error", "counts"),
    [
        (SlackBusy("ratelimited", 30.0), False),
        (SlackBusy("ratelimited", 0.0), False),
        (SlackBusy("fatal_error"), True),
        (SectorFlowBusy("x", 30.0), True),
        (ZeroDivisionError(), True),
    ],
)
def test_only_a_wait_that_slack_asked_for_costs_no_try(error: Exception, counts: bool) -> None:
    assert counts_as_failure(error) is counts
