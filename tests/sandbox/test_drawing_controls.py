"""What can be pressed, on the page and in a terminal."""

from __future__ import annotations

from typing import Any

from sandbox.channel.drawing import draw_message
from sandbox.channel.terminal import as_text


def plain(text: str) -> dict[str, str]:
    return {"type": "plain_text", "text": text}


def option(value: str) -> dict[str, Any]:
    return {"text": plain(value.title()), "value": value}


def row(*elements: dict[str, Any], kind: str = "actions") -> dict[str, Any]:
    return {"blocks": [{"type": kind, "block_id": "b", "elements": list(elements)}]}


OVERFLOW = {"type": "overflow", "action_id": "more", "options": [option("copy"), option("again")]}
SELECT = {
    "type": "static_select",
    "action_id": "pick",
    "placeholder": plain("Pick one"),
    "options": [option("one"), option("two")],
    "initial_option": option("two"),
}
FEEDBACK = {
    "type": "feedback_buttons",
    "action_id": "vote",
    "positive_button": {"text": plain("Good"), "value": "up"},
    "negative_button": {"text": plain("Bad"), "value": "down"},
}
TABS = [
    {"type": "button", "text": plain("GPT"), "action_id": "a", "style": "primary"},
    {"type": "button", "text": plain("Claude"), "action_id": "b"},
]


def test_an_overflow_menu_has_a_press_for_each_option() -> None:
    drawn = draw_message(row(OVERFLOW))

    assert drawn.count('data-action="more" data-block="b"') == 2
    assert 'data-value="copy">Copy</button>' in drawn
    assert 'aria-label="More actions"' in drawn


def test_a_select_shows_what_is_chosen() -> None:
    drawn = draw_message(row(SELECT))

    assert '<option value="two" selected>Two</option>' in drawn
    assert 'aria-label="Pick one"' in drawn


def test_thumbs_carry_their_values_and_keep_their_words() -> None:
    drawn = draw_message(row(FEEDBACK, kind="context_actions"))

    assert 'data-value="up" aria-label="Good"' in drawn
    assert 'data-value="down" aria-label="Bad"' in drawn


def test_a_button_that_asks_first_says_what() -> None:
    confirm = {"title": plain("Sure?"), "text": plain('It "costs"')}

    drawn = draw_message(row({**TABS[0], "confirm": confirm}))

    assert 'data-confirm="Sure?\nIt &#34;costs&#34;"' in drawn


def test_a_button_with_an_address_is_a_link_only_where_it_is_harmless() -> None:
    good, bad = (draw_message(row({**TABS[0], "url": url})) for url in ("https://a.example", "javascript:x"))

    assert 'href="https://a.example"' in good
    assert "javascript" not in bad


def test_a_section_may_have_a_menu_beside_it() -> None:
    section = {"type": "section", "block_id": "b", "text": plain("words"), "accessory": OVERFLOW}

    assert 'data-action="more" data-block="b"' in draw_message({"blocks": [section]})


def test_a_terminal_shows_tabs_menus_and_thumbs_in_words() -> None:
    blocks = [*row(*TABS, OVERFLOW, SELECT)["blocks"], *row(FEEDBACK, kind="context_actions")["blocks"]]

    assert as_text({"blocks": blocks}) == ("[GPT] [Claude] [⋯: Copy | Again] [Pick one: One | Two]\n\n👍 👎")
    assert "[\x1b[1mGPT\x1b[0m]" in as_text({"blocks": blocks}, colour=True)


def test_a_terminal_says_who_alone_sees_a_message() -> None:
    assert as_text({"text": "psst", "is_ephemeral": True}) == "(Only visible to one person)\npsst"
