"""The figures of all processes, for Prometheus; nothing of them is kept in this one."""

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
    """Refuse a request without the token; there is nothing here where no token is set."""
    token = current_settings.metrics_token
    if token is None:
        abort(404)
    require_bearer((token,), "The metrics token is needed.")


@blueprint.get("/metrics")
def show_metrics() -> Response:
    """Give all figures in Prometheus's text format."""
    figures = generate_latest(SnapshotCollector(current_services.read_metrics()))
    return Response(figures, content_type=CONTENT_TYPE_LATEST)


@dataclass(frozen=True)
class SnapshotCollector(Collector):
    """Says a snapshot in Prometheus's terms. What was never counted is 0, so that sums and alerts work."""

    snapshot: Snapshot

    def collect(self) -> Iterator[Metric]:
        """Give every metric with its samples."""
        for name, meaning in metrics.COUNTERS.items():
            yield self._counter(name, meaning)
        for name, meaning in metrics.HISTOGRAMS.items():
            yield _histogram(name, meaning, self.snapshot.histograms[name])
        yield from self._gauges()

    def _counter(self, name: str, meaning: str) -> Metric:
        family = CounterMetricFamily(PREFIX + name, meaning)
        kept = {label: value for (kept, label), value in self.snapshot.counters.items() if kept == name}
        for label, value in sorted(({"": 0} | kept).items()):
            labels = {metrics.LABELS.get(name, "kind"): label} if label else {}
            family.add_sample(f"{PREFIX}{name}_total", labels, value)
        return family

    def _votes(self) -> Metric:
        name, labels = metrics.VOTES, ["installation", "model", "vote"]
        family = GaugeMetricFamily(PREFIX + name, metrics.GAUGES[name], labels=labels)
        for installation, models in self.snapshot.votes:
            for model in models:
                family.add_metric([str(installation), model.model_id, "up"], model.up)
                family.add_metric([str(installation), model.model_id, "down"], model.down)
        return family

    def _gauges(self) -> Iterator[Metric]:
        snapshot = self.snapshot
        states = GaugeMetricFamily(
            PREFIX + metrics.OPEN_QUESTIONS, metrics.GAUGES[metrics.OPEN_QUESTIONS], labels=["state"]
        )
        states.add_metric(["waiting"], snapshot.waiting)
        states.add_metric(["later"], snapshot.later)
        states.add_metric(["underway"], snapshot.underway)
        yield states
        figures = {
            metrics.OLDEST_QUESTION_SECONDS: snapshot.oldest_seconds,
            metrics.FAILED_QUESTIONS: snapshot.failed_questions,
        }
        for name, value in figures.items():
            yield GaugeMetricFamily(PREFIX + name, metrics.GAUGES[name], value=value)
        yield self._votes()


def _histogram(name: str, meaning: str, histogram: Histogram) -> Metric:
    family = HistogramMetricFamily(PREFIX + name, meaning)
    buckets = [(str(float(bound)), float(count)) for bound, count in histogram.buckets]
    family.add_metric([], [*buckets, ("+Inf", float(histogram.count))], histogram.sum)
    return family
