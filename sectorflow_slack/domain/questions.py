"""Questions that people ask in Slack, and what the LLMs say to them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from sectorflow_slack.domain.installations import Display, InstallationKey


@dataclass(frozen=True, slots=True)
class Question:
    """A question somebody asked in Slack, as the worker needs it."""

    id: str
    installation: InstallationKey
    event_id: str
    channel_id: str
    user_id: str
    #: The message's own ``ts``, and its thread's where it has one.
    ts: str
    thread_ts: str | None
    #: What is asked, as readable text; "" where the mention was empty.
    text: str = field(repr=False)
    #: The installation's own team in an org, or "" where Slack named none: who is of it is no stranger.
    team_id: str
    is_direct: bool = False
    #: Asked by somebody of another organisation, in a shared channel.
    is_external: bool = False
    #: Asked in a channel that another organisation shares.
    is_shared: bool = False
    asked_at: float = 0.0
    #: The models to ask where it is not all of them: those that failed the first time.
    model_ids: tuple[str, ...] = ()
    #: The message whose button asked for this again; it is told that it was heard.
    button_ts: str | None = None
    #: The answer of which one model is asked again; what it says takes its old answer's place there.
    answer_id: str = ""
    #: Asked in a dialog, not in a message that everybody sees: the answer repeats the question.
    is_hidden: bool = False
    #: Files were sent along; nobody reads them.
    has_files: bool = False
    #: The person's language as Slack names it (``en-US``); "" where Slack does not say.
    locale: str = ""
    #: Shows who works on this: a question that was let go and taken again has another.
    holder: str = field(default="", compare=False, repr=False)

    @property
    def ids(self) -> dict[str, str]:
        """Give what log lines say of this question, from its event to its last post."""
        installation = str(self.installation)
        return {"question_id": self.id, "event_id": self.event_id, "installation": installation}

    @property
    def reply_thread_ts(self) -> str | None:
        """Give the thread the answer goes into; None for a DM outside any thread."""
        if self.is_direct:
            return self.thread_ts
        return self.thread_ts or self.ts


@dataclass(frozen=True, slots=True)
class ModelAnswer:
    """What one LLM answered, or that it failed."""

    model_id: str
    #: The model's display name; never empty.
    name: str
    #: The provider's name (``gpt-4o``); "" where the reply does not say.
    base_model: str = ""
    #: Standard Markdown; "" when failed.
    text: str = field(default="", repr=False)
    failed: bool = False

    @property
    def is_silent(self) -> bool:
        """Say whether there is nothing to show of the model."""
        return self.failed or not self.text.strip()


@dataclass(frozen=True, slots=True)
class Reply:
    """SectorFlow's reply to one question: an answer of each registered model, in their order."""

    answers: tuple[ModelAnswer, ...]
    thread_id: str | None = None
    #: What it cost, in SectorFlow's credits; None where the reply does not say.
    credits: float | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """The answers to one question as they stand in Slack; kept for as long as their buttons work."""

    question: Question
    models: tuple[ModelAnswer, ...]
    display: Display = "separated"
    #: Which model's tab is open, and which page of it; both from 0.
    tab: int = 0
    page: int = 0
    #: Models that are being asked again, by id.
    busy: tuple[str, ...] = ()
    #: From the question to the reply.
    seconds: float | None = None
    credits: float | None = None
    #: So many of its messages stand one right below the other; what other people said may stand between
    #: these and the further ones. None where that is so of none.
    together: int | None = None

    @property
    def id(self) -> str:
        """Give the id that buttons carry: the question's."""
        return self.question.id


#: Stands for a message that is none: Slack shows a status in the thread.
STATUS: Final = "status"


@dataclass(frozen=True, slots=True)
class Waiting:
    """A question that has been open for long."""

    question: Question
    #: Whether it still stands in line; else it is being worked on.
    in_line: bool
    #: What stands in for its answer; "" for nothing.
    placeholder: str


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


@dataclass(frozen=True, slots=True)
class Plan:
    """What is said to a question: laid out once, so that a try after a crash goes on with the same."""

    messages: tuple[Message, ...]
    #: Why there is no answer, as a short word; "" where there is one.
    failure: str = ""
    #: SectorFlow's thread that the answer belongs to.
    thread_id: str | None = None


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the answer to a question has come."""

    plan: Plan | None = None
    #: The ``ts`` of each message of the plan that Slack has taken, in order.
    posted: tuple[str, ...] = ()
    #: Tries that failed and may pass when made again.
    failures: int = 0
    #: Workers that let the question go without a word: they died, or hung.
    deaths: int = 0


@dataclass(frozen=True, slots=True)
class FailedQuestion:
    """A question that failed, kept so that it can be asked again."""

    question: Question
    reason: str
    at: float


@dataclass(frozen=True, slots=True)
class StoredAnswer:
    """An answer whose buttons work, and the messages that show it."""

    answer: Answer
    #: The ``ts`` of each message, in order; empty until the first of them are all posted.
    posted: tuple[str, ...]
    #: Goes up with each change of the answer.
    version: int
    #: The version that the messages show.
    rendered: int
    #: What each message shows, in order, as ``formatting.answers.digest`` gives it; "" where that is not
    #: known, and none at all where it is known of none.
    digests: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ModelVotes:
    """What people think of one model's answers."""

    model_id: str
    up: int
    down: int
