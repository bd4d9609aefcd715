from __future__ import annotations

import sys
from collections.abc import Callable

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sectorflow_slack.formatting.incoming import ReadQuestion, read_question

CUT_OFF = "[The rest was too long and is left out.]"

FORWARDED = {
    "is_share": True,
    "author_name": "Ann Lee",
    "text": "We ship on &lt;Friday&gt; (<https://a.test/plan>).\n\nAsk <@U0BOT>.",
    "fallback": "[November 2nd] ann: We ship",
}

TABLE = {
    "type": "table",
    "rows": [
        [{"type": "raw_text", "text": "City"}, {"type": "raw_text", "text": "People"}],
        [{"type": "raw_text", "text": "Bern"}, {"type": "raw_text", "text": "134,000"}],
    ],
}


def read_text(text: str) -> str:
    return read_question({"text": text}, "U0BOT").text


def rich_text(*elements: dict[str, object]) -> dict[str, object]:
    return {"type": "rich_text", "elements": list(elements)}


def section(*elements: dict[str, object]) -> dict[str, object]:
    return {"type": "rich_text_section", "elements": list(elements)}


@pytest.mark.parametrize(
    ("text", "question"),
    [
        # The app's own mention is no part of the question.
        ("<@U0BOT> Tell me a joke", "Tell me a joke"),
        ("<@U0BOT|sectorflow> Tell me a joke", "Tell me a joke"),
        ("Hey <@U0BOT> tell me a joke", "Hey tell me a joke"),
        ("<@U0BOT>", ""),
        ("  <@U0BOT>\n\t ", ""),
        ("<@U0BOT> <@U0BOT>  twice", "twice"),
        ("<@U0BOT>\nTell me\n\na joke", "Tell me\n\na joke"),
        ("no mention at all", "no mention at all"),
        # Slack's marks read as a person would read them.
        ("ask <@U0ANN>", "ask @U0ANN"),
        ("ask <@U0ANN|ann>", "ask @ann"),
        ("ask <@U0BOT2>", "ask @U0BOT2"),
        ("see <#C1|general>", "see #general"),
        ("see <#C1>", "see #C1"),
        ("see <#C1|>", "see #C1"),
        ("<!here> hello", "@here hello"),
        ("<!subteam^S1|@team> hello", "@team hello"),
        ("<!subteam^S1> hello", "@subteam hello"),
        ("on <!date^1392734382^{date}|18 February>", "on 18 February"),
        # Links keep their address and their words.
        ("<https://a.test/x>", "https://a.test/x"),
        ("<https://a.test/x|https://a.test/x>", "https://a.test/x"),
        ("<http://a.test|a.test>", "http://a.test"),
        ("<http://a.test/|a.test>", "http://a.test/"),
        ("<https://a.test|the page>", "the page (https://a.test)"),
        ("<https://a.test?x=1&amp;y=2|the page>", "the page (https://a.test?x=1&y=2)"),
        ("<mailto:ann@a.test|ann@a.test>", "ann@a.test"),
        ("<mailto:ann@a.test|Ann>", "Ann (ann@a.test)"),
        # What Slack escaped is as it was typed.
        ("1 &lt; 2 &amp;&amp; 3 &gt; 2", "1 < 2 && 3 > 2"),
        ("&amp;lt; is how HTML writes it", "&lt; is how HTML writes it"),
        ("&lt;@U0BOT&gt; is how Slack writes it", "<@U0BOT> is how Slack writes it"),
        ("&quot;", "&quot;"),
    ],
)
def test_a_message_reads_as_the_person_saw_it(text, question):
    assert read_text(text) == question


def test_a_bot_id_is_never_a_pattern():
    assert read_question({"text": "<@U0BOT> hello"}, ".*").text == "@U0BOT hello"


@given(st.text())
def test_typed_text_comes_out_as_it_was_typed(typed):
    sent = typed.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")

    assert read_text(f"<@U0BOT> {sent}") == typed.strip()


@given(st.text(alphabet="<>@#!|^&;:/ab ", max_size=40))
def test_any_text_can_be_read(text):
    assert isinstance(read_text(text), str)


# What goes along with a question


def test_a_forwarded_message_goes_along_as_a_quote_of_its_author():
    message = {"text": "<@U0BOT> Is this right?", "attachments": [FORWARDED]}

    assert read_question(message, "U0BOT") == ReadQuestion(
        "Is this right?\n\nForwarded message from Ann Lee:\n"
        "> We ship on <Friday> (https://a.test/plan).\n>\n> Ask @U0BOT."
    )


@pytest.mark.parametrize("text", ["<@U0BOT>", ""])
def test_a_forwarded_message_alone_is_a_question(text):
    read = read_question({"text": text, "attachments": [FORWARDED]}, "U0BOT")

    assert read.text.startswith("Forwarded message from Ann Lee:\n> We ship")


def test_a_forwarded_message_is_read_from_its_blocks_if_it_has_no_text():
    blocks = [rich_text(section({"type": "text", "text": "From the blocks"})), TABLE]
    forwarded = {"is_share": True, "text": "", "message_blocks": [{"message": {"blocks": blocks}}]}

    read = read_question({"text": "", "attachments": [forwarded]}, "U0BOT")

    assert read.text == (
        "Forwarded message:\n> From the blocks\n>\n> | City | People |\n> | --- | --- |\n> | Bern | 134,000 |"
    )


def test_a_forwarded_message_without_words_is_named():
    forwarded = {"is_share": True, "fallback": "[no preview available]"}

    assert read_question({"text": "hm?", "attachments": [forwarded]}, "U0BOT") == ReadQuestion(
        "hm?", ("messages",)
    )


def test_a_preview_of_a_link_does_not_go_along():
    preview = {"from_url": "https://a.test", "text": "words of the page"}

    assert read_question({"text": "see https://a.test", "attachments": [preview]}, "U0BOT").text == (
        "see https://a.test"
    )


@pytest.mark.parametrize("place", ["attachments", "blocks"])
def test_a_pasted_table_goes_along_as_markdown(place):
    pasted = {"attachments": [{"fallback": "[no preview available]", "blocks": [TABLE]}], "blocks": [TABLE]}

    read = read_question({"text": "<@U0BOT> Which is larger?", place: pasted[place]}, "U0BOT")

    assert read == ReadQuestion("Which is larger?\n\n| City | People |\n| --- | --- |\n| Bern | 134,000 |")


def test_a_cell_of_a_table_stays_within_its_cell():
    rich = rich_text(
        section({"type": "text", "text": "a | b\nc"}), section({"type": "emoji", "name": "wave"})
    )
    table = {"type": "table", "rows": [[rich, {"type": "raw_text", "text": "x"}], [{"type": "raw_text"}]]}

    read = read_question({"attachments": [{"blocks": [table]}]}, "U0BOT")

    assert read.text == "| a \\| b c :wave: | x |\n| --- | --- |\n|  |"


def test_blocks_that_repeat_the_text_add_nothing():
    text = (
        "<@U0BOT> Compare *these* two:\n1. <https://a.test|the page> &amp; `code`\n"
        "2. <@U0ANN>'s :wave:\n&gt; really"
    )
    blocks = rich_text(
        section(
            {"type": "user", "user_id": "U0BOT"},
            {"type": "text", "text": " Compare "},
            {"type": "text", "text": "these", "style": {"bold": True}},
            {"type": "text", "text": " two:\n"},
        ),
        {
            "type": "rich_text_list",
            "style": "ordered",
            "elements": [
                section(
                    {"type": "link", "url": "https://a.test", "text": "the page"},
                    {"type": "text", "text": " & "},
                    {"type": "text", "text": "code", "style": {"code": True}},
                ),
                section(
                    {"type": "user", "user_id": "U0ANN"},
                    {"type": "text", "text": "'s "},
                    {"type": "emoji", "name": "wave", "unicode": "1f44b"},
                ),
            ],
        },
        {"type": "rich_text_quote", "elements": [{"type": "text", "text": "really"}]},
    )

    assert read_question({"text": text, "blocks": [blocks]}, "U0BOT").text == read_text(text)


def test_lines_that_only_blocks_have_go_along():
    blocks = rich_text(
        section({"type": "user", "user_id": "U0BOT"}, {"type": "text", "text": " Sort <these>:\n"}),
        {
            "type": "rich_text_list",
            "style": "bullet",
            "elements": [section({"type": "text", "text": each}) for each in ("pears", "figs")],
        },
        {"type": "rich_text_preformatted", "elements": [{"type": "text", "text": "x = 1\ny = 2"}]},
    )

    read = read_question({"text": "<@U0BOT> Sort &lt;these&gt;:", "blocks": [blocks]}, "U0BOT")

    assert read.text == "Sort <these>:\n\n• pears\n• figs\nx = 1\ny = 2"


def test_a_message_of_another_app_is_read_from_its_sections():
    blocks = [
        {"type": "header", "text": {"type": "plain_text", "text": "Alarm"}},
        {"type": "section", "fields": [{"type": "mrkdwn", "text": "Disk <https://a.test|full>"}]},
        {"type": "markdown", "text": "since **noon**"},
        {"type": "actions", "elements": [{"type": "button", "text": {"type": "plain_text", "text": "Mute"}}]},
    ]
    forwarded = {
        "is_share": True,
        "author_subname": "Watch",
        "message_blocks": [{"message": {"blocks": blocks}}],
    }

    assert read_question({"attachments": [forwarded]}, "U0BOT").text == (
        "Forwarded message from Watch:\n> Alarm\n> Disk full (https://a.test)\n> since **noon**"
    )


@pytest.mark.parametrize(
    "message",
    [
        {"text": "see", "files": [{"id": "F1"}]},
        {"text": "see", "attachments": [{**FORWARDED, "files": [{"id": "F1"}]}]},
    ],
)
def test_files_are_named(message):
    assert read_question(message, "U0BOT").left_out == ("files",)


# What is too long


def test_a_question_is_cut_after_a_sentence_and_what_no_longer_fits_is_named():
    message = {"text": "One thing. " * 20, "attachments": [FORWARDED, {"blocks": [TABLE]}]}

    read = read_question(message, "U0BOT", limit=151)

    assert read == ReadQuestion("One thing. " * 9 + "One thing.\n" + CUT_OFF, ("text", "tables", "messages"))


def test_a_table_is_cut_after_a_row():
    rows = [[{"type": "raw_text", "text": f"row {number}"}] for number in range(40)]

    read = read_question({"text": "?", "blocks": [{"type": "table", "rows": rows}]}, "U0BOT", limit=200)

    *table, last = read.text.splitlines()[2:]
    assert all(line.endswith("|") for line in table)
    assert (last, read.left_out) == (CUT_OFF, ("tables",))


def test_the_longest_message_of_slack_goes_on_whole():
    text = "word " * 8_000

    assert read_question({"text": text}, "U0BOT") == ReadQuestion(text.strip())


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.just("\ud800"),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["type", "text", "elements", "rows", "blocks", "message", "message_blocks", "is_share"]
            ),
            inner | st.sampled_from(["rich_text", "table", "section", "link", "rich_text_list"]),
            max_size=4,
        )
    ),
    max_leaves=12,
)


@example({"text": "", "blocks": [{"type": []}, {"type": {}, "rows": [[1]]}], "attachments": None, "files": 0})
@given(st.fixed_dictionaries({"text": JSON, "blocks": JSON, "attachments": JSON, "files": JSON}))
def test_any_message_can_be_read(message):
    read = read_question(message, "U0BOT", limit=40)

    assert len(read.text.encode()) == len(read.text.encode("utf-8", "replace"))
    assert len(read.text) <= 40


def count_calls(work: Callable[[], object]) -> int:
    """Count the calls of functions, Python's own too."""
    made = 0

    def count(*_: object) -> None:
        nonlocal made
        made += 1

    sys.setprofile(count)
    try:
        work()
    finally:
        sys.setprofile(None)
    return made


def test_reading_takes_time_in_proportion_to_the_message():
    def steps(size: int) -> int:
        words = " ".join(f"w{number}" for number in range(size))
        lines = [section({"type": "text", "text": f"v{number} w"}) for number in range(size)]
        rows = [[{"type": "raw_text", "text": "a"}] * size, *[[{}]] * size]
        attachments = [{"is_share": True, "text": words, "blocks": [rich_text(*lines)]}]
        message = {"text": words, "blocks": [rich_text(*lines), {"type": "table", "rows": rows}]}
        return count_calls(lambda: read_question(message | {"attachments": attachments}, "U0BOT"))

    assert steps(2_000) < 2.5 * steps(1_000)
