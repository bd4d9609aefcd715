"""Agent sessions: the status of an agent's work in a thread (docs.slack.dev, agent sessions)."""

from __future__ import annotations

from dataclasses import dataclass, replace

from sandbox.slack.surfaces import WorldClock

#: Docs.slack.dev, agents.sessions.setStatus.
STATUSES = ("active", "processing", "suspended", "closed")
#: After how many seconds ``processing`` ends by itself.
PROCESSING_LIFE = 3_600.0


@dataclass(frozen=True)
class Session:
    """An app's session in a thread."""

    app_id: str
    channel_id: str
    thread_ts: str
    bot_user_id: str
    status: str
    title: str = ""
    initiator_user_id: str = ""
    #: The agent's custom name here, or "".
    username: str = ""
    #: Whether there is a Stop button while it is processing: the app is subscribed to its event.
    can_stop: bool = False
    #: Seconds since the epoch.
    set_at: float = 0.0


class Sessions:
    """The sessions of every app, one for each thread."""

    def __init__(self, world: WorldClock) -> None:
        self._world = world
        self._sessions: dict[tuple[str, str, str], Session] = {}

    def set_status(self, asked: Session) -> Session:
        """Set a session's status; title and initiator are set only when it is created."""
        key = asked.channel_id, asked.thread_ts, asked.app_id
        with self._world.lock:
            new = replace(asked, set_at=self._world.clock())
            if (before := self._sessions.get(key)) is not None:
                new = replace(
                    new,
                    title=before.title,
                    initiator_user_id=before.initiator_user_id,
                    username=asked.username or before.username,
                )
            self._sessions[key] = new
            self._world.touch()
            return new

    def all(self, channel_id: str, thread_ts: str | None = None) -> list[Session]:
        """Return the sessions of a channel, or of one of its threads, with their current status."""
        with self._world.lock:
            return [
                self._now(each)
                for (channel, thread, _), each in self._sessions.items()
                if channel == channel_id and thread_ts in (None, thread)
            ]

    def _now(self, session: Session) -> Session:
        is_over = session.set_at + PROCESSING_LIFE <= self._world.clock()
        return replace(session, status="active") if is_over and session.status == "processing" else session
