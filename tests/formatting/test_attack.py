"""Answers that are cheap to write and dear to draw: the work grows with their length, and no more."""

from __future__ import annotations

import cProfile
import functools
import gc
import time

import pytest

from sectorflow_slack.domain.questions import Message
from sectorflow_slack.formatting.notices import simpler
from tests.formatting.attack_patterns import PATTERNS
from tests.formatting.drawing import (
    make_answer,
    model,
    separated,
)
from tests.formatting.slack_rules import assert_accepted

each_pattern = pytest.mark.parametrize("pattern", PATTERNS.values(), ids=PATTERNS.keys())


@functools.cache
def calls(*texts: str) -> int:
    """Count the calls of functions, Python's own too, that drawing answers takes."""
    answer = make_answer(*(model(text, str(at)) for at, text in enumerate(texts)))
    with cProfile.Profile() as profile:
        separated(answer)
    return sum(entry.callcount for entry in profile.getstats())


@each_pattern
def test_the_work_grows_with_the_length(pattern):
    short, long = pattern(1_200), pattern(4_800)

    made = calls(long)

    assert made <= 2 * max(4, len(long) / max(1, len(short))) * calls(short)
    assert made <= 200 * len(long) + 10_000


def timed(text: str) -> tuple[float, tuple[Message, ...]]:
    """Return the seconds that an answer takes, and its messages."""
    gc.disable()
    try:
        begun = time.process_time()
        messages = separated(make_answer(model(text)))
        return time.process_time() - begun, messages
    finally:
        gc.enable()


@each_pattern
def test_all_of_it_is_shown_in_a_time_that_grows_with_the_length(pattern):
    short, long = pattern(3_000), pattern(12_000)

    # Four times as long; quadratic work takes sixteen times as long. A regular expression is one call.
    most = 12 * min(timed(short)[0], timed(short)[0]) + 0.05
    seconds, messages = timed(long)

    # The better of two times: others work here too.
    assert seconds <= most or timed(long)[0] <= most
    assert 1 <= len(messages) <= 20
    for message in messages[:4]:
        assert_accepted(message)
        assert_accepted(simpler(message))


def test_the_work_grows_with_the_number_of_answers():
    text = "# A title\n\n**bold** and [a link](https://a.example)\n\n- an item of a list\n" * 50

    assert calls(*[text] * 20) <= 11 * calls(text, text)
