from __future__ import annotations

import dataclasses
from typing import Any

import pytest
import redis
from flask.testing import FlaskClient
from prometheus_client.parser import text_string_to_metric_families

from sectorflow_slack.app import create_app
from sectorflow_slack.config import Settings
from sectorflow_slack.domain import metrics
from sectorflow_slack.domain.questions import Answer
from sectorflow_slack.services import Services
from sectorflow_slack.storage.metrics import Metrics
from tests.fakes import make_reply
from tests.values import INSTALL_API_KEY, MODEL_IDS, OWN_APP, TEAM_ID, make_question

TOKEN = "token-of-the-metrics"
AUTHORIZED = {"Authorization": f"Bearer {TOKEN}"}
HOUR = 3600


@pytest.fixture
def figures(store: redis.Redis) -> Metrics:
    return Metrics(store)


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return dataclasses.replace(settings, metrics_token=TOKEN)


def scrape(client: FlaskClient) -> dict[Any, float]:
    """Read the page as Prometheus does: samples by name and labels."""
    response = client.get("/metrics", headers=AUTHORIZED)
    assert response.status_code == 200
    return {
        (sample.name.removeprefix("sectorflow_slack_"), *sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(response.text)
        for sample in family.samples
    }


# The guard


def test_without_a_token_set_there_are_no_metrics(settings: Settings, services: Services) -> None:
    client = create_app(dataclasses.replace(settings, metrics_token=None), services).test_client()

    assert client.get("/metrics", headers=AUTHORIZED).status_code == 404


@pytest.mark.parametrize("value", ["", f"Basic {TOKEN}", f"Bearer {TOKEN}x", f"Bearer {INSTALL_API_KEY}"])
def test_without_the_token_nothing_is_shown(client: FlaskClient, value: str) -> None:
    response = client.get("/metrics", headers={"Authorization": value})

    assert response.status_code == 401
    assert response.headers["WWW-Authenticate"] == "Bearer"
    assert "sectorflow_slack_" not in response.text


def test_while_redis_is_away_the_metrics_are_too(storeless_client: FlaskClient) -> None:
    response = storeless_client.get("/metrics", headers=AUTHORIZED)

    assert (response.status_code, response.headers["Retry-After"]) == (503, "5")


# The figures


def test_every_metric_is_described_and_zero_before_anything_happened(client: FlaskClient) -> None:
    response = client.get("/metrics", headers=AUTHORIZED)
    samples = scrape(client)

    described = {
        family.name.removeprefix("sectorflow_slack_"): (family.type, family.documentation)
        for family in text_string_to_metric_families(response.text)
    }
    expected = {name: ("counter", text) for name, text in metrics.COUNTERS.items()}
    expected |= {name: ("histogram", text) for name, text in metrics.HISTOGRAMS.items()}
    expected |= {name: ("gauge", text) for name, text in metrics.GAUGES.items()}
    assert described == expected
    assert {samples[(f"{name}_total",)] for name in metrics.COUNTERS} == {0.0}
    assert response.headers["Content-Type"].startswith("text/plain; version=")
    assert response.headers["Content-Type"].endswith("charset=utf-8")


def test_counters_are_shown_by_their_labels(client: FlaskClient, figures: Metrics) -> None:
    figures.count(metrics.ANSWERED)
    figures.count(metrics.FAILED, "token_refused")
    figures.count(metrics.FAILED, "token_refused")
    figures.count(metrics.RETRIES, "slack")
    figures.count(metrics.SLACK_RATE_LIMITED, "unexpected")

    samples = scrape(client)

    assert samples[("answered_total",)] == 1
    assert samples[("failed_total", ("reason", "token_refused"))] == 2
    assert samples[("retries_total", ("fault", "slack"))] == 1
    assert samples[("slack_rate_limited_total", ("kind", "unexpected"))] == 1


def test_votes_are_shown_by_installation_model_and_vote_and_are_no_questions(
    client: FlaskClient, services: Services
) -> None:
    answer = Answer(make_question(), make_reply(MODEL_IDS).answers)
    services.feedback.vote(answer, 0, "U1", up=True)
    services.feedback.vote(answer, 0, "U2", up=True)
    services.feedback.vote(answer, 1, "U1", up=True)
    services.feedback.vote(answer, 1, "U1", up=False)

    samples = scrape(client)

    installation = ("installation", f"{OWN_APP.app_id}:{TEAM_ID}")
    assert {sample: number for sample, number in samples.items() if sample[0] == "votes"} == {
        ("votes", installation, ("model", MODEL_IDS[0]), ("vote", "up")): 2,
        ("votes", installation, ("model", MODEL_IDS[0]), ("vote", "down")): 0,
        ("votes", installation, ("model", MODEL_IDS[1]), ("vote", "up")): 0,
        ("votes", installation, ("model", MODEL_IDS[1]), ("vote", "down")): 1,
    }
    assert {samples[(f"{name}_total",)] for name in metrics.COUNTERS} == {0.0}


def test_histograms_are_cumulative_up_to_infinity(client: FlaskClient, figures: Metrics) -> None:
    for seconds in (0.2, 4.0, 400.0):
        figures.observe(metrics.SECTORFLOW_SECONDS, seconds)

    samples = scrape(client)

    bounds = ("0.25", "2.5", "5.0", "300.0", "+Inf")
    shown = [samples[("sectorflow_seconds_bucket", ("le", bound))] for bound in bounds]
    assert shown == [1, 1, 2, 2, 3]
    assert samples[("sectorflow_seconds_count",)] == 3
    assert samples[("sectorflow_seconds_sum",)] == pytest.approx(404.2)


def test_open_questions_are_shown_by_state_with_the_age_of_the_oldest(
    client: FlaskClient, store: redis.Redis
) -> None:
    seconds, _ = store.time()
    store.sadd("installations-with-questions", "A:T")
    store.rpush("waiting:A:T", "q1", "q2")
    store.zadd("later:A:T", {"q3": seconds, "q4": seconds, "q5": seconds})
    store.zadd("underway:A:T", {"q6": 1})
    store.hset("question:q2", "accepted_at", str(float(seconds) - HOUR))
    store.zadd("dead-letters", {"q7": seconds, "of long ago": 1})

    samples = scrape(client)

    states = {
        state: samples[("open_questions", ("state", state))] for state in ("waiting", "later", "underway")
    }
    assert states == {"waiting": 2, "later": 3, "underway": 1}
    assert HOUR <= samples[("oldest_question_seconds",)] < 2 * HOUR
    assert samples[("dead_letters",)] == 1


def test_nothing_is_kept_in_the_process(
    settings: Settings, services: Services, client: FlaskClient, figures: Metrics
) -> None:
    figures.count(metrics.ANSWERED)
    scrape(client)
    figures.count(metrics.ANSWERED)
    other_process = create_app(settings, services).test_client()

    assert scrape(client) == scrape(other_process)
    assert scrape(client)[("answered_total",)] == 2
