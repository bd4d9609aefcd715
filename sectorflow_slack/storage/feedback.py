"""Votes on the models' answers, and what these took.

====================================  ============================================================
``feedback:{app_id}:{tenant_id}``     hash of counters ``{model_id}:up`` and ``{model_id}:down``
``installations-with-feedback``       set of the ``{app_id}:{tenant_id}`` that have any
``votes:{answer_id}``                 hash: each user's vote by digest; expires with the answer
``figures:{app_id}:{tenant_id}:       hash of ``{model_id}:`` ``asked``, ``failed``, ``credits``, and
{day}``                               ``le:{seconds}`` (each answer in one of them); for 30 days
====================================  ============================================================

``storage.metrics`` gathers the figures in each process.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import TypeGuard

from redis import Redis
from redis.client import Pipeline

from sectorflow_slack.domain.installations import InstallationKey
from sectorflow_slack.domain.questions import Answer, ModelAnswer, ModelFigures, ModelVotes
from sectorflow_slack.storage.answers import DAY_SECONDS
from sectorflow_slack.storage.connection import read_hash, translate_errors
from sectorflow_slack.storage.keys import digest

FIGURES = "figures:"
INSTALLATIONS = "installations-with-feedback"
_BATCH = 200
#: For how many days figures are kept.
FIGURE_DAYS = 30
#: Upper bounds in seconds: a longer answer is in the last one.
_BOUNDS = (0.5, 1, 2, 3, 4, 6, 8, 11, 15, 20, 30, 45, 60, 90, 120, 180, 300)

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
        user = digest(f"{answer.id}:{model_id}:{user_id}")
        keys = [f"votes:{answer.id}", _key(key), INSTALLATIONS]
        self._vote(keys=keys, args=[user, model_id, "up" if up else "down", self._seconds, str(key)])

    @translate_errors
    def votes(self, key: InstallationKey) -> tuple[ModelVotes, ...]:
        """Return an installation's votes by model, in the order of the model ids."""
        return _read(read_hash(self._redis, _key(key)))

    @translate_errors
    def figures(self, key: InstallationKey) -> tuple[ModelFigures, ...]:
        """Return what an installation's answers took in the last days, by model, in the order of the ids."""
        total: Counter[str] = Counter()
        with self._redis.pipeline(transaction=False) as pipe:
            for name in _figure_keys(key):
                pipe.hgetall(name)
            for fields in pipe.execute():
                total.update({field: float(value) for field, value in fields.items()})
        models = sorted({field.partition(":")[0] for field in total})
        return tuple(
            ModelFigures(
                model,
                asked=round(total[f"{model}:asked"]),
                failed=round(total[f"{model}:failed"]),
                p50_seconds=_median({bound: total[f"{model}:le:{bound}"] for bound in _BOUNDS}),
                credits=round(total[f"{model}:credits"], 6),
            )
            for model in models
        )


def figures_of(key: InstallationKey, model: ModelAnswer) -> dict[tuple[str, str], float]:
    """Return what one model's answer adds to the figures of today, by key and field."""
    name, model_id = figures_key(key, datetime.now(UTC)), model.model_id
    added: dict[tuple[str, str], float] = {(name, f"{model_id}:asked"): 1}
    if model.failed:
        added[name, f"{model_id}:failed"] = 1
    if is_plausible(model.credits):
        added[name, f"{model_id}:credits"] = model.credits
    if is_plausible(seconds := model.seconds) and not model.failed:
        bound = next((bound for bound in _BOUNDS if seconds <= bound), _BOUNDS[-1])
        added[name, f"{model_id}:le:{bound}"] = 1
    return added


def is_plausible(figure: float | None) -> TypeGuard[float]:
    """Whether a figure can be added up: Redis refuses a sum that is too large, and all that comes with it."""
    return figure is not None and 0 <= figure < 1e9


def figures_key(key: InstallationKey, day: datetime) -> str:
    """Return the key of an installation's figures of one day."""
    return f"{FIGURES}{key}:{day:%Y-%m-%d}"


def _figure_keys(key: InstallationKey) -> list[str]:
    today = datetime.now(UTC)
    return [figures_key(key, today - timedelta(days=ago)) for ago in range(FIGURE_DAYS)]


def _median(counts: Mapping[float, float]) -> float | None:
    """Return the middle of durations that are counted by their upper bounds, None of no durations."""
    half, passed, lower = sum(counts.values()) / 2, 0.0, 0.0
    for bound, count in counts.items():
        if count and passed + count >= half:
            return round(lower + (bound - lower) * (half - passed) / count, 1)
        passed, lower = passed + count, bound
    return None


def read_all(redis: Redis) -> Iterator[tuple[InstallationKey, tuple[ModelVotes, ...]]]:
    """Yield the votes of every installation that has any, in batches that do not block Redis."""
    members = sorted({str(member) for member in redis.sscan_iter(INSTALLATIONS, count=_BATCH)})
    for start in range(0, len(members), _BATCH):
        keys = [InstallationKey.parse(member) for member in members[start : start + _BATCH]]
        with redis.pipeline(transaction=False) as pipe:
            for key in keys:
                pipe.hgetall(_key(key))
            yield from zip(keys, map(_read, pipe.execute()), strict=True)


def drop_feedback(pipe: Pipeline, key: InstallationKey) -> None:
    """Queue the writes that delete an installation's votes and figures."""
    pipe.delete(_key(key), *_figure_keys(key))
    pipe.srem(INSTALLATIONS, str(key))


def _key(key: InstallationKey) -> str:
    return f"feedback:{key}"


def _read(fields: dict[str, str]) -> tuple[ModelVotes, ...]:
    models = sorted({name.rpartition(":")[0] for name in fields})
    return tuple(
        ModelVotes(model, int(fields.get(f"{model}:up", 0)), int(fields.get(f"{model}:down", 0)))
        for model in models
    )
