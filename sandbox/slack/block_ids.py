"""The ids that Slack assigns to blocks and elements without one (docs.slack.dev, Block Kit)."""

from __future__ import annotations

from typing import Any

Block = dict[str, Any]


def with_ids(blocks: list[Block]) -> list[Block]:
    """Return blocks with a ``block_id`` each and elements with an ``action_id``; ids are deterministic.

    Markdown blocks have none (docs.slack.dev, markdown block).
    """
    return [_filled(block, f"b{index}") for index, block in enumerate(blocks)]


def _filled(block: Block, own_id: str) -> Block:
    filled = dict(block)
    if block.get("type") != "markdown":
        filled.setdefault("block_id", own_id)
    for name in ("elements", "child_blocks"):
        parts = block.get(name)
        if isinstance(parts, list) and block.get("type") != "rich_text":
            filled[name] = [
                _filled(part, f"{own_id}-{index}") if name == "child_blocks" else _named(part, index)
                for index, part in enumerate(parts)
            ]
    for name in ("accessory", "element"):
        if name in block:
            filled[name] = _named(block[name], 0)
    return filled


def _named(element: Block, index: int) -> Block:
    """Return an interactive element with an ``action_id``; texts and images have none."""
    if element.get("type") in ("plain_text", "mrkdwn", "image", "card"):
        return element
    return {"action_id": f"a{index}", **element}
