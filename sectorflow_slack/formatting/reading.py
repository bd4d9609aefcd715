"""Reading an answer: its Markdown, parsed once, becomes the tree."""

from __future__ import annotations

import re
from bisect import bisect
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any, Final

from markdown_it.token import Token

from .block_rules import TooDense
from .limits import LIST_INDENT, TABLE_COLUMNS
from .meaning.links import Inline, Link, Links
from .meaning.tex import in_plain_signs, script
from .parsing import parser
from .tables import as_code
from .tree import BOLD, CODE, ITALIC, STRIKE, Code, Part, Parts, Prose, Runs, Table, Text, joined, plain
from .words import ENGLISH, Words

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
#: What other models write instead, at an answer's beginning.
_OTHER_TAGS = re.compile(r"(?:\[|◁)(/?)think(?:\]|▷)", re.IGNORECASE)
_CLOSED = re.compile(r"^[ \t]*</(think|thinking|thought|reasoning)>", re.IGNORECASE | re.MULTILINE)
_FENCES = re.compile(r"^ {0,3}(?:```|~~~)", re.MULTILINE)
_CITATION = re.compile(r"\^?\d{1,3}")
#: What GitHub makes of a quote that begins so.
_ALERT = re.compile(r"\[!(NOTE|TIP|IMPORTANT|WARNING|CAUTION)\]\s*")
_STYLES = {"strong": BOLD, "em": ITALIC, "s": STRIKE, "tt": CODE, "sub": 0, "sup": 0}


def tidy(text: str) -> str:
    """Return text with the line feed as its only line end, and without controls."""
    text = _LINE_ENDS.sub("\n", _TERMINAL.sub("", text))
    return _UNWRITABLE.sub("\ufffd", _CONTROLS.sub("", text))


def read(markdown: str, words: Words = ENGLISH) -> Parts:
    """Read an answer; what the model thought before it answered goes below, as a quote."""
    thoughts, answer = _parted(tidy(markdown))
    reasoning = tuple(_quoted(_parse(thoughts)))
    title = Prose("heading", (Text(words.reasoning, BOLD),))
    return (*_parse(answer), *((title, *reasoning) if reasoning else ()))


def _parted(text: str) -> tuple[str, str]:
    """Part a model's reasoning from its answer; some models leave the first tag out, or the last."""
    if text.lstrip()[:1] in ("[", "◁"):
        text = _OTHER_TAGS.sub(r"<\1think>", text) if _OTHER_TAGS.match(text.lstrip()) else text
    if opened := _OPENED.match(text):
        thoughts, *answer = re.split(f"</{opened[1]}>", text[opened.end() :], maxsplit=1, flags=re.IGNORECASE)
        return thoughts, "".join(answer)
    closed = _CLOSED.search(text)
    if closed is None or f"<{closed[1]}".lower() in text.lower():
        return "", text
    fences = [match.start() for match in _FENCES.finditer(text)]
    if bisect(fences, closed.start()) % 2 and len(fences) % 2 == 0:
        # Within code that is closed: the answer speaks of the tag.
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
        self._tokens = iter(tokens)
        self._links = Links()
        children = (child for token in tokens for child in token.children or ())
        self._used = {str(child.meta["label"]) for child in _all(children) if "label" in child.meta}
        #: The line behind the last definition that is shown.
        self._shown_to = -1

    def parts(self) -> Iterator[Part]:
        """Read all parts up to the token that closes what they are in.

        A list that begins further to the right than the one before it was meant to be in that one's last
        item: models write three blanks before it also below ``10.``, where CommonMark asks for four.
        """
        column: int | None = None
        for token in self._tokens:
            if token.nesting < 0:
                return
            if token.type.endswith("list_open"):
                begin = token.meta["column"]
                is_deeper = column is not None and begin > column + 1
                column = column if is_deeper else begin
                yield from self._items(token, int(is_deeper))
            else:
                column = None
                yield from self._part(token)

    def _part(self, token: Token) -> Iterator[Part]:
        match token.type:
            case "blockquote_open":
                yield from _quoted(self.parts())
            case "table_open":
                table = self._table()
                yield table if table.columns <= TABLE_COLUMNS else as_code(table)
            case "fence" | "code_block" if token.content.strip():
                yield Code(token.content.removesuffix("\n"), "".join(token.info.split()[:1]))
            case "formula" if not in_plain_signs(token.content):
                yield Code(token.content, "latex")
            case _:
                yield from self._paragraph(token)

    def _paragraph(self, token: Token) -> Iterator[Part]:
        is_tight = token.type == "definition" and token.map is not None and token.map[0] == self._shown_to
        runs = self._running(token) or ()
        if not plain(runs).strip():
            return
        if token.type == "heading_open":
            yield Prose("heading", tuple(replace(run, text=run.text.replace("\n", " ")) for run in runs))
        else:
            yield Prose("text", runs, is_tight=is_tight)

    def _running(self, token: Token) -> Runs | None:
        """Return running text that begins with a token, () for nothing, None for another kind of part."""
        match token.type:
            case "paragraph_open" | "heading_open":
                content = _inlines(next(self._tokens), BOLD if token.type == "heading_open" else 0)
                # The token that closes it.
                next(self._tokens)
                return _stripped(self._links.resolve(content))
            case "definition":
                return self._links.resolve(self._definition(token))
            case "html_block":
                return self._links.resolve((Text(token.content.strip("\n")),))
            case "hr":
                return (Text(RULE),)
            case "formula" if text := in_plain_signs(token.content):
                return (Text(text),)
        return None

    def _definition(self, token: Token) -> Runs:
        """Show a definition that no text refers to, or that is there already, as the text that it is."""
        name = token.meta["id"]
        if name in self._used:
            self._used.discard(name)
            return ()
        self._shown_to = token.map[1] if token.map else -1
        return (Text(token.content),)

    def _items(self, token: Token, indent: int) -> Iterator[Part]:
        """Read a list; its items keep the numbers that they were written with, unless all have the same."""
        number = 0 if token.type == "ordered_list_open" else None
        written = ""
        while (token := next(self._tokens)).type == "list_item_open":
            if number is not None:
                number = number + 1 if token.info == written else int(token.info)
                written = token.info
            yield from self._item(token.meta.get("checked"), indent, number)

    def _item(self, is_done: bool | None, indent: int, number: int | None) -> Iterator[Part]:
        """Read an item; the paragraphs that it begins with stay within it, what is nested follows."""
        runs: Runs = () if is_done is None else (Text("☑ " if is_done else "☐ "),)
        if number == 0:
            # Slack's lists begin with 1.
            runs, number = (Text("0. "), *runs), None
        between: Runs = ()
        token = next(self._tokens)
        while token.nesting >= 0 and token.type != "hr" and (running := self._running(token)) is not None:
            if running:
                runs += (*between, *running)
                between = (Text("\n"),)
            token = next(self._tokens)
        if runs or not token.type.endswith("list_open"):
            yield Prose("item", joined(runs) or (Text(" "),), min(indent, LIST_INDENT), number)
        while token.nesting >= 0:
            is_list = token.type.endswith("list_open")
            yield from self._items(token, indent + 1) if is_list else self._part(token)
            token = next(self._tokens)

    def _table(self) -> Table:
        rows: list[list[Runs]] = []
        aligns: list[str] = []
        while (token := next(self._tokens)).type != "table_close":
            if token.type == "tr_open":
                rows.append([])
            elif token.type in ("th_open", "td_open"):
                if token.type == "th_open":
                    aligns.append(str(token.attrs.get("style", "")).removeprefix("text-align:"))
                inline = next(self._tokens)
                rows[-1].append(self._links.resolve(_inlines(inline)) if inline.content else ())
        return Table(tuple(map(tuple, rows)), tuple(aligns))


def _stripped(runs: Runs) -> Runs:
    """Return a paragraph without the ends of lines that tags have left at its beginning and its end."""
    if runs and runs[0].text[:1] == "\n":
        runs = (replace(runs[0], text=runs[0].text.lstrip("\n")), *runs[1:])
    if runs and runs[-1].text[-1:] == "\n":
        runs = (*runs[:-1], replace(runs[-1], text=runs[-1].text.rstrip("\n")))
    return tuple(run for run in runs if run.text)


def _quoted(parts: Iterable[Part]) -> Iterator[Part]:
    """Put parts into a quote, which holds running text only; code and tables part it."""
    before: Part | None = None
    for part in parts:
        if not isinstance(part, Prose):
            yield part
        elif part.kind == "item":
            mark = "• " if part.number is None else f"{part.number}. "
            runs = joined((Text("    " * part.indent + mark), *part.runs))
            yield Prose("quote", runs, is_tight=isinstance(before, Prose))
        else:
            is_tight = isinstance(before, Prose) and (before.kind == "heading" or part.is_tight)
            runs = _alert(part.runs) if before is None else part.runs
            yield Prose("quote", runs, is_tight=is_tight)
        before = part


def _alert(runs: Runs) -> Runs:
    """Return the beginning of a quote, with the name of an alert in bold."""
    if (match := _ALERT.match(runs[0].text)) is None:
        return runs
    rest = Text("\n" * (len(runs) > 1 or match.end() < len(runs[0].text)) + runs[0].text[match.end() :])
    return joined((Text(match[1].capitalize(), BOLD), rest, *runs[1:]))


def _all(tokens: Iterator[Token]) -> Iterator[Token]:
    for token in tokens:
        yield token
        yield from _all(iter(token.children or ()))


def _inlines(inline: Token, style: int = 0) -> tuple[Inline, ...]:
    """Read running text, all of it in a style perhaps."""
    levels: list[list[Inline]] = [[]]
    links: list[Token] = []
    opened: dict[str, int] = defaultdict(int)
    for token in inline.children or ():
        kind = token.type.rpartition("_")[0]
        if token.type == "link_open":
            links.append(token)
            levels.append([])
        elif token.type == "link_close":
            label = tuple(levels.pop())
            levels[-1].append(_link(links.pop(), label))
        elif kind in _STYLES:
            opened[kind] += token.nesting
        if (leaf := _leaf(token, style, [kind for kind, count in opened.items() if count > 0])) is not None:
            levels[-1].append(leaf)
    return tuple(levels[0])


def _leaf(token: Token, style: int, within: Iterable[str]) -> Inline | None:
    for kind in within:
        style |= _STYLES[kind]
    match token.type:
        case "image":
            return Link(str(token.attrs["src"]), _inlines(token, style), token.meta.get("label", ""))
        case "formula":
            signs = in_plain_signs(token.content)
            tex = " ".join(token.content.split())
            return Text(signs, style) if signs else Text(tex, style | CODE)
        case "softbreak" | "hardbreak":
            return Text("\n", style)
        case "code_inline":
            style |= CODE
    mark = "_" if "sub" in within else "^" if "sup" in within else ""
    return Text(script(token.content, mark), style) if token.content else None


def _link(token: Token, label: tuple[Inline, ...]) -> Link:
    """Make a link; a citation (``[1]``) keeps its brackets."""
    reference = str(token.meta.get("label", ""))
    if len(label) == 1 and isinstance(label[0], Text) and _CITATION.fullmatch(label[0].text):
        label = (Text(f"[{label[0].text}]", label[0].style),)
    return Link(str(token.attrs["href"]), label, reference)
