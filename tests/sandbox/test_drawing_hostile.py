"""Whatever people and models write, the page's HTML stays ours."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.channel.drawing import draw_message
from sandbox.channel.terminal import as_text

ALLOWED: dict[str, set[str]] = {
    "a": {"class", "href", "target", "rel"},
    "button": {"type", "class", "data-action", "data-block", "data-value", "aria-label", "title"},
    "details": {"class", "open"},
    "div": {"class", "tabindex"},
    "ol": {"start"},
    "pre": {"tabindex"},
    "span": {"class", "role", "aria-checked", "aria-disabled"},
    **{name: {"class"} for name in ("li", "p", "td", "th")},
    **{
        name: set() for name in ("b", "code", "em", "h4", "hr", "s", "strong", "summary", "table", "tr", "ul")
    },
}

PIECES = [
    *[
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "</p>",
        '" onclick="x',
        "javascript:alert(1)",
    ],
    *["[x](javascript:alert(1))", "[x](https://a 't')", "![i](data:text/html,x)", "<javascript:x|y>"],
    *["<https://a|b>", "<@U1|<b>>", "<!channel>", "&lt;b&gt;", "&", "\\", "<", ">", "'", '"', "a", " ", "\n"],
    *["*", "_", "~", "`", "```", "> ", "- [ ] ", "|--|", "# ", "1. "],
]
hostile = st.one_of(st.text(max_size=80), st.lists(st.sampled_from(PIECES), max_size=25).map("".join))


class Reader(HTMLParser):
    """Collects what a browser would make of the HTML."""

    def __init__(self) -> None:
        super().__init__()
        self.faults: list[str] = []
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag != "hr":
            self.open.append(tag)
        allowed = ALLOWED.get(tag)
        for name, value in attrs:
            if allowed is not None and name not in allowed:
                self.faults.append(f"{tag} {name}")
            if name == "href" and not str(value).lower().startswith(("http:", "https:", "mailto:", "tel:")):
                self.faults.append(f"href {value}")
        if allowed is None:
            self.faults.append(tag)

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


def every_block(text: str) -> list[dict[str, Any]]:
    """Put one text into every place a block has for it."""
    plain, mrkdwn = {"type": "plain_text", "text": text}, {"type": "mrkdwn", "text": text}
    image = {"type": "image", "image_url": text, "alt_text": text, "title": plain}
    button = {"type": "button", "text": plain, "action_id": text, "value": text, "style": text}
    vote = {"type": "feedback_buttons", "positive_button": button, "negative_button": button}
    link = {"type": "link", "url": text, "text": text}
    line = {"type": "rich_text_section", "elements": [link, {"type": "user", "user_id": text}]}
    code = {"type": "rich_text_preformatted", "language": text, "elements": [{"type": "text", "text": text}]}
    rich = {"type": "rich_text", "elements": [line, code]}
    return [
        {"type": "header", "text": plain},
        {"type": "section", "text": mrkdwn, "fields": [plain, mrkdwn], "accessory": button},
        {"type": "markdown", "text": text},
        {"type": "context", "elements": [mrkdwn, image]},
        {"type": "actions", "block_id": text, "elements": [button, {"type": text}]},
        {"type": "context_actions", "elements": [vote]},
        image,
        {"type": "table", "rows": [[plain, rich]], "column_settings": [{"align": text}]},
        {"type": "container", "title": plain, "subtitle": mrkdwn, "child_blocks": [rich]},
        {"type": "container", "title": plain, "child_blocks": [rich], "is_collapsible": True},
        {"type": text},
    ]


@given(hostile)
def test_no_text_in_any_block_makes_an_element_or_attribute_of_its_own(text: str) -> None:
    assert faults(draw_message({"blocks": every_block(text)})) == []


@given(hostile)
def test_no_text_of_a_message_makes_an_element_or_attribute_of_its_own(text: str) -> None:
    assert faults(draw_message({"text": text})) == []


@given(hostile)
def test_no_text_sends_the_terminal_a_command(text: str) -> None:
    drawn = as_text({"blocks": every_block(text + "\x1b]0;x\x07\x9b2J")})

    assert not {"\x1b", "\x07", "\x9b", "\r"} & set(drawn)


@pytest.mark.parametrize(
    "address",
    ["javascript:alert(1)", "JaVaScRiPt:x", "data:text/html,x", "vbscript:x", "//a", "x", "http://[x"],
)
def test_only_harmless_addresses_become_links(address: str) -> None:
    link = {"type": "link", "url": address, "text": "label"}
    section = {"type": "rich_text_section", "elements": [link]}

    drawn = draw_message({"blocks": [{"type": "rich_text", "elements": [section]}]})

    assert drawn == "<p>label</p>"


@pytest.mark.parametrize("piece", ["*_", "<", "[", "> ", "- ", "`", "<@U", "https://"])
def test_deeply_nested_markup_is_drawn_without_giving_up(piece: str) -> None:
    assert faults(draw_message({"blocks": every_block(piece * (12_000 // len(piece)))[:3]})) == []
