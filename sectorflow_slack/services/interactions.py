"""Button presses: what a button carries is a claim, checked again against app, team and channel."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from sectorflow_slack.domain.errors import StorageUnavailable
from sectorflow_slack.domain.interfaces import InstallationStore, LetterStore, TaskQueue
from sectorflow_slack.domain.models import InstallationKey
from sectorflow_slack.domain.progress import Letter
from sectorflow_slack.formatting.plain import ASK_AGAIN
from sectorflow_slack.services.payloads import text

logger = logging.getLogger(__name__)

Json = Any

_LETTER_ID = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True, slots=True, kw_only=True)
class InteractionService:
    """Takes in what people press, once the signature has verified."""

    installations: InstallationStore
    letters: LetterStore
    queue: TaskQueue

    def accept(self, payload: Mapping[str, Json]) -> None:
        """Take in one ``block_actions`` payload (docs.slack.dev, interactivity)."""
        if payload.get("type") != "block_actions":
            return
        for action in _objects(payload.get("actions")):
            if action.get("action_id") == ASK_AGAIN and _LETTER_ID.fullmatch(text(action, "value")):
                self._ask_again(payload, text(action, "value"))

    def _ask_again(self, payload: Mapping[str, Json], letter_id: str) -> None:
        """Ask the question of a letter again: once, however often the button is pressed."""
        letter = self.letters.find(letter_id)
        if letter is None or not self._may_press(payload, letter):
            logger.info("button ignored", extra={"question_id": letter_id})
            return
        question = replace(
            letter.question, button_ts=text(_object(payload, "container"), "message_ts") or None
        )
        if not self.letters.revive(question):
            return
        logger.info("question asked again", extra={"question_id": letter_id})
        try:
            self.queue.answer_next(question.installation)
        except StorageUnavailable:
            logger.warning("no worker woken", extra={"question_id": letter_id})

    def _may_press(self, payload: Mapping[str, Json], letter: Letter) -> bool:
        """Say whether the press comes from the app, the installation and the channel of the question."""
        question, app_id = letter.question, text(payload, "api_app_id")
        channel_id = text(_object(payload, "channel"), "id") or text(
            _object(payload, "container"), "channel_id"
        )
        keys = (InstallationKey(app_id, tenant_id) for tenant_id in _tenants(payload))
        return channel_id == question.channel_id and any(
            key == question.installation and self.installations.find(key) is not None for key in keys
        )


def _tenants(payload: Mapping[str, Json]) -> Iterator[str]:
    """List under which team or enterprise the press's installation may be kept (org-wide: no team)."""
    if payload.get("is_enterprise_install") in (True, "true"):
        yield text(_object(payload, "enterprise"), "id")
    yield text(_object(payload, "team"), "id")


def _object(mapping: Mapping[str, Json], name: str) -> Mapping[str, Json]:
    value = mapping.get(name)
    return value if isinstance(value, dict) else {}


def _objects(value: Json) -> list[Mapping[str, Json]]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []
