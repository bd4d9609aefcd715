"""Links: live ones become runs that lead somewhere, and say where if their label says otherwise.

The hosts that a person sees in a label are compared, as text, with the host or mailboxes that it leads to.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeAlias
from urllib.parse import unquote, urlsplit

import idna
from linkify_it.tlds import TLDS  # type: ignore[import-untyped]

from sectorflow_slack.formatting import limits
from sectorflow_slack.formatting.tree import CODE, Runs, Text, joined, plain

_MOST_BY_REFERENCE = 40_000  # characters of addresses: a long one a thousand times over is no use
_LONGEST_WORD = 80  # of a word that touches a label, so much is read
_LONGEST_LABEL = 300  # a longer one says where it leads, whatever it says
_LONGEST_HOST = 60  # of a longer one the end is shown, which says whose it is


@dataclass(frozen=True, slots=True)
class Link:
    """A link or an image as it was written, not yet known to be one."""

    target: str
    label: tuple[Inline, ...]
    #: The definition that names its target; "" if it names the target itself.
    reference: str = ""

    @property
    def text(self) -> str:
        """Return its label without styles."""
        return "".join(each.text for each in self.label)


Inline: TypeAlias = Text | Link


@dataclass(slots=True)
class Links:
    """Makes runs of an answer's links."""

    left: int = _MOST_BY_REFERENCE

    def resolve(self, content: tuple[Inline, ...]) -> Runs:
        """Return running text with its links and its bare addresses as runs."""
        if len(content) == 1 and isinstance(content[0], Text) and ":" not in content[0].text:
            return (content[0],)
        return joined(_link_addresses(joined(self._resolve(content))))

    def _resolve(self, content: tuple[Inline, ...]) -> Iterator[Text]:
        text, end = "".join(each.text for each in content), 0
        for each in content:
            start, end = end, end + len(each.text)
            around = text[max(0, start - _LONGEST_WORD) : start], text[end : end + _LONGEST_WORD]
            yield from [each] if isinstance(each, Text) else self._link(each, *around)

    def _link(self, link: Link, before: str, behind: str) -> list[Text]:
        runs = [Text(run.text, run.style) for run in self._resolve(link.label)]
        label, target = plain(runs), link.target.strip()
        if not is_live(target):
            is_said = not target or target.startswith("#") or target.removeprefix("mailto:") in label
            shown = f" ({target})" if label.strip() else target
            return runs if label.strip() and is_said else [*runs, Text(shown)]
        if link.reference and len(target) > self.left:
            return runs
        self.left -= len(target) if link.reference else 0
        # What touches a label is read with it, too: ``[bank](https://evil.example).com``.
        seen = re.split(r"\s", before)[-1] + link.text + re.split(r"\s", behind)[0]
        hidden = max(hidden_place(each, target) for each in {link.text, seen})
        runs = runs if label.strip() else [Text(target)]
        told = [Text(f" ({hidden})", runs[-1].style)] if hidden else []
        return [Text(run.text, run.style, target) for run in (*runs, *told)]


#: Ends before a sentence's punctuation, and before a bracket that it does not open; CJK text follows at once.
_OTHER = r"\s<>\"`\[\]{}|\\^\u2018-\u201f\u3000-\u30ff\u4e00-\u9fff\uac00-\ud7af\uff00-\uffef"
BARE_ADDRESS = re.compile(
    rf"(?i)(?<![a-z0-9_/])(https?://(?:\((?:[^(){_OTHER}]|\([^(){_OTHER}]*\))*\)|[^){_OTHER}])+(?<![.,:;!?'*_~]))"
)
_LIVE = re.compile(r"(?i)https?://[^\s/?#\\]\S*|mailto:[\w.+%-]+@[\w.-]+(?:[?,;#]\S*)?")


def is_live(target: str) -> bool:
    """Whether Slack may be given a target to lead to."""
    if len(target) > limits.LINK_CHARS or not _LIVE.fullmatch(target):
        return False
    try:
        return bool(urlsplit(target).hostname) or target[:1] in "mM"
    except ValueError:
        return False


def _link_addresses(runs: Runs) -> Iterator[Text]:
    """Make links of the addresses in runs that are none yet and no code."""
    for run in runs:
        parts = [run.text] if run.url or run.style & CODE else BARE_ADDRESS.split(run.text)
        for at, part in enumerate(parts):
            yield Text(part, run.style, part if at % 2 and is_live(part) else run.url)


#: IANA's, and those kept for documents and for networks of one's own (RFC 2606, 6761, 7686, 8375).
_DOMAINS = {*map(str.lower, TLDS), *(idna.decode(name) for name in TLDS if name.startswith("XN--"))}
_DOMAINS.update(("example", "test", "invalid", "localhost", "local", "internal", "arpa", "onion"))
_OF_NAMES = re.compile(r"(?i)[.@#]|//|dot|localhost")
_SPELT_DOT = re.compile(r"(?i)(?<![\s\[({])(?:[\s\[({]*\.[\s\])}]*|[\s\[({]+dot[\s\])}]+)")
#: Drawn as nothing, though they count as letters or symbols; and what looks like formatting.
_UNSEEN = str.maketrans("", "", "*~`\\\u115f\u1160\u2800\u17b4\u17b5")
#: What is drawn as dots and slashes; and a letter that would be two in lower case.
_SIGNS = str.maketrans(
    "\u3002\ua4f8\u2027\xb7\u2022\u2219\u2e33\ua789\u0701\u0702\u06d4\u2044\u2215\u29f8İ", "...........///i"
)
#: Letters of other scripts that are drawn like Latin ones: those of Cyrillic, then those of Greek.
_ALIKE = str.maketrans("авеёзіїјкмнорсԁһѕтухԛԝӏαβεικνορτυχωϲ", "abee3iijkmhopcdhstyxqwlabeikvoptuxwc")
#: A channel, or a user, whose handle may end the address instead; a number behind ``#`` is an issue's.
_MENTION = re.compile(r"(?<![\w/])(?:@(?:channel|here|everyone)\b|@(\w+(?:[.-]\w+)*)|#(?!\d+(?![\w-]))\w)")
#: A host behind ``//`` or ``www.``, with its path; or a name that may be one, perhaps with a path.
_NAME = re.compile(
    r"(?://|\bwww\.)(?P<sure>[\w-][\w.-]*|\[[\da-f:.]+\])(?::\d+)?(?:[/?#]\S*)?"
    r"|(?<![\w-])(?P<name>[\w-]++(?:\.[\w-]++)*+)(?=(?P<path>:\d|[/?])?)"
)
_NO_DOMAIN = re.compile(r"localhost|(?:\d{1,3}\.){3}\d{1,3}|0x[\da-f]+(?:\.[\da-fx]+)+")
_FILES = (".md", ".py", ".rs", ".sh", ".zip", ".mov", ".pl", ".ps", ".cc", ".so", ".app")
#: Names that end like a host's and are none to a reader.
_NO_HOST = re.compile(
    rf"""(?<![\w.@/-])(?!www\.)[a-z_][\w.]*+\(\)                                         # a call
    |(?<![\w.@/-])(?:(?:asp|ado|vb|ml|paint)\.net|socket\.io|[bm]\.sc)(?![\w@-]|\.\w)    # a product, a degree
    |(?:(?<!//)(?<=/)[\w-]+                                                              # a file in a folder
        |(?<![\w.@/-])(?:(?-i:[A-Z][A-Z\d-]*)|readme|index|main|setup|app|tests?|conftest|manage
            |config|settings|utils|install|build|run|start|lib|mod)
     )(?:{"|".join(map(re.escape, _FILES))})(?![\w@/?-]|\.\w)""",
    re.IGNORECASE | re.VERBOSE,
)


def hidden_place(label: str, target: str) -> str:
    """Return where a live link leads if its label names another place or looks like a mention, else ""."""
    if label.isascii() and not _OF_NAMES.search(label):
        return ""
    places = _places(target)
    for name in _names(label, target):
        for place in places:
            # A host's name is true of hosts below it, and of mailboxes.
            if place != name and not ("." in name and place.endswith((f".{name}", f"@{name}"))):
                shown = re.sub(r"[^a-zA-Z0-9.:@+_-]", "?", place)
                return shown if len(shown) <= _LONGEST_HOST else f"…{shown[-_LONGEST_HOST:]}"
    return ""


def _places(target: str) -> list[str]:
    """Return where a target leads: one host, or each mailbox that a mail names."""
    if host := urlsplit(target.replace("\\", "/")).hostname:
        return [_host(unquote(host))]
    boxes = (box.rpartition("@") for box in re.split(r"[\s,;:<>?&=\"#]+", unquote(target)) if "@" in box)
    return [f"{local.lower()}@{_host(host)}" for local, _, host in boxes]


@lru_cache(maxsize=1_000)
def _host(name: str) -> str:
    """Return a host's name as a browser looks it up (UTS 46), without ``www.``."""
    name = name.lower().strip("._-").removeprefix("www.")
    try:
        return name if name.isascii() else idna.encode(name, uts46=True).decode()
    except UnicodeError:
        return name


def _names(label: str, target: str) -> Iterator[str]:
    """Return each host that a label names, each mailbox if it is a mail's, and what looks like a mention."""
    if len(label) > _LONGEST_LABEL:
        yield "?"
        return
    composed = unicodedata.normalize("NFKC", label).translate(_UNSEEN)
    seen = "".join(char for char in composed if unicodedata.category(char) not in ("Cf", "Mn", "Me"))
    drawn, path = seen.translate(_SIGNS).lower(), urlsplit(target).path.rstrip("/").lower()
    for match in _MENTION.finditer(drawn):
        if match[1] is None or not path.endswith((f"/{match[1]}", f"/@{match[1]}")):
            yield match[0]
    if target[:1] in "mM":
        yield from re.findall(r"(?<![\w.+%-])[\w.+%-]++@[\w-]+(?:\.[\w-]+)+", drawn)
    yield from _hosts(seen, path)


def _hosts(seen: str, path: str) -> Iterator[str]:
    """Return each host that is named, as written, spelt out and with look-alikes."""
    spelt = _SPELT_DOT.sub(".", re.sub(r"\b(\w)\s+(?=\w\b)", r"\1", seen))
    texts = (seen, spelt if len(spelt.split()) == 1 else "")
    drawn = [_NO_HOST.sub(" ", text.translate(_SIGNS)).lower() for text in texts]
    for text in dict.fromkeys((*drawn, *(text.translate(_ALIKE) for text in drawn))):
        for match in _NAME.finditer(text):
            name = (match["sure"] or match["name"]).strip("._-[]")
            stem, _, ending = name.rpartition(".")
            is_domain = stem != "" and "_" not in stem and ending in _DOMAINS
            is_file = name.endswith(_FILES) and not match["path"] and path.endswith(f"/{name}")
            if match["sure"] or _NO_DOMAIN.fullmatch(name) or (is_domain and not is_file):
                yield _host(name)
