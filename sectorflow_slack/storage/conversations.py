"""The SectorFlow thread that each Slack thread continues.

``conversation:{app_id}:{tenant_id}:{workspace_id}:{channel_id}:{thread_ts}``: SectorFlow's ``threadId``, for
30 days. A DM outside a thread has ``dm`` as the last part, and expires after an hour.
"""

from __future__ import annotations

from redis import Redis

from sectorflow_slack.domain.questions import Question
from sectorflow_slack.storage.connection import translate_errors

THREAD_SECONDS = 30 * 24 * 3600
DIRECT_MESSAGE_SECONDS = 3600


class ConversationStore:
    """Stores which SectorFlow thread each Slack thread continues."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    @translate_errors
    def find(self, question: Question, workspace_id: str) -> str | None:
        """Load the ``threadId`` that this question continues; None if it begins a conversation."""
        found = self._redis.get(_key(question, workspace_id))
        return str(found) if found else None

    @translate_errors
    def save(self, question: Question, workspace_id: str, thread_id: str) -> None:
        """Store the ``threadId`` of the last reply, and prolong the conversation."""
        lifetime = THREAD_SECONDS if question.reply_thread_ts else DIRECT_MESSAGE_SECONDS
        self._redis.set(_key(question, workspace_id), thread_id, ex=lifetime)


def _key(question: Question, workspace_id: str) -> str:
    thread = question.reply_thread_ts or "dm"
    return f"conversation:{question.installation}:{workspace_id}:{question.channel_id}:{thread}"
