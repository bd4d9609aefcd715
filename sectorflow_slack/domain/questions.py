"""Users' questions in Slack, and the answers of the models."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

from sectorflow_slack.domain.installations import Display, InstallationKey, Refusal

#: What of a message was not sent to SectorFlow: its files; or the end of its text, a forwarded message or a
#: table, which was too long, or which Slack did not send.
LeftOut = Literal["files", "text", "messages", "tables"]


@dataclass(frozen=True, slots=True)
class Question:
    """A user's question with all that a worker needs to answer it."""

    id: str
    installation: InstallationKey
    event_id: str
    channel_id: str
    user_id: str
    #: The message's own ``ts``, and its thread's if it is in one.
    ts: str
    thread_ts: str | None
    #: Readable text; "" if the mention was empty.
    text: str = field(repr=False)
    #: The installation's own team, or "" if Slack named none: its users are not external.
    team_id: str
    is_direct: bool = False
    #: Whether a user of another organisation asked, in a shared channel.
    is_external: bool = False
    #: Whether the channel is shared with another organisation.
    is_shared: bool = False
    asked_at: float = 0.0
    #: The models to ask, if not all.
    model_ids: tuple[str, ...] = ()
    #: The message whose button asked this again: it is deleted once the answer is posted.
    button_ts: str | None = None
    #: The answer of which one model is asked again and replaced.
    answer_id: str = ""
    #: The answer whose models are compared by the one model that is asked.
    compares: str = ""
    #: Asked in a dialog, which others do not see: the answer quotes the question.
    is_hidden: bool = False
    #: Whether the message has files; the service ignores them.
    has_files: bool = False
    #: What of the message was not sent to SectorFlow: "text" (its end), "messages", "tables".
    left_out: tuple[str, ...] = ()
    #: The user's locale (``en-US``); "" if Slack names none.
    locale: str = ""
    #: Identifies the lease: each new lease of the question has another holder.
    holder: str = field(default="", compare=False, repr=False)

    @property
    def ids(self) -> dict[str, str]:
        """Return the fields of log lines about this question."""
        return {"question_id": self.id, "event_id": self.event_id, **self.installation.ids}

    @property
    def reply_thread_ts(self) -> str | None:
        """Return the thread of the answer; None for a DM outside any thread."""
        if self.is_direct:
            return self.thread_ts
        return self.thread_ts or self.ts

    @property
    def ephemeral_place(self) -> dict[str, str]:
        """Return the user who asked, and where: the fields of a job that posts for this user alone."""
        thread_ts = self.reply_thread_ts or ""
        return {"user_id": self.user_id, "channel_id": self.channel_id, "thread_ts": thread_ts}

    @property
    def status_thread_ts(self) -> str:
        """Return the thread that shows the status: also a DM's message outside any thread has one."""
        return self.thread_ts or self.ts


@dataclass(frozen=True, slots=True)
class Conversation:
    """What a Slack thread, or a DM outside threads, continues."""

    #: SectorFlow's thread; None if there is none yet.
    thread_id: str | None = None
    #: The models that people have chosen for it; () for all.
    model_ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ModelAnswer:
    """One model's answer, or its failure."""

    model_id: str
    #: The model's display name; never empty.
    name: str
    #: The provider's name (``gpt-4o``); "" if the reply names none.
    base_model: str = ""
    #: Standard Markdown; "" if failed.
    text: str = field(default="", repr=False)
    failed: bool = False
    #: Why: "missing" from the reply, an "error", or "empty"; "" if it did not fail.
    failure: str = ""
    #: What it took; None if the reply does not say.
    seconds: float | None = None
    credits: float | None = None

    @property
    def is_silent(self) -> bool:
        """Whether the model has no text to show."""
        return self.failed or not self.text.strip()


@dataclass(frozen=True, slots=True)
class Reply:
    """SectorFlow's reply to one question: an answer of each requested model, in their order."""

    answers: tuple[ModelAnswer, ...]
    thread_id: str | None = None
    #: The cost in SectorFlow's credits; None if the reply names none.
    credits: float | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """The models' answers to one question, and how Slack shows them; stored as long as the buttons work."""

    question: Question
    models: tuple[ModelAnswer, ...]
    display: Display = "separated"
    #: The open tab (the index of its model) and its page, both from 0.
    tab: int = 0
    page: int = 0
    #: The ids of models that are being asked again.
    busy: tuple[str, ...] = ()
    #: From the question to the reply.
    seconds: float | None = None
    credits: float | None = None
    #: How many of its first messages are adjacent; other users' messages may separate the further ones.
    #: None if all are.
    together: int | None = None

    @property
    def id(self) -> str:
        """Return the id in the values of buttons: the question's."""
        return self.question.id


@dataclass(frozen=True, slots=True)
class Message:
    """A message for ``chat.postMessage``: Block Kit blocks and a readable fallback."""

    text: str = field(repr=False)
    blocks: tuple[dict[str, object], ...] = field(default=(), repr=False)
    #: What it does without because Slack has refused it; "" for a message as it was rendered.
    without: Refusal | Literal[""] = ""


@dataclass(frozen=True, slots=True)
class Address:
    """The destination of a message, and the name it is posted under."""

    channel_id: str
    thread_ts: str | None = None
    #: Set if customers share the app, so that each sees its own name for it.
    username: str | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """The messages that answer a question: stored before the first is posted, so that a retry continues."""

    messages: tuple[Message, ...]
    #: The reason why there is no answer, as a short code; "" if there is one.
    failure: str = ""
    #: SectorFlow's thread that the answer belongs to.
    thread_id: str | None = None


@dataclass(frozen=True, slots=True)
class Progress:
    """The stored progress of answering a question."""

    plan: Plan | None = None
    #: The ``ts`` of each message of the plan that was posted, in order.
    posted: tuple[str, ...] = ()
    #: Tries that failed with a temporary error.
    failures: int = 0
    #: Leases that expired because the worker died or hung.
    deaths: int = 0
    #: The user who stopped it; "" if it goes on.
    stopped: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class IncomingQuestion:
    """A question as an event brings it; the worker that leases it reads the rest from ``record``."""

    id: str
    app_id: str
    #: The teams and enterprises that its installation may be stored under, best first.
    tenant_ids: tuple[str, ...]
    event_id: str
    channel_id: str
    user_id: str
    ts: str
    #: The thread that shows the status.
    thread_ts: str
    #: JSON of the parts of the event that a worker reads.
    record: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Acceptance:
    """What became of the question of an event, and the installation that it was for."""

    ACCEPTED: ClassVar[str] = "accepted"
    NOT_INSTALLED: ClassVar[str] = "not_installed"
    OWN_MESSAGE: ClassVar[str] = "own_message"

    #: One of the above, ``repeated``, ``asked_too_often`` or ``too_many_waiting``.
    outcome: str
    installation: InstallationKey | None


@dataclass(frozen=True, slots=True)
class Lease:
    """A question that a worker has leased, as it was stored: whole, or as the event that brought it."""

    id: str
    installation: InstallationKey
    holder: str
    progress: Progress = field(default_factory=Progress)
    question: Question | None = None
    record: Mapping[str, Any] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class FailedQuestion:
    """A question that failed, stored so that it can be asked again."""

    question: Question
    reason: str
    at: float


@dataclass(frozen=True, slots=True)
class StoredAnswer:
    """An answer whose buttons work, and the messages that show it."""

    answer: Answer
    #: The ``ts`` of each message, in order; empty until the first of them are all posted.
    posted: tuple[str, ...]
    #: Incremented by each change of the answer.
    version: int
    #: The version that the messages show.
    rendered: int
    #: The ``formatting.displays.digest`` of each message, in order; "" or missing if it is unknown.
    digests: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ModelFigures:
    """What one model's answers of the last 30 days took."""

    model_id: str
    asked: int = 0
    failed: int = 0
    #: Half of the answers took at most this time, about; None if no reply said what it took.
    p50_seconds: float | None = None
    #: In SectorFlow's credits.
    credits: float = 0.0


@dataclass(frozen=True, slots=True)
class ModelVotes:
    """The votes on one model's answers."""

    model_id: str
    up: int
    down: int
