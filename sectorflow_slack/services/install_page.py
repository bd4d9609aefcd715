"""The page at ``/install``: a user signs in with a SectorFlow API token, and installs and changes apps.

The token decides everything: SectorFlow's lists are loaded with it, and the user finds the installations that
have the same one.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from threading import BoundedSemaphore
from typing import Any

from sectorflow_slack.domain.errors import SectorFlowError, TokenRefused
from sectorflow_slack.domain.install_form import Choice, Draft, FormSession, Offer, TrialAnswer
from sectorflow_slack.domain.installations import (
    AnyInstallation,
    IdempotencyKey,
    InstallationQuery,
    InstallRequest,
    SectorFlowSettings,
    SettingsChange,
)
from sectorflow_slack.domain.ports import SectorFlowClient
from sectorflow_slack.formatting.block_kit import Block
from sectorflow_slack.formatting.reading import read
from sectorflow_slack.formatting.writing import as_blocks
from sectorflow_slack.services.registration import RegistrationService
from sectorflow_slack.storage.install_forms import InstallFormStore
from sectorflow_slack.storage.rate_limits import RateLimit
from sectorflow_slack.storage.token_digests import TokenDigests

logger = logging.getLogger(__name__)

#: How long each list may take: a sign-in loads three.
LIST_SECONDS = 4.0
#: Shorter than the 30 s after which Heroku's router gives up on a request.
TRIAL_SECONDS = 25.0
#: Calls to SectorFlow for the page at once, in one web process.
MAX_CALLS = 8
#: Test questions of one session: each is charged to the token's user.
MAX_TRIALS = 5
#: The longest part of an answer that the page shows, and of the answers of all models together.
MAX_TRIAL_CHARS = 3_000
MAX_ANSWERS_CHARS = 20_000
#: Entries of each list, and characters of each name, that the page shows.
MAX_CHOICES = 300
MAX_NAME_LENGTH = 80
#: The installations of one token on the page.
MAX_LISTED = 100
#: The models that are chosen at first.
FIRST_MODELS = 5

#: What a caller may do how often; the first word of each is the prefix of its keys in Redis.
RATES = {
    "install_address": "60 per minute",
    "install_signin": "10 per minute",
    "install_everyone": "300 per minute",
    "install_token": "30 per minute",
}

_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_SPACES = re.compile(r"[\s\x00-\x1f\x7f-\x9f]+")


#: A list as SectorFlow returns it.
Items = Sequence[Mapping[str, Any]]


class SignInRefused(Exception):
    """SectorFlow refuses the token."""


class TooBusy(Exception):
    """SectorFlow is being asked for too many users of the page at once."""


class TrialRefused(Exception):
    """The test question is not answered; the text says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InstallPageService:
    """Signs users in, and registers, tries, changes and deletes their installations."""

    forms: InstallFormStore
    registration: RegistrationService
    sectorflow: SectorFlowClient
    digests: TokenDigests
    #: By the names of ``RATES``.
    limits: Mapping[str, RateLimit]
    #: Bounds the threads of a web process that wait for SectorFlow: events need the others.
    slots: BoundedSemaphore = field(default_factory=lambda: BoundedSemaphore(MAX_CALLS))

    def wait(self, limit: str, caller: str) -> float | None:
        """Count an action of a caller; return the seconds to wait if there were too many."""
        return self.limits[limit].hit(self.digests.of(caller))

    # Signing in

    def sign_in(self, api_token: str) -> str:
        """Start a session and return its secret.

        Raises:
            SignInRefused: SectorFlow refuses the token.
            TooBusy: try again in a moment.

        """
        with self._slot():
            offer = self._load_offer(api_token)
        return self.forms.start(FormSession(api_token, offer))

    def reload(self, secret: str, session: FormSession) -> None:
        """Load the lists of a session again; raises the same as ``sign_in``."""
        with self._slot():
            offer = self._load_offer(session.api_token)
        self.forms.replace(secret, replace(session, offer=offer))

    @contextmanager
    def _slot(self) -> Iterator[None]:
        if not self.slots.acquire(blocking=False):
            raise TooBusy
        try:
            yield
        finally:
            self.slots.release()

    def _load_offer(self, api_token: str) -> Offer:
        client = self.sectorflow
        try:
            workspaces = _load(client.list_workspaces, api_token)
        except TokenRefused:
            raise SignInRefused from None
        models = experts = None
        # A token may be allowed some of the lists only.
        with suppress(TokenRefused):
            models = _load(client.list_models, api_token)
        with suppress(TokenRefused):
            experts = _load(client.list_experts, api_token)
        return read_offer(workspaces, models, experts)

    # Forms

    def first_draft(self, session: FormSession, *, has_own_app: bool) -> Draft:
        """Return a form with the first workspace and its first models chosen."""
        workspace = next(iter(session.offer.workspaces or ()), Choice("", ""))
        return Draft(
            workspace_id=workspace.id,
            model_ids=workspace.model_ids[:FIRST_MODELS],
            source="own" if has_own_app else "new",
        )

    def draft_of(self, installation: AnyInstallation, *, replaces: bool = False) -> Draft:
        """Return a form with the settings of an installation, to change it or to replace it."""
        settings = installation.settings
        own_app = self.registration.own_app
        is_own = own_app is not None and own_app.app_id == settings.app_id
        return Draft(
            app_name=settings.app_name,
            workspace_id=settings.sectorflow.workspace_id,
            model_ids=settings.sectorflow.model_ids,
            plus_id=settings.sectorflow.plus_id,
            display=settings.display,
            allow_external_users=settings.allow_external_users,
            source="own" if is_own else "existing",
            app_id="" if is_own else settings.app_id,
            replaces=settings.id if replaces else "",
            changes="" if replaces else settings.id,
            revision=settings.revision,
        )

    def ask(self, secret: str, session: FormSession, draft: Draft) -> tuple[TrialAnswer, ...]:
        """Ask the models of a form its question, which the token's user pays for.

        Raises:
            TrialRefused: the session has had its test questions, or SectorFlow did not answer.
            TooBusy: try again in a moment.

        """
        if self.forms.count_trial(secret) > MAX_TRIALS:
            raise TrialRefused(f"You have asked {MAX_TRIALS} test questions. Install the app to ask more.")
        with self._slot():
            return self._ask(session, draft)

    def _ask(self, session: FormSession, draft: Draft) -> tuple[TrialAnswer, ...]:
        settings = SectorFlowSettings(
            session.api_token, draft.workspace_id, draft.model_ids, draft.plus_id, names(session.offer)
        )
        try:
            reply = self.sectorflow.ask(settings, draft.question, None, TRIAL_SECONDS)
        except SectorFlowError as error:
            logger.warning("test question not answered: %s", type(error).__name__)
            raise TrialRefused(_trial_message(error)) from None
        most = min(MAX_TRIAL_CHARS, MAX_ANSWERS_CHARS // max(1, len(reply.answers)))
        return tuple(
            TrialAnswer(each.name, "" if each.failed else _beginning(each.text, most))
            for each in reply.answers
        )

    def complete(self, session: FormSession, request: InstallRequest, key: IdempotencyKey) -> AnyInstallation:
        """Register the installation of a form; the errors are those of ``RegistrationService.register``."""
        return self.registration.register(request, key)

    # The installations of a token

    def list(self, session: FormSession) -> tuple[AnyInstallation, ...]:
        """Return the installations that have the session's token, the newest first."""
        query = InstallationQuery(limit=MAX_LISTED, token_digest=self.digests.of(session.api_token))
        return self.registration.list(query).items[::-1]

    def find(self, session: FormSession, installation_id: str) -> AnyInstallation | None:
        """Load an installation if it has the session's token."""
        found = self.registration.find(installation_id)
        own = self.digests.of(session.api_token)
        return found if found is not None and found.settings.token_digest == own else None

    def change(
        self, session: FormSession, installation_id: str, change: SettingsChange, revision: int
    ) -> AnyInstallation | None:
        """Change an installation of the session's token; None if there is none of this id.

        The errors are those of ``RegistrationService.change``.
        """
        if self.find(session, installation_id) is None:
            return None
        return self.registration.change(installation_id, change, revision)

    def delete(self, session: FormSession, installation_id: str) -> bool:
        """Delete an installation of the session's token; False if there is none of this id."""
        return self.find(session, installation_id) is not None and self.registration.delete(installation_id)


def names(offer: Offer) -> dict[str, str]:
    """Return the names of the models that are listed, by id."""
    return {each.id: each.name for each in offer.models or ()}


def read_offer(workspaces: Items | None, models: Items | None, experts: Items | None) -> Offer:
    """Read SectorFlow's lists; the models of the workspaces are offered, too."""
    in_workspaces = [model for each in workspaces or () for model in _models_of(each)]
    has_models = models is not None or in_workspaces
    return Offer(
        workspaces=None if workspaces is None else _choices(workspaces, "id", "name"),
        models=_choices([*(models or ()), *in_workspaces], "id", "name") if has_models else None,
        experts=None if experts is None else _choices(experts, "id", "title"),
    )


def _load(load: Callable[[str, float], Items], api_token: str) -> Items | None:
    try:
        return load(api_token, LIST_SECONDS)
    except TokenRefused:
        raise
    except SectorFlowError as error:
        logger.warning("list not loaded: %s", type(error).__name__)
        return None


def _choices(items: Items, id_field: str, name_field: str) -> tuple[Choice, ...]:
    found: dict[str, Choice] = {}
    for item in items:
        item_id = _uuid(item.get(id_field))
        if item_id and item_id not in found and len(found) < MAX_CHOICES:
            model_ids = filter(None, (_uuid(model["id"]) for model in _models_of(item)))
            name = _one_line(item.get(name_field)) or item_id
            found[item_id] = Choice(item_id, name, tuple(dict.fromkeys(model_ids)))
    return tuple(found.values())


def _models_of(workspace: Mapping[str, Any]) -> Items:
    """Return the models of a workspace in the form of the list of models."""
    models = workspace.get("models")
    listed = [each for each in models if isinstance(each, dict)] if isinstance(models, list) else []
    return [{"id": each.get("modelId"), "name": each.get("name")} for each in listed[:MAX_CHOICES]]


def _uuid(value: object) -> str:
    return value.lower() if isinstance(value, str) and _UUID.fullmatch(value.lower()) else ""


def _one_line(value: object) -> str:
    return _SPACES.sub(" ", value).strip()[:MAX_NAME_LENGTH] if isinstance(value, str) else ""


def answer_blocks(markdown: str) -> list[Block]:
    """Return the blocks of an answer that Slack would show."""
    return as_blocks(read(markdown))


def _beginning(markdown: str, most: int) -> str:
    return markdown if len(markdown) <= most else f"{markdown[:most]} …"


def _trial_message(error: SectorFlowError) -> str:
    if isinstance(error, TokenRefused):
        return "SectorFlow refuses the token, or may not be asked with it."
    return "SectorFlow did not answer this question. Try again, or with other models."
