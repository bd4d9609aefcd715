"""Reading an answer: its Markdown, parsed once, becomes the tree."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from markdown_it.token import Token

from .rules import TooDense, parser
from .tree import (
    BOLD,
    CODE,
    ITALIC,
    STRIKE,
    Block,
    Blocks,
    Code,
    Formula,
    Heading,
    Inline,
    Inlines,
    Item,
    Link,
    Listing,
    Paragraph,
    Quote,
    Rule,
    Table,
    Tag,
    Text,
    Thinking,
)

#: Escape sequences that colour a terminal (ECMA-48, control sequences), and links and titles in one.
_TERMINAL = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b\n]*(?:\x07|\x1b\\)?|[@-Z\\^_])")
_LINE_ENDS = re.compile("\r\n?|[\x0b\x0c\x85\u2028\u2029]")
#: Controls, and what turns the direction of the text that follows: a host could be drawn from its end.
_CONTROLS = re.compile("[\x00-\x08\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ufeff]")
#: Halves of surrogate pairs, which UTF-8 can't carry.
_UNWRITABLE = re.compile("[\ud800-\udfff]")

#: More lines than these, of fewer characters than these on average, are no text that a model writes, and
#: would take long to parse. Code in one fence does not.
_MANY_LINES = 4_000
_SHORT_LINE = 12
_FENCE = re.compile(r"\s*(`{3,}|~{3,})([^`\n]*)\n(?P<code>.*)\n\1[`~]*\s*", re.DOTALL)

_OPENED = re.compile(r"\s*<(think|thinking|thought|reasoning)>", re.IGNORECASE)
_CLOSED = re.compile(r"^[ \t]*</(think|thinking|thought|reasoning)>", re.IGNORECASE | re.MULTILINE)
_TAG = re.compile(r"<(/?)([a-z][a-z0-9-]*)", re.IGNORECASE)
_CITATION = re.compile(r"\^?\d{1,4}")
_STYLES = {"strong": BOLD, "em": ITALIC, "s": STRIKE}


def tidy(text: str) -> str:
    """Return text with the line feed as its only line end, and without controls."""
    text = _LINE_ENDS.sub("\n", _TERMINAL.sub("", text))
    return _UNWRITABLE.sub("\ufffd", _CONTROLS.sub("", text))


def read(markdown: str) -> Blocks:
    """Read an answer; one that only a machine could mean, too dense to be parsed, is code as a whole."""
    text = _thinking_on_lines(tidy(markdown))
    if not text.strip():
        return ()
    if text.count("\n") > _MANY_LINES and len(text) < _SHORT_LINE * text.count("\n"):
        fence = _FENCE.fullmatch(text)
        return (Code(fence["code"], fence[2].strip()) if fence else Code(text.strip("\n")),)
    env: dict[str, Any] = {}
    try:
        tokens = parser().parse(text, env)
    except TooDense:
        return (Code(text.strip("\n")),)
    return _Reader(tokens).read()


def _thinking_on_lines(text: str) -> str:
    """Put the tags around a model's reasoning on lines of their own; some models leave the first one out."""
    opening, closing = _OPENED.match(text), _CLOSED.search(text)
    if opening is None:
        if closing is None or f"<{closing[1]}".lower() in text.lower():
            return text
        start, name = 0, closing[1]
    else:
        start, name = opening.end(), opening[1]
        end = text.find(f"</{name}>", start)
        if end < 0:
            return f"<{name}>\n{text[start:]}"
        return f"<{name}>\n{text[start:end]}\n</{name}>\n{text[end + len(name) + 3 :]}"
    return f"<{name}>\n{text[start : closing.start()]}\n</{name}>\n{text[closing.end() :]}"


class _Reader:
    """Turns the parser's tokens into the tree, one after the other."""

    def __init__(self, tokens: list[Token]) -> None:
        self._tokens = tokens
        self._at = 0
        children = (child for token in tokens for child in token.children or ())
        self._used = {str(child.meta["label"]) for child in _all(children) if "label" in child.meta}
        self._defined: set[str] = set()
        #: The line behind the last definition that is shown.
        self._shown_to = -1

    def read(self) -> Blocks:
        """Read all blocks up to the one that closes what they are in."""
        blocks: list[Block] = []
        while self._at < len(self._tokens):
            token = self._tokens[self._at]
            self._at += 1
            if token.nesting < 0:
                break
            if token.type == "definition":
                self._add_definition(token, blocks)
            elif (block := self._block(token)) is not None:
                blocks.append(block)
        return tuple(blocks)

    def _block(self, token: Token) -> Block | None:
        match token.type:
            case "paragraph_open":
                return Paragraph(self._running())
            case "heading_open":
                return Heading(self._running())
            case "blockquote_open":
                return Quote(self.read())
            case "think_open":
                return Thinking(self.read())
            case "bullet_list_open" | "ordered_list_open":
                start = int(token.attrs.get("start", 1)) if token.type == "ordered_list_open" else None
                return Listing(tuple(self._items()), start)
            case "table_open":
                return self._table()
        return _leaf(token)

    def _running(self) -> Inlines:
        content = self._inline()
        # The token that closes it.
        self._at += 1
        return content

    def _add_definition(self, token: Token, blocks: list[Block]) -> None:
        """Keep a definition that no text refers to as the text that it is; one below another go together."""
        name = token.meta["id"]
        if name in self._used and name not in self._defined:
            self._defined.add(name)
            return
        first, behind = token.map or (0, 0)
        line = Text(token.content)
        last = blocks[-1] if blocks else None
        if first == self._shown_to and isinstance(last, Paragraph):
            blocks[-1] = Paragraph((*last.content, Text("\n"), line))
        else:
            blocks.append(Paragraph((line,)))
        self._shown_to = behind

    def _items(self) -> Iterator[Item]:
        while (token := self._tokens[self._at]).type == "list_item_open":
            self._at += 1
            yield Item(self.read(), token.meta.get("checked"))
        self._at += 1

    def _table(self) -> Table:
        rows: list[list[Inlines]] = []
        aligns: list[str] = []
        while (token := self._tokens[self._at]).type != "table_close":
            self._at += 1
            if token.type == "tr_open":
                rows.append([])
            elif token.type in ("th_open", "td_open"):
                if token.type == "th_open":
                    aligns.append(str(token.attrs.get("style", "")).removeprefix("text-align:"))
                rows[-1].append(self._inline())
        self._at += 1
        return Table(tuple(map(tuple, rows)), tuple(aligns))

    def _inline(self) -> Inlines:
        token = self._tokens[self._at]
        self._at += 1
        return _read_inline(iter(token.children or ()))


def _leaf(token: Token) -> Block | None:
    match token.type:
        case "fence" | "code_block":
            language = token.info.split(maxsplit=1)[0] if token.info.strip() else ""
            return Code(token.content.removesuffix("\n"), language)
        case "html_block":
            return Paragraph((Text(token.content.strip("\n")),))
        case "formula":
            return Paragraph((Formula(token.content),))
        case "hr":
            return Rule()
    return None


def _all(tokens: Iterator[Token]) -> Iterator[Token]:
    for token in tokens:
        yield token
        yield from _all(iter(token.children or ()))


def _read_inline(tokens: Iterator[Token], style: int = 0) -> Inlines:
    """Read running text up to the end of a link, if it is within one."""
    content: list[Inline] = []
    for token in tokens:
        kind, _, nesting = token.type.rpartition("_")
        if token.type == "link_close":
            break
        if token.type == "link_open":
            content.append(_link(token, _read_inline(tokens, style)))
        elif kind in _STYLES:
            style = style | _STYLES[kind] if nesting == "open" else style & ~_STYLES[kind]
        elif (read := _inline_leaf(token, style)) is not None:
            content.append(read)
    return tuple(content)


def _inline_leaf(token: Token, style: int) -> Inline | None:
    match token.type:
        case "image":
            label = _read_inline(iter(token.children or ()), style)
            return Link(str(token.attrs["src"]), label, token.meta.get("label", ""))
        case "html_inline":
            return _tag(token.content, style)
        case "formula":
            return Formula(token.content, style)
        case "softbreak" | "hardbreak":
            return Text("\n", style)
        case "code_inline":
            style |= CODE
    return Text(token.content, style) if token.content else None


def _link(token: Token, label: Inlines) -> Link:
    """Make a link; a citation (``[1]``) keeps its brackets."""
    reference = str(token.meta.get("label", ""))
    if len(label) == 1 and isinstance(label[0], Text) and reference and _CITATION.fullmatch(label[0].text):
        label = (Text(f"[{label[0].text}]", label[0].style),)
    return Link(str(token.attrs["href"]), label, reference)


def _tag(text: str, style: int) -> Tag:
    match = _TAG.match(text)
    return Tag(text, match[2].lower(), bool(match[1]), style) if match else Tag(text, "", style=style)
