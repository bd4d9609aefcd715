"""Metrics of all processes."""

import logging
import time

import fakeredis
import pytest
import redis

from sectorflow_slack.domain import metrics
from sectorflow_slack.domain.metrics import Histogram
from sectorflow_slack.storage import metrics as metrics_module
from sectorflow_slack.storage.keys import FAILED_QUESTIONS, INSTALLATIONS_WITH_QUESTIONS, METRICS
from sectorflow_slack.storage.metrics import BUCKETS, HEAD, Metrics, counter_field
from tests.storage.builders import FIRST
from tests.storage.builders import accept as accept_question
from tests.storage.conftest import redis_now
from tests.waiting import until

ONE, OTHER = "A0OWN:T0ACME", "A0CUSTOMER:T0ACME"


def accept(store: redis.Redis, question_id: str, *, age: float, installation: str = ONE) -> None:
    """Store a question that waits since ``age`` seconds."""
    store.hset(f"question:{question_id}", "accepted_at", f"{redis_now(store) - age:.6f}")
    store.rpush(f"waiting:{installation}", question_id)
    store.sadd(INSTALLATIONS_WITH_QUESTIONS, installation)


def test_each_label_is_counted_apart_and_the_counters_of_scripts_are_read(db):
    before = db.metrics.read().counters

    db.metrics.count_ignored()
    for label in ("slack", "slack", "sectorflow"):
        db.metrics.count(metrics.RETRIES, label)
    db.redis.hincrby(METRICS, "failed:token_refused", 1)

    assert before == {}
    assert db.metrics.read().counters == {
        ("received", ""): 1,
        ("ignored", ""): 1,
        ("retries", "slack"): 2,
        ("retries", "sectorflow"): 1,
        ("failed", "token_refused"): 1,
    }


@pytest.mark.parametrize("label", ["T0ACME", "a b", "a:b", "xoxb-1", "é", "a" * 61, "a\n", '"'])
def test_an_invalid_label_counts_as_other(label):
    assert counter_field("failed", label) == "failed:other"


@pytest.mark.parametrize(
    ("durations", "counts", "total"),
    [
        ([], [0] * 10, 0.0),
        ([0.001, 0.25, 0.26, 2.5], [1, 1, 1, 1, 1, 2, 3, 3, 3, 4], 3.011),
        ([3.5], [0] * 10, 3.5),
        ([-0.5, float("nan")], [2] * 10, 0.0),
    ],
    ids=["none", "some", "beyond the last bucket", "invalid"],
)
def test_a_duration_is_in_every_bucket_with_a_higher_bound(db, durations, counts, total):
    for seconds in durations:
        db.metrics.observe(metrics.ACKNOWLEDGE_SECONDS, seconds)

    found = db.metrics.read().histograms[metrics.ACKNOWLEDGE_SECONDS]

    buckets = tuple(zip(BUCKETS[metrics.ACKNOWLEDGE_SECONDS], counts, strict=True))
    assert found == Histogram(buckets, pytest.approx(total), len(durations))


def test_the_open_questions_of_all_installations_are_counted_by_state(db):
    before = db.metrics.read()
    for number in range(3):
        accept(db.redis, f"one-{number}", age=1)
    accept(db.redis, "other", age=1, installation=OTHER)
    db.redis.zadd(f"later:{ONE}", {"later-1": 1, "later-2": 2})
    db.redis.zadd(f"underway:{OTHER}", {"held": 1, "held too": 2})
    db.redis.zadd(FAILED_QUESTIONS, {"failed": time.time(), "of long ago": 1})

    found = db.metrics.read()

    assert (before.open, before.oldest_seconds, before.failed_questions) == (0, 0.0, 0)
    assert (found.waiting, found.later, found.underway, found.open) == (4, 2, 2, 8)
    assert found.failed_questions == 1


@pytest.mark.parametrize("line", ["later", "underway"])
def test_the_oldest_open_question_is_found_in_every_state(db, line):
    accept(db.redis, "young", age=5)
    accept(db.redis, "expired", age=9000)
    db.redis.delete("question:expired")
    accept(db.redis, "old", age=7000, installation=OTHER)
    db.redis.rpop(f"waiting:{OTHER}")
    db.redis.zadd(f"{line}:{OTHER}", {"old": 1})

    found = db.metrics.read()

    assert found.oldest_seconds == pytest.approx(7000, abs=60)
    assert found.open == 3


def test_the_oldest_question_is_found_at_the_head_of_a_long_list_in_batches(db, monkeypatch):
    monkeypatch.setattr(metrics_module, "BATCH", 7)
    for number in range(HEAD + 5):
        accept(db.redis, f"question-{number}", age=9000 - 80 * number)

    found = db.metrics.read()

    assert found.oldest_seconds == pytest.approx(9000, abs=60)
    assert found.waiting == HEAD + 5


def test_the_age_of_a_question_begins_with_its_acceptance(db):
    before = redis_now(db.redis)
    accept_question(db, FIRST)

    assert 0 < db.metrics.read().oldest_seconds <= redis_now(db.redis) - before


def test_figures_gather_in_the_process_and_are_added_to_those_of_others_in_one_step(db):
    others = Metrics(db.redis)
    for figures in (db.metrics, others):
        figures.count_ignored()
        figures.observe(metrics.SLACK_SECONDS, 1.5)
    gathered = db.redis.keys("metrics*")

    others.flush()
    others.flush()
    found = db.metrics.read()

    assert gathered == []
    assert found.counters == {("received", ""): 2, ("ignored", ""): 2}
    assert (found.histograms[metrics.SLACK_SECONDS].sum, found.histograms[metrics.SLACK_SECONDS].count) == (
        3.0,
        2,
    )


def test_a_started_process_flushes_by_itself():
    # Its thread never ends, so it has a store of its own.
    store = fakeredis.FakeRedis(server=fakeredis.FakeServer(), decode_responses=True)
    figures = Metrics(store)
    figures.count(metrics.LET_GO)

    figures.start()

    until(lambda: store.hget(METRICS, metrics.LET_GO) == "1", what="the figures are flushed")


def test_figures_are_kept_while_redis_is_down_and_counted_once_when_it_is_back(db, unreachable, caplog):
    caplog.set_level(logging.DEBUG)
    figures = Metrics(unreachable)
    figures.count(metrics.IGNORED)
    figures.flush()
    figures.count(metrics.IGNORED)

    figures._redis = db.redis
    figures.flush()

    assert caplog.messages == ["metrics kept: ConnectionError"]
    assert {record.levelname for record in caplog.records} == {"DEBUG"}
    assert db.metrics.read().counters == {("ignored", ""): 2}
