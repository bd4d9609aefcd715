"""Slack's own text dialect, mrkdwn, read into nodes (docs.slack.dev, "Formatting message text")."""

from __future__ import annotations

import html
import re
from itertools import groupby

from sandbox.channel.nodes import PLAIN, Code, Inline, Inlines, Node, Nodes, Paragraph, Quote, Run, Styles
from sandbox.channel.tokens import ADDRESS, TOKEN, read_token, show_emoji

_FENCE = re.compile(r"```\n?(.+?)\n?```", re.DOTALL)
_QUOTED = re.compile(r"(?:&gt;|>) ?")
#: The syntax within a line. A mark opens and closes at a word's edge only, so that snake_case and
#: 2*3*4 stay as they are; tokens and addresses come first, so that marks in a link are ignored.
_SPECIAL = re.compile(
    rf"(?P<token>{TOKEN.pattern})|(?P<address>{ADDRESS.pattern})|`(?P<code>[^`\n]+)`"
    r"|(?<![\w*_~])(?:\*(?P<bold>\S|\S[^*\n]*\S)\*|_(?P<italic>\S|\S[^_\n]*\S)_|~(?P<strike>\S|\S[^~\n]*\S)~)"
    r"(?!\w)"
)


def read_mrkdwn(text: str) -> Nodes:
    """Read a mrkdwn text: paragraphs, quotes and fenced code."""
    nodes: list[Node] = []
    for index, part in enumerate(_FENCE.split(text)):
        if index % 2:
            nodes.append(Code(_without_tokens(part)))
        elif part.strip("\n"):
            nodes += _read_lines(part.strip("\n").split("\n"))
    return tuple(nodes)


def _read_lines(lines: list[str]) -> Nodes:
    nodes: list[Node] = []
    for quoted, group in groupby(lines, key=lambda line: _QUOTED.match(line) is not None):
        if quoted:
            text = "\n".join(_QUOTED.sub("", line, count=1) for line in group)
            nodes.append(Quote((Paragraph(read_inline(text)),)))
        else:
            nodes.append(Paragraph(read_inline("\n".join(group))))
    return tuple(nodes)


def read_inline(text: str, styles: Styles = PLAIN) -> Inlines:
    """Read inline mrkdwn: styles, code, links and mentions, entities decoded."""
    found: list[Inline] = []
    end = 0
    for special in _SPECIAL.finditer(text):
        found += _read_plain(text[end : special.start()], styles)
        found += _read_special(special, styles)
        end = special.end()
    return (*found, *_read_plain(text[end:], styles))


def _read_special(special: re.Match[str], styles: Styles) -> Inlines:
    match special.lastgroup:
        case "token":
            return (read_token(special[0], styles),)
        case "address":
            address = html.unescape(special[0])
            return (Run(address, styles, address),)
        case "code":
            return (Run(_without_tokens(special["code"]), styles | {"code"}),)
        case "bold" | "italic" | "strike" as style if style not in styles:
            return read_inline(special[style], styles | {style})
    # A style inside itself changes nothing; skipping it also bounds the depth.
    return _read_plain(special[0], styles)


def _read_plain(text: str, styles: Styles) -> Inlines:
    return (Run(show_emoji(html.unescape(text)), styles),) if text else ()


def _without_tokens(text: str) -> str:
    """Return code as Slack shows it: an address without its brackets, a mention unchanged."""
    return html.unescape(TOKEN.sub(lambda token: _shown(token[0]), text))


def _shown(token: str) -> str:
    read = read_token(token)
    return read.text if isinstance(read, Run) else token
