"""What a PATCH makes of an installation's terms: pure, but for the question what models are called."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, replace

from sectorflow_slack.domain.errors import InstallRefused
from sectorflow_slack.domain.installations import SectorFlowSettings, SettingsChange, Terms

#: Gives model names by token and workspace; None where nobody could say. Raises where they are no good.
NamesOf = Callable[[str, str], dict[str, str] | None]

_OF_SECTORFLOW = frozenset({"api_token", "workspace_id", "model_ids", "plus_id"})


def changed_terms(terms: Terms, change: SettingsChange, names_of: NamesOf) -> Terms:
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
