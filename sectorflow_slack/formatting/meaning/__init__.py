"""Passes over the tree that turn what was written into what is meant: runs of text in Slack's few styles.

In order: HTML that is drawn, formulas, links, bare addresses; over the whole, what a model thought before
it answered goes below its answer.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from sectorflow_slack.formatting.tree import (
    Block,
    Blocks,
    Code,
    Formula,
    Heading,
    Inlines,
    Item,
    Listing,
    Paragraph,
    Quote,
    Runs,
    Table,
    Text,
    Thinking,
    joined,
)
from sectorflow_slack.formatting.words import Words

from .html import draw_tags
from .links import Links, link_addresses
from .math import as_text, in_plain_signs


def understand(blocks: Blocks, words: Words) -> Blocks:
    """Return the tree with runs only, and the reasoning, if there is any, apart below the answer."""
    meaning = _Meaning()
    answer = tuple(block for block in blocks if not isinstance(block, Thinking))
    thoughts = tuple(child for block in blocks if isinstance(block, Thinking) for child in block.children)
    apart = (Heading((Text(words.reasoning),)), Quote(meaning.blocks(thoughts))) if thoughts else ()
    return meaning.blocks(answer) + apart


@dataclass(slots=True)
class _Meaning:
    links: Links = field(default_factory=Links)

    def blocks(self, blocks: Blocks) -> Blocks:
        return tuple(map(self._block, blocks))

    def _block(self, block: Block) -> Block:
        match block:
            case Paragraph(content=(Formula(tex=tex),)):
                text = in_plain_signs(tex)
                return Paragraph((Text(text),)) if text else Code(tex, "latex")
            case Paragraph(content=content):
                return Paragraph(_stripped(self._runs(content)))
            case Heading(content=content):
                runs = self._runs(content)
                return Heading(tuple(replace(run, text=run.text.replace("\n", " ")) for run in runs))
            case Quote(children=children):
                return Quote(self.blocks(children))
            case Listing(items=items):
                return replace(
                    block, items=tuple(Item(self.blocks(each.children), each.is_done) for each in items)
                )
            case Table(rows=rows):
                cells = (tuple(self._runs(cell, in_cell=True) for cell in row) for row in rows)
                return replace(block, rows=tuple(cells))
        return block

    def _runs(self, content: Inlines, *, in_cell: bool = False) -> Runs:
        if len(content) == 1 and isinstance(content[0], Text) and ":" not in content[0].text:
            return content  # type: ignore[return-value]
        flat = self.links.resolve(as_text(draw_tags(content, in_cell=in_cell)))
        return joined(link_addresses(joined(flat)))


def _stripped(runs: Runs) -> Runs:
    """Return a paragraph without the ends of lines that tags have left at its beginning and its end."""
    if runs and runs[0].text[0] == "\n":
        runs = (replace(runs[0], text=runs[0].text.lstrip("\n")), *runs[1:])
    if runs and runs[-1].text[-1:] == "\n":
        runs = (*runs[:-1], replace(runs[-1], text=runs[-1].text.rstrip("\n")))
    return tuple(run for run in runs if run.text)
