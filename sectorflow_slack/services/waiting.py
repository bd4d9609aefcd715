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

    def tell_all(self) -> None:
        """Tell the people whose questions have waited for long; all workers may be too busy to."""
        for key in self.lines.slow():
            self.tell(key)

    def tell(self, key: InstallationKey) -> None:
        """Tell the people of one installation that their questions wait."""
        installation = self.installations.find(key)
        if installation is None or self.posting.is_quiet(installation):
            return
        untold = self.lines.untold(key)
        for number, question in enumerate(untold):
            try:
                self.posting.post(question, installation, notice(ENGLISH.still_waiting))
            except SlackError as error:
                logger.info("not told to wait: %s", error.code, extra=question.ids)
                self.lines.leave_untold(untold[number:])
                return
