"""Installations as the platform has them in hand: registered, listed, changed, deleted."""

from __future__ import annotations

import logging
import secrets
import time
import uuid
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, fields, replace
from functools import cache, partial

from sectorflow_slack.domain.errors import (
    AppNotCreated,
    CannotDecrypt,
    InstallRefused,
    RevisionConflict,
    SectorFlowError,
    StorageUnavailable,
    TokenRefused,
    WorkspaceMissing,
)
from sectorflow_slack.domain.installations import (
    Claim,
    IdempotencyKey,
    Installation,
    InstallationPage,
    InstallationQuery,
    InstallationSettings,
    InstallRequest,
    PendingInstallation,
    SectorFlowSettings,
    SettingsChange,
    SlackApp,
)
from sectorflow_slack.domain.ports import Clock, SectorFlowClient
from sectorflow_slack.services.app_creation import LOOK, AppCreator
from sectorflow_slack.services.idempotency import FIELD, IdempotencyService
from sectorflow_slack.services.resilience import retry_while_store_is_down
from sectorflow_slack.services.revocations import RevocationService
from sectorflow_slack.storage.installation_listing import InstallationListing
from sectorflow_slack.storage.installations import InstallationStore
from sectorflow_slack.storage.pending import PendingStore

logger = logging.getLogger(__name__)


#: How long an install link may be followed.
LINK_LIFETIME_SECONDS = 24 * 3600


def team_of_created_app(asked: str | None, named: str | None) -> str | None:
    """Pin an app that was made to the workspace it can be installed in, or to its org where that was asked.

    Raises:
        InstallRefused: another team was asked for than the one that Slack ``named``.

    """
    if asked is None or named is None or asked == named:
        return named or asked
    if asked.startswith("E"):
        return asked
    raise InstallRefused("teamId", "The app configuration token is for another Slack workspace.")


def make_pending(
    request: InstallRequest, app_id: str, installation_id: str, *, now: float
) -> PendingInstallation:
    """Give what is kept of a request until a person consents, with a link of 256 bits."""
    return PendingInstallation(
        settings=InstallationSettings(
            id=installation_id,
            app_id=app_id,
            app_name=request.app_name,
            sectorflow=request.sectorflow,
            created_at=now,
            display=request.display,
            customer_id=request.customer_id,
            allow_external_users=request.allow_external_users,
        ),
        slack_app=request.slack_app,
        link=secrets.token_urlsafe(32),
        expires_at=now + LINK_LIFETIME_SECONDS,
        team_id=request.team_id,
        replaces=request.replaces,
        return_url=request.return_url,
    )


#: Gives model names by token and workspace; None where nobody could say. Raises where they are no good.
NamesOf = Callable[[str, str], dict[str, str] | None]

_OF_SECTORFLOW = frozenset({"api_token", "workspace_id", "model_ids", "plus_id"})


def changed_settings(
    terms: InstallationSettings, change: SettingsChange, names_of: NamesOf
) -> InstallationSettings:
    """Give the terms with a change made to them, of the next revision; the same where nothing changes.

    Raises:
        InstallRefused: ``names_of`` refused the token or the workspace, or the stored one is lost.

    """
    asked = {field.name: getattr(change, field.name) for field in fields(change)}
    given = {name: value for name, value in asked.items() if value is not None}
    own = {name: value for name, value in given.items() if name not in _OF_SECTORFLOW}
    new = replace(
        terms,
        **own,
        sectorflow=replace(terms.sectorflow, **{name: given[name] for name in given.keys() & _OF_SECTORFLOW}),
    )
    if new == terms:
        return terms
    if not new.sectorflow.api_token:
        raise InstallRefused("apiToken", "The stored token cannot be read; send it anew.")
    sectorflow = _named(terms.sectorflow, new.sectorflow, names_of)
    return replace(new, sectorflow=sectorflow, revision=terms.revision + 1)


def _named(old: SectorFlowSettings, new: SectorFlowSettings, names_of: NamesOf) -> SectorFlowSettings:
    """Check what is new, and give the models the names that the workspace has for them now."""
    if (new.api_token, new.workspace_id, new.model_ids) == (old.api_token, old.workspace_id, old.model_ids):
        return new
    names = names_of(new.api_token, new.workspace_id)
    if names is None:
        names = old.model_names if new.workspace_id == old.workspace_id else {}
    return replace(new, model_names=names)


#: SectorFlow is given less than half of the 10 s in which the install API answers: one that falls silent
#: in the middle of its answer may take twice this.
CHECK_TIMEOUT_SECONDS = 4.0
#: Where Slack is to make an app in the rest of the 10 s.
SHORT_CHECK_TIMEOUT_SECONDS = 2.0


def model_names(
    sectorflow: SectorFlowClient, api_token: str, workspace_id: str, timeout: float = CHECK_TIMEOUT_SECONDS
) -> dict[str, str] | None:
    """Give the names that a workspace has for its models; None where SectorFlow is away or odd.

    Raises:
        InstallRefused: SectorFlow refuses the token, or knows no such workspace.

    """
    try:
        return sectorflow.get_workspace(api_token, workspace_id, timeout=timeout).model_names
    except TokenRefused:
        raise InstallRefused("apiToken", "SectorFlow refuses this token.") from None
    except WorkspaceMissing:
        raise InstallRefused("workspaceId", "SectorFlow knows no such workspace.") from None
    except SectorFlowError as error:
        logger.warning("workspace not checked: %s", type(error).__name__)
        return None


#: The install API answers within 10 s; what is kept of them is for storing and for the way back.
BUDGET_SECONDS = 9.0
#: How often a change or a deletion looks again, where somebody else changes the same installation meanwhile.
TRIES = 5
#: How long to insist, within that budget, that nothing is left of a request that could not be stored.
REMOVE_SECONDS = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistrationService:
    """Takes requests in, tells where each stands, and changes or ends it."""

    installations: InstallationStore
    pendings: PendingStore
    listing: InstallationListing
    idempotency: IdempotencyService
    app_creator: AppCreator
    revocations: RevocationService
    sectorflow: SectorFlowClient
    own_app: SlackApp | None
    clock: Clock

    def register(
        self, request: InstallRequest, once: IdempotencyKey | None = None
    ) -> Installation | PendingInstallation:
        """Take a request in and give the installation that waits for a person's consent.

        With ``once``, the same request again gives the installation of the first one as it stands now.

        Raises:
            InstallRefused: a field is wrong for a reason that only the stores, SectorFlow or Slack know.
            AppNotCreated: an app was to be made, and is not, or perhaps is.
            RequestInProgress: the same request is being worked on.

        """
        deadline = time.monotonic() + BUDGET_SECONDS
        if once is None:
            return self._register(request, str(uuid.uuid4()), None, deadline)
        claim = self.idempotency.claim(once)
        found = self._registered_before(claim)
        if found is None:
            with self.idempotency.in_progress(once):
                found = self._register(request, claim.installation_id, once, deadline)
        if claim.state != "done":
            self.idempotency.complete(once)
        return found

    def app_id_of(self, slack_app: SlackApp | None) -> str:
        """Give the app that a request is for: the one it brings, else the service's own.

        Raises:
            InstallRefused: there is none, or it brings credentials for the service's own.

        """
        if slack_app is None:
            if self.own_app is None:
                raise InstallRefused("slackApp", "This service has no Slack app of its own; name one.")
            return self.own_app.app_id
        if self._is_own(slack_app):
            raise InstallRefused("slackApp", "This is the service's own app; leave slackApp out to use it.")
        return slack_app.app_id

    def find(self, installation_id: str) -> Installation | PendingInstallation | None:
        """Load an installation in whatever state it is; a secret that no key opens is blank."""
        if not installation_id.isascii():
            return None  # ids are; whatever somebody typed may not even be text that Redis takes
        try:
            return (
                self.installations.find_by_id(installation_id)
                or self.pendings.find(installation_id)
                # It may have been installed between the two looks.
                or self.installations.find_by_id(installation_id)
            )
        except CannotDecrypt as error:
            logger.error("installation cannot be read: %s", error.place)
            return self.listing.find(installation_id)

    def list(self, query: InstallationQuery) -> InstallationPage:
        """Give one page of installations in whatever state they are.

        Raises:
            ValueError: the cursor is none that a page gave.

        """
        return self.listing.page(query)

    def change(
        self, installation_id: str, change: SettingsChange, revision: int | None = None
    ) -> Installation | PendingInstallation | None:
        """Change settings from the next question on; gives what they are now, or None: no such installation.

        Raises:
            InstallRefused: SectorFlow refuses what is new, or the installation failed or expired.
            RevisionConflict: it is not of this ``revision``; without one, others change it all the time.

        """
        # Each token and workspace is asked for once, however often this has to look again.
        names_of = cache(partial(model_names, self.sectorflow))
        for _ in range(TRIES):
            found = self.find(installation_id)
            if found is None:
                return None
            if revision is not None and found.settings.revision != revision:
                raise RevisionConflict(installation_id)
            if isinstance(found, PendingInstallation) and found.status(self.clock()) != "pending":
                raise InstallRefused("status", "This one has failed or expired; register a new one.")
            changed = replace(found, settings=changed_settings(found.settings, change, names_of))
            if changed == found:
                return found
            if self._save(changed, found.settings.revision):
                logger.info("installation changed", extra={"installation_id": installation_id})
                return changed
        raise RevisionConflict(installation_id)

    def delete(self, installation_id: str, revision: int | None = None) -> bool:
        """Forget an installation with its secrets, and have its bot token revoked; False: no such one.

        Raises:
            RevisionConflict: it is not of this ``revision``; without one, others change it all the time.

        """
        for _ in range(TRIES):
            found = self.find(installation_id)
            if found is None:
                return False
            if revision is not None and found.settings.revision != revision:
                raise RevisionConflict(installation_id)
            if isinstance(found, Installation):
                gone = self.installations.remove(found)
            else:
                gone = self.pendings.remove(installation_id)
            if gone:
                logger.info("installation deleted", extra={"installation_id": installation_id})
                if isinstance(found, Installation):
                    self.revocations.revoke_now(found)
                return True
        raise RevisionConflict(installation_id)

    def _registered_before(self, claim: Claim) -> Installation | PendingInstallation | None:
        """Find what a claim has led to: also where it was kept, and whoever kept it died before saying so."""
        found = self.find(claim.installation_id)
        if found is None and claim.state == "done":
            raise InstallRefused(FIELD, "What this key made is gone; use another.")
        if found is None and claim.state == "in_doubt":
            raise AppNotCreated(
                "An earlier request with this key may have made an app at Slack that nobody uses. "
                f"{LOOK}, then ask anew, with another Idempotency-Key.",
                in_doubt=True,
            )
        return found

    def _register(
        self, request: InstallRequest, installation_id: str, once: IdempotencyKey | None, deadline: float
    ) -> PendingInstallation:
        token = request.config_token
        if token is None:
            app_id = self.app_id_of(request.slack_app)
            return self._store(self._checked(self._pinned(request, app_id)), app_id, installation_id)
        request = self._checked(self._pinned(request, None), SHORT_CHECK_TIMEOUT_SECONDS)
        made, team_id = self.app_creator.create(request.app_name, token, once, deadline - time.monotonic())
        if self._is_own(made):
            raise AppNotCreated("Slack made no app, but named the service's own.")
        try:
            request = replace(request, slack_app=made, team_id=team_of_created_app(request.team_id, team_id))
            return self._store(request, made.app_id, installation_id)
        except (InstallRefused, StorageUnavailable):
            self.app_creator.delete(token, made.app_id)
            raise

    def _pinned(self, request: InstallRequest, app_id: str | None) -> InstallRequest:
        """Pin a request that replaces an installation to the team of that one; no ``app_id``: a new app."""
        if request.replaces is None:
            return request
        replaced = self.find(request.replaces)
        if not isinstance(replaced, Installation) or replaced.key.app_id != app_id:
            raise InstallRefused("replaces", "No installed installation of this app has this id.")
        if request.team_id not in {None, replaced.key.tenant_id}:
            raise InstallRefused("replaces", "The installation with this id is in another team.")
        return replace(request, team_id=replaced.key.tenant_id)

    def _checked(self, request: InstallRequest, timeout: float = CHECK_TIMEOUT_SECONDS) -> InstallRequest:
        asked = request.sectorflow
        names = model_names(self.sectorflow, asked.api_token, asked.workspace_id, timeout)
        return request if names is None else replace(request, sectorflow=replace(asked, model_names=names))

    def _store(self, request: InstallRequest, app_id: str, installation_id: str) -> PendingInstallation:
        pending = make_pending(request, app_id, installation_id, now=self.clock())
        try:
            self.pendings.save(pending)
        except StorageUnavailable:
            # It may have been written all the same, and its app, if it was made for it, is deleted now.
            with suppress(StorageUnavailable):
                retry_while_store_is_down(partial(self.pendings.remove, installation_id), REMOVE_SECONDS)
            raise
        logger.info("installation registered", extra={"installation_id": installation_id, "app_id": app_id})
        return pending

    def _save(self, changed: Installation | PendingInstallation, revision: int) -> bool:
        if isinstance(changed, Installation):
            return self.installations.change(changed, revision)
        return self.pendings.change(changed, revision)

    def _is_own(self, app: SlackApp) -> bool:
        return self.own_app is not None and app.app_id == self.own_app.app_id
