"""A message as a person reads it in a terminal."""

from __future__ import annotations

from typing import Any

from sandbox.channel.nodes import Names
from sandbox.channel.terminal import WIDTH, as_text

RULE = "─" * WIDTH


def plain(text: str) -> dict[str, str]:
    return {"type": "plain_text", "text": text}


def answer(name: str, text: str) -> list[dict[str, Any]]:
    return [
        {"type": "header", "text": plain(name)},
        {"type": "markdown", "text": text},
    ]


def markdown(text: str) -> str:
    return as_text({"blocks": [{"type": "markdown", "text": text}]})


def test_five_answers_stand_apart_in_their_order() -> None:
    models = ["GPT-4o", "Claude", "Gemini", "Llama", "Mistral"]
    blocks: list[dict[str, Any]] = []
    for name in models:
        blocks += [{"type": "divider"}, *answer(name, f"A *joke* by {name}.")]

    text = as_text({"text": "fallback", "blocks": blocks[1:]})

    assert text == f"\n\n{RULE}\n\n".join(f"{name}\n\nA joke by {name}." for name in models)


def test_headings_are_bold_only_where_colour_is_asked_for() -> None:
    message = {"blocks": answer("GPT-4o", "hi")}

    assert as_text(message, colour=True) == "\x1b[1mGPT-4o\x1b[0m\n\nhi"
    assert as_text(message) == "GPT-4o\n\nhi"


def test_mentions_are_shown_by_name() -> None:
    names = Names(users={"U1": "Maya"}, channels={"C1": "general"})

    assert as_text({"text": "<@U1> in <#C1>, <!here>"}, names) == "@Maya in #general, @here"


def test_a_link_shows_where_it_leads() -> None:
    assert (
        markdown("[docs](https://a.example) https://b.example")
        == "docs (https://a.example) https://b.example"
    )


def test_code_is_indented_and_inline_code_keeps_its_marks() -> None:
    assert markdown("Use `x`:\n```python\nif x:\n    y()\n```") == "Use `x`:\n\n    if x:\n        y()"


def test_lists_are_marked_and_what_hangs_under_an_item_is_indented() -> None:
    assert markdown("1. a\n2. b\n   - c\n     d\n- [x] e") == "1. a\n2. b\n   • c\n     d\n\n[x] e"


def test_tables_are_aligned_wide_characters_included() -> None:
    assert markdown("| a | b |\n|--|--|\n| 日本 | 1 |\n| x | 22 |") == (
        "a    │ b\n─────┼───\n日本 │ 1\nx    │ 22"
    )


def test_quotes_stand_behind_a_bar() -> None:
    assert markdown("> a\n>\n> b") == "│ a\n│ \n│ b"


def test_other_blocks_say_what_they_are() -> None:
    blocks: list[dict[str, Any]] = [
        {"type": "context", "elements": [{"type": "mrkdwn", "text": "*4* s"}, plain("x")]},
        {"type": "actions", "elements": [{"type": "button", "text": plain("Retry")}]},
        {"type": "image", "image_url": "https://a.example/i.png", "alt_text": "chart"},
        {"type": "section", "fields": [{"type": "mrkdwn", "text": "f1"}, {"type": "mrkdwn", "text": "f2"}]},
        {
            "type": "container",
            "title": plain("GPT"),
            "child_blocks": [
                {
                    "type": "section",
                    "text": {"type": "mrkdwn", "text": "in"},
                    "accessory": {"type": "image", "alt_text": "logo"},
                }
            ],
        },
        {"type": "video"},
    ]

    text = as_text({"blocks": blocks})

    assert text == (
        "4 s x\n\n[Retry]\n\n[image: chart] https://a.example/i.png\n\nf1\nf2\n\n"
        "GPT\n  in\n\n  [image: logo]\n\n[video: not drawn here]"
    )
