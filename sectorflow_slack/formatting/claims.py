"""What a link's visible words claim: which hosts they name, and whether they look like a mention.

No list of all top-level domains is at hand, so a name with dots in it counts as a host's unless it is plainly
something else: a file's name, a version, an abbreviation, something from a program.
"""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass

#: Endings that everybody takes for a host's, in whatever case they are written.
_FAMILIAR = frozenset((
    "com", "net", "org", "edu", "gov", "mil", "int", "info", "biz", "name", "pro", "mobi", "app", "dev",
    "page", "web", "site", "website", "online", "cloud", "host", "email", "zone", "live", "life", "link",
    "click", "digital", "media", "news", "blog", "shop", "store", "tech", "club", "xyz", "top", "fun",
    "icu", "vip", "work", "works", "world", "today", "space", "agency", "company", "group", "global",
    "network", "software", "support", "help", "center", "finance", "financial", "money", "cash", "credit",
    "bank", "insurance", "international", "example", "arpa", "onion",
))  # fmt: skip
#: Endings of files that are no hosts' endings.
_FILES = frozenset((
    "js", "mjs", "cjs", "ts", "jsx", "tsx", "json", "jsonl", "html", "htm", "css", "scss", "less", "txt",
    "yaml", "yml", "toml", "xml", "xsd", "csv", "tsv", "ipynb", "pdf", "doc", "docx", "xls", "xlsx", "ppt",
    "pptx", "odt", "png", "jpg", "jpeg", "gif", "svg", "webp", "ico", "log", "cfg", "ini", "conf", "env",
    "lock", "sql", "db", "java", "jar", "kt", "class", "cpp", "hpp", "hh", "hs", "rb", "go", "php", "swift",
    "vue", "svelte", "lua", "exe", "dll", "bat", "cmd", "gradle", "proto", "graphql", "wasm", "mp", "mp3",
    "mp4", "wav", "gz", "tar", "bz2", "xz", "rar", "dmg", "iso", "deb", "rpm", "apk", "bak", "tmp", "tex",
    "bib", "rst", "adoc", "dockerfile", "makefile",
))  # fmt: skip
#: Endings of files that are hosts' endings too.
_FILES_OR_HOSTS = frozenset((
    "md", "py", "rs", "sh", "zip", "mov",
))  # fmt: skip
#: What files with such endings are often called.
_FILE_STEMS = frozenset((
    "readme", "changelog", "contributing", "index", "main", "setup", "app", "test", "tests", "conftest",
    "manage", "config", "settings", "utils", "install", "build", "run", "start",
))  # fmt: skip
#: Names that are no host's, though they end like one.
_NAMES = frozenset(("ASP.NET", "ADO.NET", "VB.NET", "ML.NET"))

_ESCAPED = re.compile(r"\\([!-/:-@\[-`{-~])")
_FORMATTING = str.maketrans("", "", "*~`")
_FORMATTED = re.compile(r"[*~`\u202a-\u202e\u2066-\u2069]+")
_MAIL = re.compile("mailto:", re.IGNORECASE)
#: A label that is longer is no name of a function.
_LONG_LABEL = 200
#: Drawn as nothing, though they count as letters or symbols.
_INVISIBLE = frozenset("\u115f\u1160\u2800\u3164\uffa0")
#: Browsers take these for dots, and so do readers between Latin letters.
_DOTS = re.compile(r"(?<=[a-zA-Z0-9])[\u3002\uff61\ua4f8](?=[a-zA-Z0-9])")
_NAME = re.compile(
    r"(?P<scheme>(?:\b[a-z][a-z0-9+.-]{0,20}+:)?[/\\]{2,}+)?+"
    r"(?:(?P<local>[\w.+%-]++)@)?+"
    r"(?P<host>\[[0-9a-f:.]{2,50}\]|[\w-]++(?:\.[\w-]++)*+)",
    re.IGNORECASE,
)
_PATH = re.compile(r"(?::\d+)?(?:[/?#]\S*)?")
#: A number behind ``#`` is an issue's.
_MENTION = re.compile(r"(?<![\w/@#.])(?:@(?=\w)|#(?!\d+(?![\w-]))(?=\w))")
_OCTETS = re.compile(r"(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)(?:\.(?!$)|$)){4}")
_CAPITALISED = re.compile(r"[A-Z][a-z]+(?:[A-Z][a-z]*)*")
_CAMEL = re.compile(r"[a-z][A-Z]|_")


@dataclass(frozen=True, slots=True)
class Claim:
    """A host that a label names, in lower case, and the mailbox there, if it names one."""

    host: str
    local: str = ""


def claims(label: str, target: str) -> Iterator[Claim]:
    """Give each host that a label names; a path behind a host is its own."""
    text, at = as_seen(label), 0
    while match := _NAME.search(text, at):
        name = _Name(label, target, match)
        at = match.end()
        if name.is_host:
            at += len(_PATH.match(text, at)[0])  # type: ignore[index]
            yield Claim(bare_host(match["host"]), (match["local"] or "").casefold())
        if _is_sure(match["local"] or "") and not (name.is_host and _MAIL.match(target)):
            yield Claim(bare_host(match["local"]))
    if _FORMATTED.search(label):
        # What looks like formatting may be drawn as it is, and parts words then.
        apart = _NAME.finditer(as_seen(_FORMATTED.sub(" ", label)))
        yield from (Claim(bare_host(match["host"])) for match in apart if _is_sure(match["host"]))


def looks_like_mention(label: str) -> bool:
    """Say whether a label looks as if it named a person, a group or a channel of Slack's."""
    return _MENTION.search(as_seen(label)) is not None


def as_seen(label: str) -> str:
    """Give a label without formatting and with nothing invisible; what is drawn alike is the same."""
    plain = _ESCAPED.sub(r"\1", label).translate(_FORMATTING)
    plain = plain if plain.isascii() and "&" not in plain else _visible(html.unescape(plain))
    return _DOTS.sub(".", plain)


def _visible(text: str) -> str:
    composed = unicodedata.normalize("NFKC", text)
    return "".join(
        char
        for char in composed
        if unicodedata.category(char) not in ("Cf", "Mn", "Me", "Mc") and char not in _INVISIBLE
    )


def bare_host(host: str) -> str:
    """Give a host's name in lower case, without the dot behind it and without ``www.``."""
    return host.casefold().strip("._-").removeprefix("www.")


def _is_sure(name: str) -> bool:
    """Say whether a name has an ending that everybody takes for a host's."""
    stem, _, ending = name.strip("_-.").rpartition(".")
    low = ending.casefold()
    return bool(stem) and (low in _FAMILIAR or (len(low) == 2 and low.isalpha() and not _is_of_file(low)))


def _is_of_file(ending: str) -> bool:
    return ending in _FILES or ending in _FILES_OR_HOSTS


@dataclass(frozen=True, slots=True)
class _Name:
    """Something in a label that may be a host's name, found in the label as it is seen."""

    label: str
    target: str
    match: re.Match[str]

    @property
    def is_host(self) -> bool:
        host, scheme = self.match["host"].strip("_-"), self.match["scheme"] or ""
        if scheme.rstrip("/\\") or host.casefold().startswith("www."):
            return True
        stem, _, ending = host.rpartition(".")
        low = ending.casefold()
        if not stem or host in _NAMES:
            return False
        if _OCTETS.fullmatch(host) or low.startswith("xn--") or _is_sure(host):
            return True
        if len(ending) < 2 or not ending.isalpha() or low in _FILES:
            return False
        return not (
            self._is_file(host, stem) if low in _FILES_OR_HOSTS else self._is_of_program(host, ending)
        )

    def _is_file(self, name: str, stem: str) -> bool:
        is_in_folder = self.match.string.endswith("/", 0, self.match.start())
        is_titled = stem.isupper() and not name.isupper()
        if is_in_folder or is_titled or stem.casefold() in _FILE_STEMS or "_" in stem:
            return True
        path = re.sub(r"^[a-z]+:/*[^/]*|[?#].*", "", self.target, flags=re.IGNORECASE | re.DOTALL)
        return path.casefold().endswith(f"/{name.casefold()}")

    def _is_of_program(self, name: str, ending: str) -> bool:
        """Say whether a name is one from a program, or two sentences without a space between them."""
        is_called = self.match.string.startswith("(", self.match.end())
        in_code = rf"`[^`]*{re.escape(name)}[^`]*`"
        is_code = len(self.label) <= _LONG_LABEL and re.search(in_code, self.label) is not None
        is_odd = _CAPITALISED.fullmatch(ending) or _CAMEL.search(name)
        is_numbered = name.removesuffix(ending).replace(".", "").isdigit()
        return is_called or is_code or is_odd is not None or is_numbered
