"""Text in Slack's two dialects, mrkdwn and Markdown, drawn the way Slack draws it."""

from __future__ import annotations

import pytest

from sandbox.channel.drawing import draw_message
from sandbox.channel.nodes import Names

NAMES = Names(users={"U1": "Maya"}, channels={"C1": "general"})


def markdown(text: str) -> str:
    return draw_message({"blocks": [{"type": "markdown", "text": text}]}, NAMES)


def mrkdwn(text: str) -> str:
    return draw_message({"text": text}, NAMES)


def test_a_message_without_blocks_draws_its_text_as_mrkdwn() -> None:
    assert mrkdwn("*bold* _it_ ~no~") == "<p><strong>bold</strong> <em>it</em> <s>no</s></p>"


def test_styles_of_mrkdwn_nest_and_need_the_edges_of_words() -> None:
    assert mrkdwn("*a _b_* snake_case_name 2*3*4") == (
        "<p><strong>a </strong><em><strong>b</strong></em> snake_case_name 2*3*4</p>"
    )


def test_mrkdwn_draws_quotes_and_fenced_code_in_their_place() -> None:
    drawn = mrkdwn("before\n&gt; quoted\n&gt; twice\nafter\n```x &lt; y```")

    assert drawn == (
        '<p>before</p><div class="quote"><p>quoted\ntwice</p></div><p>after</p>'
        '<div class="code"><pre tabindex="0"><code>x &lt; y</code></pre></div>'
    )


def test_entities_are_decoded_once_for_display() -> None:
    assert mrkdwn("&lt;b&gt; &amp;amp;") == "<p>&lt;b&gt; &amp;amp;</p>"


@pytest.mark.parametrize(
    ("token", "chip"),
    [
        ("<@U1>", '<span class="mention user">@Maya</span>'),
        ("<@U404>", '<span class="mention user">@U404</span>'),
        ("<#C1|old-name>", '<span class="mention channel">#general</span>'),
        ("<!channel>", '<span class="mention broadcast">@channel</span>'),
        ("<!here|here>", '<span class="mention broadcast">@here</span>'),
        ("<!date^1392734382^{date}|Feb 18>", "Feb 18"),
        ("<!subteam^S1|@team>", '<span class="mention group">@team</span>'),
    ],
)
def test_live_tokens_are_chips_in_mrkdwn_and_in_markdown_alike(token: str, chip: str) -> None:
    assert mrkdwn(f"hi {token}!") == f"<p>hi {chip}!</p>"
    assert markdown(f"hi {token}!") == f"<p>hi {chip}!</p>"


def test_an_escaped_token_is_text_and_no_chip() -> None:
    assert mrkdwn("&lt;!channel&gt;") == "<p>&lt;!channel&gt;</p>"
    assert markdown("&lt;!channel&gt; and `<!here>`") == (
        "<p>&lt;!channel&gt; and <code>&lt;!here&gt;</code></p>"
    )


def test_links_show_their_label_and_marks_inside_an_address_are_left_alone() -> None:
    drawn = mrkdwn("<https://a.example/_x_/?a=1&amp;b=2|label>")

    assert 'href="https://a.example/_x_/?a=1&amp;b=2"' in drawn
    assert ">label</a>" in drawn


def test_a_bare_address_becomes_a_link_without_the_full_stop_behind_it() -> None:
    assert ">https://a.example/_x_/y</a>." in mrkdwn("see https://a.example/_x_/y.")
    assert ">https://a.example/x</a>." in markdown("see https://a.example/x.")


def test_all_headings_of_markdown_have_one_size() -> None:
    assert markdown("# one\n\n###### six") == "<h4>one</h4><h4>six</h4>"


def test_markdown_lists_nest_and_keep_their_numbers() -> None:
    assert markdown("3. c\n4. d\n   - e") == (
        '<ol start="3"><li><p>c</p></li><li><p>d</p><ul><li><p>e</p></li></ul></li></ol>'
    )


def test_task_lists_show_what_is_done() -> None:
    drawn = markdown("- [x] done\n- [ ] open")

    assert drawn.count('role="checkbox"') == 2
    assert drawn.index('aria-checked="true"') < drawn.index("done") < drawn.index('aria-checked="false"')
    assert "[x]" not in drawn


def test_fenced_code_names_its_language_and_is_coloured() -> None:
    drawn = markdown('```python\nreturn "a"  # why\n```')

    assert '<span class="language">python</span>' in drawn
    assert '<span class="keyword">return</span>' in drawn
    assert '<span class="string">&#34;a&#34;</span>' in drawn
    assert '<span class="comment"># why</span>' in drawn


def test_code_without_a_language_is_left_uncoloured() -> None:
    assert "<code>return 1</code>" in markdown("```\nreturn 1\n```")


def test_markdown_tables_have_a_head_and_keep_their_alignment() -> None:
    drawn = markdown("| a | b |\n|--|--:|\n| 1 | **2** |")

    assert '<tr><th>a</th><th class="right">b</th></tr>' in drawn
    assert '<tr><td>1</td><td class="right"><strong>2</strong></td></tr>' in drawn


def test_markdown_images_become_links() -> None:
    drawn = markdown("![a chart](https://x.example/c.png)")

    assert "<img" not in drawn
    assert '<a class="link" href="https://x.example/c.png"' in drawn
    assert ">a chart</a>" in drawn


def test_raw_html_in_markdown_is_text() -> None:
    assert markdown("<b>x</b> <!-- c -->") == "<p>&lt;b&gt;x&lt;/b&gt; &lt;!-- c --&gt;</p>"


def test_code_shows_an_address_without_its_brackets_and_a_mention_as_it_stands() -> None:
    assert mrkdwn("`<https://a.example> <@U1>`") == "<p><code>https://a.example &lt;@U1&gt;</code></p>"
