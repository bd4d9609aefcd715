"""The metrics of all processes for Prometheus, read from Redis at each scrape."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from flask import Blueprint, Response, abort
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from sectorflow_slack.domain import metrics
from sectorflow_slack.domain.metrics import Histogram, Snapshot
from sectorflow_slack.web import current_services, current_settings
from sectorflow_slack.web.guards import require_bearer

PREFIX = "sectorflow_slack_"

blueprint = Blueprint("metrics", __name__)


@blueprint.before_request
def require_metrics_token() -> None:
    """Raise 401 without the metrics token, and 404 if none is configured."""
    token = current_settings.metrics_token
    if token is None:
        abort(404)
    require_bearer((token,), "The metrics token is needed.")


@blueprint.get("/metrics")
def show_metrics() -> Response:
    """Return all metrics in Prometheus's text format."""
    text = generate_latest(SnapshotCollector(current_services.read_metrics()))
    return Response(text, content_type=CONTENT_TYPE_LATEST)


@dataclass(frozen=True)
class SnapshotCollector(Collector):
    """A snapshot as Prometheus metrics. Counters start at 0, so that sums and alerts work."""

    snapshot: Snapshot

    def collect(self) -> Iterator[Metric]:
        """Yield every metric with its samples."""
        for name, help_text in metrics.COUNTERS.items():
            yield self._counter(name, help_text)
        for name, help_text in metrics.MODEL_COUNTERS.items():
            yield self._model_counter(name, help_text)
        for name, help_text in metrics.HISTOGRAMS.items():
            yield _histogram(name, help_text, self.snapshot.histograms[name])
        yield from self._gauges()

    def _counter(self, name: str, help_text: str) -> Metric:
        family = CounterMetricFamily(PREFIX + name, help_text)
        values = {
            label: value for (counter, label), value in self.snapshot.counters.items() if counter == name
        }
        for label, value in sorted(({"": 0} | values).items()):
            labels = {metrics.LABELS.get(name, "kind"): label} if label else {}
            family.add_sample(f"{PREFIX}{name}_total", labels, value)
        return family

    def _model_counter(self, name: str, help_text: str) -> Metric:
        family = CounterMetricFamily(PREFIX + name, help_text)
        for (counter, model, reason), value in sorted(self.snapshot.models.items()):
            if counter == name:
                labels = {"model": model, "reason": reason} if reason else {"model": model}
                family.add_sample(f"{PREFIX}{name}_total", labels, value)
        return family

    def _gauges(self) -> Iterator[Metric]:
        snapshot = self.snapshot
        states = _gauge(metrics.OPEN_QUESTIONS, "state")
        states.add_metric(["waiting"], snapshot.waiting)
        states.add_metric(["later"], snapshot.later)
        states.add_metric(["underway"], snapshot.underway)
        yield states
        memory = snapshot.memory
        for name, value in (
            (metrics.OLDEST_QUESTION_SECONDS, snapshot.oldest_seconds),
            (metrics.FAILED_QUESTIONS, snapshot.failed_questions),
            (metrics.MEMORY_USED_BYTES, memory.used_bytes),
            (metrics.MEMORY_LIMIT_BYTES, memory.limit_bytes),
            (metrics.MEMORY_FULL_SECONDS, memory.full_in_seconds),
        ):
            gauge = _gauge(name)
            if value is not None:
                gauge.add_metric([], value)
            yield gauge
        votes = _gauge(metrics.VOTES, "installation", "model", "vote")
        for installation, models in snapshot.votes:
            for model in models:
                votes.add_metric([str(installation), model.model_id, "up"], model.up)
                votes.add_metric([str(installation), model.model_id, "down"], model.down)
        yield votes


def _gauge(name: str, *labels: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(PREFIX + name, metrics.GAUGES[name], labels=labels)


def _histogram(name: str, help_text: str, histogram: Histogram) -> Metric:
    family = HistogramMetricFamily(PREFIX + name, help_text)
    buckets = [(str(float(bound)), float(count)) for bound, count in histogram.buckets]
    family.add_metric([], [*buckets, ("+Inf", float(histogram.count))], histogram.sum)
    return family
