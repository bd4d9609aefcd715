"""What the services need from the outside, as protocols: stores, remote APIs, the queue, the clock.

Every method may raise ``StorageUnavailable`` (stores, queue), ``SlackError`` (Slack) or
``SectorFlowError`` (SectorFlow); a miss is ``None``, never an exception.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from sectorflow_slack.domain.models import (
    Address,
    BotInstall,
    Installation,
    InstallationKey,
    Message,
    OAuthState,
    PendingInstallation,
    Question,
    Reply,
    SectorFlowSettings,
    SlackApp,
    Workspace,
)
from sectorflow_slack.domain.progress import Letter, Plan, Progress


class Clock(Protocol):
    """Tells the time."""

    def __call__(self) -> float:
        """Give the seconds since the epoch, UTC."""


class AppStore(Protocol):
    """Keeps Slack apps and their secrets, the service's own app among them."""

    def find(self, app_id: str) -> SlackApp | None:
        """Load an app."""

    def signing_secrets(self, app_id: str) -> tuple[str, ...]:
        """Load the secrets that a request of this app may be signed with; none for an unknown app.

        The one in force comes first, then one that waits for its first verified event.
        """

    def adopt_signing_secret(self, app_id: str, secret: str) -> None:
        """Put a waiting secret in force, now that an event has verified with it."""


class InstallationStore(Protocol):
    """Keeps installations, and the app records that hang on them."""

    def find(self, key: InstallationKey) -> Installation | None:
        """Load the installation of an app in a team or enterprise."""

    def find_by_id(self, installation_id: str) -> Installation | None:
        """Load an installation by the id the install API gave it."""

    def save(self, installation: Installation, app: SlackApp | None, replaces: str | None) -> bool:
        """Store an installation and, where it brought one, its app, in one step.

        Returns False and stores nothing where another installation holds the place and its id is not
        ``replaces``. The pending record of the same id is dropped in the same step.
        """

    def delete(self, key: InstallationKey, before: float) -> bool:
        """Forget an installation and its secrets, unless it was installed later than ``before``.

        An app that no team has any more is forgotten a day later. Returns whether one was deleted.
        """


class PendingStore(Protocol):
    """Keeps installations that wait for consent, for as long as the install API shows them."""

    def save(self, pending: PendingInstallation) -> None:
        """Store a pending installation and the way from its link to it."""

    def find(self, installation_id: str) -> PendingInstallation | None:
        """Load a pending, failed or expired installation."""

    def find_by_link(self, link: str) -> PendingInstallation | None:
        """Load the pending installation that an install link leads to."""

    def fail(self, installation_id: str, failure: str) -> None:
        """Mark a pending installation as failed; its link and its secrets are forgotten."""


class OAuthStateStore(Protocol):
    """Keeps one-time states of trips to Slack's consent page."""

    def issue(self, state: OAuthState) -> str:
        """Store a state under a new secret of 256 bits and return the secret."""

    def consume(self, secret: str) -> OAuthState | None:
        """Take a state out: the first caller gets it, every later one None."""


class QuestionStore(Protocol):
    """Keeps every accepted question until it is answered, and who works on it.

    The store, not the job engine, is the truth: a job only says "take the next of this installation".
    """

    def accept(self, question: Question) -> bool:
        """Store a question and put it in its installation's waiting line, in one step.

        Returns False where its event, or its message, was accepted before.
        """

    def has_room(self, key: InstallationKey) -> bool:
        """Say whether what waits now may be under way at once, so that a worker is worth waking."""

    def take(self, key: InstallationKey) -> Question | None:
        """Take the next waiting question of an installation; nobody else gets it while it is held.

        Returns None when none waits or as many as allowed are under way.
        """

    def hold(self, questions: Sequence[Question]) -> None:
        """Say that these are still being worked on; not said for a while, they go to others."""

    def confirm(self, question: Question) -> None:
        """Say that this is still being worked on, before a step that cannot be taken back.

        Raises ``LeaseLost``, as each method below does, where it went to somebody else meanwhile.
        """

    def progress(self, question: Question) -> Progress:
        """Load how far earlier tries came."""

    def save_plan(self, question: Question, plan: Plan, posted: int = 0) -> None:
        """Keep what is to be said, so that a reply is not paid for again and nothing is said twice.

        ``posted`` says how many messages of this plan Slack has taken.
        """

    def mark_posted(self, question: Question, posted: int) -> None:
        """Record how many messages of the plan Slack has taken; may be said again."""

    def put_back(self, question: Question, delay: float, *, counts: bool) -> None:
        """Let a question wait for ``delay`` seconds, then go first; ``counts`` as a failed try or not."""

    def finish(self, question: Question, failure: str = "", again: Question | None = None) -> bool:
        """Forget the question and its reply; returns whether more of its installation wait.

        ``failure`` is the reason where there is no answer. ``again`` is kept for a week as a letter, so that
        it can be asked again; it is among the dead letters where all has failed.
        """

    def due(self) -> tuple[InstallationKey, ...]:
        """List installations with a question to take up: waiting, due again, or let go by a dead worker."""


class LineStore(Protocol):
    """Looks after lines that have grown long."""

    def slow(self) -> tuple[InstallationKey, ...]:
        """List installations whose next question has waited for long; each at most every few seconds."""

    def untold(self, key: InstallationKey) -> tuple[Question, ...]:
        """Take questions that have waited for long and whose people nobody has told; each comes once."""

    def leave_untold(self, questions: Sequence[Question]) -> None:
        """Say that these could not be told after all."""


class LetterStore(Protocol):
    """Keeps what can be asked again: questions that failed, or some of whose models did."""

    def find(self, letter_id: str) -> Letter | None:
        """Load a letter; its id is its question's."""

    def dead(self) -> tuple[Letter, ...]:
        """List the questions that failed for good, oldest first."""

    def revive(self, question: Question) -> bool:
        """Put a letter's question, as it is given, in line again; False where somebody else already did."""


class Backup(Protocol):
    """Keeps installations elsewhere."""

    def export(self) -> tuple[str, int]:
        """Give all installations as one sealed text, and how many they are."""

    def restore(self, sealed: str) -> int:
        """Put back what is missing; returns how many installations came back.

        Raises ``CannotDecrypt`` where the text is no backup, or its key is gone.
        """


class PauseStore(Protocol):
    """Keeps how long Slack wants to be left alone: by app, team and method."""

    def pause(self, key: InstallationKey, method: str, seconds: float) -> None:
        """Make no such call for this installation for a while."""

    def remaining(self, key: InstallationKey, method: str) -> float:
        """Say for how many seconds no such call is to be made; 0 for none."""


class ConversationStore(Protocol):
    """Keeps which SectorFlow thread a Slack thread continues."""

    def find(self, question: Question, workspace_id: str) -> str | None:
        """Load the SectorFlow ``threadId`` that this question goes on with."""

    def save(self, question: Question, workspace_id: str, thread_id: str) -> None:
        """Remember the ``threadId`` of the last reply: 30 days in a thread, an hour in a DM outside one."""


class TaskQueue(Protocol):
    """Wakes a worker."""

    def answer_next(self, key: InstallationKey, delay: float = 0.0) -> None:
        """Have a worker take the next question of this installation, in ``delay`` seconds."""


class SlackClient(Protocol):
    """Slack's Web API, as far as the service calls it."""

    def authorize_url(self, app: SlackApp, state: str, redirect_uri: str, team_id: str | None) -> str:
        """Give the address of Slack's consent page."""

    def exchange_code(self, app: SlackApp, code: str, redirect_uri: str) -> BotInstall:
        """Turn an OAuth code into a bot token (``oauth.v2.access``)."""

    def revoke(self, bot_token: str) -> None:
        """Take a bot token back (``auth.revoke``)."""

    def post(self, bot_token: str, address: Address, message: Message) -> str:
        """Post a message (``chat.postMessage``) and return its ``ts``."""

    def update(self, bot_token: str, channel_id: str, ts: str, message: Message) -> None:
        """Put another message in the place of one of ours (``chat.update``)."""


class SectorFlowClient(Protocol):
    """SectorFlow's REST API, as far as the service calls it."""

    def get_workspace(self, api_token: str, workspace_id: str, timeout: float) -> Workspace:
        """Load a workspace; shows whether the token and the workspace are good."""

    def ask(self, settings: SectorFlowSettings, question: str, thread_id: str | None) -> Reply:
        """Ask every model of ``settings`` and return an answer for each, in their order."""
