"""Votes on the models' answers.

====================================  ============================================================
``feedback:{app_id}:{tenant_id}``     hash of counters ``{model_id}:up`` and ``{model_id}:down``
``installations-with-feedback``       set of the ``{app_id}:{tenant_id}`` that have any
``votes:{answer_id}``                 hash: each user's vote by digest; expires with the answer
====================================  ============================================================
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

from redis import Redis
from redis.client import Pipeline

from sectorflow_slack.domain.installations import InstallationKey
from sectorflow_slack.domain.questions import Answer, ModelVotes
from sectorflow_slack.storage.answers import DAY_SECONDS
from sectorflow_slack.storage.connection import read_hash, translate_errors

INSTALLATIONS = "installations-with-feedback"
_BATCH = 200

#: Counts a vote in place of the same user's earlier one. The counter of the earlier one may be gone: it is
#: deleted with an earlier installation of the same app and team.
_VOTE = """
local votes, feedback, installations = unpack(KEYS)
local user, model, vote, seconds, installation = unpack(ARGV)
local earlier = redis.call('HGET', votes, user)
if earlier == vote then
  return 0
end
local counted = earlier and redis.call('HGET', feedback, model .. ':' .. earlier)
if counted and tonumber(counted) > 0 then
  redis.call('HINCRBY', feedback, model .. ':' .. earlier, -1)
end
redis.call('HSET', votes, user, vote)
redis.call('EXPIRE', votes, seconds)
redis.call('HINCRBY', feedback, model .. ':' .. vote, 1)
redis.call('SADD', installations, installation)
return 1
"""


class FeedbackStore:
    """Counts the votes on the models' answers, one per user, answer and model."""

    def __init__(self, redis: Redis, *, retention_days: int) -> None:
        self._redis = redis
        self._seconds = retention_days * DAY_SECONDS
        self._vote = redis.register_script(_VOTE)

    @translate_errors
    def vote(self, answer: Answer, model: int, user_id: str, *, up: bool) -> None:
        """Count a user's vote on one model's answer, in place of an earlier one."""
        key, model_id = answer.question.installation, answer.models[model].model_id
        user = hashlib.sha256(f"{answer.id}:{model_id}:{user_id}".encode()).hexdigest()
        keys = [f"votes:{answer.id}", _key(key), INSTALLATIONS]
        self._vote(keys=keys, args=[user, model_id, "up" if up else "down", self._seconds, str(key)])

    @translate_errors
    def votes(self, key: InstallationKey) -> tuple[ModelVotes, ...]:
        """Return an installation's votes by model, in the order of the model ids."""
        return _read(read_hash(self._redis, _key(key)))


def read_all(redis: Redis) -> Iterator[tuple[InstallationKey, tuple[ModelVotes, ...]]]:
    """Yield the votes of every installation that has any, in batches that do not block Redis."""
    members = sorted({str(member) for member in redis.sscan_iter(INSTALLATIONS, count=_BATCH)})
    for start in range(0, len(members), _BATCH):
        keys = [InstallationKey(*member.split(":")) for member in members[start : start + _BATCH]]
        with redis.pipeline(transaction=False) as pipe:
            for key in keys:
                pipe.hgetall(_key(key))
            yield from zip(keys, map(_read, pipe.execute()), strict=True)


def drop_feedback(pipe: Pipeline, key: InstallationKey) -> None:
    """Queue the writes that delete an installation's votes."""
    pipe.delete(_key(key))
    pipe.srem(INSTALLATIONS, str(key))


def _key(key: InstallationKey) -> str:
    return f"feedback:{key}"


def _read(fields: dict[str, str]) -> tuple[ModelVotes, ...]:
    models = sorted({name.rpartition(":")[0] for name in fields})
    return tuple(
        ModelVotes(model, int(fields.get(f"{model}:up", 0)), int(fields.get(f"{model}:down", 0)))
        for model in models
    )
