"""Reading an answer: its Markdown, parsed once, becomes the tree."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any, Final, Literal

from markdown_it.token import Token

from .limits import LIST_INDENT
from .meaning.math import in_plain_signs
from .rules import TooDense, parser
from .tree import (
    BOLD,
    CODE,
    ITALIC,
    STRIKE,
    Code,
    Formula,
    Inline,
    Inlines,
    Link,
    Part,
    Parts,
    Prose,
    Reading,
    Table,
    Tag,
    Text,
)

#: Stands for a line across; the ``divider`` block belongs to the app.
RULE: Final = "———"

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


def read(markdown: str) -> Reading:
    """Read an answer, and apart from it what the model thought before."""
    thoughts, answer = _parted(tidy(markdown))
    return Reading(_parse(answer), tuple(_quoted(_parse(thoughts))))


def _parted(text: str) -> tuple[str, str]:
    """Part a model's reasoning from its answer; some models leave the first tag out, or the last."""
    if opened := _OPENED.match(text):
        thoughts, *answer = re.split(f"</{opened[1]}>", text[opened.end() :], maxsplit=1, flags=re.IGNORECASE)
        return thoughts, "".join(answer)
    closed = _CLOSED.search(text)
    if closed is None or f"<{closed[1]}".lower() in text.lower():
        return "", text
    return text[: closed.start()], text[closed.end() :]


def _parse(text: str) -> Parts:
    """Parse a text; one that only a machine could mean, too dense to be parsed, is code as a whole."""
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
    return tuple(_Reader(tokens).parts())


class _Reader:
    """Turns the parser's tokens into parts, one after the other."""

    def __init__(self, tokens: list[Token]) -> None:
        self._tokens = tokens
        self._at = 0
        children = (child for token in tokens for child in token.children or ())
        self._used = {str(child.meta["label"]) for child in _all(children) if "label" in child.meta}
        #: The line behind the last definition that is shown.
        self._shown_to = -1

    def parts(self) -> Iterator[Part]:
        """Read all parts up to the token that closes what they are in."""
        while self._at < len(self._tokens):
            token = self._next()
            if token.nesting < 0:
                return
            yield from self._part(token)

    def _next(self) -> Token:
        self._at += 1
        return self._tokens[self._at - 1]

    def _part(self, token: Token) -> Iterator[Part]:
        is_tight = token.type == "definition" and token.map is not None and token.map[0] == self._shown_to
        content = self._running(token)
        if content is not None:
            kind: Literal["heading", "text"] = "heading" if token.type == "heading_open" else "text"
            yield Prose(kind, content, is_tight=is_tight)
            return
        match token.type:
            case "blockquote_open":
                yield from _quoted(self.parts())
            case "bullet_list_open" | "ordered_list_open":
                yield from self._items(token, 0)
            case "table_open":
                yield self._table()
            case "fence" | "code_block":
                language = token.info.split(maxsplit=1)[0] if token.info.strip() else ""
                yield Code(token.content.removesuffix("\n"), language)
            case "formula":
                yield Code(token.content, "latex")

    def _running(self, token: Token) -> Inlines | None:
        """Return running text that begins with a token, () for nothing, None for another kind of part."""
        match token.type:
            case "paragraph_open" | "heading_open":
                content = _read_inline(self._children(), BOLD if token.type == "heading_open" else 0)
                # The token that closes it.
                self._at += 1
                return content
            case "definition":
                return self._definition(token)
            case "html_block":
                return (Text(token.content.strip("\n")),)
            case "hr":
                return (Text(RULE),)
            case "formula" if text := in_plain_signs(token.content):
                return (Text(text),)
        return None

    def _children(self) -> Iterator[Token]:
        return iter(self._next().children or ())

    def _definition(self, token: Token) -> Inlines:
        """Show a definition that no text refers to, or that is there already, as the text that it is."""
        name = token.meta["id"]
        if name in self._used:
            self._used.discard(name)
            return ()
        self._shown_to = token.map[1] if token.map else -1
        return (Text(token.content),)

    def _items(self, token: Token, indent: int) -> Iterator[Part]:
        number = int(token.attrs.get("start", 1)) if token.type == "ordered_list_open" else None
        while (token := self._next()).type == "list_item_open":
            yield from self._item(token.meta.get("checked"), indent, number)
            number = None if number is None else number + 1

    def _item(self, is_done: bool | None, indent: int, number: int | None) -> Iterator[Part]:
        """Read an item; the paragraphs that it begins with stay within it, what is nested follows."""
        content: Inlines = () if is_done is None else (Text("☑ " if is_done else "☐ "),)
        is_first = is_begun = True
        while (token := self._next()).nesting >= 0:
            running = self._running(token) if is_begun and token.type != "hr" else None
            if running is not None:
                content += (Text("\n"), *running) if running and not is_first else running
                is_first = is_first and not running
                continue
            is_list = token.type.endswith("list_open")
            if is_begun and (content or not is_list):
                yield Prose("item", content, min(indent, LIST_INDENT), number)
            is_begun = False
            yield from self._items(token, indent + 1) if is_list else self._part(token)
        if is_begun:
            yield Prose("item", content, min(indent, LIST_INDENT), number)

    def _table(self) -> Table:
        rows: list[list[Inlines]] = []
        aligns: list[str] = []
        while (token := self._next()).type != "table_close":
            if token.type == "tr_open":
                rows.append([])
            elif token.type in ("th_open", "td_open"):
                if token.type == "th_open":
                    aligns.append(str(token.attrs.get("style", "")).removeprefix("text-align:"))
                rows[-1].append(_read_inline(self._children()))
        return Table(tuple(map(tuple, rows)), tuple(aligns))


def _quoted(parts: Iterable[Part]) -> Iterator[Part]:
    """Put parts into a quote, which holds running text only; code and tables part it."""
    before: Part | None = None
    for part in parts:
        if not isinstance(part, Prose):
            yield part
        elif part.kind == "item":
            mark = "• " if part.number is None else f"{part.number}. "
            content = (Text("    " * part.indent + mark), *part.content)
            yield Prose("quote", content, is_tight=isinstance(before, Prose))
        else:
            is_tight = isinstance(before, Prose) and (before.kind == "heading" or part.is_tight)
            yield Prose("quote", part.content, is_tight=is_tight)
        before = part


def _all(tokens: Iterator[Token]) -> Iterator[Token]:
    for token in tokens:
        yield token
        yield from _all(iter(token.children or ()))


def _read_inline(tokens: Iterator[Token], style: int = 0) -> Inlines:
    """Read running text up to the end of a link, if it is within one."""
    content: list[Inline] = []
    around = style
    for token in tokens:
        kind, _, nesting = token.type.rpartition("_")
        if token.type == "link_close":
            break
        if token.type == "link_open":
            content.append(_link(token, _read_inline(tokens, style)))
        elif kind in _STYLES:
            style = style | _STYLES[kind] if nesting == "open" else style & ~_STYLES[kind] | around
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
