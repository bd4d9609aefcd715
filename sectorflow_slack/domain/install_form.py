"""The form at ``/install``: what a user's token offers, and what the user has filled in."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Literal

from sectorflow_slack.domain.installations import Display

#: Where the Slack app comes from: the service's own, a new one by configuration token, or an existing one.
Source = Literal["own", "new", "existing"]


@dataclass(frozen=True, slots=True)
class Choice:
    """A model, an expert or a workspace to choose, with the ids of the workspace's models."""

    id: str
    name: str
    model_ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Offer:
    """What SectorFlow lists for a token; None for a list that could not be loaded."""

    workspaces: tuple[Choice, ...] | None = None
    models: tuple[Choice, ...] | None = None
    experts: tuple[Choice, ...] | None = None

    def workspace(self, workspace_id: str) -> Choice | None:
        """Return the workspace with this id, if it is listed."""
        return next((each for each in self.workspaces or () if each.id == workspace_id), None)


@dataclass(frozen=True, slots=True)
class FormSession:
    """The user who has signed in with a SectorFlow API token."""

    api_token: str = field(repr=False)
    offer: Offer
    #: How many test questions were asked.
    trials: int = 0


@dataclass(frozen=True, slots=True)
class TrialAnswer:
    """One model's answer to the test question, in Markdown; "" if it failed."""

    name: str
    text: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Draft:
    """The values of one form, with the faults and the answers that the page shows beside them."""

    app_name: str = "SectorFlow"
    workspace_id: str = ""
    #: In the order of the answers.
    model_ids: tuple[str, ...] = ()
    plus_id: str = ""
    display: Display = "separated"
    allow_external_users: bool = False
    source: Source = "own"
    app_id: str = ""
    client_id: str = ""
    client_secret: str = field(default="", repr=False)
    signing_secret: str = field(default="", repr=False)
    config_token: str = field(default="", repr=False)
    #: A token to change to; the session's token otherwise.
    new_api_token: str = field(default="", repr=False)
    question: str = field(default="", repr=False)
    #: The id of the installation that is replaced, or changed.
    replaces: str = ""
    changes: str = ""
    #: The revision of the installation that the form was filled from.
    revision: int = 0
    #: Distinguishes one attempt to complete from the next.
    attempt: int = 0
    #: Messages by field of the install API; "" for the whole form.
    faults: dict[str, str] = field(default_factory=dict)
    trial: tuple[TrialAnswer, ...] = ()
    #: The id of the element that gets the focus.
    focus: str = ""

    def with_models(self, *model_ids: str) -> Draft:
        """Add models at the end, without duplicates."""
        return replace(self, model_ids=tuple(dict.fromkeys((*self.model_ids, *model_ids))))

    def without_model(self, model_id: str) -> Draft:
        """Remove a model."""
        return replace(self, model_ids=tuple(each for each in self.model_ids if each != model_id))

    def with_model_moved(self, model_id: str, by: int) -> Draft:
        """Move a model up or down by some places."""
        if model_id not in self.model_ids:
            return self
        place = self.model_ids.index(model_id) + by
        others = [each for each in self.model_ids if each != model_id]
        others.insert(max(0, place), model_id)
        return replace(self, model_ids=tuple(others))
