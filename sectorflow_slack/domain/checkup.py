"""What the operator's examination looks at, beyond what the service itself asks of stores and remotes."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from sectorflow_slack.domain.installations import SectorFlowSettings
from sectorflow_slack.domain.questions import Reply

#: Goes through things one by one, and may show somebody how far it is.
Watch = Callable[[Collection[str]], Iterable[str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreFigures:
    """How Redis does; None where it does not say."""

    #: The median of a few round trips, in milliseconds.
    round_trip_ms: float
    version: str | None
    used_bytes: int | None
    #: What Redis may use at most; None where there is no limit.
    limit_bytes: int | None
    #: What it does when that is full, as ``maxmemory-policy`` names it.
    policy: str | None
    #: How data outlasts a restart: an append-only file, snapshots, or neither as far as it says.
    kept: Literal["aof", "rdb", "nothing"] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedFigures:
    """What became of the encryption keys' work."""

    records: int
    #: Fields that only an older key opens.
    outdated: int
    #: Fields that no key opens, as ``{Redis key} {field}``.
    lost: tuple[str, ...]
    #: Bot tokens that are still to be taken back at Slack.
    revocations: int
    #: False where there was more than was looked at.
    is_complete: bool


class SlackProbe(Protocol):
    """Asks Slack whether it is there."""

    def probe(self) -> float | None:
        """Give by how many seconds Slack's clock is ahead of this machine's; None where Slack does not say.

        Raises ``SlackError`` where Slack cannot be reached.
        """


class SectorFlowAdminClient(Protocol):
    """SectorFlow's REST API as an operator tries it. Methods raise ``SectorFlowError``."""

    def probe(self) -> int:
        """Give the HTTP status that SectorFlow's API answers with, whatever it is."""

    def list_models(self, api_token: str) -> Sequence[Mapping[str, Any]]:
        """List the LLMs that the token's user may use."""

    def list_workspaces(self, api_token: str) -> Sequence[Mapping[str, Any]]:
        """List the workspaces of the token's user."""

    def create_workspace(self, api_token: str, workspace: Mapping[str, Any]) -> Mapping[str, Any]:
        """Make a workspace."""

    def update_workspace(
        self, api_token: str, workspace_id: str, workspace: Mapping[str, Any]
    ) -> Mapping[str, Any]:
        """Change a workspace."""

    def ask(self, settings: SectorFlowSettings, question: str, thread_id: str | None) -> Reply:
        """Ask every model of ``settings`` and return an answer for each, in their order."""
