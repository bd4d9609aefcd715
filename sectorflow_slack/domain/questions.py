"""Users' questions in Slack, and the answers of the models."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, Literal

from sectorflow_slack.domain.installations import Display, InstallationKey

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
    #: The message whose button asked this again: it becomes the placeholder.
    button_ts: str | None = None
    #: The answer of which one model is asked again and replaced.
    answer_id: str = ""
    #: Asked in a dialog, which others do not see: the answer quotes the question.
    is_hidden: bool = False
    #: Whether the message has files; the service ignores them.
    has_files: bool = False
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


#: In place of a placeholder's ``ts``: Slack shows a status in the thread instead of a message.
STATUS: Final = "status"


@dataclass(frozen=True, slots=True)
class Waiting:
    """A question that has been open for a long time."""

    question: Question
    #: Whether it is still in line; else a worker has it.
    in_line: bool
    #: The ``ts`` of its placeholder, ``STATUS``, or "" for none.
    placeholder: str


@dataclass(frozen=True, slots=True)
class Message:
    """A message for ``chat.postMessage``: Block Kit blocks and a readable fallback."""

    text: str = field(repr=False)
    blocks: tuple[dict[str, object], ...] = field(default=(), repr=False)


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
class ModelVotes:
    """The votes on one model's answers."""

    model_id: str
    up: int
    down: int
