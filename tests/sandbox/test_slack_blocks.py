"""Each of Slack's limits: taken at the limit, refused one past it."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox.slack.blocks import check_message

Block = dict[str, Any]


def plain(length: int) -> Block:
    return {"type": "plain_text", "text": "x" * length}


def mrkdwn(length: int) -> Block:
    return {"type": "mrkdwn", "text": "x" * length}


def section(length: int) -> Block:
    return {"type": "section", "text": mrkdwn(length)}


def markdown(text: str) -> Block:
    return {"type": "markdown", "text": text}


def button(**fields: Any) -> Block:
    return {"type": "button", "text": plain(5), **fields}


def option(**fields: Any) -> Block:
    return {"text": plain(5), "value": "v", **fields}


def overflow(count: int, **fields: Any) -> Block:
    return {"type": "overflow", "action_id": "more", "options": [option(**fields)] * count}


def select(count: int) -> Block:
    return {"type": "static_select", "action_id": "pick", "options": [option()] * count}


def feedback(action_id: str, value: str = "up") -> Block:
    side = {"text": plain(4), "value": value}
    return {
        "type": "feedback_buttons",
        "action_id": action_id,
        "positive_button": side,
        "negative_button": side,
    }


def votes(count: int) -> Block:
    return {"type": "context_actions", "elements": [feedback(f"vote{at}") for at in range(count)]}


def confirm(length: int) -> Block:
    return {"title": plain(length), "text": mrkdwn(300), "confirm": plain(30), "deny": plain(30)}


def actions(*elements: Block) -> Block:
    return {"type": "actions", "elements": list(elements)}


def container(*children: Block, **fields: Any) -> Block:
    return {"type": "container", "title": plain(5), "child_blocks": list(children), **fields}


def table(rows: int, columns: int, length: int = 1) -> Block:
    cell = {"type": "raw_text", "text": "x" * length}
    return {"type": "table", "rows": [[cell] * columns] * rows}


def table_text(rows: int, columns: int) -> str:
    line = "|" + "a|" * columns
    return "\n".join([line, "|" + "-|" * columns, *[line] * (rows - 1)])


DIVIDER: Block = {"type": "divider"}
LIMITS: dict[str, tuple[list[Block], list[Block], str]] = {
    "blocks": ([DIVIDER] * 50, [DIVIDER] * 51, "invalid_blocks"),
    "section text": ([section(3_000)], [section(3_001)], "invalid_blocks"),
    "section fields": (
        [{"type": "section", "fields": [mrkdwn(1)] * 10}],
        [{"type": "section", "fields": [mrkdwn(1)] * 11}],
        "invalid_blocks",
    ),
    "field text": (
        [{"type": "section", "fields": [mrkdwn(2_000)]}],
        [{"type": "section", "fields": [mrkdwn(2_001)]}],
        "invalid_blocks",
    ),
    "header": (
        [{"type": "header", "text": plain(150), "level": 4}],
        [{"type": "header", "text": plain(151)}],
        "invalid_blocks",
    ),
    "header level": (
        [{"type": "header", "text": plain(1), "level": 1}],
        [{"type": "header", "text": plain(1), "level": 5}],
        "invalid_blocks",
    ),
    "context elements": (
        [{"type": "context", "elements": [mrkdwn(1)] * 10}],
        [{"type": "context", "elements": [mrkdwn(1)] * 11}],
        "invalid_blocks",
    ),
    "actions": ([actions(*[button()] * 25)], [actions(*[button()] * 26)], "invalid_blocks"),
    "button text": ([actions(button(text=plain(75)))], [actions(button(text=plain(76)))], "invalid_blocks"),
    "button value": (
        [actions(button(value="x" * 2_000))],
        [actions(button(value="x" * 2_001))],
        "invalid_blocks",
    ),
    "overflow options": ([actions(overflow(5))], [actions(overflow(6))], "invalid_blocks"),
    "overflow's least options": ([actions(overflow(1))], [actions(overflow(0))], "invalid_blocks"),
    "option text": (
        [actions(overflow(1, text=plain(75)))],
        [actions(overflow(1, text=plain(76)))],
        "invalid_blocks",
    ),
    "option value": (
        [actions(overflow(1, value="x" * 150))],
        [actions(overflow(1, value="x" * 151))],
        "invalid_blocks",
    ),
    "select options": ([actions(select(100))], [actions(select(101))], "invalid_blocks"),
    "context actions": ([votes(5)], [votes(6)], "invalid_blocks"),
    "confirm title": (
        [actions(button(confirm=confirm(100)))],
        [actions(button(confirm=confirm(101)))],
        "invalid_blocks",
    ),
    "action_id": (
        [actions(button(action_id="x" * 255))],
        [actions(button(action_id="x" * 256))],
        "invalid_blocks",
    ),
    "block_id": (
        [{**DIVIDER, "block_id": "x" * 255}],
        [{**DIVIDER, "block_id": "x" * 256}],
        "invalid_blocks",
    ),
    "primary buttons": (
        [actions(button(style="primary"), button())],
        [actions(button(style="primary"), button(style="primary"))],
        "invalid_blocks",
    ),
    "container children": (
        [container(*[DIVIDER] * 10)],
        [container(*[DIVIDER] * 11)],
        "invalid_blocks",
    ),
    "table rows": ([table(100, 1)], [table(101, 1)], "invalid_blocks"),
    "table columns": ([table(1, 20)], [table(1, 21)], "invalid_blocks"),
    "table text": ([table(10, 10, 100)], [table(10, 10, 100), table(1, 1)], "invalid_blocks"),
    "markdown table rows": ([markdown(table_text(100, 1))], [markdown(table_text(101, 1))], "invalid_blocks"),
    "markdown table columns": (
        [markdown(table_text(2, 20))],
        [markdown(table_text(2, 21))],
        "invalid_blocks",
    ),
    "markdown in all": (
        [markdown("x" * 6_000), markdown("x" * 6_000)],
        [markdown("x" * 6_000), markdown("x" * 6_001)],
        "msg_too_long",
    ),
    "markdown expanded": (
        [markdown("# a\n\n" * 50)],
        [markdown("# a\n\n" * 51)],
        "invalid_blocks",
    ),
    "text in all blocks": ([section(3_000)] * 4, [*[section(3_000)] * 4, section(1)], "msg_blocks_too_long"),
}


@pytest.mark.parametrize("limit", LIMITS)
def test_a_message_is_taken_at_the_limit_and_refused_past_it(limit: str) -> None:
    at_the_limit, past_it, error = LIMITS[limit]

    faults = check_message("text", past_it)

    assert check_message("text", at_the_limit) == []
    assert faults[0]["error"] == error


@pytest.mark.parametrize(
    "block",
    [
        {"type": "unheard_of"},
        {"type": "alert", "text": plain(5)},
        {"no": "type"},
        {"type": "section"},
        {"type": "divider", "text": plain(5)},
        {"type": "header", "text": mrkdwn(5)},
        {"type": "section", "text": plain(0)},
        {"type": "section", "text": {**plain(5), "verbatim": True}},
        {"type": "section", "text": "a string"},
        container(markdown("hello")),
        container(container(DIVIDER)),
        container(DIVIDER, default_collapsed=True),
        container(DIVIDER, is_collapsible=True, has_header_divider=True),
        {"type": "container", "child_blocks": [DIVIDER]},
        actions(button(action_id="same"), button(action_id="same")),
        actions({"type": "button", "text": mrkdwn(5)}),
        actions(overflow(1, text=mrkdwn(5))),
        actions(feedback("vote")),
        actions({"type": "static_select", "options": [option()], "option_groups": []}),
        container(votes(1)),
        {"type": "context_actions", "elements": [feedback("same"), feedback("same")]},
        {"type": "context_actions", "elements": [feedback("vote", value="x" * 2_001)]},
        {"type": "context_actions", "elements": [button()]},
        {"type": "input", "label": plain(5), "element": {"type": "plain_text_input"}},
    ],
)
def test_a_block_that_slack_does_not_know_so_is_refused(block: Block) -> None:
    faults = check_message("text", [block])

    assert [fault["error"] for fault in faults] != []
    assert {fault["error"] for fault in faults} == {"invalid_blocks"}


def test_a_fault_names_its_place() -> None:
    (fault,) = check_message("text", [DIVIDER, actions(button(value="x" * 2_001))])

    assert fault["pointer"] == "/1/elements/0/value"
    assert fault["code"] == "max_length"


def test_a_block_id_stands_once_in_a_message() -> None:
    blocks = [{**DIVIDER, "block_id": "a"}, container({**DIVIDER, "block_id": "a"})]

    faults = check_message("text", blocks)

    assert [fault["code"] for fault in faults] == ["duplicate_block_id"]


def test_a_message_needs_text_or_blocks() -> None:
    faults = check_message("", [])

    assert [fault["error"] for fault in faults] == ["no_text"]
