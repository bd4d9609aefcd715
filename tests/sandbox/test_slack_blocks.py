"""Slack's limits on blocks, each accepted at the limit and refused past it; and which mentions are live."""

from collections.abc import Callable
from typing import Any

import pytest

from sandbox.slack.blocks import check_message
from sandbox.slack.mentions import live_mentions
from tests.sandbox import helpers
from tests.sandbox.helpers import (
    DIVIDER,
    actions,
    block,
    button,
    container,
    context_actions,
    feedback,
    list_of,
    markdown,
    mrkdwn,
    option,
    plain,
    rich_text,
    words,
)

Block = dict[str, Any]


def section(text: int) -> Block:
    return block("section", text=mrkdwn(text))


def fields(count: int, length: int = 1) -> Block:
    return block("section", fields=[mrkdwn(length)] * count)


def buttons(count: int = 1, **rest: Any) -> Block:
    return actions(*[button(**rest)] * count)


def menu(count: int = 1, **rest: Any) -> Block:
    return actions(helpers.overflow(*[option(**rest)] * count))


def select(count: int, **rest: Any) -> Block:
    return actions({"type": "static_select", "options": [option()] * count, **rest})


def votes(count: int, **rest: str) -> Block:
    return context_actions(*[feedback(f"vote{at}", **rest) for at in range(count)])


def confirmed(title: int) -> Block:
    asked = {"title": plain(title), "text": mrkdwn(300), "confirm": plain(30), "deny": plain(30)}
    return buttons(confirm=asked)


def table(rows: int, columns: int, length: int = 1) -> Block:
    return block("table", rows=[[{"type": "raw_text", "text": "x" * length}] * columns] * rows)


def markdown_table(rows: int, columns: int) -> Block:
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


def folded(*children: Block, **rest: Any) -> Block:
    return container(*children, is_collapsible=True, **rest)


INVALID, TOO_LONG = "invalid_blocks", "msg_blocks_too_long"
#: Blocks of a size, the largest size that Slack accepts, and its error for one more.
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
    "table text": (lambda n: [table(10, 10, 99), folded(table(1, 1, n))], 100, INVALID),
    "markdown table rows": (lambda n: [markdown_table(n, 1)], 100, INVALID),
    "markdown table columns": (lambda n: [markdown_table(2, n)], 20, INVALID),
    "markdown in all": (lambda n: [markdown(6_000), markdown(n)], 6_000, "msg_too_long"),
    "markdown expanded": (lambda n: [markdown("# a\n\n" * n)], 50, INVALID),
    "rich text's indent": (lambda n: [bullets("x", indent=n)], 8, INVALID),
    "rich text in all": (lambda n: [folded(part("quote", words("x" * n)))] * 2, 5_667, TOO_LONG),
    "text in all": (lambda n: [*[section(3_000)] * 3, section(2_990), section(n)], 10, TOO_LONG),
}


@pytest.mark.parametrize(("build", "most", "error"), LIMITS.values(), ids=LIMITS)
def test_a_message_is_accepted_at_the_limit_and_refused_past_it(build, most, error):
    assert check_message("text", build(most)) == []
    assert check_message("text", build(most + 1))[0]["error"] == error


@pytest.mark.parametrize(
    "faulty",
    [
        *[{"no": "type"}, block("unheard_of"), block("alert", text=plain(5)), block("section")],
        *[block("divider", text=plain(5)), block("header", text=mrkdwn(5)), block("table", rows=[[]])],
        *[section(0), block("section", text={**plain(5), "verbatim": True}), block("section", text="x")],
        *[container(each) for each in (markdown("hello"), container(DIVIDER), votes(1))],
        block("container", child_blocks=[DIVIDER]),
        container(DIVIDER, default_collapsed=True),
        container(DIVIDER, width="huge"),
        container(DIVIDER, rich_text_title=plain("x")),
        folded(DIVIDER, has_header_divider=True),
        folded(block("card", title=plain(1))),
        *[buttons(2, action_id="same"), buttons(text=mrkdwn(5)), menu(0), menu(text=mrkdwn(5))],
        *[actions(feedback()), select(1, option_groups=[])],
        *[context_actions(feedback(), feedback()), context_actions(button()), votes(1, up="x" * 2_001)],
        helpers.text_input(),
        *[rich_text(), part("section"), part("quote"), part("preformatted"), part("heading", words())],
        *[part("section", each) for each in (words(""), {**words(), "colour": "red"}, mrkdwn("x"))],
        *[part("section", {**words(), "style": style}) for style in ({"underline": True}, {"bold": "yes"})],
        part("preformatted", {"type": "user", "user_id": "U1"}),
        part("preformatted", words(), language=7),
        *[link("javascript:x"), link("http://[x"), link("https://a.example", text="")],
        *[bullets(), bullets(""), rich_text(list_of(elements=[words()]))],
        *[bullets("x", **wrong) for wrong in ({"style": "dash"}, {"offset": -1}, {"border": 2})],
        *[cells(each) for each in ({"type": "raw_text", "text": ""}, rich_text(), mrkdwn("x"))],
    ],
)
def test_an_invalid_block_is_refused(faulty):
    assert {fault["error"] for fault in check_message("text", [faulty])} == {INVALID}


@pytest.mark.parametrize(
    "valid",
    [
        bullets("a", style="ordered", indent=1, offset=2, border=1),
        part("section", words("<!here> *x*\n", bold=True, italic=True, strike=True, code=True)),
        part("preformatted", words("x"), block("link", url="https://a.example"), language="go", border=0),
        part("quote", words(), border=1),
        link("mailto:a@b.example", text="write", style={"bold": True}),
        cells({"type": "raw_text", "text": " "}),
        cells(rich_text(list_of("a"))),
        folded(part("section", words()), table(1, 1), menu(), default_collapsed=True, width="full"),
        container(DIVIDER, rich_text_title=part("section", words()), has_header_divider=True),
    ],
)
def test_rich_text_tables_and_containers_are_accepted_as_the_docs_show_them(valid):
    assert check_message("text", [valid]) == []


def test_a_second_table_is_refused_only_with_its_setting():
    blocks = [table(1, 1), folded(table(1, 1)), markdown_table(1, 1)]

    (fault,) = check_message("text", blocks, one_table=True)

    assert check_message("text", blocks) == check_message("text", blocks[:1], one_table=True) == []
    assert (fault["error"], fault["message"]) == ("invalid_attachments", "only_one_table_allowed")


def test_a_fault_has_a_pointer_and_a_code():
    named = {**DIVIDER, "block_id": "a"}

    (too_long,) = check_message("text", [DIVIDER, buttons(value="x" * 2_001)])
    (repeated,) = check_message("text", [named, container(named)])
    (empty,) = check_message("", [])

    assert (too_long["pointer"], too_long["code"]) == ("/1/elements/0/value", "max_length")
    assert (repeated["code"], empty["error"]) == ("duplicate_block_id", "no_text")


@pytest.mark.parametrize(
    "token",
    ["<!here>", "<!channel>", "<!everyone>", "<@U0MAYA00001>", "<@W0MAYA00001|maya>", "<!subteam^S0TEAM|x>"],
)
def test_a_token_is_live_in_text_mrkdwn_and_markdown(token):
    verbatim = block("section", text={**mrkdwn(token), "verbatim": True})

    found = [live_mentions("", [each]) for each in (markdown(f"`{token}`"), verbatim)]

    assert [live_mentions(token, None), *found] == [[token]] * 3


@pytest.mark.parametrize(
    ("each", "live"),
    [
        (block("section", text=mrkdwn("hello @here, mail me@channel.com")), ["@here"]),
        (block("section", text={**mrkdwn("hello @here"), "verbatim": True}), []),
        (block("header", text=plain("<!here> @here")), []),
        (markdown("&lt;!here&gt; <https://example.com>"), []),
        (rich_text(words("<!here>")), []),
        (rich_text({"type": "broadcast", "range": "here"}), ["<!here>"]),
        (rich_text({"type": "user", "user_id": "U1"}), ["<@U1>"]),
    ],
)
def test_other_live_mentions(each, live):
    assert live_mentions("&lt;!channel&gt; @channel me@here.com", [each]) == live
