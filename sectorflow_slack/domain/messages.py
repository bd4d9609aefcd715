"""What is said in Slack, and where."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Message:
    """A message as ``chat.postMessage`` takes it: Block Kit blocks and a readable fallback."""

    text: str = field(repr=False)
    blocks: tuple[dict[str, object], ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class Address:
    """Where a message goes: a channel, perhaps a thread in it, perhaps under a name of its own."""

    channel_id: str
    thread_ts: str | None = None
    #: Set where the app is shared by customers, so that each sees its own name.
    username: str | None = None
