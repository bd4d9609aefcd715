"""Links: live ones become runs that lead somewhere, and say where if their label says otherwise."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from sectorflow_slack.formatting import limits
from sectorflow_slack.formatting.tree import Inlines, Link, Text, plain

from .hosts import hidden_place, is_live

#: Most characters that addresses by reference may take: a long one a thousand times over is no use.
_MOST_REPEATED = 20_000
#: Of a word that touches a label, so much is read.
_LONGEST_WORD = 80


@dataclass(slots=True)
class Links:
    """Makes runs of an answer's links."""

    left: int = _MOST_REPEATED
    seen: set[str] = field(default_factory=set)

    def resolve(self, content: Inlines) -> Iterator[Text]:
        """Return running text with its links as runs."""
        if not any(isinstance(each, Link) for each in content):
            yield from (each for each in content if isinstance(each, Text))
            return
        text, start = plain(content), 0
        for each in content:
            end = start + len(plain((each,)))
            if isinstance(each, Link):
                # What touches a label is read together with it: ``[bank](https://evil.example).com``.
                before = text[max(0, start - _LONGEST_WORD) : start]
                behind = text[end : end + _LONGEST_WORD]
                yield from self._runs(each, _last_word(before) + text[start:end] + _first_word(behind))
            elif isinstance(each, Text):
                yield each
            start = end

    def _runs(self, link: Link, seen: str) -> Iterator[Text]:
        runs = [replace(run, url="") for run in self.resolve(link.label)]
        label = plain(runs)
        target = link.target.strip()
        if len(target) > limits.LINK_CHARS or not is_live(target):
            yield from runs
            if not label.strip() or not (target.startswith("#") or _says(label, target)):
                yield Text(f" ({target})" if label.strip() else target)
            return
        if not self._may_lead(link, target):
            yield from runs
            return
        if not label.strip():
            runs = [Text(target)]
        hidden = hidden_place(seen, target)
        yield from (replace(run, url=target) for run in runs)
        if hidden:
            yield Text(f" ({hidden})", runs[-1].style, target)

    def _may_lead(self, link: Link, target: str) -> bool:
        """Whether there is room to repeat a definition's address."""
        if link.reference not in self.seen:
            self.seen.update(filter(None, (link.reference,)))
            return True
        self.left -= len(target)
        return self.left >= 0


def _says(label: str, target: str) -> bool:
    return not target or target.removeprefix("mailto:") in label


def _last_word(text: str) -> str:
    return "" if not text or text[-1].isspace() else text.split()[-1]


def _first_word(text: str) -> str:
    return "" if not text or text[0].isspace() else text.split(maxsplit=1)[0]
