"""Installations as the platform manages them: registered, listed, changed, deleted."""

from __future__ import annotations

import logging
import secrets
import time
import uuid
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from functools import cache, partial

from sectorflow_slack.domain.errors import (
    AppNotCreated,
    CannotDecrypt,
    InstallRefused,
    RevisionConflict,
    StorageUnavailable,
)
from sectorflow_slack.domain.installations import (
    AnyInstallation,
    Claim,
    IdempotencyKey,
    Installation,
    InstallationPage,
    InstallationQuery,
    InstallationSettings,
    InstallRequest,
    PendingInstallation,
    SettingsChange,
    SlackApp,
)
from sectorflow_slack.domain.ports import Clock, SectorFlowClient
from sectorflow_slack.services.app_creation import LOOK, AppCreator
from sectorflow_slack.services.idempotency import FIELD, IdempotencyService
from sectorflow_slack.services.resilience import retry_while_store_is_down
from sectorflow_slack.services.revocations import RevocationService
from sectorflow_slack.services.settings_check import Offer, check_settings, check_with_sectorflow, load_offer
from sectorflow_slack.storage.installation_listing import InstallationListing
from sectorflow_slack.storage.installations import InstallationStore
from sectorflow_slack.storage.pending import PendingStore
from sectorflow_slack.storage.token_digests import TokenDigests

logger = logging.getLogger(__name__)

#: How long an install link may be followed.
LINK_LIFETIME_SECONDS = 24 * 3600
#: The install API answers within 10 s; the rest of them is for storing and for the way back.
BUDGET_SECONDS = 9.0
#: How long SectorFlow is waited for if Slack must create an app in the rest of the 10 s.
SHORT_CHECK_SECONDS = 2.0
#: How often a change or a deletion starts over because the installation was changed at the same time.
TRIES = 5
#: How long, within that budget, to retry the removal of a request that could not be stored.
REMOVE_SECONDS = 2.0

_SECTORFLOW_FIELDS = frozenset({"api_token", "workspace_id", "model_ids", "plus_id"})


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistrationService:
    """Registers, finds, changes and deletes installations."""

    installations: InstallationStore
    pendings: PendingStore
    listing: InstallationListing
    idempotency: IdempotencyService
    app_creator: AppCreator
    revocations: RevocationService
    sectorflow: SectorFlowClient
    digests: TokenDigests
    own_app: SlackApp | None
    clock: Clock

    # Registering

    def register(self, request: InstallRequest, key: IdempotencyKey | None = None) -> AnyInstallation:
        """Store an installation that waits for a user's consent, and return it.

        The same request with the same ``key`` returns the installation of the first one as it is now.

        Raises:
            InstallRefused: a field is wrong for a reason that only the stores, SectorFlow or Slack know.
            AppNotCreated: an app was to be created, and was not, or perhaps was.
            RequestInProgress: the same request is being processed.

        """
        deadline = time.monotonic() + BUDGET_SECONDS
        if key is None:
            return self._register(request, str(uuid.uuid4()), None, deadline)
        claim = self.idempotency.claim(key)
        found = self._find_registered(claim)
        if found is None:
            with self.idempotency.in_progress(key):
                found = self._register(request, claim.installation_id, key, deadline)
        if claim.state != "done":
            self.idempotency.complete(key)
        return found

    def app_id_of(self, slack_app: SlackApp | None) -> str:
        """Return the id of the app that a request names, or of the service's own.

        ``InstallRefused`` is raised if there is none, or the request has credentials for the own one.
        """
        if slack_app is None:
            if self.own_app is None:
                raise InstallRefused("slackApp", "This service has no Slack app of its own; name one.")
            return self.own_app.app_id
        if self._is_own(slack_app):
            raise InstallRefused("slackApp", "This is the service's own app; leave slackApp out to use it.")
        return slack_app.app_id

    def _find_registered(self, claim: Claim) -> AnyInstallation | None:
        """Find the installation of a claim, also if the process that stored it died before it could tell."""
        found = self.find(claim.installation_id)
        if found is None and claim.state == "done":
            raise InstallRefused(FIELD, "The installation of this key is gone; use another key.")
        if found is None and claim.state == "in_doubt":
            raise AppNotCreated(
                "An earlier request with this key may have created an app at Slack that is unused. "
                f"{LOOK}, then send the request again with another Idempotency-Key.",
                in_doubt=True,
            )
        return found

    def _register(
        self, request: InstallRequest, installation_id: str, key: IdempotencyKey | None, deadline: float
    ) -> PendingInstallation:
        token = request.config_token
        if token is None:
            app_id = self.app_id_of(request.slack_app)
            return self._store(self._check(self._pin(request, app_id)), app_id, installation_id)
        request = self._check(self._pin(request, None), SHORT_CHECK_SECONDS)
        app, team_id = self.app_creator.create(request.app_name, token, key, deadline - time.monotonic())
        if self._is_own(app):
            raise AppNotCreated("Slack created no app, but named the service's own.")
        try:
            request = replace(request, slack_app=app, team_id=_team_of_app(request.team_id, team_id))
            return self._store(request, app.app_id, installation_id)
        except (InstallRefused, StorageUnavailable):
            self.app_creator.delete(token, app.app_id)
            raise

    def _pin(self, request: InstallRequest, app_id: str | None) -> InstallRequest:
        """Pin a request that replaces an installation to its team; ``app_id`` is None for a new app."""
        if request.replaces is None:
            return request
        replaced = self.find(request.replaces)
        if not isinstance(replaced, Installation) or replaced.key.app_id != app_id:
            raise InstallRefused("replaces", "No installed installation of this app has this id.")
        if request.team_id not in {None, replaced.key.tenant_id}:
            raise InstallRefused("replaces", "The installation with this id is in another team.")
        return replace(request, team_id=replaced.key.tenant_id)

    def _check(self, request: InstallRequest, seconds: float | None = None) -> InstallRequest:
        return replace(
            request, sectorflow=check_with_sectorflow(self.sectorflow, request.sectorflow, seconds)
        )

    def _store(self, request: InstallRequest, app_id: str, installation_id: str) -> PendingInstallation:
        now, digest = self.clock(), self._token_digest(request.sectorflow.api_token)
        pending = _make_pending(request, app_id, installation_id, now=now, token_digest=digest)
        try:
            self.pendings.save(pending)
        except StorageUnavailable:
            # It may have been written, and an app that was created for it is deleted now.
            with suppress(StorageUnavailable):
                retry_while_store_is_down(partial(self.pendings.remove, installation_id), REMOVE_SECONDS)
            raise
        logger.info("installation registered", extra={"installation_id": installation_id, "app_id": app_id})
        return pending

    def _is_own(self, app: SlackApp) -> bool:
        return self.own_app is not None and app.app_id == self.own_app.app_id

    # Finding

    def find(self, installation_id: str) -> AnyInstallation | None:
        """Load an installation in any state; a secret that no key decrypts is blank."""
        if not installation_id.isascii():
            return None  # ids are, and Redis does not even take all other text
        try:
            return (
                self.installations.find_by_id(installation_id)
                or self.pendings.find(installation_id)
                # It may have been installed between the two calls.
                or self.installations.find_by_id(installation_id)
            )
        except CannotDecrypt as error:
            logger.error("installation cannot be read: %s", error.location)
            return self.listing.find(installation_id)

    def list(self, query: InstallationQuery) -> InstallationPage:
        """Return one page of installations in any state; raise ``ValueError`` if the cursor is from none."""
        return self.listing.page(query)

    # Changing and deleting

    def change(
        self, installation_id: str, change: SettingsChange, revision: int | None = None
    ) -> AnyInstallation | None:
        """Change settings from the next question on; returns the installation, or None if there is none.

        Raises:
            InstallRefused: SectorFlow refuses the new settings, or the installation failed or expired.
            RevisionConflict: the revision is not ``revision``; without one, other changes never stop.

        """
        # SectorFlow is asked once for each token and workspace, however often the change starts over.
        load = cache(partial(load_offer, self.sectorflow, with_experts=True))
        for _ in range(TRIES):
            found = self._find_revision(installation_id, revision)
            if found is None:
                return None
            if isinstance(found, PendingInstallation) and found.status(self.clock()) != "pending":
                raise InstallRefused("status", "This one has failed or expired; register a new one.")
            settings = _change_settings(found.settings, change, load)
            if settings == found.settings:
                return found
            digest = self._token_digest(settings.sectorflow.api_token)
            changed = replace(found, settings=replace(settings, token_digest=digest))
            if self._save(changed, found.settings.revision):
                logger.info("installation changed", extra={"installation_id": installation_id})
                return changed
        raise RevisionConflict(installation_id)

    def delete(self, installation_id: str, revision: int | None = None) -> bool:
        """Delete an installation with its secrets and revoke its bot token; False if there is none.

        ``RevisionConflict`` is raised as by ``change``.
        """
        for _ in range(TRIES):
            found = self._find_revision(installation_id, revision)
            if found is None:
                return False
            if isinstance(found, Installation):
                is_removed = self.installations.remove(found)
            else:
                is_removed = self.pendings.remove(installation_id)
            if is_removed:
                logger.info("installation deleted", extra={"installation_id": installation_id})
                if isinstance(found, Installation):
                    self.revocations.revoke_now(found)
                return True
        raise RevisionConflict(installation_id)

    def _find_revision(self, installation_id: str, revision: int | None) -> AnyInstallation | None:
        found = self.find(installation_id)
        if found is not None and revision is not None and found.settings.revision != revision:
            raise RevisionConflict(installation_id)
        return found

    def _save(self, changed: AnyInstallation, revision: int) -> bool:
        if isinstance(changed, Installation):
            return self.installations.change(changed, revision)
        return self.pendings.change(changed, revision)

    def _token_digest(self, api_token: str) -> str:
        """Return the digest by which the user of a token finds its installations; "" if that is lost."""
        try:
            return self.digests.of(api_token)
        except CannotDecrypt as error:
            logger.error("cannot decrypt: %s", error.location)
            return ""


def _team_of_app(requested: str | None, created_in: str | None) -> str | None:
    """Return the workspace that a created app can be installed in, or its organisation if requested."""
    if requested is None or created_in is None or requested == created_in:
        return created_in or requested
    if requested.startswith("E"):
        return requested
    raise InstallRefused("teamId", "The app configuration token is for another Slack workspace.")


def _make_pending(
    request: InstallRequest, app_id: str, installation_id: str, *, now: float, token_digest: str
) -> PendingInstallation:
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
            token_digest=token_digest,
        ),
        slack_app=request.slack_app,
        link=secrets.token_urlsafe(32),
        expires_at=now + LINK_LIFETIME_SECONDS,
        team_id=request.team_id,
        replaces=request.replaces,
        return_url=request.return_url,
    )


def _change_settings(
    settings: InstallationSettings, change: SettingsChange, load: Callable[[str, str], Offer]
) -> InstallationSettings:
    """Return the settings of the next revision, or the same ones if nothing changes."""
    new_values = {name: value for name, value in asdict(change).items() if value is not None}
    sectorflow = {name: new_values.pop(name) for name in new_values.keys() & _SECTORFLOW_FIELDS}
    new = replace(settings, **new_values, sectorflow=replace(settings.sectorflow, **sectorflow))
    if new == settings:
        return settings
    if not new.sectorflow.api_token:
        raise InstallRefused("apiToken", "The stored token cannot be decrypted; send it again.")
    old, changed = settings.sectorflow, new.sectorflow
    if changed != old:
        offer = load(changed.api_token, changed.workspace_id)
        if changed.workspace_id != old.workspace_id:
            # Those of the new workspace may be unknown.
            changed = replace(changed, model_names={}, workspace_name="")
        changed = check_settings(changed, offer)
    return replace(new, sectorflow=changed, revision=settings.revision + 1)
