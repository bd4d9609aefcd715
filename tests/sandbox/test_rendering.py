"""Messages rendered as Slack renders them: as HTML for the page, and as text for a terminal."""

import pytest

from sandbox.channel.nodes import Names
from sandbox.channel.rendering import render_message
from sandbox.channel.terminal import WIDTH, as_text
from tests.sandbox import helpers
from tests.sandbox.helpers import (
    DIVIDER,
    Json,
    actions,
    block,
    button,
    container,
    context_actions,
    list_of,
    markdown,
    mrkdwn,
    option,
    plain,
    rich_text,
    words,
)

NAMES = Names(users={"U1": "Maya"}, channels={"C1": "general"})
#: A block; its HTML, or parts of it, in order, between "…"; its text, None if another case covers it.
Case = tuple[Json, str, str | None]


def section(text: str, **rest: Json | list[Json]) -> Json:
    return block("section", block_id="s", text=plain(text), **rest)


def table(*rows: list[Json]) -> Json:
    return block("table", rows=list(rows), column_settings=[None, {"align": "right"}])


def rich(html: str) -> str:
    return f'<div class="rich">{html}</div>'


def raw(text: str) -> Json:
    return {"type": "raw_text", "text": text}


IMAGE = {"type": "image", "image_url": "https://a.example/i.png", "alt_text": "chart"}
MENU = helpers.overflow(option("copy"), option("again"))
TWO = option("two")
CHOSEN = {"initial_option": TWO}
SELECT = block(
    "static_select", placeholder=plain("Pick one"), options=[option("one"), TWO], initial_option=TWO
)
ASKED = {"title": plain("Sure?"), "text": plain('It "costs"')}
INLINES = helpers.section_of(
    words("*x* <@U1> ", italic=True),
    {"type": "user", "user_id": "U1"},
    {"type": "broadcast", "range": "here"},
    {"type": "channel", "channel_id": "C1"},
    {"type": "link", "url": "https://a.example", "text": "l"},
    {"type": "emoji", "name": "wave"},
)
QUOTE = block("rich_text_quote", elements=[words()])
CODE = block("rich_text_preformatted", language="go", elements=[words()])
BLOCKS: dict[str, Case] = {
    "a header's text is not parsed": (
        block("header", text=plain("GPT *4* <@U1>")),
        "<h3>GPT *4* &lt;@U1&gt;</h3>",
        "GPT *4* <@U1>",
    ),
    "context": (
        block("context", elements=[mrkdwn("*4* s"), plain("x")]),
        '<div class="context"><span><strong>4</strong> s</span><span>x</span></div>',
        "4 s x",
    ),
    "section": (
        section("t", fields=[mrkdwn("*a*"), plain("b")], accessory=button(action_id="go")),
        '…class="beside"…<p>t</p>…"fields"…<strong>a</strong>…<p>b</p>…data-action="go" data-block="s"…',
        "t\n\na\nb\n\n[GPT]",
    ),
    "buttons": (
        actions(button("A", action_id="t", value="1", style="primary"), button(style="danger"), block_id="b"),
        '…"press primary" data-action="t" data-block="b" data-value="1">A<…"press danger"…',
        "[A] [GPT]",
    ),
    "a button with a confirmation, and a link button": (
        actions(button(confirm=ASKED), button(url="https://a.example")),
        '…data-confirm="Sure?\nIt &#34;costs&#34;"…href="https://a.example"…',
        None,
    ),
    "thumbs keep their words": (
        context_actions(helpers.feedback()),
        '…positive" data-action="vote"…data-value="up" aria-label="Good"…"down" aria-label="Bad"…',
        "👍 👎",
    ),
    "overflow": (
        actions(MENU, block_id="b"),
        '…aria-label="More actions"…data-block="b" data-value="copy">Copy<…data-value="again">Again<…',
        "[⋯: Copy | Again]",
    ),
    "select": (
        actions(SELECT),
        '…aria-label="Pick one"…<option value="two" selected>Two</option>…',
        "[Pick one: One | Two]",
    ),
    "image": ({**IMAGE, "title": plain("T")}, "…<b>T</b>…>chart</a>…", "[image: T] https://a.example/i.png"),
    "table": (
        table([raw("h"), raw("日本")], [rich_text(helpers.section_of(words("r", bold=True))), raw("2")]),
        '…<tr><th>h</th>…<td><strong>r</strong></td><td class="right">2</td>…',
        "h │ 日本\n──┼─────\nr │ 2",
    ),
    "rich text is literal except for its elements": (
        rich_text(INLINES),
        "…<em>*x* &lt;@U1&gt; </em>…user…@Maya…broadcast…@here…channel…#general…>l</a>👋…",
        "*x* <@U1> @Maya@here#generall (https://a.example)👋",
    ),
    "lists nest by their indent": (
        rich_text(list_of("a"), list_of("b", indent=1), list_of("c", indent=2)),
        rich("<ul><li><p>a</p><ul><li><p>b</p><ul><li><p>c</p></li></ul></li></ul></li></ul>"),
        "• a\n  • b\n    • c",
    ),
    "lists continue by their offset": (
        rich_text(list_of("d", style="ordered", offset=3)),
        rich('<ol start="4"><li><p>d</p></li></ol>'),
        "4. d",
    ),
    "lists are indented and have a bar": (
        rich_text(list_of("a", indent=2), list_of("b", border=1)),
        rich('<ul class="in2"><li><p>a</p></li></ul><div class="quote"><ul><li><p>b</p></li></ul></div>'),
        "    • a\n│ • b",
    ),
    "a cell of several lines": (
        table([rich_text(helpers.section_of(words("a")), list_of("b")), raw("c")]),
        "…<th><p>a</p><ul><li><p>b</p></li></ul></th>…",
        "a  • b │ c\n───────┼──",
    ),
    "quotes and code": (
        rich_text(QUOTE, CODE),
        '…<div class="quote"><p>x</p></div><div class="code">…<span class="language">go</span>…',
        "│ x\n    x",
    ),
    "a folded container": (
        container(DIVIDER, is_collapsible=True, default_collapsed=True),
        '<details class="container"><summary><b>GPT</b></summary><hr></details>',
        f"GPT\n  {'─' * WIDTH}",
    ),
    "an open container, and an unknown element": (
        container(actions(block("datepicker")), is_collapsible=True),
        "…container… open>…<b>GPT</b>…[datepicker: not drawn here]…",
        None,
    ),
    "a container with a rich title": (
        container(rich_text_title=rich_text(INLINES), width="full", has_header_divider=True),
        '…class="container full divided"…<b><em>*x* …@Maya…',
        None,
    ),
    "a container that does not fold": (
        container(section("in", accessory=IMAGE), subtitle=plain("s")),
        '…<div class="container">…<b>GPT</b><span class="subtitle">s</span>…<p>in</p>…>chart</a>…',
        "GPT · s\n  in\n\n  [image: chart] https://a.example/i.png",
    ),
    "unknown block": (block("video"), "…[video: not drawn here]…", "[video: not drawn here]"),
    "Markdown's headings": (markdown("# one\n\n###### six"), "<h3>one</h3><h3>six</h3>", "one\n\nsix"),
    "Markdown's lists nest and keep their numbers": (
        markdown("3. c\n4. d\n   - e"),
        '<ol start="3"><li><p>c</p></li><li><p>d</p><ul><li><p>e</p></li></ul></li></ol>',
        "3. c\n4. d\n   • e",
    ),
    "Markdown's tasks": (
        markdown("- [x] done\n- [ ] open"),
        '…role="checkbox" aria-checked="true"…done…role="checkbox" aria-checked="false"…open…',
        "[x] done\n[ ] open",
    ),
    "HTML in Markdown is text": (markdown("<b>x</b>"), "<p>&lt;b&gt;x&lt;/b&gt;</p>", "<b>x</b>"),
    "Markdown's links and images": (
        markdown("[docs](https://a.example) ![chart](https://c.example)"),
        '…href="https://a.example"…>docs</a>…href="https://c.example"…>chart</a>…',
        "docs (https://a.example) chart (https://c.example)",
    ),
    "Markdown's code": (
        markdown('Use `x`:\n```python\nreturn "a"  # why\n```'),
        '…python…>return<…>&#34;a&#34;<…<span class="comment"># why</span>…',
        'Use `x`:\n\n    return "a"  # why',
    ),
    "Markdown's code without a language": (markdown("```\nreturn 1\n```"), "…<code>return 1</code>…", None),
    "Markdown's tables": (
        markdown("| a | b |\n|--|--:|\n| 1 | **22** |"),
        '…<tr><th>a</th><th class="right">b</th></tr>…<td class="right"><strong>22</strong></td></tr>…',
        "a │ b\n──┼───\n1 │ 22",
    ),
    "Markdown's quotes": (markdown("> a\n>\n> b"), '…class="quote"…a…b…', "│ a\n│ \n│ b"),
}


@pytest.mark.parametrize(("block", "html", "text"), BLOCKS.values(), ids=BLOCKS)
def test_a_block_is_rendered(block, html, text):
    message = {"text": "fallback", "blocks": [block]}

    rendered = render_message(message, NAMES)

    if "…" not in html:
        assert rendered == html
    positions = [rendered.find(part) for part in html.strip("…").split("…")]
    assert -1 not in positions, rendered
    assert positions == sorted(positions)
    assert text in (None, as_text(message, NAMES))


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("*bold* _it_ ~no~", "<p><strong>bold</strong> <em>it</em> <s>no</s></p>"),
        ("*a _b_* sn_a_ke 2*3*4", "<p><strong>a </strong><em><strong>b</strong></em> sn_a_ke 2*3*4</p>"),
        ("b\n&gt; q\n&gt; r\na", '<p>b</p><div class="quote"><p>q\nr</p></div><p>a</p>'),
        ("```x &lt; y```", '<div class="code"><pre tabindex="0"><code>x &lt; y</code></pre></div>'),
        ("&lt;b&gt; &amp;amp; &lt;!channel&gt;", "<p>&lt;b&gt; &amp;amp; &lt;!channel&gt;</p>"),
        ("`<https://a.example> <@U1>`", "<p><code>https://a.example &lt;@U1&gt;</code></p>"),
    ],
)
def test_mrkdwn_is_rendered(text, html):
    assert render_message({"text": text}, NAMES) == html


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
        ("&lt;!channel&gt;", "&lt;!channel&gt;"),
    ],
)
def test_live_tokens_are_chips_in_mrkdwn_and_markdown(token, chip):
    assert render_message({"text": f"hi {token}!"}, NAMES) == f"<p>hi {chip}!</p>"
    assert render_message({"blocks": [markdown(f"hi {token}!")]}, NAMES) == f"<p>hi {chip}!</p>"


def test_links_of_mrkdwn_end_before_a_full_stop_and_marks_in_them_are_ignored():
    rendered = render_message({"text": "<https://a.example/_x_/?a=1&amp;b=2|label> https://a.example/_x_/y."})

    assert 'href="https://a.example/_x_/?a=1&amp;b=2"' in rendered
    assert ">label</a>" in rendered
    assert ">https://a.example/_x_/y</a>." in rendered


def test_a_terminal_shows_what_is_separate_bold_or_ephemeral():
    blocks = [block("header", text=plain("Hi")), DIVIDER, actions(button(style="primary"))]
    message = {"blocks": blocks, "is_ephemeral": True}

    assert as_text(message) == f"(Only visible to one person)\nHi\n\n{'─' * WIDTH}\n\n[GPT]"
    assert "\x1b[1mHi\x1b[0m\n" in as_text(message, colour=True)
    assert "[\x1b[1mGPT\x1b[0m]" in as_text(message, colour=True)
