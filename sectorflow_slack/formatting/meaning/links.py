"""Links: live ones become runs that lead somewhere, and say where if their label says otherwise.

A label is looked at as a person sees it: without what is invisible, with look-alikes as what they look like.
A name with dots counts as a host's if it ends with a top-level domain (IANA's list, from linkify-it-py),
unless it plainly is a file's or a function's.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Final, TypeAlias
from urllib.parse import unquote, urlsplit

from linkify_it.tlds import TLDS  # type: ignore[import-untyped]

from sectorflow_slack.formatting import limits
from sectorflow_slack.formatting.tree import CODE, Runs, Text, joined, plain

#: Most characters that addresses by reference may take: a long one a thousand times over is no use.
_MOST_REPEATED = 20_000
#: Of a word that touches a label, so much is read.
_LONGEST_WORD = 80


@dataclass(frozen=True, slots=True)
class Link:
    """A link or an image as it was written, not yet known to be one."""

    target: str
    label: tuple[Inline, ...]
    #: The definition that names its target; "" if it names the target itself.
    reference: str = ""


Inline: TypeAlias = Text | Link


@dataclass(slots=True)
class Links:
    """Makes runs of an answer's links."""

    left: int = _MOST_REPEATED
    seen: set[str] = field(default_factory=set)

    def resolve(self, content: tuple[Inline, ...]) -> Runs:
        """Return running text with its links and its bare addresses as runs."""
        if len(content) == 1 and isinstance(content[0], Text) and ":" not in content[0].text:
            return (content[0],)
        return joined(_link_addresses(joined(self._resolve(content))))

    def _resolve(self, content: tuple[Inline, ...]) -> Iterator[Text]:
        text, end = _plain(content), 0
        for each in content:
            start, end = end, end + len(_plain((each,)))
            if isinstance(each, Text):
                yield each
                continue
            # What touches a label is read together with it: ``[bank](https://evil.example).com``.
            before = f"{text[max(0, start - _LONGEST_WORD) : start]}|".split()[-1][:-1]
            behind = f"|{text[end : end + _LONGEST_WORD]}".split()[0][1:]
            yield from self._link(each, f"{before}{text[start:end]}{behind}")

    def _link(self, link: Link, seen: str) -> Iterator[Text]:
        runs = [replace(run, url="") for run in self._resolve(link.label)]
        label, target = plain(runs), link.target.strip()
        if not is_live(target):
            yield from runs
            is_said = not target or target.startswith("#") or target.removeprefix("mailto:") in label
            if not label.strip() or not is_said:
                yield Text(f" ({target})" if label.strip() else target)
        elif not self._may_lead(link.reference, target):
            yield from runs
        else:
            runs = runs if label.strip() else [Text(target)]
            yield from (replace(run, url=target) for run in runs)
            if hidden := hidden_place(label, target) or hidden_place(seen, target):
                yield Text(f" ({hidden})", runs[-1].style, target)

    def _may_lead(self, reference: str, target: str) -> bool:
        """Whether there is room to repeat a definition's address."""
        if reference in self.seen:
            self.left -= len(target)
            return self.left >= 0
        self.seen.update(filter(None, [reference]))
        return True


def _plain(content: Iterable[Inline]) -> str:
    return "".join(each.text if isinstance(each, Text) else _plain(each.label) for each in content)


# Addresses that stand in a text as they are (GFM, extended autolinks)

_BARE = re.compile(r"(?<![\w/])https?://[^\s<>\"`\[\]{}|\\^]+", re.IGNORECASE)
#: CJK text goes on without a blank behind an address.
_CJK = re.compile("[\u3000-\u303f\uff00-\uffef\u2018-\u201f\u3040-\u30ff\u4e00-\u9fff\uac00-\ud7af]")
_TRAILING = ".,:;!?'\"*_~"


def _link_addresses(runs: Runs) -> Iterator[Text]:
    """Make links of the addresses in runs that are none yet and no code."""
    for run in runs:
        done = 0
        matches = _BARE.finditer(run.text) if not run.url and not run.style & CODE else ()
        for match in matches:
            address = _trimmed(match[0])
            if is_live(address):
                yield Text(run.text[done : match.start()], run.style)
                yield Text(address, run.style, address)
                done = match.start() + len(address)
        yield replace(run, text=run.text[done:])


def _trimmed(address: str) -> str:
    """Return an address without the punctuation that belongs to the sentence around it."""
    address = _CJK.split(address, maxsplit=1)[0]
    surplus = address.count(")") - address.count("(")
    end = len(address)
    while end and (address[end - 1] in _TRAILING or (address[end - 1] == ")" and surplus > 0)):
        surplus -= address[end - 1] == ")"
        end -= 1
    return address[:end]


# Where a link leads, and which hosts its label names

#: With the names that are kept for documents and for networks of one's own (RFC 2606, 6761, 7686, 8375).
_DOMAINS: Final = frozenset(
    {*map(str.lower, TLDS), "example", "test", "invalid", "localhost", "local", "internal", "arpa", "onion"}
)
#: Endings of files that are top-level domains too, and what such files are often called.
_FILES: Final = frozenset(("md", "py", "rs", "sh", "zip", "mov", "pl", "ps", "cc", "so", "app"))
_FILE_STEMS: Final = frozenset({
    "readme", "changelog", "contributing", "license", "index", "main", "setup", "app", "test", "tests",
    "conftest", "manage", "config", "settings", "utils", "install", "build", "run", "start", "lib", "mod",
})  # fmt: skip
#: Names of products that end like a host's.
_NAMES: Final = frozenset(("asp.net", "ado.net", "vb.net", "ml.net", "paint.net", "socket.io"))

#: A label longer than this, or a mail to more people, says where it leads, whatever it says.
_LONG_LABEL: Final = 300
_MANY_MAILBOXES: Final = 5
#: Words of a name that is spelt out, ``dot`` among them.
_LONGEST_SPELT: Final = 8
#: Longest host that is written out; of a longer one its end, which says whose it is.
_LONGEST: Final = 60

_LIVE: Final = re.compile(r"(?:https?://[^\s/?#\\]|mailto:[\w.+%-]+@[\w.-]+)[^\s]*", re.IGNORECASE)
_OF_NAMES: Final = re.compile(r"[.@#:/\\&]|\b(?:dot|localhost)\b", re.IGNORECASE)
#: Drawn as nothing, though they count as letters or symbols; and what looks like formatting.
_INVISIBLE: Final = frozenset("*~`\\\u115f\u1160\u2800\u3164\uffa0\u180e\u17b4\u17b5")
#: Dots to a reader between two letters.
_DOTS: Final = re.compile(
    r"(?<=\w)[\u3002\uff61\ua4f8\u2024\u2027\xb7\u2022\u2219\u2e33\ua789\u0701\u0702\u06d4](?=\w)"
)
_SPELT_DOT: Final = re.compile(r"\s*[\[({]\s*(?:\.|dot)\s*[\])}]\s*|\s+dot\s+|\s*\.\s*", re.IGNORECASE)
_SLASHES: Final = str.maketrans("\u2044\u2215\u29f8\uff0f", "////")
#: Letters of other scripts that are drawn like Latin ones: those of Cyrillic, then those of Greek.
_ALIKE: Final = str.maketrans("авеёзіїјкмнорсԁһѕтухԛԝӏαβεικνορτυχωϲ", "abee3iijkmhopcdhstyxqwlabeikvoptuxwc")
_NAME: Final = re.compile(
    r"(?P<scheme>(?:[a-z][a-z0-9+.-]{0,20})?:?[/\\]{2,})?"
    r"(?:(?P<local>[\w.+%-]++)@)?"
    r"(?P<host>\[[0-9a-f:.]{2,50}\]|[\w-]++(?:\.[\w-]++)*+)(?P<call>\(\))?(?P<path>(?::\d+)?(?:[/?#]\S*)?)",
    re.IGNORECASE,
)
#: A number behind ``#`` is an issue's.
_MENTION: Final = re.compile(r"(?<![\w/@#.])(?:@(?=\w)|#(?!\d+(?![\w-]))(?=\w))([\w.-]*)")
_OCTETS: Final = re.compile(r"(?:\d{1,3}\.){3}\d{1,3}|0x[0-9a-f]+(?:\.[0-9a-fx]+)*")
_COPIES: Final = re.compile(r"[?&](?:to|cc|bcc)=([^&#]*)", re.IGNORECASE)
_UNSAFE: Final = re.compile(r"[^a-zA-Z0-9.:?@+_\[\]-]")


@dataclass(frozen=True, slots=True)
class _Place:
    """A host, and a mailbox there if one is named: in ASCII, and as it is drawn."""

    host: str
    drawn: str
    local: str = ""

    @property
    def name(self) -> str:
        """Return what is shown of it."""
        full = _UNSAFE.sub("", f"{self.local}@{self.host}" if self.local else self.host) or "?"
        return full if len(full) <= _LONGEST else f"…{full[-_LONGEST:]}"


def is_live(target: str) -> bool:
    """Whether Slack may be given a target to lead to."""
    if len(target) > limits.LINK_CHARS or not _LIVE.fullmatch(target):
        return False
    try:
        return bool(urlsplit(target).hostname) or target[:1] in "mM"
    except ValueError:
        return False


def hidden_place(label: str, target: str) -> str:
    """Return where a live link leads if its label names another place or looks like a mention, else ""."""
    if label.isascii() and not _OF_NAMES.search(label):
        return ""
    places = _places(target)
    if len(label) > _LONG_LABEL or len(places) > _MANY_MAILBOXES:
        return places[0].name
    seen = as_seen(label)
    if _is_mention(seen, target):
        return places[0].name
    for claimed in _claims(seen, target):
        for place in places:
            if not _is_true(claimed, place):
                return place.name
    return ""


def as_seen(label: str) -> str:
    """Return a label as a reader sees it: nothing invisible, what looks like a dot or a slash is one."""
    composed = unicodedata.normalize("NFKC", label).translate(_SLASHES)
    shown = (
        char
        for char in composed
        if unicodedata.category(char) not in ("Cf", "Mn", "Me") and char not in _INVISIBLE
    )
    return _DOTS.sub(".", "".join(shown)).strip()


def _places(target: str) -> list[_Place]:
    """Return where a target leads: one host, or each mailbox that a mail would go to."""
    if target[:7].lower() != "mailto:":
        return [_place(urlsplit(target.replace("\\", "/")).hostname or "?")]
    rest = target[7:]
    boxes = ",".join([rest.partition("?")[0], *_COPIES.findall(rest)])
    found = [box.strip() for box in unquote(boxes).split(",", _MANY_MAILBOXES + 1) if box.strip()]
    return [_place(host, local) for local, _, host in (box.rpartition("@") for box in found)] or [_place("?")]


def _place(host: str, local: str = "") -> _Place:
    host = _bare(unquote(host).rpartition("@")[2])
    try:
        ascii_host = host.encode("idna").decode() if len(host) < 255 else host
        drawn = ascii_host.encode().decode("idna")
    except ValueError:
        ascii_host = drawn = host if host.isascii() else "?"
    return _Place(ascii_host.lower(), as_seen(drawn).casefold(), local)


def _bare(host: str) -> str:
    return host.casefold().strip("._-").removeprefix("www.")


def _is_mention(seen: str, target: str) -> bool:
    """Whether a label looks like a mention of a user or channel in Slack.

    A handle that is the last part of the address says no more than that does.
    """
    match = _MENTION.search(seen)
    if match is None:
        return False
    handle = match[1].casefold().strip(".")
    is_broadcast = handle in ("channel", "here", "everyone")
    path = re.split(r"[?#]", target.casefold(), maxsplit=1)[0].rstrip("/").rpartition("/")[2]
    return is_broadcast or "#" in match[0] or handle != path.removeprefix("@")


def _claims(seen: str, target: str) -> Iterator[_Place]:
    """Return each place that a label names."""
    for text in dict.fromkeys((seen, _spelt_out(seen))):
        for match in _NAME.finditer(text):
            if match["local"] and (_is_host(match, target) or _ends_as_host(match["host"])):
                yield _Place(_bare(match["host"]), "", match["local"].casefold())
            elif _is_host(match, target):
                yield _Place(_bare(match["host"]), "")
            if match["local"] and _ends_as_host(match["local"]):
                yield _Place(_bare(match["local"]), "")


def _spelt_out(seen: str) -> str:
    """Return a label that is nothing but a spaced or spelt-out name (``bank [.] com``) as that name."""
    parts = seen.split()
    if len(parts) > 2 and all(len(part) == 1 for part in parts):
        return "".join(parts)
    names = _SPELT_DOT.split(seen) if len(parts) <= _LONGEST_SPELT else []
    is_name = len(names) > 1 and all(name and not any(map(str.isspace, name)) for name in names)
    return ".".join(names) if is_name else seen


def _is_true(claimed: _Place, place: _Place) -> bool:
    """Whether a place is the one that is claimed, or one below it."""
    if place.local and claimed.local and claimed.local != place.local.casefold():
        return False
    if _may_deceive(claimed.host):
        return False
    names = (place.host, place.drawn)
    return any(name == claimed.host or name.endswith(f".{claimed.host}") for name in names)


def _may_deceive(host: str) -> bool:
    """Whether a host has letters of other scripts that are drawn like Latin ones, under a Latin ending."""
    if host.isascii():
        return False
    latin = host.translate(_ALIKE)
    return latin != host and latin.rpartition(".")[2].isascii() and latin.rpartition(".")[2] in _DOMAINS


def _is_host(match: re.Match[str], target: str) -> bool:
    """Whether a name in a label is a host's to a reader."""
    host, scheme = match["host"].strip("_-"), match["scheme"] or ""
    if scheme or host.casefold().startswith("www.") or host.casefold() == "localhost":
        return True
    if _OCTETS.fullmatch(host.casefold()):
        return True
    if match["call"] or "_" in host or host.casefold() in _NAMES or not _ends_as_host(host):
        return False
    return not _is_file(match, host, target)


def _ends_as_host(name: str) -> bool:
    stem, _, ending = name.casefold().strip("_-.").rpartition(".")
    if not stem:
        return False
    if ending in _DOMAINS or ending.translate(_ALIKE) in _DOMAINS:
        return True
    try:
        return not ending.isascii() and ending.encode("idna").decode() in _DOMAINS
    except ValueError:
        return False


def _is_file(match: re.Match[str], name: str, target: str) -> bool:
    stem, _, ending = name.rpartition(".")
    if ending.casefold() not in _FILES or match["path"]:
        return False
    is_in_folder = match.string.endswith("/", 0, match.start())
    is_titled = stem.isupper() and not name.isupper()
    path = re.sub(r"^[a-z]+:/*[^/]*|[?#].*", "", target, flags=re.IGNORECASE | re.DOTALL)
    is_there = path == name or path.endswith(f"/{name}")
    return is_in_folder or is_titled or is_there or stem.casefold() in _FILE_STEMS
