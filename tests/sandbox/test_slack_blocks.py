"""What Slack refuses in blocks: each limit, taken at it and refused past it; and which mentions are live."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from sandbox.slack.blocks import check_message
from sandbox.slack.mentions import live_mentions
from tests.sandbox.helpers import (
    actions,
    block,
    button,
    feedback,
    list_of,
    mrkdwn,
    option,
    overflow,
    plain,
    rich_text,
    words,
)

Block = dict[str, Any]
DIVIDER: Block = {"type": "divider"}


def section(text: int) -> Block:
    return block("section", text=mrkdwn(text))


def fields(count: int, length: int = 1) -> Block:
    return block("section", fields=[mrkdwn(length)] * count)


def markdown(text: str | int) -> Block:
    return block("markdown", text=text if isinstance(text, str) else "x" * text)


def buttons(*count: int, **rest: Any) -> Block:
    return actions(*[button(**rest)] * (count[0] if count else 1))


def menu(count: int = 1, **rest: Any) -> Block:
    return actions(overflow(*[option(**rest)] * count))


def select(count: int) -> Block:
    return actions({"type": "static_select", "options": [option()] * count})


def votes(count: int, **rest: str) -> Block:
    return {"type": "context_actions", "elements": [feedback(f"vote{at}", **rest) for at in range(count)]}


def confirmed(title: int) -> Block:
    asked = {"title": plain(title), "text": mrkdwn(300), "confirm": plain(30), "deny": plain(30)}
    return buttons(confirm=asked)


def container(*children: Block, **rest: Any) -> Block:
    return {"type": "container", "title": plain(5), "child_blocks": list(children), **rest}


def table(rows: int, columns: int, length: int = 1) -> Block:
    return {"type": "table", "rows": [[{"type": "raw_text", "text": "x" * length}] * columns] * rows}


def table_text(rows: int, columns: int) -> Block:
    line = "|" + "a|" * columns
    return markdown("\n".join([line, "|" + "-|" * columns, *[line] * (rows - 1)]))


def part(kind: str, *elements: Block, **rest: Any) -> Block:
    return rich_text(block(f"rich_text_{kind}", elements=list(elements), **rest))


def bullets(*texts: str, **rest: Any) -> Block:
    return rich_text(list_of(*texts, **rest))


def link(url: str, **rest: Any) -> Block:
    return part("section", {"type": "link", "url": url, **rest})


def cells(cell: Block) -> Block:
    return block("table", rows=[[cell]])


def in_container(*children: Block, **rest: Any) -> Block:
    return container(*children, is_collapsible=True, **rest)


INVALID, TOO_LONG = "invalid_blocks", "msg_blocks_too_long"
#: Blocks of a size, the largest size that Slack takes, and how it refuses one more.
LIMITS: dict[str, tuple[Callable[[int], list[Block]], int, str]] = {
    "blocks": (lambda n: [DIVIDER] * n, 50, INVALID),
    "section text": (lambda n: [section(n)], 3_000, INVALID),
    "section fields": (lambda n: [fields(n)], 10, INVALID),
    "field text": (lambda n: [fields(1, n)], 2_000, INVALID),
    "header": (lambda n: [block("header", text=plain(n))], 150, INVALID),
    "header level": (lambda n: [block("header", text=plain(1), level=n)], 4, INVALID),
    "context elements": (lambda n: [block("context", elements=[mrkdwn(1)] * n)], 10, INVALID),
    "actions": (lambda n: [buttons(n)], 25, INVALID),
    "button text": (lambda n: [buttons(text=plain(n))], 75, INVALID),
    "button value": (lambda n: [buttons(value="x" * n)], 2_000, INVALID),
    "overflow options": (lambda n: [menu(n)], 5, INVALID),
    "option text": (lambda n: [menu(text=plain(n))], 75, INVALID),
    "option value": (lambda n: [menu(value="x" * n)], 150, INVALID),
    "select options": (lambda n: [select(n)], 100, INVALID),
    "context actions": (lambda n: [votes(n)], 5, INVALID),
    "confirm title": (lambda n: [confirmed(n)], 100, INVALID),
    "action_id": (lambda n: [buttons(action_id="x" * n)], 255, INVALID),
    "block_id": (lambda n: [{**DIVIDER, "block_id": "x" * n}], 255, INVALID),
    "primary buttons": (lambda n: [buttons(n, style="primary")], 1, INVALID),
    "container children": (lambda n: [container(*[DIVIDER] * n)], 10, INVALID),
    "container title": (lambda n: [container(DIVIDER, title=plain(n))], 150, INVALID),
    "container subtitle": (lambda n: [container(DIVIDER, subtitle=mrkdwn(n))], 150, INVALID),
    "table rows": (lambda n: [table(n, 1)], 100, INVALID),
    "table columns": (lambda n: [table(1, n)], 20, INVALID),
    "table text": (lambda n: [table(10, 10, 99), in_container(table(1, 1, n))], 100, INVALID),
    "markdown table rows": (lambda n: [table_text(n, 1)], 100, INVALID),
    "markdown table columns": (lambda n: [table_text(2, n)], 20, INVALID),
    "markdown in all": (lambda n: [markdown(6_000), markdown(n)], 6_000, "msg_too_long"),
    "markdown expanded": (lambda n: [markdown("# a\n\n" * n)], 50, INVALID),
    "rich text's indent": (lambda n: [bullets("x", indent=n)], 8, INVALID),
    "rich text in all": (lambda n: [in_container(part("quote", words("x" * n)))] * 2, 5_665, TOO_LONG),
    "text in all": (lambda n: [*[section(3_000)] * 3, section(2_990), section(n)], 10, TOO_LONG),
}


@pytest.mark.parametrize(("build", "most", "error"), LIMITS.values(), ids=LIMITS)
def test_a_message_is_taken_at_the_limit_and_refused_past_it(
    build: Callable[[int], list[Block]], most: int, error: str
) -> None:
    assert check_message("text", build(most)) == []
    assert check_message("text", build(most + 1))[0]["error"] == error


@pytest.mark.parametrize(
    "faulty",
    [
        menu(0),
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
        container(votes(1)),
        {"type": "container", "child_blocks": [DIVIDER]},
        buttons(2, action_id="same"),
        buttons(text=mrkdwn(5)),
        menu(text=mrkdwn(5)),
        actions(feedback()),
        actions({"type": "static_select", "options": [option()], "option_groups": []}),
        {"type": "context_actions", "elements": [feedback("same"), feedback("same")]},
        {"type": "context_actions", "elements": [button()]},
        votes(1, up="x" * 2_001),
        {"type": "input", "label": plain(5), "element": {"type": "plain_text_input"}},
        rich_text(),
        part("section"),
        part("quote"),
        part("preformatted"),
        part("section", words("")),
        part("section", {**words(), "colour": "red"}),
        part("section", {**words(), "style": {"underline": True}}),
        part("section", {**words(), "style": {"bold": "yes"}}),
        part("section", mrkdwn("x")),
        part("preformatted", {"type": "user", "user_id": "U1"}),
        part("preformatted", words(), language=7),
        part("heading", words()),
        link("javascript:x"),
        link("http://[x"),
        link("https://a.example", text=""),
        bullets(),
        bullets(""),
        bullets("x", style="dash"),
        bullets("x", offset=-1),
        bullets("x", border=2),
        rich_text(list_of(elements=[words()])),
        cells({"type": "raw_text", "text": ""}),
        cells(rich_text()),
        cells(mrkdwn("x")),
        block("table", rows=[[]]),
        in_container(has_header_divider=True),
        in_container(block("card", title=plain(1))),
        container(DIVIDER, width="huge"),
        container(DIVIDER, rich_text_title=plain("x")),
    ],
)
def test_a_block_that_slack_does_not_know_so_is_refused(faulty: Block) -> None:
    assert {fault["error"] for fault in check_message("text", [faulty])} == {INVALID}


@pytest.mark.parametrize(
    "taken",
    [
        bullets("a", style="ordered", indent=1, offset=2, border=1),
        part("section", words("<!here> *x*\n", bold=True, italic=True, strike=True, code=True)),
        part(
            "preformatted", words("x"), {"type": "link", "url": "https://a.example"}, language="go", border=0
        ),
        part("quote", words(), border=1),
        link("mailto:a@b.example", text="write", style={"bold": True}),
        cells({"type": "raw_text", "text": " "}),
        cells(rich_text(list_of("a"))),
        in_container(part("section", words()), table(1, 1), menu(), default_collapsed=True, width="full"),
        container(DIVIDER, rich_text_title=part("section", words()), has_header_divider=True),
    ],
)
def test_rich_text_tables_and_containers_are_taken_as_the_docs_show_them(taken: Block) -> None:
    assert check_message("text", [taken]) == []


def test_a_second_table_is_refused_only_where_the_sandbox_is_told_so() -> None:
    blocks = [table(1, 1), in_container(table(1, 1)), table_text(1, 1)]

    assert check_message("text", blocks) == []
    (fault,) = check_message("text", blocks, one_table=True)
    assert (fault["error"], fault["message"]) == ("invalid_attachments", "only_one_table_allowed")
    assert check_message("text", blocks[:1], one_table=True) == []


def test_a_fault_names_its_place() -> None:
    (fault,) = check_message("text", [DIVIDER, buttons(value="x" * 2_001)])

    assert (fault["pointer"], fault["code"]) == ("/1/elements/0/value", "max_length")


def test_a_block_id_stands_once_in_a_message() -> None:
    named = {**DIVIDER, "block_id": "a"}

    faults = check_message("text", [named, container(named)])

    assert [fault["code"] for fault in faults] == ["duplicate_block_id"]


def test_a_message_needs_text_or_blocks() -> None:
    assert [fault["error"] for fault in check_message("", [])] == ["no_text"]


@pytest.mark.parametrize(
    "token",
    ["<!here>", "<!channel>", "<!everyone>", "<@U0MAYA00001>", "<@W0MAYA00001|maya>", "<!subteam^S0TEAM|x>"],
)
def test_a_token_is_live_wherever_slack_reads_it(token: str) -> None:
    in_object = [{"type": "section", "text": {**mrkdwn(token), "verbatim": True}}]

    found = [live_mentions(token, None), live_mentions("", [markdown(f"`{token}`")])]

    assert [*found, live_mentions("", in_object)] == [[token]] * 3


@pytest.mark.parametrize(
    ("said", "live"),
    [
        ({"type": "section", "text": mrkdwn("hello @here, mail me@channel.com")}, ["@here"]),
        ({"type": "section", "text": {**mrkdwn("hello @here"), "verbatim": True}}, []),
        ({"type": "header", "text": plain("<!here> @here")}, []),
        (markdown("&lt;!here&gt; <https://example.com>"), []),
        ({"type": "rich_text", "elements": [{"type": "text", "text": "<!here>"}]}, []),
        ({"type": "rich_text", "elements": [{"type": "broadcast", "range": "here"}]}, ["<!here>"]),
        ({"type": "rich_text", "elements": [{"type": "user", "user_id": "U1"}]}, ["<@U1>"]),
    ],
)
def test_what_else_is_live(said: Block, live: list[str]) -> None:
    assert live_mentions("&lt;!channel&gt; @channel me@here.com", [said]) == live
