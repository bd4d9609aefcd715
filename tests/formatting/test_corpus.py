"""Answers as models write them, and as somebody hostile would have them written: every way they are shown."""

import time
from collections.abc import Iterator
from dataclasses import replace

import pytest
from hypothesis import assume, given

from sectorflow_slack.domain.questions import Answer, Message
from sectorflow_slack.formatting.plain import plainer, simpler
from sectorflow_slack.formatting.separated import separated
from sectorflow_slack.formatting.tabs import tab_pages, tabs
from tests.formatting.drawing import CORPUS, headings, kinds, make_answer, model
from tests.formatting.markdown_strategies import documents
from tests.formatting.slack_rules import LIVE_IN_PROSE, LIVE_TOKEN, assert_accepted, markdown_of, texts, utf16
from tests.formatting.test_formatting_properties import is_within, quick, signs

each_answer = pytest.mark.parametrize("text", CORPUS.values(), ids=CORPUS.keys())


def every_page(answer: Answer) -> list[Message]:
    """Every page of every tab, as the presses of its buttons show them."""
    return [
        message
        for tab in range(len(answer.models))
        for page in range(tab_pages(answer, tab))
        for message in tabs(replace(answer, tab=tab, page=page))
    ]


def sources(text: str) -> str:
    """What must be shown; links by reference and broadcasts in addresses are written another way."""
    for changed in ("[by reference][1]", "[short]", "/@here", "/@channel"):
        text = text.replace(changed, "")
    return signs(text.replace("&amp;", "&"))


def shown(messages: list[Message]) -> str:
    return signs("".join(markdown_of(messages)).replace("&amp;", "&"))


@each_answer
def test_one_below_the_other_nothing_is_lost_and_nothing_refused(text: str) -> None:
    messages = list(separated(make_answer(model(text, "A"), model("Short.", "B"), seconds=3)))

    assert is_within(sources(text), shown(messages))
    assert headings(messages)[-1] == "B"
    for message in messages:
        assert_accepted(message)


@each_answer
def test_in_tabs_nothing_is_lost_and_nothing_refused(text: str) -> None:
    messages = every_page(make_answer(model(text, "A"), model("Short.", "B"), seconds=3))

    assert is_within(sources(text), shown(messages[:-1]))
    assert markdown_of(messages[-1:]) == ["Short."]
    for message in messages:
        assert_accepted(message)


@each_answer
def test_in_simpler_forms_nothing_is_lost_and_nothing_refused(text: str) -> None:
    messages = list(separated(make_answer(model(text, "A"))))

    simple = [simpler(message) for message in messages]
    plain = [part for message in messages for part in plainer(message)]

    assert is_within(sources(text), signs("".join(part for message in simple for part in texts(message))))
    for message in simple:
        assert_accepted(message)
        assert not {"markdown", "context_actions"} & set(kinds(message))
    written = "".join(message.text for message in plain).replace("&gt;", "").replace("&amp;", "&")
    assert is_within(sources(text), signs(written))
    assert all(
        0 < utf16(message.text) <= 3_900 and not LIVE_IN_PROSE.search(message.text) for message in plain
    )


def test_what_is_injected_is_not_live() -> None:
    hostile = [text for name, text in CORPUS.items() if name.startswith("injection")]

    messages = [message for text in hostile for message in separated(make_answer(model(text)))]

    for text in live_where(messages):
        assert not LIVE_TOKEN.search(text)
    assert {"actions", "header", "context_actions", "markdown"} == {k for m in messages for k in kinds(m)}


def live_where(messages: list[Message]) -> Iterator[str]:
    for message in messages:
        yield message.text
        yield from texts(message)


def test_simpler_messages_keep_their_buttons() -> None:
    (message,) = separated(make_answer(model("a **b** <c> @here", "A"), model("", "B")))

    simple = simpler(message)

    assert simple.text == message.text
    assert kinds(simple) == [
        *["header", "section", "actions", "actions", "divider"],
        *["header", "context", "actions", "divider", "actions"],
    ]
    assert "a **b** <c> @\u2060here" in texts(simple)
    assert [each["value"][-4:] for each in simple.blocks[3]["elements"]] == ["0.up", "down"]  # type: ignore


def test_a_very_long_answer_is_drawn_quickly() -> None:
    answer = make_answer(model(CORPUS["hundred_thousand"]))
    begun = time.process_time()

    messages = separated(answer)

    assert len(answer.models[0].text) > 100_000
    assert len(messages) < 15
    assert time.process_time() - begun < 3


@quick
@given(documents)
def test_whatever_is_written_every_tab_and_page_shows_it(markdown: str) -> None:
    # Each page is drawn from the whole answer: a hundred pages take their time.
    assume(len(markdown) < 60_000)

    messages = every_page(make_answer(model("Before.", "A"), model(markdown, "B"), display="tabs"))

    assert is_within(signs(markdown), signs("".join(markdown_of(messages))))
    for message in messages:
        assert_accepted(message)
        assert_accepted(simpler(message))
