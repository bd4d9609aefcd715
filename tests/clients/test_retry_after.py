from __future__ import annotations

import time
from email.utils import formatdate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sectorflow_slack.clients.retry_after import MAX_SECONDS, retry_after_seconds


@pytest.mark.parametrize(("value", "seconds"), [("30", 30.0), (" 7 ", 7.0), ("1.5", 1.5), ("0", 0.0)])
def test_a_number_is_a_number_of_seconds(value: str, seconds: float) -> None:
    assert retry_after_seconds(value) == seconds


def test_a_date_is_the_time_until_then() -> None:
    value = formatdate(time.time() + 60, usegmt=True)

    seconds = retry_after_seconds(value)

    assert seconds == pytest.approx(60, abs=2)


@pytest.mark.parametrize("value", ["-5", "Wed, 21 Oct 2015 07:28:00 GMT"])
def test_a_moment_that_is_past_is_now(value: str) -> None:
    assert retry_after_seconds(value) == 0.0


@pytest.mark.parametrize("value", ["1e300", "999999999", "Fri, 31 Dec 9999 23:59:59 GMT"])
def test_no_wait_is_longer_than_an_hour(value: str) -> None:
    assert retry_after_seconds(value) == MAX_SECONDS


@pytest.mark.parametrize(
    "value", [None, "", "soon", "nan", "inf", "-inf", "1, 2", "Wed, 99 Foo 2015 07:28:00 GMT"]
)
def test_what_makes_no_sense_is_no_header(value: str | None) -> None:
    assert retry_after_seconds(value) is None


@given(st.text() | st.from_regex(r"\w{3}, \d{1,4} \w{3} -?\d{1,6} \d+:\d+:\d+ [+-]?\w+"))
def test_any_text_gives_a_wait_of_an_hour_at_most_or_none(value: str) -> None:
    seconds = retry_after_seconds(value)

    assert seconds is None or 0 <= seconds <= MAX_SECONDS
