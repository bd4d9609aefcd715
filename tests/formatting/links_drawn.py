"""The links that a reader sees in a message's Markdown, read apart from the code that writes them."""

from __future__ import annotations

from collections.abc import Iterator

from markdown_it import MarkdownIt
from markdown_it.token import Token

#: Follows nested blocks and brackets farther than the service's own parsers.
_PARSER = MarkdownIt("commonmark", {"html": False, "maxNesting": 100}).enable(["table", "strikethrough"])


def links_drawn(markdown: str) -> Iterator[tuple[str, str]]:
    """Give the words and the target of each link, and of each image, which Slack draws as a link."""
    for token in _PARSER.parse(markdown):
        yield from _links(token.children or [])


def _links(tokens: list[Token]) -> Iterator[tuple[str, str]]:
    opened: list[int] = []
    for at, token in enumerate(tokens):
        if token.type == "image":
            yield token.content, str(token.attrs["src"])
        if token.type == "link_open":
            opened.append(at)
        elif token.type == "link_close":
            first = opened.pop()
            yield "".join(each.content for each in tokens[first:at]), str(tokens[first].attrs["href"])
