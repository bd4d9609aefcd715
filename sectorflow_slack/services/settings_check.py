"""Settings for SectorFlow are checked with SectorFlow before they are stored, and by ``doctor``."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import wait as wait_for
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, TypeVar

from sectorflow_slack.domain.errors import InstallRefused, SectorFlowError, TokenRefused, WorkspaceMissing
from sectorflow_slack.domain.installations import SectorFlowSettings, Workspace
from sectorflow_slack.domain.ports import SectorFlowClient

logger = logging.getLogger(__name__)

T = TypeVar("T")

#: How long SectorFlow is waited for, whatever it does.
CHECK_SECONDS = 4.0


@dataclass(frozen=True, slots=True)
class Offer:
    """The workspace, models and experts of a token; None if SectorFlow does not list them."""

    workspace: Workspace | None = None
    #: The ids in lower case.
    model_ids: frozenset[str] | None = None
    expert_ids: frozenset[str] | None = None
    #: The refusals of the token or the workspace, by field.
    faults: Mapping[str, str] = field(default_factory=dict)


def check_with_sectorflow(
    sectorflow: SectorFlowClient, settings: SectorFlowSettings, seconds: float | None = None
) -> SectorFlowSettings:
    """Ask SectorFlow for ``seconds`` at most, and return the settings as ``check_settings`` does."""
    token, workspace_id, with_experts = settings.api_token, settings.workspace_id, bool(settings.plus_id)
    offer = load_offer(sectorflow, token, workspace_id, with_experts=with_experts, seconds=seconds)
    return check_settings(settings, offer)


def load_offer(
    sectorflow: SectorFlowClient,
    api_token: str,
    workspace_id: str,
    *,
    with_experts: bool,
    seconds: float | None = None,
) -> Offer:
    """Load a workspace and the lists of models and experts in ``seconds``, by default ``CHECK_SECONDS``.

    No error is raised: a list that SectorFlow does not return in time stops nothing.
    """
    seconds = CHECK_SECONDS if seconds is None else seconds
    calls: dict[str, Callable[[], Any]] = {
        "workspace": partial(sectorflow.get_workspace, api_token, workspace_id, timeout=seconds),
        "models": partial(sectorflow.list_models, api_token, timeout=seconds),
    }
    if with_experts:
        calls["experts"] = partial(sectorflow.list_experts, api_token, timeout=seconds)
    pool = ThreadPoolExecutor(len(calls))
    futures = {name: pool.submit(call) for name, call in calls.items()}
    # A call ends in time by itself, but not the search for an address.
    wait_for(futures.values(), timeout=seconds)
    pool.shutdown(wait=False, cancel_futures=True)
    faults: dict[str, str] = {}
    return Offer(
        workspace=_result("workspace", futures["workspace"], faults),
        model_ids=_ids(_result("models", futures["models"])),
        expert_ids=_ids(_result("experts", futures["experts"])) if with_experts else None,
        faults=faults,
    )


def check_settings(settings: SectorFlowSettings, offer: Offer) -> SectorFlowSettings:
    """Return the settings with SectorFlow's names, or raise ``InstallRefused`` for the fields it refuses."""
    faults = dict(offer.faults)
    of_workspace = offer.workspace.model_ids if offer.workspace else None
    if offer.model_ids is not None and of_workspace is not None:
        offered = offer.model_ids | of_workspace
        for place, model_id in enumerate(settings.model_ids):
            if model_id.lower() not in offered:
                faults[f"modelIds.{place}"] = "SectorFlow offers no such model to this token."
    if settings.plus_id and offer.expert_ids is not None and settings.plus_id.lower() not in offer.expert_ids:
        faults["plusId"] = "SectorFlow knows no such expert."
    if faults:
        raise InstallRefused.for_fields(faults)
    if offer.workspace is None:
        return settings
    return replace(settings, model_names=offer.workspace.model_names, workspace_name=offer.workspace.name)


def _result(name: str, future: Future[T], faults: dict[str, str] | None = None) -> T | None:
    """Return the result of a call, or None if it failed; add a refusal of the token to ``faults``."""
    # A call that no thread has begun with is cancelled.
    if not future.done() or future.cancelled():
        logger.warning("%s not checked: no answer in time", name)
        return None
    try:
        return future.result()
    except SectorFlowError as error:
        if faults is not None and isinstance(error, TokenRefused):
            faults["apiToken"] = "SectorFlow refuses this token."
        elif faults is not None and isinstance(error, WorkspaceMissing):
            faults["workspaceId"] = "SectorFlow knows no such workspace."
        else:
            logger.warning("%s not checked: %s", name, type(error).__name__)
        return None


def _ids(listed: Sequence[Mapping[str, Any]] | None) -> frozenset[str] | None:
    if listed is None:
        return None
    return frozenset(each["id"].lower() for each in listed if isinstance(each.get("id"), str))
