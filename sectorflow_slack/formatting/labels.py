"""Writing links anew: a label that hides where its link leads says so, and references are written out."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

from markdown_it.common.utils import unescapeAll

from .escaping import JOINER, closed
from .found import Found, Link, Stray
from .hosts import hidden_host
from .inlines import UNSAFE_IN_ADDRESS
from .running import Edit, Running

#: Most characters that writing references out may add: a long address a thousand times over helps nobody.
MOST_ADDED = 20_000

#: Characters that turn the direction of what follows: a host may be drawn from its end.
_TURNS = re.compile("[\u202a-\u202e\u2066-\u2069]")
_OVERRIDES = re.compile("[\u202d\u202e]")
_UNSAFE_IN_TARGET = re.compile(r"[\x00-\x20\x7f()<>|\\\"`]|&(?=#?\w{1,40};)")
_DEFINED = re.compile(r"(?P<label>\[(?:\\.|[^\[\]\\])*+)\]:(?:\s*<(?P<angled>[^<>\n]+)>)?", re.DOTALL)
_BRACKET = re.compile(r"\\.|[\[\]]", re.DOTALL)


@dataclass(slots=True)
class Budget:
    """How many characters writing references out may still add."""

    left: int = MOST_ADDED

    def takes(self, chars: int) -> bool:
        """Take so many characters if they are left."""
        if chars > self.left:
            return False
        self.left -= chars
        return True


def link_edits(found: Sequence[Found], running: Running, budget: Budget) -> Iterator[Edit]:
    """Give the changes that the links and images of a running text need."""
    links = [each for each in found if isinstance(each, Link)]
    for at, link in enumerate(links):
        yield from _link_edits(link, _shown_label(links, at, running.content), running, budget)
    for each in found:
        if isinstance(each, Stray):
            yield from _stray_edits(each, running)
    if links and _TURNS.search(running.content):
        yield from _straight_edits(links, running)


def _link_edits(link: Link, label: str, running: Running, budget: Budget) -> Iterator[Edit]:
    name = hidden_host(label, link.target)
    mark = f" ({name})" if name else ""
    if link.written is None:
        target = bare_target(link.target)
        if budget.takes(len(mark) + len(target) + 2):
            yield running.edit(link.label_end, link.end, f"{mark}]({target})")
        return
    if mark:
        yield running.edit(link.label_end, link.label_end, mark)
    start, end = link.written
    if running.content.startswith("<", start):
        yield running.edit(start, end, bare_target(link.target))


def _shown_label(links: Sequence[Link], at: int, content: str) -> str:
    """Give what is drawn of a link's label: of an image in it, the words only."""
    link = links[at]
    label, end = "", link.label_start
    while (at := at + 1) < len(links) and (image := links[at]).start < link.label_end:
        label += content[end : image.start] + content[max(end, image.label_start) : image.label_end]
        end = max(end, image.end)
    return label + content[end : link.label_end]


def bare_target(target: str) -> str:
    """Write a link's target so that it needs no angle brackets around it; it leads to the same place."""
    return _UNSAFE_IN_TARGET.sub(lambda match: f"%{ord(match[0]):02X}", target)


def definition_edits(text: str, places: Iterable[tuple[int, int]]) -> Iterator[Edit]:
    """Keep the definitions of link references, which are between these places, from making any more links.

    Their labels get an end that none in the text has. A target in angle brackets is written without them.
    """
    longest = max((len(run) for run in re.findall(f"{JOINER}+", text)), default=0)
    for start, end in places:
        if match := _DEFINED.search(text, start, end):
            yield match.end("label"), match.end("label"), JOINER * (longest + 2)
            if match["angled"]:
                yield match.start("angled") - 1, match.end(), bare_target(unescapeAll(match["angled"]))


def _stray_edits(stray: Stray, running: Running) -> Iterator[Edit]:
    """Keep what is no link from being taken for one."""
    written = running.content[stray.start : stray.end]
    if written == "](":
        yield running.edit(stray.start + 1, stray.start + 1, JOINER)
    elif written.startswith("<"):
        address = closed(written[1:-1], UNSAFE_IN_ADDRESS)
        yield running.edit(stray.start, stray.end, f"<{address}>")
    else:
        for start, _, escape in bracket_edits(running.content, stray.start, stray.end):
            yield running.edit(start, start, escape)


def bracket_edits(text: str, start: int, end: int) -> Iterator[Edit]:
    """Escape each bracket in a stretch of a text, so that no link is left in it."""
    for match in _BRACKET.finditer(text, start, end):
        if match[0] in "[]":
            yield match.start(), match.start(), "\\"


def _straight_edits(links: Sequence[Link], running: Running) -> Iterator[Edit]:
    """Take away what turns a label, or all that follows in a text with a link, around.

    Something stands in its place, so that nothing gets to the beginning of a line that was not there.
    """
    content = running.content
    labels = [_TURNS.finditer(content, link.label_start, link.label_end) for link in links]
    for match in chain(_OVERRIDES.finditer(content), *labels):
        yield running.edit(match.start(), match.end(), JOINER)
