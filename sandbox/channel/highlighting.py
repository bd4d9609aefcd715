"""Simple syntax highlighting: strings, comments, numbers and keywords."""

from __future__ import annotations

import re
from collections.abc import Iterator

_HASH_COMMENTS = {
    "bash",
    "dockerfile",
    "make",
    "perl",
    "php",
    "py",
    "python",
    "r",
    "rb",
    "ruby",
    "sh",
    "toml",
}
_HASH_COMMENTS |= {"shell", "yaml", "yml"}
_DASH_COMMENTS = {"haskell", "lua", "sql"}
_PLAIN = {"", "text", "txt", "plain", "plaintext", "console", "output"}
_WORDS = """
    abstract and as assert async await begin bool boolean break by byte case catch char class const continue
    create def default defer del delete do double echo elif else end enum except export extends false False fi
    final finally float fn for foreach from func function go group if impl implements import in insert int
    interface into is join lambda let loop match mod module mut namespace new nil None nonlocal not null on or
    order package pass private protected public raise range return select self Self static string struct super
    switch table then this throw true True try type typeof union update use using val values var void when
    where while with yield SELECT FROM WHERE INSERT INTO VALUES UPDATE SET DELETE CREATE TABLE JOIN LEFT INNER
    ON AS AND OR NOT NULL GROUP ORDER BY LIMIT HAVING UNION PRIMARY KEY
"""
_KEYWORDS = frozenset(_WORDS.split())


def highlight(code: str, language: str) -> Iterator[tuple[str, str]]:
    """Return the code in pieces, each with its kind: comment, string, number, keyword or ""."""
    if language.lower() in _PLAIN:
        yield "", code
        return
    end = 0
    for piece in _pattern(language.lower()).finditer(code):
        kind = piece.lastgroup or ""
        if kind == "word":
            kind = "keyword" if piece[0] in _KEYWORDS else ""
        if kind:
            yield "", code[end : piece.start()]
            yield kind, piece[0]
            end = piece.end()
    yield "", code[end:]


def _pattern(language: str) -> re.Pattern[str]:
    comment = r"//[^\n]*|/\*.*?\*/"
    if language in _HASH_COMMENTS:
        comment = r"\#[^\n]*"
    elif language in _DASH_COMMENTS:
        comment = r"--[^\n]*"
    return re.compile(
        rf"(?P<comment>{comment})"
        r"|(?P<string>\"\"\".*?\"\"\"|\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'|`[^`]*`)"
        r"|(?P<number>\b\d[\w.]*\b)|(?P<word>\b[A-Za-z_]\w*\b)",
        re.DOTALL,
    )
