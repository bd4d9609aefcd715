from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sectorflow_slack.formatting.incoming import read_question


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
    assert read_question(text, "U0BOT") == question


def test_a_bot_id_is_never_a_pattern():
    assert read_question("<@U0BOT> hello", ".*") == "@U0BOT hello"


@given(st.text())
def test_typed_text_comes_out_as_it_was_typed(typed):
    sent = typed.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")

    assert read_question(f"<@U0BOT> {sent}", "U0BOT") == typed.strip()


@given(st.text(alphabet="<>@#!|^&;:/ab ", max_size=40))
def test_any_text_can_be_read(text):
    assert isinstance(read_question(text, "U0BOT"), str)
