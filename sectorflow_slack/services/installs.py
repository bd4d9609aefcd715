"""Installations as the platform has them in hand: registered, listed, changed, deleted."""

from __future__ import annotations

import logging
import time
import uuid
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cache, partial

from sectorflow_slack.domain.errors import (
    AppNotMade,
    CannotDecrypt,
    Changed,
    InstallRefused,
    StorageUnavailable,
)
from sectorflow_slack.domain.installations import (
    Installation,
    InstallationPage,
    InstallationQuery,
    InstallRequest,
    Once,
    PendingInstallation,
    SettingsChange,
    SlackApp,
)
from sectorflow_slack.domain.remotes import Clock, SectorFlowClient
from sectorflow_slack.domain.stores import Claim, Directory, InstallationStore, PendingStore
from sectorflow_slack.services.app_making import LOOK, AppMaker
from sectorflow_slack.services.changes import changed_terms
from sectorflow_slack.services.checking import CHECK_TIMEOUT_SECONDS, SHORT_CHECK_TIMEOUT_SECONDS, model_names
from sectorflow_slack.services.claims import FIELD, Claims
from sectorflow_slack.services.insisting import insist
from sectorflow_slack.services.registering import pending_of, team_of_made
from sectorflow_slack.services.revocations import RevocationService

logger = logging.getLogger(__name__)

#: The install API answers within 10 s; what is kept of them is for storing and for the way back.
BUDGET_SECONDS = 9.0
#: How often a change or a deletion looks again, where somebody else changes the same installation meanwhile.
TRIES = 5
#: How long to insist, within that budget, that nothing is left of a request that could not be stored.
REMOVE_SECONDS = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class InstallService:
    """Takes requests in, tells where each stands, and changes or ends it."""

    installations: InstallationStore
    pendings: PendingStore
    directory: Directory
    claims: Claims
    maker: AppMaker
    revocations: RevocationService
    sectorflow: SectorFlowClient
    own_app: SlackApp | None
    clock: Clock

    def register(
        self, request: InstallRequest, once: Once | None = None
    ) -> Installation | PendingInstallation:
        """Take a request in and give the installation that waits for a person's consent.

        With ``once``, the same request again gives the installation of the first one as it stands now.

        Raises:
            InstallRefused: a field is wrong for a reason that only the stores, SectorFlow or Slack know.
            AppNotMade: an app was to be made, and is not, or perhaps is.
            StillUnderWay: the same request is being worked on.

        """
        deadline = time.monotonic() + BUDGET_SECONDS
        if once is None:
            return self._register(request, str(uuid.uuid4()), None, deadline)
        claim = self.claims.take(once)
        found = self._registered_before(claim)
        if found is None:
            with self.claims.held(once):
                found = self._register(request, claim.installation_id, once, deadline)
        if claim.state != "done":
            self.claims.settle(once)
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
            return self.directory.find(installation_id)

    def list(self, query: InstallationQuery) -> InstallationPage:
        """Give one page of installations in whatever state they are.

        Raises:
            ValueError: the cursor is none that a page gave.

        """
        return self.directory.page(query)

    def change(
        self, installation_id: str, change: SettingsChange, revision: int | None = None
    ) -> Installation | PendingInstallation | None:
        """Change settings from the next question on; gives what they are now, or None: no such installation.

        Raises:
            InstallRefused: SectorFlow refuses what is new, or the installation failed or expired.
            Changed: it is not of this ``revision``; without one, others change it all the time.

        """
        # Each token and workspace is asked for once, however often this has to look again.
        names_of = cache(partial(model_names, self.sectorflow))
        for _ in range(TRIES):
            found = self.find(installation_id)
            if found is None:
                return None
            if revision is not None and found.terms.revision != revision:
                raise Changed(installation_id)
            if isinstance(found, PendingInstallation) and found.status(self.clock()) != "pending":
                raise InstallRefused("status", "This one has failed or expired; register a new one.")
            changed = replace(found, terms=changed_terms(found.terms, change, names_of))
            if changed == found:
                return found
            if self._put(changed, found.terms.revision):
                logger.info("installation changed", extra={"installation_id": installation_id})
                return changed
        raise Changed(installation_id)

    def delete(self, installation_id: str, revision: int | None = None) -> bool:
        """Forget an installation with its secrets, and have its bot token revoked; False: no such one.

        Raises:
            Changed: it is not of this ``revision``; without one, others change it all the time.

        """
        for _ in range(TRIES):
            found = self.find(installation_id)
            if found is None:
                return False
            if revision is not None and found.terms.revision != revision:
                raise Changed(installation_id)
            if isinstance(found, Installation):
                gone = self.installations.remove(found)
            else:
                gone = self.pendings.remove(installation_id)
            if gone:
                logger.info("installation deleted", extra={"installation_id": installation_id})
                if isinstance(found, Installation):
                    self.revocations.revoke_now(found)
                return True
        raise Changed(installation_id)

    def _registered_before(self, claim: Claim) -> Installation | PendingInstallation | None:
        """Find what a claim has led to: also where it was kept, and whoever kept it died before saying so."""
        found = self.find(claim.installation_id)
        if found is None and claim.state == "done":
            raise InstallRefused(FIELD, "What this key made is gone; use another.")
        if found is None and claim.state == "in_doubt":
            raise AppNotMade(
                "An earlier request with this key may have made an app at Slack that nobody uses. "
                f"{LOOK}, then ask anew, with another Idempotency-Key.",
                in_doubt=True,
            )
        return found

    def _register(
        self, request: InstallRequest, installation_id: str, once: Once | None, deadline: float
    ) -> PendingInstallation:
        token = request.config_token
        if token is None:
            app_id = self.app_id_of(request.slack_app)
            return self._keep(self._checked(self._pinned(request, app_id)), app_id, installation_id)
        request = self._checked(self._pinned(request, None), SHORT_CHECK_TIMEOUT_SECONDS)
        made, team_id = self.maker.make(request.app_name, token, once, deadline - time.monotonic())
        if self._is_own(made):
            raise AppNotMade("Slack made no app, but named the service's own.")
        try:
            request = replace(request, slack_app=made, team_id=team_of_made(request.team_id, team_id))
            return self._keep(request, made.app_id, installation_id)
        except (InstallRefused, StorageUnavailable):
            self.maker.unmake(token, made.app_id)
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

    def _keep(self, request: InstallRequest, app_id: str, installation_id: str) -> PendingInstallation:
        pending = pending_of(request, app_id, installation_id, now=self.clock())
        try:
            self.pendings.save(pending)
        except StorageUnavailable:
            # It may have been written all the same, and its app, if it was made for it, is deleted now.
            with suppress(StorageUnavailable):
                insist(partial(self.pendings.remove, installation_id), REMOVE_SECONDS)
            raise
        logger.info("installation registered", extra={"installation_id": installation_id, "app_id": app_id})
        return pending

    def _put(self, changed: Installation | PendingInstallation, revision: int) -> bool:
        if isinstance(changed, Installation):
            return self.installations.change(changed, revision)
        return self.pendings.change(changed, revision)

    def _is_own(self, app: SlackApp) -> bool:
        return self.own_app is not None and app.app_id == self.own_app.app_id
