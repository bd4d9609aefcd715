"""Each kind of block, drawn the way Slack draws it."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox.channel.drawing import draw_message
from sandbox.channel.nodes import Names

NAMES = Names(users={"U1": "Maya", "UBOT": "SectorFlow"}, channels={"C1": "general"})


def draw(*blocks: dict[str, Any]) -> str:
    return draw_message({"text": "fallback", "blocks": list(blocks)}, NAMES)


def rich_text(*parts: dict[str, Any]) -> dict[str, Any]:
    return {"type": "rich_text", "elements": list(parts)}


def words(text: str, **style: bool) -> dict[str, Any]:
    return {"type": "rich_text_section", "elements": [{"type": "text", "text": text, "style": style}]}


def raw(text: str) -> dict[str, str]:
    return {"type": "raw_text", "text": text}


def plain(text: str) -> dict[str, str]:
    return {"type": "plain_text", "text": text}


def test_a_message_with_blocks_does_not_show_its_fallback_text() -> None:
    assert draw({"type": "divider"}) == "<hr>"


def test_a_header_is_a_heading_and_its_plain_text_is_not_parsed() -> None:
    assert draw({"type": "header", "text": plain("GPT *4* <@U1>")}) == "<h4>GPT *4* &lt;@U1&gt;</h4>"


def test_a_section_draws_text_fields_and_accessory() -> None:
    button = {"type": "button", "action_id": "go", "text": plain("Go")}
    cells = [{"type": "mrkdwn", "text": "*a*"}, plain("b")]

    drawn = draw({"type": "section", "text": plain("t"), "fields": cells, "accessory": button})

    assert '<div class="fields"><div><p><strong>a</strong></p></div><div><p>b</p></div></div>' in drawn
    assert drawn.startswith('<div class="beside">')
    assert drawn.index("<p>t</p>") < drawn.index('data-action="go"')


def test_a_context_puts_its_parts_in_a_row() -> None:
    drawn = draw({"type": "context", "elements": [{"type": "mrkdwn", "text": "*4* s"}, plain("x")]})

    assert drawn == '<div class="context"><span><strong>4</strong> s</span><span>x</span></div>'


def test_buttons_carry_what_a_press_needs_and_show_their_style() -> None:
    buttons = [
        {"type": "button", "action_id": "tab", "text": plain("A"), "value": "1", "style": "primary"},
        {"type": "button", "action_id": "stop", "text": plain("B"), "style": "danger"},
    ]

    drawn = draw({"type": "actions", "block_id": "tabs", "elements": buttons})

    assert 'class="press primary" data-action="tab" data-block="tabs" data-value="1">A</button>' in drawn
    assert 'class="press danger" data-action="stop"' in drawn


def test_feedback_buttons_are_thumbs_that_say_what_they_are() -> None:
    votes = {
        "type": "feedback_buttons",
        "action_id": "vote",
        "positive_button": {"text": plain("Good"), "value": "+"},
        "negative_button": {"text": plain("Bad"), "value": "-"},
    }

    drawn = draw({"type": "context_actions", "elements": [votes]})

    assert 'class="press thumb positive" data-action="vote"' in drawn
    assert 'data-value="-" aria-label="Bad"' in drawn


def test_an_image_is_described_and_nothing_is_loaded_from_its_host() -> None:
    block = {
        "type": "image",
        "image_url": "https://x.example/a.png",
        "alt_text": "a chart",
        "title": plain("T"),
    }

    drawn = draw(block)

    assert "<img" not in drawn
    assert "<b>T</b>" in drawn
    assert ">a chart</a>" in drawn


def test_a_table_block_draws_raw_and_rich_cells() -> None:
    rows = [[raw("h"), raw("i")], [rich_text(words("r", bold=True)), raw("2")]]

    drawn = draw({"type": "table", "rows": rows, "column_settings": [None, {"align": "right"}]})

    assert "<tr><th>h</th>" in drawn
    assert '<td><strong>r</strong></td><td class="right">2</td>' in drawn


def test_rich_text_is_literal_but_for_its_own_elements() -> None:
    elements = [
        {"type": "text", "text": "*x* <@U1> ", "style": {"italic": True}},
        {"type": "user", "user_id": "U1"},
        {"type": "broadcast", "range": "here"},
        {"type": "channel", "channel_id": "C1"},
        {"type": "link", "url": "https://a.example", "text": "l"},
        {"type": "emoji", "name": "wave"},
    ]

    drawn = draw({"type": "rich_text", "elements": [{"type": "rich_text_section", "elements": elements}]})

    assert "<em>*x* &lt;@U1&gt; </em>" in drawn
    assert drawn.count("mention") == 3
    assert ">l</a>👋</p>" in drawn


def test_rich_text_lists_nest_by_their_indent() -> None:
    def listing(text: str, indent: int) -> dict[str, Any]:
        return {"type": "rich_text_list", "style": "bullet", "indent": indent, "elements": [words(text)]}

    drawn = draw(rich_text(listing("a", 0), listing("b", 1), listing("c", 2)))

    assert drawn == "<ul><li><p>a</p><ul><li><p>b</p><ul><li><p>c</p></li></ul></li></ul></li></ul>"


def test_rich_text_draws_quotes_and_preformatted_code() -> None:
    text = [{"type": "text", "text": "x"}]
    quote = {"type": "rich_text_quote", "elements": text}
    code = {"type": "rich_text_preformatted", "language": "go", "elements": text}

    drawn = draw(rich_text(quote, code))

    assert drawn.startswith('<div class="quote"><p>x</p></div><div class="code">')
    assert '<span class="language">go</span>' in drawn


@pytest.mark.parametrize(("collapsed", "tag"), [(True, '<details class="container">'), (False, " open>")])
def test_a_collapsible_container_opens_as_it_says(collapsed: bool, tag: str) -> None:
    container = {
        "type": "container",
        "title": plain("GPT"),
        "is_collapsible": True,
        "child_blocks": [{"type": "divider"}],
    }

    drawn = draw({**container, "default_collapsed": collapsed})

    assert tag in drawn
    assert drawn.endswith("<summary><b>GPT</b></summary><hr></details>")


def test_a_container_that_does_not_fold_is_a_frame() -> None:
    drawn = draw({"type": "container", "title": plain("GPT"), "subtitle": plain("s"), "child_blocks": []})

    assert "<details" not in drawn
    assert '<b>GPT</b><span class="subtitle">s</span>' in drawn


def test_a_block_of_an_unknown_type_is_named_rather_than_lost() -> None:
    assert "[video: not drawn here]" in draw({"type": "video"})


def test_an_accessory_image_stands_beside_and_an_element_of_an_unknown_type_is_named() -> None:
    image = {"type": "image", "image_url": "https://x.example/a.png", "alt_text": "logo"}

    assert ">logo</a>" in draw({"type": "section", "text": plain("t"), "accessory": image})
    assert "[datepicker: not drawn here]" in draw({"type": "actions", "elements": [{"type": "datepicker"}]})
