"""The values that cross layers: frozen, typed, with Slack's and SectorFlow's own words.

Times are seconds since the epoch, UTC. Ids are the strings that Slack and SectorFlow gave.
A field that is secret is left out of its ``repr``, so that no log line or traceback shows it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

Display = Literal["separated", "tabs"]
Status = Literal["pending", "installed", "failed", "expired"]


@dataclass(frozen=True, slots=True)
class SlackApp:
    """A Slack app and what proves that a request is from it or for it."""

    app_id: str
    client_id: str
    client_secret: str = field(repr=False)
    signing_secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class SectorFlowSettings:
    """What SectorFlow is asked with, as the install API took it."""

    api_token: str = field(repr=False)
    workspace_id: str
    model_ids: tuple[str, ...]
    plus_id: str = ""
    #: Display names by model id as the workspace gave them; may lack some or all.
    model_names: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Terms:
    """What the platform asked for when it registered an installation; shared by all its states."""

    id: str
    app_id: str
    app_name: str
    sectorflow: SectorFlowSettings
    created_at: float
    display: Display = "separated"
    customer_id: str | None = None
    allow_external_users: bool = False


@dataclass(frozen=True, slots=True)
class InstallRequest:
    """What the platform asks for when it registers an installation."""

    app_name: str
    sectorflow: SectorFlowSettings
    display: Display = "separated"
    customer_id: str | None = None
    allow_external_users: bool = False
    team_id: str | None = None
    replaces: str | None = None
    #: An app that exists already; None for the service's own.
    slack_app: SlackApp | None = None
    return_url: str | None = None


@dataclass(frozen=True, slots=True)
class PendingInstallation:
    """An installation that waits for a person's consent, or that failed or expired."""

    terms: Terms
    #: The credentials that came with the request; None for the service's own app.
    slack_app: SlackApp | None
    link: str = field(repr=False)
    expires_at: float
    team_id: str | None = None
    replaces: str | None = None
    return_url: str | None = None
    failure: str | None = None

    def status(self, now: float) -> Status:
        """Say where this installation stands at ``now``."""
        if self.failure is not None:
            return "failed"
        return "pending" if now < self.expires_at else "expired"


@dataclass(frozen=True, slots=True)
class BotInstall:
    """What Slack gave when a person consented (``oauth.v2.access``)."""

    app_id: str
    bot_token: str = field(repr=False)
    bot_user_id: str
    #: None for an org-wide install.
    team_id: str | None
    team_name: str
    enterprise_id: str | None = None
    is_enterprise_install: bool = False
    #: Whether the token is one that expires (token rotation), which the service does not keep alive.
    token_expires: bool = False

    @property
    def tenant_id(self) -> str:
        """Give the id that this installation is kept under: the team, or the org of an org-wide one."""
        tenant = self.enterprise_id if self.is_enterprise_install else self.team_id
        if not tenant:
            raise ValueError("an install names a team or an enterprise")
        return tenant


@dataclass(frozen=True, slots=True)
class Installation:
    """One app in one team, with the SectorFlow settings it answers with."""

    terms: Terms
    bot: BotInstall
    installed_at: float

    @property
    def key(self) -> InstallationKey:
        """Give the pair that finds this installation."""
        return InstallationKey(self.terms.app_id, self.bot.tenant_id)


@dataclass(frozen=True, slots=True)
class InstallationKey:
    """An app and the team (or, org-wide, the enterprise) it is installed in."""

    app_id: str
    tenant_id: str

    def __str__(self) -> str:
        return f"{self.app_id}:{self.tenant_id}"


@dataclass(frozen=True, slots=True)
class OAuthState:
    """What one trip to Slack's consent page is bound to."""

    installation_id: str
    app_id: str


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
    #: The team a shared channel's event belongs to; org-wide tokens and Slack Connect need it.
    team_id: str
    is_direct: bool = False
    #: Asked by somebody of another organisation, in a shared channel.
    is_external: bool = False
    asked_at: float = 0.0
    #: The models to ask where it is not all of them: those that failed the first time.
    model_ids: tuple[str, ...] = ()
    #: The message whose button asked for this again; it is told that it was heard.
    button_ts: str | None = None
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


@dataclass(frozen=True, slots=True)
class Reply:
    """SectorFlow's reply to one question: an answer of each registered model, in their order."""

    answers: tuple[ModelAnswer, ...]
    thread_id: str | None = None


@dataclass(frozen=True, slots=True)
class Message:
    """A message as ``chat.postMessage`` takes it: Block Kit blocks and a readable fallback."""

    text: str = field(repr=False)
    blocks: tuple[dict[str, object], ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class Workspace:
    """A SectorFlow workspace, as far as the service needs it."""

    id: str
    name: str
    #: Display names by model id.
    model_names: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Address:
    """Where a message goes: a channel, perhaps a thread in it, perhaps under a name of its own."""

    channel_id: str
    thread_ts: str | None = None
    #: Set where the app is shared by customers, so that each sees its own name.
    username: str | None = None
