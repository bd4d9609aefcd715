"""What each Slack thread, and each DM outside threads, continues.

==================================================  ====================================================
``conversation:{app_id}:{tenant_id}:{workspace_id}  SectorFlow's ``threadId``, for 30 days after the last
:{channel_id}:{thread_ts}``                         reply; an hour in a DM
``models:{app_id}:{tenant_id}:{channel_id}          the models that were chosen, as a JSON list; none for
:{thread_ts}``                                      all; for 30 days after the last question
``compared-by:{app_id}:{tenant_id}:{channel_id}``   the model that was last chosen to compare, for 30 days
==================================================  ====================================================

A DM outside a thread has ``dm`` in place of ``{thread_ts}``.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from redis import Redis

from sectorflow_slack.domain.questions import Conversation, Question
from sectorflow_slack.storage.connection import translate_errors

THREAD_SECONDS = 30 * 24 * 3600
DIRECT_MESSAGE_SECONDS = 3600


class ConversationStore:
    """Stores which SectorFlow thread each Slack thread continues, and what was chosen there.

    The place is that of a question: where its answer is posted.
    """

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    @translate_errors
    def find(self, question: Question, workspace_id: str) -> Conversation:
        """Load what this question continues, with one command unless models were chosen."""
        found: Any = self._redis.mget(_key(question, workspace_id), _models_key(question))
        thread_id, model_ids = found
        if model_ids:
            self._redis.expire(_models_key(question), THREAD_SECONDS)
        return Conversation(thread_id or None, tuple(json.loads(model_ids or "[]")))

    @translate_errors
    def save(self, question: Question, workspace_id: str, thread_id: str) -> None:
        """Store the ``threadId`` of the last reply, and prolong the conversation."""
        lifetime = THREAD_SECONDS if question.reply_thread_ts else DIRECT_MESSAGE_SECONDS
        self._redis.set(_key(question, workspace_id), thread_id, ex=lifetime)

    @translate_errors
    def models(self, question: Question) -> tuple[str, ...]:
        """Load the models that were chosen; () for all."""
        found = self._redis.get(_models_key(question))
        return tuple(json.loads(str(found or "[]")))

    @translate_errors
    def choose_models(self, question: Question, model_ids: Sequence[str]) -> bool:
        """Store which models answer from now on, () for all; False if they are the same as before."""
        key, chosen = _models_key(question), json.dumps(list(model_ids))
        if model_ids:
            before = self._redis.set(key, chosen, ex=THREAD_SECONDS, get=True)
        else:
            before = self._redis.getdel(key)
        return (before or "[]") != chosen

    @translate_errors
    def last_to_compare(self, question: Question) -> str:
        """Load the model that was last chosen in a channel to compare answers; "" for none."""
        return str(self._redis.get(_compared_key(question)) or "")

    @translate_errors
    def choose_to_compare(self, question: Question, model_id: str) -> None:
        """Store the model that was chosen in a channel to compare answers."""
        self._redis.set(_compared_key(question), model_id, ex=THREAD_SECONDS)


def _key(question: Question, workspace_id: str) -> str:
    return f"conversation:{question.installation}:{workspace_id}:{_place(question)}"


def _models_key(question: Question) -> str:
    return f"models:{question.installation}:{_place(question)}"


def _compared_key(question: Question) -> str:
    return f"compared-by:{question.installation}:{question.channel_id}"


def _place(question: Question) -> str:
    return f"{question.channel_id}:{question.reply_thread_ts or 'dm'}"
