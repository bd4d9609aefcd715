"""Waiting: who has stood in line for long is told so, once."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from sectorflow_slack.domain.errors import SlackError
from sectorflow_slack.domain.interfaces import InstallationStore, LineStore
from sectorflow_slack.domain.models import InstallationKey
from sectorflow_slack.formatting.plain import notice
from sectorflow_slack.formatting.words import ENGLISH
from sectorflow_slack.services.posting import PostingService

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitingService:
    """Tells people that their question has not been forgotten."""

    installations: InstallationStore
    lines: LineStore
    posting: PostingService

    def slow_lines(self) -> tuple[InstallationKey, ...]:
        """List installations in whose lines somebody is to be told."""
        return self.lines.slow()

    def tell(self, key: InstallationKey) -> None:
        """Tell the people of one installation that their questions wait."""
        installation = self.installations.find(key)
        if installation is None:
            return
        for question in self.lines.untold(key):
            try:
                self.posting.post(question, installation, notice(ENGLISH.still_waiting))
            except SlackError as error:
                # They are told once or not at all; their answer comes all the same.
                logger.info("not told to wait: %s", error.code, extra={"question_id": question.id})
                return
