"""What the services keep in Redis of apps and installations, as protocols.

Every method may raise ``StorageUnavailable``; a miss is ``None``, never an exception.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Literal, Protocol

from sectorflow_slack.domain.checkup import Watch
from sectorflow_slack.domain.installations import (
    AppSummary,
    Installation,
    InstallationKey,
    InstallationPage,
    InstallationQuery,
    OAuthState,
    PendingInstallation,
    Revocation,
    SlackApp,
)


class AppStore(Protocol):
    """Keeps Slack apps and their secrets, the service's own app among them."""

    def find(self, app_id: str) -> SlackApp | None:
        """Load an app."""

    def signing_secrets(self, app_id: str) -> tuple[str, ...]:
        """Load the secrets that a request of this app may be signed with; none for an unknown app.

        The one in force comes first, then one that waits for its first verified event. One that no key opens
        is left out.

        Raises:
            CannotDecrypt: no key opens any of them.

        """

    def adopt_signing_secret(self, app_id: str, secret: str) -> None:
        """Put a waiting secret in force, now that an event has verified with it."""

    def list(self) -> tuple[AppSummary, ...]:
        """List all apps, the service's own first; no secret is opened."""


class InstallationStore(Protocol):
    """Keeps installations, and the app records that hang on them."""

    def find(self, key: InstallationKey) -> Installation | None:
        """Load the installation of an app in a team or enterprise."""

    def find_by_id(self, installation_id: str) -> Installation | None:
        """Load an installation by the id the install API gave it."""

    def save(self, installation: Installation, app: SlackApp | None, replaces: str | None) -> bool:
        """Store an installation and, where it brought one, its app, in one step.

        Returns False and stores nothing where another installation holds the place and its id is not
        ``replaces``. The pending record of the same id is dropped in the same step, and so is a
        revocation that waits for the same place: Slack gives the same bot token again.

        Raises:
            Changed: the pending installation's terms were changed meanwhile; load them and save again.

        """

    def change(self, installation: Installation, revision: int) -> bool:
        """Put new terms in force; False where the stored ones are not of this ``revision`` any more."""

    def renew(self, installation: Installation, renewed: Installation) -> bool:
        """Put the bot of ``renewed``, and since when it is installed, in the place of the installation's.

        False where another token than the installation's stands there by now.
        """

    def remove(self, installation: Installation) -> bool:
        """Forget an installation and keep its bot token for revocation, in one step.

        Returns False where it is not there any more, or another one is. A bot token that no key opens is
        forgotten.
        """

    def delete(self, key: InstallationKey, before: float, bot_token: str | None = None) -> bool:
        """Forget an installation and its secrets, unless it was installed later than ``before``.

        Nor where it lives by another token than ``bot_token``, if that is given. An app that no team has any
        more is forgotten a day later. Returns whether one was deleted.
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

    def change(self, pending: PendingInstallation, revision: int) -> bool:
        """Put new terms in force; False unless the stored ones are pending and of this ``revision``."""

    def remove(self, installation_id: str) -> bool:
        """Forget a pending, failed or expired installation with its link; False where there is none."""


class Directory(Protocol):
    """Lists installations of every state, and finds those of which secrets are lost."""

    def page(self, query: InstallationQuery) -> InstallationPage:
        """Give one page, oldest first; what is registered or deleted meanwhile moves nothing else.

        Raises:
            ValueError: the cursor is none that a page gave.

        """

    def find(self, installation_id: str) -> Installation | PendingInstallation | None:
        """Load one with those of its secrets that a key opens; the others are blank."""


class RevocationStore(Protocol):
    """Keeps bot tokens that are still to be taken back at Slack."""

    def take(self) -> Revocation | None:
        """Take one that is due; nobody else gets it for a minute. None where none is due."""

    def done(self, revocation: Revocation) -> None:
        """Forget a revocation, and with it the token; a later one of the same place stays."""

    def put_back(self, revocation: Revocation, delay: float) -> None:
        """Have it taken again in ``delay`` seconds, with the tokens it has now, unless it is gone."""


@dataclass(frozen=True, slots=True)
class Claim:
    """What an ``Idempotency-Key`` stands for."""

    #: ``mine``: the caller registers under ``installation_id``, which is the same at each try.
    #: ``underway``: another request does just now. ``done``: it was registered.
    #: ``other_body``: the key came with another body. ``in_doubt``: an app may have been made at Slack.
    state: Literal["mine", "underway", "done", "other_body", "in_doubt"]
    installation_id: str


class IdempotencyStore(Protocol):
    """Keeps for 24 h what each ``Idempotency-Key`` led to."""

    def claim(self, key: str, fingerprint: str, installation_id: str) -> Claim:
        """Take a key for a request with this body; a claim that nobody finished lapses after a minute."""

    def making_app(self, key: str) -> None:
        """Say that Slack is about to make an app: from now on a lapsed claim is in doubt."""

    def done(self, key: str) -> None:
        """Say that the installation is registered."""

    def release(self, key: str) -> None:
        """Let the key be claimed anew: nothing came of it."""


class RateLimit(Protocol):
    """Says when somebody calls too often."""

    def hit(self, caller: str) -> float | None:
        """Count a call; gives the seconds to wait where it is one too many, which is not counted then."""


class Locks(Protocol):
    """Lets one process at a time do something."""

    def hold(self, name: str, seconds: float, wait: float = 0.0) -> AbstractContextManager[bool]:
        """Hold a lock for at most ``seconds``; gives whether it was got within ``wait`` seconds."""


@dataclass(frozen=True, slots=True)
class Renewal:
    """What became of one Redis key's sealed values."""

    renewed: int = 0
    current: int = 0
    #: Fields that no key opens, or that were sealed for another place.
    lost: tuple[str, ...] = ()


class KeyRing(Protocol):
    """Puts what is stored under the first of the encryption keys."""

    def places(self) -> Iterator[str]:
        """Go through all Redis keys that hold something sealed."""

    def renew(self, place: str) -> Renewal:
        """Seal one place's values anew with the first key, where they are not; its expiry stays."""


class OAuthStateStore(Protocol):
    """Keeps one-time states of trips to Slack's consent page."""

    def issue(self, state: OAuthState) -> str:
        """Store a state under a new secret of 256 bits and return the secret."""

    def consume(self, secret: str) -> OAuthState | None:
        """Take a state out: the first caller gets it, every later one None."""


class Backup(Protocol):
    """Keeps installations elsewhere."""

    def export(self, watch: Watch = iter) -> tuple[str, int]:
        """Give all installations as one sealed text, and how many they are."""

    def restore(self, sealed: str, watch: Watch = iter) -> int:
        """Put back what is missing; returns how many installations came back.

        Raises ``CannotDecrypt`` where the text is no backup, or its key is gone.
        """
