"""Answers as models write them, and as an attacker would, in every way that they are shown."""

import pytest

from sectorflow_slack.domain.questions import Message
from sectorflow_slack.formatting.notices import plainer, simpler
from tests.formatting.drawing import (
    CORPUS,
    headings,
    kinds,
    make_answer,
    model,
    separated,
    words,
)
from tests.formatting.slack_rules import LIVE_TOKEN, assert_accepted, texts, utf16
from tests.formatting.test_properties import every_page, is_within, shown, signs, without_languages

each_answer = pytest.mark.parametrize("text", CORPUS.values(), ids=CORPUS.keys())
#: Tags, formulas, titles, and a label that is written behind its address: they are tested apart.
WRITTEN_OTHERWISE = {
    "details", "html", "images", "injection_markdown", "links", "math",
    "math_of_plain_signs", "slack_link", "small_html", "tag_after_bracket_label", "thinking",
}  # fmt: skip


def is_shown(text: str, messages: list[Message]) -> bool:
    """Whether all that is written is shown, in its order."""
    is_odd = text in {CORPUS[name] for name in WRITTEN_OTHERWISE}
    return is_odd or is_within(signs(without_languages(text)), shown(messages))


@each_answer
def test_one_below_the_other_nothing_is_lost_and_nothing_refused(text):
    messages = list(separated(make_answer(model(text, "A"), model("Short.", "B"), seconds=3)))

    assert is_shown(text, messages)
    assert headings(messages)[-1] == "B"
    assert_accepted(*messages)


@each_answer
def test_in_tabs_nothing_is_lost_and_nothing_refused(text):
    messages = every_page(make_answer(model(text, "A"), model("Short.", "B"), seconds=3))

    assert is_shown(text, messages[:-1])
    assert shown(messages[-1:]) == "Short"
    assert_accepted(*messages)


@each_answer
def test_in_simpler_forms_nothing_is_lost_and_nothing_refused(text):
    messages = list(separated(make_answer(model(text, "A"))))

    expected = "".join(words(text).replace("… ", "").split())
    for simple in (simpler, lambda message: simpler(simpler(message))):
        for message in map(simple, messages):
            assert_accepted(message)
            assert "markdown" not in kinds(message)
    plain = [part.text for message in messages for part in plainer(message)]
    assert all(0 < utf16(part) <= 3_900 for part in plain)
    if len(messages) == 1:
        said = (
            "".join(plain)
            .replace("&lt;", "<")
            .replace("&gt;", ">")
            .replace("&amp;", "&")
            .replace("\u2060", "")
        )
        assert expected in "".join(said.split())


def test_what_is_injected_is_not_live():
    hostile = [text for name, text in CORPUS.items() if name.startswith("injection")]

    messages = [message for text in hostile for message in separated(make_answer(model(text)))]

    assert not [message for message in messages if LIVE_TOKEN.search(message.text)]
    assert {"section", "rich_text", "table", "context"} == {
        kind for message in messages for kind in kinds(message)
    }
    assert any("<!channel>" in text for message in messages for text in texts(message))


@pytest.mark.parametrize(
    ("source", "shown"),
    [
        ("html", "A line\nbreak, ʰⁱᵍʰ and _(low), <escaped> & \xa0 ©.\n\nMore\n\nHidden text."),
        ("images", "A diagram of the flow (https://img.example.com/flow.png)"),
        ("injection_markdown", "z (!channel) <!here> (https://a.example)\n\n<@U0123ABCD>"),
        ("links", "bank.example (evil.example) (https://evil.example) are not what they seem."),
        ("math", "if a < b and a ≠ 0.\n\\int_0^\\infty e^{-x^2} \\, dx"),
    ],
)  # fmt: skip
def test_what_is_written_otherwise_is_shown_as_it_is_meant(source, shown):
    assert shown in words(CORPUS[source])
