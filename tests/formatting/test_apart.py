"""Messages of an answer that other people's may stand above say whose they are."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sectorflow_slack.domain.questions import Answer
from sectorflow_slack.formatting.answers import digest
from sectorflow_slack.formatting.separated import separated
from sectorflow_slack.formatting.tabs import tabs
from tests.formatting.drawing import headings, make_answer, model
from tests.formatting.slack_rules import assert_accepted, markdown_of

PARAGRAPHS = "\n\n".join(["word " * 200] * 24)
LONG = make_answer(model(PARAGRAPHS, "A", "base"), model(PARAGRAPHS, "B", "base"), seconds=3)


def asking(answer: Answer, text: str) -> Answer:
    return replace(answer, question=replace(answer.question, text=text))


def test_as_long_as_all_stand_together_no_heading_names_the_question() -> None:
    alone = separated(LONG)

    assert [headings([message]) for message in alone] == [
        ["A"],
        ["A (continued)"],
        ["A (continued)", "B"],
        ["B (continued)"],
        ["B (continued)"],
    ]
    assert separated(replace(LONG, together=len(alone))) == alone


def test_the_first_heading_of_each_later_message_names_it() -> None:
    messages = separated(replace(LONG, together=2))

    assert [headings([message]) for message in messages] == [
        ["A"],
        ["A (continued)"],
        ["A (continued), on “Tell me a joke”", "B"],
        ["B (continued), on “Tell me a joke”"],
        ["B (continued), on “Tell me a joke”"],
    ]


def test_nothing_else_is_another_way_then() -> None:
    alone, apart = separated(LONG), separated(replace(LONG, together=1))

    assert markdown_of(apart) == markdown_of(alone)
    assert apart[0] == alone[0]


@pytest.mark.parametrize("name", ["A", "🙂 model " * 40])
@pytest.mark.parametrize("asked", ["Why?", "<!here>\n" + "🙂 why " * 300])
def test_whatever_the_question_no_limit_is_passed(name: str, asked: str) -> None:
    answer = make_answer(model("word " * 9_000, name), model("word " * 9_000, name, model_id="b"))

    for message in separated(replace(asking(answer, asked), together=1))[1:]:
        assert headings([message])[0].endswith("”")
        assert_accepted(message)


def test_in_tabs_there_is_one_message_only() -> None:
    (message,) = tabs(replace(LONG, together=1))

    assert headings([message]) == ["A"]


def test_a_digest_tells_messages_apart_and_says_nothing_of_them() -> None:
    first, second = separated(LONG)[:2]

    assert digest(first) == digest(separated(LONG)[0]) != digest(second)
    assert digest(replace(first, text="Other")) != digest(first)
    assert len(digest(first)) == 16
