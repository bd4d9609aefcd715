"""Verdicts on questions, by the messages in Slack, and the table of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sandbox.stage import is_placeholder

Message = Mapping[str, Any]

#: Each fault, the verdicts on the questions that it met, and the seconds until they were answered.
ROWS: list[tuple[str, list[str], float | None]] = []
NOTES: list[str] = []


@dataclass(frozen=True)
class Asked:
    """A question, and how to recognise its whole answer."""

    channel: str
    ts: str
    app_id: str
    headings: tuple[str, ...]
    #: The end of each model's answer, if it is a long one.
    last_words: str = ""

    def verdict(self, messages: Iterable[Message]) -> str:
        """Return ``answered``, ``lost`` (no message), ``half``, ``twice`` or ``excused`` (a sentence only).

        ``stuck``: a placeholder is left beside an answer or an excuse.
        """
        mine = [message for message in messages if self._is_mine(message)]
        final = [message for message in mine if not is_placeholder(message)]
        verdict = self._verdict(final)
        return "stuck" if verdict in {"answered", "excused"} and final != mine else verdict

    def _verdict(self, mine: Sequence[Message]) -> str:
        if not mine:
            return "lost"
        contents = Counter((message["text"], str(message.get("blocks"))) for message in mine)
        seen = Counter(each for each in headings(mine) if not each.endswith("(continued)"))
        if max([*contents.values(), *seen.values()]) > 1:
            return "twice"
        if not seen:
            return "excused"
        ends = str([message.get("blocks") for message in mine]).count(self.last_words)
        is_whole = set(seen) == set(self.headings) and (not self.last_words or ends == len(self.headings))
        return "answered" if is_whole else "half"

    def _is_mine(self, message: Message) -> bool:
        thread = message["channel"], message.get("thread_ts") or self.ts, message.get("app_id")
        return thread == (self.channel, self.ts, self.app_id)


def headings(messages: Iterable[Message]) -> list[str]:
    blocks = [block for message in messages for block in message.get("blocks") or ()]
    lines = [block["text"] for block in blocks if block["type"] == "section"]
    return [str(line["text"]).split("*")[1] for line in lines if line["type"] == "mrkdwn"]


def table() -> list[str]:
    columns = ("lost", "twice", "half", "stuck")
    form = "{:<62} {:>9} {:>5} {:>5} {:>5} {:>5} {:>8}"
    lines = [form.format("fault", "questions", *columns, "seconds")]
    for fault, verdicts, seconds in ROWS:
        took = "" if seconds is None else f"{seconds:.1f}"
        lines.append(form.format(fault, len(verdicts), *map(verdicts.count, columns), took))
    return [*lines, *NOTES]
