"""How many messages an answer takes: no more than Slack's limits ask for."""

from __future__ import annotations

import pytest

from sandbox.slack.markdown import expand
from sectorflow_slack.formatting.pieces import measure
from sectorflow_slack.formatting.plain import simpler
from sectorflow_slack.formatting.separated import separated
from tests.formatting.drawing import CORPUS, headings, make_answer, model
from tests.formatting.slack_rules import assert_accepted, markdown_of

CHATTY = "First paragraph.\n\nSecond paragraph.\n\n- a\n- b\n\nThird paragraph.\n\n```py\nx\n```\n\n> Well."
WITH_HEADINGS = "## Why\n\nBecause of x.\n\n- a\n- b\n\n## How\n\nDo y.\n\n```py\nx\n```\n\nDone."


def five(text: str) -> list[str]:
    """How the models are headed that all answer this, by message."""
    models = [model(text, f"M{number}", "base", model_id=str(number)) for number in range(5)]
    messages = separated(make_answer(*models, seconds=3, credits=5))
    for message in messages:
        assert_accepted(message)
        assert_accepted(simpler(message))
    return [",".join(headings([message])) for message in messages]


@pytest.mark.parametrize("text", [CHATTY, WITH_HEADINGS])
def test_five_answers_of_several_paragraphs_stand_in_one_message(text: str) -> None:
    assert five(text) == ["M0,M1,M2,M3,M4"]


def test_headings_rules_and_tables_count_for_each_is_a_block_of_its_own() -> None:
    assert five("One.\n\n---\n\nTwo.\n\n---\n\nThree.\n\n---\n\nFour.") == ["M0,M1,M2,M3", "M4"]


def test_many_short_paragraphs_are_one_message() -> None:
    text = "\n\n".join(f"Line {number}." for number in range(200))

    (message,) = separated(make_answer(model(text)))

    assert markdown_of([message]) == [text]
    assert_accepted(message)


def test_many_headings_are_parted_where_slack_would_refuse_them() -> None:
    text = "\n\n".join(f"## Step {number}\n\nDo it." for number in range(60))

    messages = separated(make_answer(model(text)))

    assert len(messages) == 3
    assert "\n\n".join(markdown_of(messages)) == text
    for message in messages:
        assert_accepted(message)


@pytest.mark.parametrize("text", [*CORPUS.values(), CHATTY, WITH_HEADINGS], ids=[*CORPUS, "chatty", "headed"])
def test_blocks_are_counted_as_slack_counts_them_or_higher(text: str) -> None:
    counted, made = measure(text).blocks, expand(text).items

    assert counted >= made
    # Higher only for what is inside lists and quotes.
    assert counted == made or "> #" in text or "- #" in text or "  |" in text
