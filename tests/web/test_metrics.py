"""The metrics page for Prometheus."""

import dataclasses

import pytest
from prometheus_client.parser import text_string_to_metric_families

from sectorflow_slack.app import create_app
from sectorflow_slack.domain import metrics
from sectorflow_slack.domain.questions import Answer, ModelAnswer
from tests.fakes import make_reply
from tests.values import INSTALL_API_KEY, MODEL_IDS, OWN_APP, TEAM_ID, make_question

TOKEN = "token-of-the-metrics"
AUTHORIZED = {"Authorization": f"Bearer {TOKEN}"}
HOUR = 3600


@pytest.fixture
def recorded(services):
    return services.metrics


@pytest.fixture
def settings(settings):
    return dataclasses.replace(settings, metrics_token=TOKEN)


def scrape(client):
    """Return the samples by name and labels, as Prometheus reads them."""
    response = client.get("/metrics", headers=AUTHORIZED)
    assert response.status_code == 200
    return {
        (sample.name.removeprefix("sectorflow_slack_"), *sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(response.text)
        for sample in family.samples
    }


# The token


def test_without_a_configured_token_there_is_no_page(settings, services):
    client = create_app(dataclasses.replace(settings, metrics_token=None), services).test_client()

    assert client.get("/metrics", headers=AUTHORIZED).status_code == 404


@pytest.mark.parametrize("value", ["", f"Basic {TOKEN}", f"Bearer {TOKEN}x", f"Bearer {INSTALL_API_KEY}"])
def test_without_the_token_nothing_is_shown(client, value):
    response = client.get("/metrics", headers={"Authorization": value})

    assert response.status_code == 401
    assert response.headers["WWW-Authenticate"] == "Bearer"
    assert "sectorflow_slack_" not in response.text


def test_metrics_are_503_while_redis_is_down(storeless_client):
    response = storeless_client.get("/metrics", headers=AUTHORIZED)

    assert (response.status_code, response.headers["Retry-After"]) == (503, "5")


# The metrics


def test_every_metric_has_a_help_text_and_every_counter_starts_at_zero(client):
    response = client.get("/metrics", headers=AUTHORIZED)
    samples = scrape(client)

    found = {
        family.name.removeprefix("sectorflow_slack_"): (family.type, family.documentation)
        for family in text_string_to_metric_families(response.text)
    }
    counters = metrics.COUNTERS | metrics.MODEL_COUNTERS
    kinds = {"counter": counters, "histogram": metrics.HISTOGRAMS, "gauge": metrics.GAUGES}
    assert found == {name: (kind, text) for kind, names in kinds.items() for name, text in names.items()}
    assert {samples[(f"{name}_total",)] for name in metrics.COUNTERS} == {0.0}
    assert response.headers["Content-Type"].startswith("text/plain; version=")
    assert response.headers["Content-Type"].endswith("charset=utf-8")


def test_counters_are_shown_by_their_labels(client, recorded):
    recorded.count(metrics.ANSWERED)
    recorded.count(metrics.FAILED, "token_refused")
    recorded.count(metrics.FAILED, "token_refused")
    recorded.count(metrics.RETRIES, "slack")
    recorded.count(metrics.SLACK_RATE_LIMITED, "unexpected")

    samples = scrape(client)

    assert samples[("answered_total",)] == 1
    assert samples[("failed_total", ("reason", "token_refused"))] == 2
    assert samples[("retries_total", ("fault", "slack"))] == 1
    assert samples[("slack_rate_limited_total", ("kind", "unexpected"))] == 1


def test_what_each_model_was_asked_failed_and_took_is_shown_by_model(client, recorded):
    model = MODEL_IDS[0]
    recorded.count_model(
        make_question().installation, ModelAnswer(model, "Ada", text="Hello.", seconds=1.5, credits=2.0)
    )
    recorded.count_model(
        make_question().installation, ModelAnswer(model, "Ada", text="Hello.", seconds=0.5, credits=None)
    )
    recorded.count_model(
        make_question().installation, ModelAnswer(model, "Ada", failed=True, failure="empty")
    )

    shown = {name: value for name, value in scrape(client).items() if name[0].startswith("model_")}

    assert shown == {
        ("model_asked_total", ("model", model)): 3,
        ("model_failed_total", ("model", model), ("reason", "empty")): 1,
        ("model_seconds_total", ("model", model)): 2.0,
        ("model_credits_total", ("model", model)): 2.0,
    }


def test_votes_are_shown_by_installation_model_and_vote_and_are_no_counters(client, services):
    answer = Answer(make_question(), make_reply(MODEL_IDS).answers)
    for model, user_id, up in [(0, "U1", True), (0, "U2", True), (1, "U1", True), (1, "U1", False)]:
        services.feedback.vote(answer, model, user_id, up=up)

    samples = scrape(client)

    installation = ("installation", f"{OWN_APP.app_id}:{TEAM_ID}")
    assert {sample: value for sample, value in samples.items() if sample[0] == "votes"} == {
        ("votes", installation, ("model", MODEL_IDS[model]), ("vote", vote)): value
        for model, vote, value in [(0, "up", 2), (0, "down", 0), (1, "up", 0), (1, "down", 1)]
    }
    assert {samples[(f"{name}_total",)] for name in metrics.COUNTERS} == {0.0}


def test_histograms_are_cumulative_up_to_infinity(client, recorded):
    for seconds in (0.2, 4.0, 400.0):
        recorded.observe(metrics.SECTORFLOW_SECONDS, seconds)

    samples = scrape(client)

    bounds = ("0.25", "2.5", "5.0", "300.0", "+Inf")
    assert [samples[("sectorflow_seconds_bucket", ("le", bound))] for bound in bounds] == [1, 1, 2, 2, 3]
    assert samples[("sectorflow_seconds_count",)] == 3
    assert samples[("sectorflow_seconds_sum",)] == pytest.approx(404.2)


def test_open_questions_are_shown_by_state_with_the_age_of_the_oldest(client, store):
    seconds, _ = store.time()
    store.sadd("installations-with-questions", "A:T")
    store.rpush("waiting:A:T", "q1", "q2")
    store.zadd("later:A:T", {"q3": seconds, "q4": seconds, "q5": seconds})
    store.zadd("underway:A:T", {"q6": 1})
    store.hset("question:q2", "accepted_at", str(float(seconds) - HOUR))
    store.zadd("dead-letters", {"q7": seconds, "expired": 1})

    samples = scrape(client)

    states = ("waiting", "later", "underway")
    assert [samples[("open_questions", ("state", state))] for state in states] == [2, 3, 1]
    assert HOUR <= samples[("oldest_question_seconds",)] < 2 * HOUR
    assert samples[("dead_letters",)] == 1
