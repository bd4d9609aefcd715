"""Which SectorFlow thread a Slack thread continues.

``conversation:{app_id}:{tenant_id}:{workspace_id}:{channel_id}:{thread_ts}``: SectorFlow's ``threadId``,
30 days. Outside a thread, a DM has the last part ``dm`` and an hour.
"""

from __future__ import annotations

from redis import Redis

from sectorflow_slack.domain.questions import Question
from sectorflow_slack.storage.connection import translate_errors

THREAD_SECONDS = 30 * 24 * 3600
DIRECT_MESSAGE_SECONDS = 3600


class ConversationStore:
    """Keeps which SectorFlow thread a Slack thread continues."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    @translate_errors
    def find(self, question: Question, workspace_id: str) -> str | None:
        """Load the SectorFlow ``threadId`` that this question goes on with."""
        found = self._redis.get(_key(question, workspace_id))
        return str(found) if found else None

    @translate_errors
    def save(self, question: Question, workspace_id: str, thread_id: str) -> None:
        """Remember the ``threadId`` of the last reply: 30 days in a thread, an hour in a DM outside one."""
        lifetime = THREAD_SECONDS if question.reply_thread_ts else DIRECT_MESSAGE_SECONDS
        self._redis.set(_key(question, workspace_id), thread_id, ex=lifetime)


def _key(question: Question, workspace_id: str) -> str:
    place = question.reply_thread_ts or "dm"
    return f"conversation:{question.installation}:{workspace_id}:{question.channel_id}:{place}"
