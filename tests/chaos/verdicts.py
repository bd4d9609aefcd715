"""What became of questions, judged by what stands in Slack."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
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
        """Return ``answered``, ``lost`` (nothing came), ``half``, ``twice`` or ``excused`` (only words).

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
    blocks = [block for message in messages for block in message.get("blocks") or ()]
    lines = [block["text"] for block in blocks if block["type"] == "section"]
    return [str(line["text"]).split("*")[1] for line in lines if line["type"] == "mrkdwn"]


#: What was broken, what became of the questions meanwhile, and in how many seconds.
ROWS: list[tuple[str, list[str], float | None]] = []
NOTES: list[str] = []


def table() -> list[str]:
    columns = ("lost", "twice", "half", "stuck")
    form = "{:<62} {:>9} {:>5} {:>5} {:>5} {:>5} {:>8}"
    lines = [form.format("fault", "questions", *columns, "seconds")]
    for fault, verdicts, seconds in ROWS:
        took = "" if seconds is None else f"{seconds:.1f}"
        lines.append(form.format(fault, len(verdicts), *map(verdicts.count, columns), took))
    return [*lines, *NOTES]
