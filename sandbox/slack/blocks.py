"""Slack's limits on a whole message: the faults of its text and blocks.

Sources: docs.slack.dev (Block Kit reference, chat.postMessage); ``msg_blocks_too_long`` is not documented.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from sandbox.slack.block_types import HOME_BLOCKS, MESSAGE_BLOCKS
from sandbox.slack.markdown import Expansion, Table, expand
from sandbox.slack.rules import Fault, Faults, fault, items, typed

MAX_BLOCKS = 50
MAX_HOME_BLOCKS = 100
#: All markdown blocks of a message together.
MAX_MARKDOWN = 12_000
#: All text in a message's blocks together. The conservative figure: Slack's staff name 12,000
#: characters, real messages were refused from about 13,200 on.
MAX_BLOCK_TEXT = 12_000
#: The same with rich text in it: one such message was refused at 11,341 characters.
MAX_RICH_BLOCK_TEXT = 11_340
MAX_TABLE_ROWS = 100
MAX_TABLE_COLUMNS = 20
#: All tables of a message together.
MAX_TABLE_TEXT = 10_000

_TEXT_FIELDS = ("text", "alt_text")


def check_message(text: str | None, blocks: Any, *, one_table: bool = False) -> list[Fault]:
    """Return the faults for which Slack would refuse a message.

    Reports differ on whether a message may have two tables: with ``one_table`` it may not.
    """
    if not blocks:
        return [] if text else [fault("/text", "missing_field", "no text", error="no_text")]
    faults: Faults = []
    items(typed(MESSAGE_BLOCKS), MAX_BLOCKS)(blocks, "", faults)
    if faults:
        return faults
    check_block_ids(blocks, faults)
    _check_markdown(blocks, faults, one_table=one_table)
    most = MAX_RICH_BLOCK_TEXT if _has_rich_text(blocks) else MAX_BLOCK_TEXT
    if sum(len(each) for each in block_texts(blocks)) > most:
        faults.append(fault("", "max_length", "the blocks' text is too long", error="msg_blocks_too_long"))
    return faults


def is_rich_text(blocks: list[dict[str, Any]] | None) -> bool:
    """Whether a message has a rich text block, which no update may remove.

    Rich text in a container does not count.
    """
    return any(block.get("type") == "rich_text" for block in blocks or ())


def check_home(blocks: Any) -> list[Fault]:
    """Return the faults for which Slack would refuse the blocks of a Home tab."""
    faults: Faults = []
    items(typed(HOME_BLOCKS), MAX_HOME_BLOCKS)(blocks, "", faults)
    if not faults:
        check_block_ids(blocks, faults)
    return faults


def block_texts(value: Any) -> Iterator[str]:
    """Yield every visible text in blocks."""
    if isinstance(value, list):
        for item in value:
            yield from block_texts(item)
    elif isinstance(value, dict):
        for name, item in value.items():
            if name in _TEXT_FIELDS and isinstance(item, str):
                yield item
            else:
                yield from block_texts(item)


def check_block_ids(blocks: list[dict[str, Any]], faults: Faults) -> None:
    """Refuse a repeated ``block_id`` (docs.slack.dev: unique in each message)."""
    inner = [child for block in blocks for child in block.get("child_blocks", [])]
    ids = Counter(block["block_id"] for block in [*blocks, *inner] if "block_id" in block)
    for block_id, count in ids.items():
        if count > 1:
            faults.append(fault("", "duplicate_block_id", f"block_id {block_id!r} already exists"))


def _has_rich_text(blocks: list[dict[str, Any]]) -> bool:
    return any(is_rich_text([block, *block.get("child_blocks", ())]) for block in blocks)


def _check_markdown(blocks: list[dict[str, Any]], faults: Faults, *, one_table: bool) -> None:
    texts = [block["text"] for block in blocks if block["type"] == "markdown"]
    if sum(map(len, texts)) > MAX_MARKDOWN:
        message = f"all markdown blocks together must be less than {MAX_MARKDOWN + 1} characters"
        faults.append(fault("", "max_length", message, error="msg_too_long"))
    expansions = [expand(text) for text in texts]
    _check_expansion(len(blocks) - len(texts), expansions, faults)
    tables = [table for each in expansions for table in each.tables]
    tables += [_measure(block) for block in _table_blocks(blocks)]
    _check_tables(tables, faults)
    if one_table and len(tables) > 1:
        faults.append(fault("", "max_items", "only_one_table_allowed", error="invalid_attachments"))


def _check_expansion(others: int, expansions: list[Expansion], faults: Faults) -> None:
    """Refuse a message that has too many blocks once Slack has turned Markdown into blocks of its own."""
    if others + sum(each.items for each in expansions) > MAX_BLOCKS:
        faults.append(fault("", "max_items", f"no more than {MAX_BLOCKS} items allowed after expansion"))


def _check_tables(tables: list[Table], faults: Faults) -> None:
    if any(table.rows > MAX_TABLE_ROWS for table in tables):
        faults.append(fault("", "max_items", f"a table has no more than {MAX_TABLE_ROWS} rows"))
    if any(table.columns > MAX_TABLE_COLUMNS for table in tables):
        faults.append(fault("", "max_items", f"a table has no more than {MAX_TABLE_COLUMNS} columns"))
    if sum(table.characters for table in tables) > MAX_TABLE_TEXT:
        message = f"all tables together must be less than {MAX_TABLE_TEXT + 1} characters"
        faults.append(fault("", "max_length", message))


def _table_blocks(blocks: list[dict[str, Any]]) -> list[dict[str, Any]]:
    inner = [child for block in blocks for child in block.get("child_blocks", [])]
    return [block for block in [*blocks, *inner] if block["type"] == "table"]


def _measure(block: dict[str, Any]) -> Table:
    rows = block["rows"]
    return Table(len(rows), max(map(len, rows)), sum(map(len, block_texts(rows))))
