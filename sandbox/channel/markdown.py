"""The ``markdown`` block's text, standard Markdown, read into nodes (docs.slack.dev, markdown block).

As in Slack, headings lose their levels, images become links, HTML is text, and mrkdwn's tokens are live.
"""

from __future__ import annotations

import re

from markdown_it import MarkdownIt
from markdown_it.rules_inline import StateInline
from markdown_it.tree import SyntaxTreeNode

from sandbox.channel.nodes import (
    PLAIN,
    Code,
    Heading,
    Inlines,
    Item,
    Listing,
    Node,
    Nodes,
    Paragraph,
    Quote,
    Rule,
    Run,
    Style,
    Styles,
    Table,
)
from sandbox.channel.tokens import TOKEN, link_addresses, read_token

_STYLES: dict[str, Style] = {"strong": "bold", "em": "italic", "s": "strike"}
_TASK = re.compile(r"\[([ xX])\][ \n]")


def read_markdown(text: str) -> Nodes:
    """Read a text in standard Markdown."""
    return _read_blocks(SyntaxTreeNode(_MARKDOWN.parse(text)).children)


def _take_token(state: StateInline, silent: bool) -> bool:
    """Parse one of Slack's live tokens (the signature of markdown-it's rules)."""
    token = TOKEN.match(state.src, state.pos, state.posMax)
    if token is None:
        return False
    if not silent:
        state.push("slack_token", "", 0).content = token[0]
    state.pos = token.end()
    return True


def _parser() -> MarkdownIt:
    parser = MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"])
    parser.inline.ruler.before("autolink", "slack_token", _take_token)
    return parser


_MARKDOWN = _parser()


def _read_blocks(tree: list[SyntaxTreeNode]) -> Nodes:
    return tuple(_read_block(node) for node in tree)


def _read_block(node: SyntaxTreeNode) -> Node:
    match node.type:
        case "heading":
            return Heading(_read_inlines(node))
        case "fence" | "code_block":
            return Code(node.content.rstrip("\n"), node.info.strip().partition(" ")[0])
        case "blockquote":
            return Quote(_read_blocks(node.children))
        case "bullet_list":
            return Listing(tuple(_read_item(item) for item in node.children))
        case "ordered_list":
            items = tuple(_read_item(item) for item in node.children)
            return Listing(items, start=int(node.attrs.get("start", 1)))
        case "hr":
            return Rule()
        case "table":
            return _read_table(node)
    return Paragraph(_read_inlines(node))


def _read_item(node: SyntaxTreeNode) -> Item:
    children = _read_blocks(node.children)
    if not (children and isinstance(children[0], Paragraph)):
        return Item(children)
    first = children[0].content[0] if children[0].content else None
    task = _TASK.match(first.text) if isinstance(first, Run) and not first.url else None
    if task is None or not isinstance(first, Run):
        return Item(children)
    rest = Run(first.text[task.end() :], first.styles)
    return Item((Paragraph((rest, *children[0].content[1:])), *children[1:]), checked=task[1] != " ")


def _read_table(node: SyntaxTreeNode) -> Table:
    rows = [row for part in node.children for row in part.children]
    aligns = tuple(str(cell.attrs.get("style", "")).removeprefix("text-align:") for cell in rows[0].children)
    cells = tuple(tuple((Paragraph(_read_inlines(cell)),) for cell in row.children) for row in rows)
    return Table(cells, aligns)


def _read_inlines(node: SyntaxTreeNode) -> Inlines:
    return tuple(part for inline in node.children for part in _read_spans(inline, PLAIN, ""))


def _read_spans(node: SyntaxTreeNode, styles: Styles, url: str) -> Inlines:
    return tuple(part for child in node.children for part in _read_span(child, styles, url))


def _read_span(node: SyntaxTreeNode, styles: Styles, url: str) -> Inlines:
    match node.type:
        case "softbreak" | "hardbreak":
            return (Run("\n", styles, url),)
        case "code_inline":
            return (Run(node.content, styles | {"code"}, url),)
        case "strong" | "em" | "s":
            return _read_spans(node, styles | {_STYLES[node.type]}, url)
        case "link":
            return _read_spans(node, styles, str(node.attrs["href"]))
        case "image":
            source = str(node.attrs["src"])
            return (Run(node.content or source, styles, source),)
        case "slack_token":
            return (read_token(node.content, styles),)
    return _read_text(node.content, styles, url)


def _read_text(text: str, styles: Styles, url: str) -> Inlines:
    return (Run(text, styles, url),) if url else link_addresses(text, styles)
