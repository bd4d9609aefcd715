"""Links that say where they lead.

A link whose words look like an address of another host than the one it leads to gets that host in
parentheses, and a link by reference (``[label][1]``) is written out, since the message that it stands in
may not be the one with its definition.
"""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Iterator
from urllib.parse import urlsplit

from markdown_it.common.utils import normalizeReference

from .escaping import code_ranges
from .parsing import link_references

_LABEL = r"\[(?P<label>(?:\\.|[^\[\]\\]|\[[^\[\]]{0,100}\]){1,2000}+)\]"
_TARGET = r"\(\s*+(?:<(?P<angled>[^<>\n]{1,2000})>|(?P<bare>(?:[^\s<>()]|\([^\s<>()]{0,200}\)){1,2000}+))"
_LINK = re.compile(rf"{_LABEL}(?:{_TARGET}|\[(?P<reference>[^\[\]]{{0,200}})\]|(?![(:\[]))", re.DOTALL)
_CLAIM = re.compile(
    r"https?://(?P<url>[\w.-]+)|\b(?P<www>www\.[\w.-]+)"
    r"|\A(?P<host>(?:[\w-]+\.)+[a-z]{2,24})(?::\d+)?(?:[/?#]\S*)?\Z",
    re.IGNORECASE,
)
_ESCAPED = re.compile(r"\\([!-/:-@\[-`{-~])")
#: Browsers take any number of slashes behind it.
_SCHEME = re.compile(r"^(https?:)/*", re.IGNORECASE)
_FORMATTING = str.maketrans("", "", "*~`")
#: Names of files that look like a host but can't be one.
_FILE_NAME = re.compile(r"\.(?:js|ts|json|html?|css|txt|yaml|yml|toml|xml|csv|jsx|tsx)$")
#: Most characters that writing references out may add: a long address a thousand times over helps nobody.
_MOST_ADDED = 20_000


def show_links(markdown: str) -> str:
    """Give tidy Markdown whose links are written out, and name a host that they would hide."""
    if "]" not in markdown:
        return markdown
    references = link_references(markdown)
    if not references and "](" not in markdown:
        return markdown
    written = "".join(_rewritten(markdown, references))
    return written if len(written) <= len(markdown) + _MOST_ADDED else markdown


def _rewritten(markdown: str, references: dict[str, str]) -> Iterator[str]:
    codes = code_ranges(markdown)
    code = next(codes, None)
    done = 0
    for match in _LINK.finditer(markdown):
        while code and code[1] <= match.start():
            code = next(codes, None)
        if code and code[0] <= match.start():
            continue
        yield markdown[done : match.start()]
        yield _link(match, references)
        done = match.end()
    yield markdown[done:]


def _link(match: re.Match[str], references: dict[str, str]) -> str:
    """Write a link again, with what is behind its label; what is no link stays as it is."""
    label = match["label"]
    if target := match["angled"] or match["bare"]:
        shown = f"[{label}{_hidden_host(label, target)}]"
        return shown + match[0][len(label) + 2 :]
    address = references.get(normalizeReference(match["reference"] or label))
    if address is None:
        return match[0]
    return f"[{label}{_hidden_host(label, address)}]({address})"


def _hidden_host(label: str, target: str) -> str:
    """Name the host that a link leads to where its label claims another one."""
    claimed, real = _claimed_host(label), _real_host(target)
    if not (claimed and real) or real == claimed or real.endswith(f".{claimed}"):
        return ""
    return f" ({real})"


def _claimed_host(label: str) -> str:
    """Give the host that a label looks like; letters that are drawn alike count as the same."""
    plain = unicodedata.normalize("NFKC", html.unescape(_ESCAPED.sub(r"\1", label)))
    plain = "".join(char for char in plain if unicodedata.category(char) != "Cf")
    claim = _CLAIM.search(plain.translate(_FORMATTING).strip(" \t\n_[]()!'\""))
    if claim is None or _FILE_NAME.search(claim["host"] or ""):
        return ""
    return _bare_host(claim["url"] or claim["www"] or claim["host"])


def _real_host(target: str) -> str:
    """Give the host of an address as a browser reads it, in ASCII."""
    address = html.unescape(_ESCAPED.sub(r"\1", target)).replace("\\", "/")
    address = _SCHEME.sub(r"\1//", address)
    try:
        host = (urlsplit(address).hostname or "").encode("idna").decode()
    except ValueError:
        host = "?"
    return re.sub(r"[^\w.:?-]", "", _bare_host(host))


def _bare_host(host: str) -> str:
    return host.lower().rstrip(".").removeprefix("www.")
