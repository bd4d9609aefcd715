"""Metrics of all processes on all machines; in Redis, because a worker cannot be scraped.

====================  ==================================================================================
``metrics``           hash of counters: ``{name}`` or ``{name}:{label}``
``metrics:{name}``    hash of a histogram: ``le:{bound}`` (each duration in one of them), ``sum``, ``count``
``metrics:models``    hash of counters by model: ``{name}:{model}`` or ``{name}:{model}:{reason}``
====================  ==================================================================================

None expires; they have as many fields as there are names, labels, buckets and models. What must be exact is
counted by the scripts that move questions. The rest gathers in each process and is added every few seconds.
"""

from __future__ import annotations

import logging
import re
import threading
import time
from collections.abc import Iterable, Mapping
from typing import Any

import redis

from sectorflow_slack.domain import metrics
from sectorflow_slack.domain.installations import InstallationKey
from sectorflow_slack.domain.metrics import Histogram, Snapshot
from sectorflow_slack.domain.questions import ModelAnswer
from sectorflow_slack.storage.answers import DAY_SECONDS
from sectorflow_slack.storage.connection import translate_errors
from sectorflow_slack.storage.feedback import FIGURE_DAYS, FIGURES, figures_of, is_plausible, read_all
from sectorflow_slack.storage.keys import (
    FAILED_QUESTIONS,
    INSTALLATIONS_WITH_QUESTIONS,
    METRICS,
    question_key,
)
from sectorflow_slack.storage.memory import HOUR, read_memory, record_memory
from sectorflow_slack.storage.scripts import FAILED_QUESTION_SECONDS

logger = logging.getLogger(__name__)

#: Upper bounds in seconds. A longer duration is in ``count`` and ``sum`` only.
BUCKETS: Mapping[str, tuple[float, ...]] = {
    # Slack waits 3 s.
    metrics.ACKNOWLEDGE_SECONDS: (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 3),
    metrics.QUEUE_SECONDS: (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600),
    metrics.SECTORFLOW_SECONDS: (0.25, 0.5, 1, 2.5, 5, 10, 20, 30, 60, 90, 120, 180, 300),
    metrics.SLACK_SECONDS: (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
}

#: Labels come from the code. Any other text would create an unbounded number of series.
_LABEL = re.compile(r"[a-z0-9_]{1,60}")
OTHER = "other"
_MODELS = f"{METRICS}:models"

#: How often a process adds its figures: a crash loses those of this time.
FLUSH_SECONDS = 5.0

#: How many questions at the head of each waiting list may be the oldest: the list is in order of acceptance,
#: except that older ones, tried before, come first.
HEAD = 100
#: Questions per round trip that loads their times of acceptance.
BATCH = 1000

#: Returns the time, the number of open questions by state, and the ids among which the oldest is.
_OPEN = """
local now = redis.call('TIME')
local waiting, later, underway, oldest = 0, 0, 0, {}
local function add(ids)
  for _, id in ipairs(ids) do
    oldest[#oldest + 1] = id
  end
end
for _, installation in ipairs(redis.call('SMEMBERS', KEYS[1])) do
  waiting = waiting + redis.call('LLEN', 'waiting:' .. installation)
  later = later + redis.call('ZCARD', 'later:' .. installation)
  underway = underway + redis.call('ZCARD', 'underway:' .. installation)
  add(redis.call('LRANGE', 'waiting:' .. installation, 0, ARGV[1] - 1))
  add(redis.call('ZRANGE', 'later:' .. installation, 0, -1))
  add(redis.call('ZRANGE', 'underway:' .. installation, 0, -1))
end
return {now[1] .. '.' .. string.format('%06d', now[2]), waiting, later, underway, oldest}
"""


class Metrics:
    """Counts and measures in this process, and adds its figures to those in Redis.

    While Redis is down, figures stay in the process: at most one for each field in Redis.
    """

    def __init__(self, client: redis.Redis) -> None:
        self._redis = client
        self._open = client.register_script(_OPEN)
        self._lock = threading.Lock()
        #: What is not in Redis yet, by key and field.
        self._figures: dict[tuple[str, str], float] = {}

    def count(self, name: str, label: str = "") -> None:
        """Add one to a counter; ``label`` is one of a few."""
        self._add({(METRICS, counter_field(name, label)): 1})

    def count_ignored(self) -> None:
        """Add one to the received and to the ignored events, in one step."""
        self._add({(METRICS, metrics.RECEIVED): 1, (METRICS, metrics.IGNORED): 1})

    def count_model(self, key: InstallationKey, answer: ModelAnswer) -> None:
        """Add a model's answer, or that it gave none, to the figures of the model and its installation."""
        figures = {metrics.MODEL_SECONDS: answer.seconds, metrics.MODEL_CREDITS: answer.credits}
        counted: dict[str, float] = {
            f"{name}:{answer.model_id}": float(n) for name, n in figures.items() if is_plausible(n) and n
        }
        counted[f"{metrics.MODEL_ASKED}:{answer.model_id}"] = 1
        if answer.failed:
            counted[f"{metrics.MODEL_FAILED}:{answer.model_id}:{answer.failure or OTHER}"] = 1
        of_model = {(_MODELS, name): amount for name, amount in counted.items()}
        self._add({**of_model, **figures_of(key, answer)})

    def observe(self, name: str, seconds: float) -> None:
        """Add a duration to a histogram; a negative one, of clocks that disagree, counts as 0."""
        key, seconds = _histogram_key(name), max(0.0, seconds)
        bound = next((bound for bound in BUCKETS.get(name, ()) if seconds <= bound), None)
        bucket = {} if bound is None else {(key, _bucket_field(bound)): 1}
        self._add({**bucket, (key, "sum"): seconds, (key, "count"): 1})

    def start(self) -> None:
        """Flush every few seconds, and record the memory in use, in a thread; called after a fork."""
        threading.Thread(target=self._run, name="metrics", daemon=True).start()

    def flush(self) -> None:
        """Add the figures of this process to those in Redis, in one step; while Redis is down, keep them."""
        with self._lock:
            figures, self._figures = self._figures, {}
        if not figures:
            return
        try:
            with self._redis.pipeline(transaction=True) as pipe:
                for (key, field), amount in figures.items():
                    if isinstance(amount, int):
                        pipe.hincrby(key, field, amount)
                    else:
                        pipe.hincrbyfloat(key, field, amount)
                for key in {key for key, _ in figures if key.startswith(FIGURES)}:
                    pipe.expire(key, FIGURE_DAYS * DAY_SECONDS)
                pipe.execute()
        except redis.RedisError as error:
            logger.debug("metrics kept: %s", type(error).__name__)
            self._add(figures)

    def _add(self, figures: Mapping[tuple[str, str], float]) -> None:
        with self._lock:
            for field, amount in figures.items():
                self._figures[field] = self._figures.get(field, 0) + amount

    def _run(self) -> None:
        while True:
            record_memory(self._redis)
            for _ in range(round(HOUR / FLUSH_SECONDS)):
                self.flush()
                time.sleep(FLUSH_SECONDS)

    @translate_errors
    def read(self) -> Snapshot:
        """Load all metrics, this process's included.

        Counters and open questions are of one transaction, so that they add up.
        """
        self.flush()
        with self._redis.pipeline(transaction=True) as pipe:
            pipe.hgetall(METRICS)
            pipe.hgetall(_MODELS)
            self._open(keys=[INSTALLATIONS_WITH_QUESTIONS], args=[HEAD], client=pipe)
            pipe.zcount(FAILED_QUESTIONS, time.time() - FAILED_QUESTION_SECONDS, "+inf")
            for name in BUCKETS:
                pipe.hgetall(_histogram_key(name))
            counters, models, (now, waiting, later, underway, ids), failed, *histograms = pipe.execute()
        return Snapshot(
            counters={_split(field): int(value) for field, value in counters.items()},
            models={_split_model(name): float(value) for name, value in models.items()},
            histograms={
                name: _cumulate(name, fields) for name, fields in zip(BUCKETS, histograms, strict=True)
            },
            waiting=waiting,
            later=later,
            underway=underway,
            oldest_seconds=max(0.0, float(now) - min(self._accepted_at(ids), default=float(now))),
            failed_questions=failed,
            votes=tuple(read_all(self._redis)),
            memory=read_memory(self._redis),
        )

    def _accepted_at(self, ids: list[str]) -> Iterable[float]:
        """Yield the known times of acceptance, in batches that do not block Redis."""
        for start in range(0, len(ids), BATCH):
            with self._redis.pipeline(transaction=False) as pipe:
                for question_id in ids[start : start + BATCH]:
                    pipe.hget(question_key(question_id), "accepted_at")
                yield from (float(seconds) for seconds in pipe.execute() if seconds)


def counter_field(name: str, label: str = "") -> str:
    """Return the field of a counter in the hash; an invalid label becomes "other"."""
    if not label:
        return name
    return f"{name}:{label if _LABEL.fullmatch(label) else OTHER}"


def _split(field: str) -> tuple[str, str]:
    name, _, label = field.partition(":")
    return name, label


def _split_model(field: str) -> tuple[str, str, str]:
    name, model, reason, *_ = [*field.split(":"), ""]
    return name, model, reason


def _histogram_key(name: str) -> str:
    return f"{METRICS}:{name}"


def _bucket_field(bound: float) -> str:
    return f"le:{bound:g}"


def _cumulate(name: str, fields: Mapping[str, Any]) -> Histogram:
    total, buckets = 0, []
    for bound in BUCKETS[name]:
        total += int(fields.get(_bucket_field(bound), 0))
        buckets.append((bound, total))
    return Histogram(tuple(buckets), float(fields.get("sum", 0)), int(fields.get("count", 0)))
