"""No text of users or models becomes HTML on the page or a command in the terminal."""

from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sandbox.channel.rendering import render_message
from sandbox.channel.terminal import as_text
from tests.sandbox import helpers
from tests.sandbox.helpers import Json, actions, button, mrkdwn, plain, rich_text, words

#: The attributes that each element may have.
ALLOWED = {
    "a": "class href target rel",
    "button": "type class data-action data-block data-value data-confirm aria-label title role",
    "details": "class open",
    "div": "class tabindex role",
    "ol": "start class",
    "ul": "class",
    "pre": "tabindex",
    "span": "class role aria-checked aria-disabled",
    "summary": "class aria-label title",
    **dict.fromkeys(("li", "p", "td", "th"), "class"),
    **dict.fromkeys(("b", "code", "em", "h3", "hr", "s", "strong", "table", "tr"), ""),
}
PIECES = [
    *["<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "</p>", '" onclick="x', "javascript:x"],
    *["[x](javascript:alert(1))", "[x](https://a 't')", "![i](data:text/html,x)", "<javascript:x|y>"],
    *["<https://a|b>", "<@U1|<b>>", "<!channel>", "&lt;b&gt;", "&", "\\", "<", ">", "'", '"', "a", " ", "\n"],
    *["*", "_", "~", "`", "```", "> ", "- [ ] ", "|--|", "# ", "1. "],
]
hostile = st.one_of(st.text(max_size=80), st.lists(st.sampled_from(PIECES), max_size=25).map("".join))


class Reader(HTMLParser):
    """Collects the faults of HTML."""

    def __init__(self) -> None:
        super().__init__()
        self.faults: list[str] = []
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag != "hr":
            self.open.append(tag)
        if tag not in ALLOWED:
            self.faults.append(tag)
        for name, value in attrs:
            if name not in ALLOWED.get(tag, "").split():
                self.faults.append(f"{tag} {name}")
            if name == "href" and not str(value).lower().startswith(("http:", "https:", "mailto:", "tel:")):
                self.faults.append(f"href {value}")

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.faults.append(f"/{tag}")

    def handle_comment(self, data: str) -> None:
        self.faults.append(f"comment {data}")


def faults(html: str) -> list[str]:
    reader = Reader()
    reader.feed(html)
    reader.close()
    return reader.faults + reader.open


def every_block(text: str) -> list[Json]:
    """Return every type of block with the text in every field."""
    image = {"type": "image", "image_url": text, "alt_text": text, "title": plain(text)}
    pressed = button(text, action_id=text, value=text, style=text)
    vote = {"type": "feedback_buttons", "positive_button": pressed, "negative_button": pressed}
    line = helpers.section_of({"type": "link", "url": text, "text": text}, {"type": "user", "user_id": text})
    code = {"type": "rich_text_preformatted", "language": text, "elements": [words(text)]}
    rich = rich_text(line, helpers.list_of(text), code)
    folded = {"type": "container", "title": plain(text), "child_blocks": [rich], "is_collapsible": True}
    return [
        {"type": "header", "text": plain(text)},
        {"type": "section", "text": mrkdwn(text), "fields": [plain(text)], "accessory": pressed},
        {"type": "markdown", "text": text},
        {"type": "context", "elements": [mrkdwn(text), image]},
        actions(pressed, helpers.overflow(helpers.option(text)), {"type": text}, block_id=text),
        {"type": "context_actions", "elements": [vote]},
        image,
        {"type": "table", "rows": [[plain(text), rich]], "column_settings": [{"align": text}]},
        {"type": "container", "title": plain(text), "subtitle": mrkdwn(text), "child_blocks": [folded]},
        {"type": text},
    ]


@given(hostile)
@settings(deadline=None)
def test_no_text_makes_an_element_or_attribute_of_its_own(text):
    assert faults(render_message({"text": text})) == []
    assert faults(render_message({"blocks": every_block(text)})) == []


@given(hostile)
@settings(deadline=None)
def test_no_text_sends_the_terminal_a_command(text):
    rendered = as_text({"blocks": every_block(text + "\x1b]0;x\x07\x9b2J")})

    assert not {"\x1b", "\x07", "\x9b", "\r"} & set(rendered)


@pytest.mark.parametrize(
    "address",
    ["javascript:alert(1)", "JaVaScRiPt:x", "data:text/html,x", "vbscript:x", "//a", "x", "http://[x"],
)
def test_only_harmless_addresses_become_links(address):
    link = {"type": "link", "url": address, "text": "label"}

    assert (
        render_message({"blocks": [rich_text(helpers.section_of(link))]})
        == '<div class="rich"><p>label</p></div>'
    )


@pytest.mark.parametrize("piece", ["*_", "<", "[", "> ", "- ", "`", "<@U", "https://"])
def test_deeply_nested_markup_is_rendered_without_an_error(piece):
    assert faults(render_message({"blocks": every_block(piece * (12_000 // len(piece)))[:3]})) == []
