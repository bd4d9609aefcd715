"""What became of questions, judged by what stands in Slack."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sandbox.stage import is_stand_in

Message = Mapping[str, Any]

CONTINUED = "(continued)"


@dataclass(frozen=True)
class Asked:
    """A question that was asked: where, and how its whole answer is known."""

    channel: str
    ts: str
    app_id: str
    headings: tuple[str, ...]
    #: How often this stands in the whole answer; nothing is looked for where it is "".
    last_words: str = ""

    def verdict(self, messages: Iterable[Message]) -> str:
        """Say ``answered``, ``lost`` (nothing came), ``half``, ``twice`` or ``excused`` (only words).

        ``stuck``: beside an answer or an excuse, something is left that only stands in for it.
        """
        mine = [message for message in messages if self._is_mine(message)]
        said = [message for message in mine if not is_stand_in(message)]
        verdict = self._verdict(said)
        return "stuck" if verdict in {"answered", "excused"} and said != mine else verdict

    def _verdict(self, mine: Sequence[Message]) -> str:
        if not mine:
            return "lost"
        said = Counter((message["text"], str(message.get("blocks"))) for message in mine)
        seen = Counter(each for each in headings(mine) if not each.endswith(CONTINUED))
        if max(said.values()) > 1 or any(count > 1 for count in seen.values()):
            return "twice"
        if not seen:
            return "excused"
        words = str([message.get("blocks") for message in mine]).count(self.last_words)
        is_whole = set(seen) == set(self.headings) and (not self.last_words or words == len(self.headings))
        return "answered" if is_whole else "half"

    def _is_mine(self, message: Message) -> bool:
        place = message["channel"], message.get("thread_ts") or self.ts, message.get("app_id")
        return place == (self.channel, self.ts, self.app_id)


def headings(messages: Iterable[Message]) -> list[str]:
    """Give the headings of messages, in order."""
    blocks = [block for message in messages for block in message.get("blocks") or ()]
    return [str(block["text"]["text"]) for block in blocks if block["type"] == "header"]


@dataclass
class Report:
    """The table of what was broken and what became of the questions meanwhile."""

    rows: list[tuple[str, Counter[str], str]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def add(self, fault: str, verdicts: Sequence[str], seconds: float | None) -> None:
        """Add a row."""
        self.rows.append((fault, Counter(verdicts), "" if seconds is None else f"{seconds:.1f}"))

    def note(self, text: str) -> None:
        """Add a remark below the table."""
        self.notes.append(text)

    def lines(self) -> list[str]:
        """Draw the table."""
        lines = [
            f"{'fault':<62} {'questions':>9} {'lost':>5} {'twice':>5} {'half':>5} {'stuck':>5} {'seconds':>8}"
        ]
        for fault, verdicts, seconds in self.rows:
            counts = [verdicts[name] for name in ("lost", "twice", "half", "stuck")]
            row = "{:<62} {:>9} {:>5} {:>5} {:>5} {:>5} {:>8}"
            lines.append(row.format(fault, verdicts.total(), *counts, seconds))
        return [*lines, *self.notes]


REPORT = Report()
