from __future__ import annotations

import logging
import re
import time
from pathlib import Path

import pytest
import redis
from hypothesis import given
from hypothesis import strategies as st

from sectorflow_slack.domain import metrics
from sectorflow_slack.domain.errors import StorageUnavailable
from sectorflow_slack.domain.metrics import Histogram
from sectorflow_slack.storage import scripts
from sectorflow_slack.storage.crypto import Cipher
from sectorflow_slack.storage.metrics import BUCKETS, COUNTERS_KEY, HEAD, RedisMetrics, counter_field
from sectorflow_slack.storage.questions import RedisQuestionStore
from tests.storage.conftest import race
from tests.values import make_question

ONE, OTHER = "A0OWN:T0ACME", "A0CUSTOMER:T0ACME"


@pytest.fixture
def figures(store: redis.Redis) -> RedisMetrics:
    return RedisMetrics(store)


def accept(store: redis.Redis, question_id: str, *, age: float, installation: str = ONE) -> None:
    """Put a question in line that was accepted ``age`` seconds ago."""
    store.hset(f"question:{question_id}", "accepted_at", f"{now(store) - age:.6f}")
    store.rpush(f"waiting:{installation}", question_id)
    store.sadd(scripts.INSTALLATIONS, installation)


def now(store: redis.Redis) -> float:
    seconds, microseconds = store.time()
    return float(seconds) + float(microseconds) / 1e6


# Counters


def test_what_was_never_counted_is_not_there(figures: RedisMetrics) -> None:
    snapshot = figures.read()

    assert snapshot.counters == {}


def test_a_counter_counts(figures: RedisMetrics) -> None:
    figures.count(metrics.IGNORED)
    figures.count(metrics.IGNORED)

    assert figures.read().counters == {("ignored", ""): 2}


def test_a_counter_counts_each_label_apart(figures: RedisMetrics) -> None:
    figures.count(metrics.RETRIES, "slack")
    figures.count(metrics.RETRIES, "slack")
    figures.count(metrics.RETRIES, "sectorflow")

    assert figures.read().counters == {("retries", "slack"): 2, ("retries", "sectorflow"): 1}


def test_what_scripts_count_in_the_same_hash_is_read_too(store: redis.Redis, figures: RedisMetrics) -> None:
    store.hincrby(COUNTERS_KEY, "failed:token_refused", 1)

    assert figures.read().counters == {("failed", "token_refused"): 1}


@pytest.mark.parametrize("label", ["T0ACME", "a b", "a:b", "xoxb-1", "é", "a" * 61, "a\n", '"'])
def test_an_odd_label_counts_as_other(figures: RedisMetrics, label: str) -> None:
    figures.count(metrics.FAILED, label)

    assert figures.read().counters == {("failed", "other"): 1}


@given(label=st.text())
def test_a_field_has_at_most_one_plain_label(label: str) -> None:
    field = counter_field("failed", label)

    assert re.fullmatch(r"failed(:[a-z0-9_]{1,60})?", field)


@pytest.mark.real_redis
def test_counts_of_many_at_once_are_all_there(real_store: redis.Redis) -> None:
    figures = RedisMetrics(real_store)

    race(8, lambda number: [figures.count(metrics.IGNORED) for _ in range(25)])

    assert figures.read().counters == {("ignored", ""): 200}


# Histograms


def test_every_histogram_has_buckets_in_order() -> None:
    assert BUCKETS.keys() == metrics.HISTOGRAMS.keys()
    assert all(list(bounds) == sorted(set(bounds)) for bounds in BUCKETS.values())


def test_a_histogram_without_durations_is_all_zero(figures: RedisMetrics) -> None:
    histogram = figures.read().histograms[metrics.SLACK_SECONDS]

    assert histogram == Histogram(tuple((bound, 0) for bound in BUCKETS[metrics.SLACK_SECONDS]), 0.0, 0)


def test_a_duration_is_in_every_bucket_that_is_as_long(figures: RedisMetrics) -> None:
    for seconds in (0.001, 0.25, 0.26, 2.5):
        figures.observe(metrics.ACKNOWLEDGE_SECONDS, seconds)

    histogram = figures.read().histograms[metrics.ACKNOWLEDGE_SECONDS]

    assert dict(histogram.buckets) == {
        0.005: 1,
        0.01: 1,
        0.025: 1,
        0.05: 1,
        0.1: 1,
        0.25: 2,
        0.5: 3,
        1: 3,
        2: 3,
        3: 4,
    }
    assert histogram.sum == pytest.approx(3.011)
    assert histogram.count == 4


def test_a_duration_beyond_the_last_bucket_is_counted(figures: RedisMetrics) -> None:
    figures.observe(metrics.ACKNOWLEDGE_SECONDS, 3.5)

    histogram = figures.read().histograms[metrics.ACKNOWLEDGE_SECONDS]

    assert (histogram.buckets[-1], histogram.count, histogram.sum) == ((3, 0), 1, 3.5)


@pytest.mark.parametrize("seconds", [-0.5, float("nan")])
def test_what_is_no_duration_counts_as_none(figures: RedisMetrics, seconds: float) -> None:
    figures.observe(metrics.QUEUE_SECONDS, seconds)

    histogram = figures.read().histograms[metrics.QUEUE_SECONDS]

    assert (histogram.buckets[0], histogram.count, histogram.sum) == ((0.05, 1), 1, 0.0)


# Open questions


def test_without_questions_nothing_is_open(figures: RedisMetrics) -> None:
    snapshot = figures.read()

    assert (snapshot.open, snapshot.oldest_seconds, snapshot.dead_letters) == (0, 0.0, 0)


def test_open_questions_of_all_installations_are_counted_by_state(
    store: redis.Redis, figures: RedisMetrics
) -> None:
    for number in range(3):
        accept(store, f"one-{number}", age=1)
    accept(store, "other", age=1, installation=OTHER)
    store.zadd(f"later:{ONE}", {"put-back-1": 1, "put-back-2": 2})
    store.zadd(f"underway:{OTHER}", {"held": 1})
    store.zadd(scripts.DEAD_LETTERS, {"dead": time.time(), "of long ago": 1})

    snapshot = figures.read()

    assert (snapshot.waiting, snapshot.later, snapshot.underway, snapshot.open) == (4, 2, 1, 7)
    assert snapshot.dead_letters == 1


@pytest.mark.parametrize("line", ["later", "underway"])
def test_the_oldest_open_question_is_found_wherever_it_is(
    store: redis.Redis, figures: RedisMetrics, line: str
) -> None:
    accept(store, "young", age=5)
    accept(store, "old", age=70, installation=OTHER)
    store.rpop(f"waiting:{OTHER}")
    store.zadd(f"{line}:{OTHER}", {"old": 1})

    snapshot = figures.read()

    assert snapshot.oldest_seconds == pytest.approx(70, abs=2)


def test_the_oldest_is_at_the_head_of_a_long_line(store: redis.Redis, figures: RedisMetrics) -> None:
    for number in range(HEAD + 50):
        accept(store, f"question-{number}", age=900 - number)

    snapshot = figures.read()

    assert snapshot.oldest_seconds == pytest.approx(900, abs=2)
    assert snapshot.waiting == HEAD + 50


def test_a_question_that_does_not_say_its_age_is_open_all_the_same(
    store: redis.Redis, figures: RedisMetrics
) -> None:
    accept(store, "tells", age=30)
    accept(store, "silent", age=90)
    store.delete("question:silent")

    snapshot = figures.read()

    assert snapshot.open == 2
    assert snapshot.oldest_seconds == pytest.approx(30, abs=2)


@pytest.mark.real_redis
def test_thousands_of_open_questions_are_read_in_a_moment(real_store: redis.Redis) -> None:
    with real_store.pipeline() as pipe:
        for number in range(10_000):
            pipe.hset(f"question:{number}", "accepted_at", f"{time.time():.6f}")
        pipe.rpush(f"waiting:{ONE}", *range(5_000))
        pipe.zadd(f"later:{OTHER}", {str(number): number for number in range(5_000, 10_000)})
        pipe.sadd(scripts.INSTALLATIONS, ONE, OTHER)
        pipe.execute()
    began = time.monotonic()

    snapshot = RedisMetrics(real_store).read()

    assert snapshot.open == 10_000
    assert time.monotonic() - began < 1


def test_every_question_is_in_exactly_one_place(
    store: redis.Redis, cipher: Cipher, figures: RedisMetrics
) -> None:
    questions = RedisQuestionStore(store, cipher, limit=3)
    for number in (1, 2, 3, 4, 5, 1, 2):
        questions.accept(make_question(number))
    key = make_question().installation
    first, second, third = questions.take(key), questions.take(key), questions.take(key)
    assert first is not None
    assert second is not None
    assert third is not None

    questions.finish(first)
    questions.finish(second, failure="token_refused")
    questions.put_back(third, 60, counts=True)

    snapshot = figures.read()
    assert snapshot.counters == {
        ("received", ""): 7,
        ("repeated", ""): 2,
        ("answered", ""): 1,
        ("failed", "token_refused"): 1,
    }
    assert (snapshot.waiting, snapshot.later, snapshot.underway) == (2, 1, 0)


def test_the_age_of_a_question_is_since_its_acceptance(
    store: redis.Redis, cipher: Cipher, figures: RedisMetrics
) -> None:
    RedisQuestionStore(store, cipher, limit=1).accept(make_question())
    time.sleep(0.05)

    snapshot = figures.read()

    assert 0.05 <= snapshot.oldest_seconds < 5


# A store that is away


def test_figures_without_a_store_are_lost_in_silence(
    nobody: redis.Redis, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)

    RedisMetrics(nobody).count(metrics.IGNORED)
    RedisMetrics(nobody).observe(metrics.SLACK_SECONDS, 1.0)

    assert [(record.levelname, record.getMessage()) for record in caplog.records] == [
        ("DEBUG", "figure lost: ConnectionError")
    ] * 2


def test_figures_that_a_store_refuses_are_lost_in_silence(store: redis.Redis, figures: RedisMetrics) -> None:
    store.set(COUNTERS_KEY, "no hash")
    store.set(f"{COUNTERS_KEY}:{metrics.SLACK_SECONDS}", "no hash")

    figures.count(metrics.IGNORED)
    figures.observe(metrics.SLACK_SECONDS, 1.0)

    assert store.get(COUNTERS_KEY) == "no hash"


def test_reading_without_a_store_says_that_it_is_away(nobody: redis.Redis) -> None:
    with pytest.raises(StorageUnavailable):
        RedisMetrics(nobody).read()


# The page for operators

PAGE = (Path(__file__).parents[2] / "docs" / "operations.md").read_text()


def test_every_metric_is_explained_to_operators_and_no_other() -> None:
    exposed = {f"sectorflow_slack_{name}_total" for name in metrics.COUNTERS} | {
        f"sectorflow_slack_{name}" for name in (*metrics.HISTOGRAMS, *metrics.GAUGES)
    }

    explained = set(re.findall(r"^\| `(sectorflow_slack_\w+)", PAGE, re.MULTILINE))

    assert explained == exposed


def test_the_alerts_name_metrics_that_are_there() -> None:
    exposed = {f"{name}_total" for name in metrics.COUNTERS} | metrics.GAUGES.keys()
    exposed |= {f"{name}_{part}" for name in metrics.HISTOGRAMS for part in ("bucket", "sum", "count")}

    blocks = re.findall(r"^```promql\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    named = set(re.findall(r"sectorflow_slack_(\w+)", "\n".join(blocks)))

    assert blocks
    assert named <= exposed
