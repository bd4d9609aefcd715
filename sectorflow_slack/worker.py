"""The worker: ``dramatiq sectorflow_slack.worker:setup_broker``."""

from __future__ import annotations

import dramatiq

from sectorflow_slack.bootstrap import build_services, open_connections
from sectorflow_slack.config import SettingsError, load_settings
from sectorflow_slack.logging import configure_logging
from sectorflow_slack.tasks import (
    REVOKE_SECONDS,
    TELL_SECONDS,
    Caretaker,
    ErrandWorker,
    OneSigterm,
    Rounds,
    TakeNothingNew,
    WorkerSettings,
    declare_actors,
    declare_errands,
)


def setup_broker() -> None:
    """Build the broker that dramatiq's command runs, with the actor bound to this process's services.

    The command calls this once in each worker process and then takes dramatiq's global broker.
    """
    try:
        settings = load_settings()
    except SettingsError as error:
        raise SystemExit(f"sectorflow-slack: settings\n{error}") from None
    configure_logging(settings.log_level)
    connections = open_connections(settings, for_worker=True)
    services = build_services(settings, connections)
    broker = connections.broker
    declare_errands(connections.slack_jobs, services.slack_jobs.run)
    for middleware in (
        WorkerSettings(settings.worker_threads),
        OneSigterm(),
        TakeNothingNew(),
        Caretaker(services.answers.extend_leases, services.answers.hand_over),
        Rounds(
            (services.slack_jobs.placeholders.notify_slow, TELL_SECONDS),
            (services.revocations.revoke_due, REVOKE_SECONDS),
        ),
        ErrandWorker(connections.slack_jobs),
    ):
        broker.add_middleware(middleware)
    declare_actors(broker, services.answers.answer_next)
    dramatiq.set_broker(broker)
