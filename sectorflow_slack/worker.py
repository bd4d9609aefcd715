"""The worker: ``dramatiq sectorflow_slack.worker:setup_broker``."""

from __future__ import annotations

import dramatiq

from sectorflow_slack.bootstrap import build_services, open_connections
from sectorflow_slack.config import SettingsError, load_settings
from sectorflow_slack.logging import configure_logging
from sectorflow_slack.storage.connection import WORKER_TIMEOUTS
from sectorflow_slack.tasks import (
    NOTIFY_SECONDS,
    REVOKE_SECONDS,
    Heartbeat,
    IgnoreRepeatedSigterm,
    PauseConsumers,
    PeriodicCalls,
    SlackJobWorker,
    WorkerSettings,
    declare_question_actor,
    declare_slack_job_actor,
)


def setup_broker() -> None:
    """Set dramatiq's global broker, with actors that call this process's services.

    dramatiq's command calls this once in each worker process.
    """
    try:
        settings = load_settings()
    except SettingsError as error:
        raise SystemExit(f"sectorflow-slack: settings\n{error}") from None
    configure_logging(settings.log_level)
    connections = open_connections(settings, WORKER_TIMEOUTS)
    services = build_services(settings, connections)
    broker = connections.broker
    declare_slack_job_actor(connections.slack_jobs, services.slack_jobs.run)
    for middleware in (
        WorkerSettings(settings.worker_threads),
        IgnoreRepeatedSigterm(),
        PauseConsumers(),
        Heartbeat(services.answers.extend_leases, services.answers.hand_over),
        PeriodicCalls(
            *((file.touch, NOTIFY_SECONDS) for file in [settings.worker_heartbeat_file] if file),
            (services.slack_jobs.placeholders.notify_slow, NOTIFY_SECONDS),
            (services.revocations.revoke_due, REVOKE_SECONDS),
        ),
        SlackJobWorker(connections.slack_jobs),
    ):
        broker.add_middleware(middleware)
    declare_question_actor(broker, services.answers.answer_next)
    dramatiq.set_broker(broker)
