"""What is said where there are no blocks: the text beside them, and messages without them."""

import re
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sectorflow_slack.domain.installations import DISPLAYS
from sectorflow_slack.formatting.displays import render
from sectorflow_slack.formatting.notices import (
    for_update,
    notice,
    notice_to_ask_again,
    plainer,
    simpler,
    text_of,
)
from sectorflow_slack.formatting.words import ENGLISH
from tests.formatting.drawing import (
    kinds,
    make_answer,
    model,
    separated,
    tabs,
)
from tests.formatting.example_answers import JOKES, TUTORIAL
from tests.formatting.slack_rules import LIVE_IN_PROSE, assert_accepted, texts, utf16


def test_text_is_the_whole_answer_in_plain_words():
    (message,) = separated(make_answer(model(TUTORIAL, "A & B"), seconds=3))

    assert message.text.startswith(
        "◆ A &amp; B\nReading a file line by line\nUse a context manager; it closes the file for you:\n"
        "from pathlib import Path\n\ndef lines(path: Path) -&gt; list[str]:\n    with path.open() as file:\n"
    )
    assert (
        "\n1. open() gives an iterator, so a &lt; b style checks cost nothing.\n2. Nested:\n    • for"
        in message.text
    )
    assert "Way · Memory\nreadlines() · all\niterating · one line\n" in message.text
    assert "☑ read" in message.text
    assert not [mark for mark in ("**", "##", "```", "|", "[ ]") if mark in message.text]


def test_text_of_tabs_has_every_answer_the_open_one_first():
    (message,) = tabs(make_answer(*JOKES, tab=2))

    names = re.findall("◆ (.*)", message.text)
    assert names == [JOKES[at].name for at in (2, 0, 1, 3, 4)]
    assert message.text.count("⚠ This model did not answer this time.") == 1


def test_text_is_as_long_as_slack_takes_when_posted_and_when_changed():
    (message, *_) = tabs(make_answer(model("<b> " * 40_000)))

    assert 35_000 < utf16(message.text) <= 40_000
    assert message.text.endswith("…")
    assert 3_500 < utf16(for_update(message).text) <= 4_000
    assert for_update(message).blocks == message.blocks
    assert for_update(notice("a")) == notice("a")


@given(st.text("<>&@here ab🙂\n", max_size=600), st.integers(20, 120))
def test_a_shortened_text_cuts_no_escape_and_does_not_ping(text, limit):
    shown = text_of([{"type": "section", "text": {"text": text}}], limit)

    assert utf16(shown) <= limit
    assert not LIVE_IN_PROSE.search(shown)
    for sign in ("&amp;", "&lt;", "&gt;"):
        shown = shown.replace(sign, "")
    assert not {*"<>&"} & {*shown}


def test_a_plain_answer_stands_under_its_name():
    (rich,) = separated(make_answer(*JOKES[1:]))

    (message,) = plainer(rich)

    assert message.blocks == ()
    assert message.text.startswith("◆ Google Gemini Pro 2M  gemini-1.5-pro\nTwo antennas")
    assert "\n\n◆ Claude  claude-3-opus\n⚠ This model did not answer this time.\n\n◆ Llama\nI" in message.text


@pytest.mark.parametrize("display", DISPLAYS)
@pytest.mark.parametrize(
    "posing",
    ["◆ Claude\nI agree.", "a\n\n```\n◆ Claude\n```", "| a |\n|---|\n| x<br>◆ Claude |", "- ◆ Claude"],
)
def test_no_answer_can_write_the_mark_before_a_models_name(display, posing):
    for message in render(make_answer(model(posing, "A"), model("b", "B"), display=display)):
        for plain in (message, *plainer(message)):
            assert re.findall("◆ (.*)", plain.text) == ["A", "B"]
            assert "◇ Claude" in plain.text


@pytest.mark.parametrize("tab", [0, 1])
def test_tabs_that_slack_refuses_are_said_with_what_the_closed_ones_have(tab):
    (message,) = tabs(make_answer(model("One.", "A"), model("Two.", "B"), tab=tab))

    (plain,) = plainer(message)

    assert sorted(re.findall("◆ .*\n.*", plain.text)) == ["◆ A\nOne.", "◆ B\nTwo."]


@pytest.mark.parametrize("display", DISPLAYS)
def test_text_has_the_question_and_the_notices_around_the_answers(display):
    long = model("word " * 50_000)
    answer = make_answer(model("a", "A"), long, asked="Why?", has_files=True, display=display, tab=1, page=99)

    told = "\n".join(message.text for message in render(answer))

    assert told.startswith("Question:\nWhy?\n\n◆ ")
    for sentence in (ENGLISH.file_not_read, ENGLISH.may_be_wrong, ENGLISH.cut_off):
        assert (sentence in told) is (display != "tabs" or len(long.text) < 40_000)


def test_a_row_of_a_table_is_one_line_of_text():
    (message,) = separated(make_answer(model("| a | b |\n|---|---|\n| one<br>two | **3**<br>4 |")))

    assert "\none two · 3 4\n" in message.text


def test_a_long_plain_answer_goes_on_in_further_messages():
    (rich,) = separated(make_answer(model("```py\n" + "x < 1\n" * 1_000 + "```")))

    messages = plainer(rich)

    assert len(messages) > 1
    assert all(utf16(message.text) <= 3_900 for message in messages)
    assert sum(message.text.count("x &lt; 1") for message in messages) == 1_000


def test_a_simpler_form_of_folded_answers_begins_with_a_name():
    (message,) = render(make_answer(model("a", "A"), model("b", "B"), display="folded"))

    assert kinds(simpler(message))[:4] == ["section", "rich_text", "divider", "section"]


def test_simpler_messages_keep_their_buttons():
    (message,) = separated(
        make_answer(model("a **b** <c> @here\n\n- x\n\n| t |\n|---|\n| u |", "A"), model("", "B"))
    )

    as_code, as_sections = simpler(message), simpler(simpler(message))

    assert [kinds(each)[:4] for each in (message, as_code, as_sections)] == [
        ["section", "rich_text", "table", "divider"],
        ["section", "rich_text", "rich_text", "divider"],
        ["section", "section", "section", "divider"],
    ]
    assert "a b <c> @here\n• x" in texts(as_sections)
    assert " t\n-----\n u" in texts(as_code)
    assert all(one.blocks[0] == other.blocks[0] for one, other in pairwise((message, as_code, as_sections)))
    for each in (as_code, as_sections):
        assert_accepted(each)


def test_what_would_be_too_long_in_simpler_form_stays():
    (message,) = separated(
        make_answer(model("|" + "a|" * 20 + "\n|" + "-|" * 20 + "\n" + f"|{'bbb|' * 20}\n" * 98))
    )

    assert simpler(message) == message


@pytest.mark.parametrize("letter", ["0123abcd"])
def test_notices_are_one_section_beside_their_escaped_text(letter):
    text = {"type": "plain_text", "text": "Ask <@me> something.", "emoji": False}
    message = notice_to_ask_again("Ask <@me> something.", letter)

    section, actions = message.blocks
    assert notice("Ask <@me> something.").blocks == (section,) == ({"type": "section", "text": text},)
    assert message.text == "Ask &lt;@me&gt; something."
    label = {"type": "plain_text", "text": "Ask again", "emoji": False}
    button = {"type": "button", "action_id": "ask_again", "text": label, "value": letter}
    assert actions == {"type": "actions", "elements": [button]}
    assert [each.text for each in plainer(message)] == [message.text]
