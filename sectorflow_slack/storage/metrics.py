"""Figures of all processes on all machines: a worker cannot be scraped, so they meet in Redis.

====================  ==================================================================================
``metrics``           hash of counters: ``{name}`` or ``{name}:{label}``
``metrics:{name}``    hash of a histogram: ``le:{bound}`` (each duration in one of them), ``sum``, ``count``
====================  ==================================================================================

These stay; they have as many fields as there are names, labels and buckets. Votes are read where they
are kept (``storage.feedback``).
"""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Iterable, Mapping
from typing import Any

import redis

from sectorflow_slack.domain import metrics
from sectorflow_slack.domain.metrics import Histogram, Snapshot
from sectorflow_slack.storage import scripts
from sectorflow_slack.storage.connection import translate_errors
from sectorflow_slack.storage.feedback import read_all

logger = logging.getLogger(__name__)

COUNTERS_KEY = "metrics"

#: Upper bounds in seconds. What is longer than the last is in ``count`` only.
BUCKETS: Mapping[str, tuple[float, ...]] = {
    # Slack waits 3 s.
    metrics.ACKNOWLEDGE_SECONDS: (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 3),
    metrics.QUEUE_SECONDS: (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600),
    metrics.SECTORFLOW_SECONDS: (0.25, 0.5, 1, 2.5, 5, 10, 20, 30, 60, 90, 120, 180, 300),
    metrics.SLACK_SECONDS: (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
}

#: A label is a word of ours. Anything else would make a series of its own, and there is no end of those.
_LABEL = re.compile(r"[a-z0-9_]{1,60}")
OTHER = "other"

#: How far down each line the oldest question is looked for. A line is in order of acceptance, but that
#: what was tried before comes first, which is older still.
HEAD = 100
#: How many questions are asked for their age in one go.
BATCH = 1000

#: Counts the open questions by state, and lists those among which the oldest is.
_OPEN = """
local now = redis.call('TIME')
local waiting, later, underway, oldest = 0, 0, 0, {}
local function keep(ids)
  for _, id in ipairs(ids) do
    oldest[#oldest + 1] = id
  end
end
for _, installation in ipairs(redis.call('SMEMBERS', KEYS[1])) do
  waiting = waiting + redis.call('LLEN', 'waiting:' .. installation)
  later = later + redis.call('ZCARD', 'later:' .. installation)
  underway = underway + redis.call('ZCARD', 'underway:' .. installation)
  keep(redis.call('LRANGE', 'waiting:' .. installation, 0, ARGV[1] - 1))
  keep(redis.call('ZRANGE', 'later:' .. installation, 0, -1))
  keep(redis.call('ZRANGE', 'underway:' .. installation, 0, -1))
end
return {now[1] .. '.' .. string.format('%06d', now[2]), waiting, later, underway, oldest}
"""


class Metrics:
    """Keeps figures in Redis, and swallows what keeps it from doing so: a figure is worth no question."""

    def __init__(self, client: redis.Redis) -> None:
        """Take a client that gives text."""
        self._redis = client
        self._open = client.register_script(_OPEN)

    def count(self, name: str, label: str = "") -> None:
        """Add one to a counter; ``label`` is one of the few that its kind has."""
        try:
            self._redis.hincrby(COUNTERS_KEY, counter_field(name, label), 1)
        except redis.RedisError as error:
            logger.debug("figure lost: %s", type(error).__name__)

    def count_ignored(self) -> None:
        """Add one to the events received and to those ignored, in one step."""
        try:
            with self._redis.pipeline(transaction=True) as pipe:
                pipe.hincrby(COUNTERS_KEY, metrics.RECEIVED, 1)
                pipe.hincrby(COUNTERS_KEY, metrics.IGNORED, 1)
                pipe.execute()
        except redis.RedisError as error:
            logger.debug("figure lost: %s", type(error).__name__)

    def observe(self, name: str, seconds: float) -> None:
        """Add a duration to a histogram; one below zero, of clocks that disagree, counts as none."""
        key, seconds = _histogram_key(name), max(0.0, seconds)
        bound = next((bound for bound in BUCKETS.get(name, ()) if seconds <= bound), None)
        try:
            with self._redis.pipeline(transaction=True) as pipe:
                if bound is not None:
                    pipe.hincrby(key, _bucket_field(bound), 1)
                pipe.hincrbyfloat(key, "sum", seconds)
                pipe.hincrby(key, "count", 1)
                pipe.execute()
        except redis.RedisError as error:
            logger.debug("figure lost: %s", type(error).__name__)

    @translate_errors
    def read(self) -> Snapshot:
        """Load all figures: counters and open questions as of one moment, so that they add up.

        Votes may be of a moment later.
        """
        with self._redis.pipeline(transaction=True) as pipe:
            pipe.hgetall(COUNTERS_KEY)
            self._open(keys=[scripts.INSTALLATIONS], args=[HEAD], client=pipe)
            pipe.zcount(scripts.FAILED_QUESTIONS, time.time() - scripts.FAILED_QUESTION_SECONDS, "+inf")
            for name in BUCKETS:
                pipe.hgetall(_histogram_key(name))
            counters, (now, waiting, later, underway, ids), dead_letters, *histograms = pipe.execute()
        return Snapshot(
            counters={_split(field): int(value) for field, value in counters.items()},
            histograms={
                name: _cumulate(name, fields) for name, fields in zip(BUCKETS, histograms, strict=True)
            },
            waiting=waiting,
            later=later,
            underway=underway,
            oldest_seconds=max(0.0, float(now) - min(self._accepted_at(ids), default=float(now))),
            failed_questions=dead_letters,
            votes=tuple(read_all(self._redis)),
        )

    def _accepted_at(self, ids: list[str]) -> Iterable[float]:
        """Give when each of these was accepted, as far as it says; in batches, so that others get a turn."""
        for start in range(0, len(ids), BATCH):
            with self._redis.pipeline(transaction=False) as pipe:
                for question_id in ids[start : start + BATCH]:
                    pipe.hget(scripts.question_key(question_id), "accepted_at")
                yield from (float(moment) for moment in pipe.execute() if moment)


def counter_field(name: str, label: str = "") -> str:
    """Give the field of a counter in the hash; an odd label becomes "other"."""
    if not label:
        return name
    return f"{name}:{label if _LABEL.fullmatch(label) else OTHER}"


def _split(field: str) -> tuple[str, str]:
    name, _, label = field.partition(":")
    return name, label


def _histogram_key(name: str) -> str:
    return f"{COUNTERS_KEY}:{name}"


def _bucket_field(bound: float) -> str:
    return f"le:{bound:g}"


def _cumulate(name: str, fields: Mapping[str, Any]) -> Histogram:
    total, buckets = 0, []
    for bound in BUCKETS[name]:
        total += int(fields.get(_bucket_field(bound), 0))
        buckets.append((bound, total))
    return Histogram(tuple(buckets), float(fields.get("sum", 0)), int(fields.get("count", 0)))
