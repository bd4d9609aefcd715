"""The composition root: the one place that names concrete stores, clients and the queue."""

from __future__ import annotations

import time
from collections.abc import Callable

from sectorflow_slack.bootstrap.adapters import (
    Connections,
    Remotes,
    install_adapters,
    make_connections,
    make_remotes,
    open_connections,
    question_adapters,
)
from sectorflow_slack.bootstrap.installs import (
    build_consent,
    build_installs,
    build_revocations,
    build_tokens,
)
from sectorflow_slack.bootstrap.questions import (
    build_answers,
    build_errands,
    build_events,
    build_interactions,
    build_speaking,
)
from sectorflow_slack.config import Settings
from sectorflow_slack.services import Services
from sectorflow_slack.storage.health import RedisCheckup, missing_parts, warnings
from sectorflow_slack.storage.rate_limits import RedisRateLimit

__all__ = ["Connections", "Remotes", "build_services", "make_connections", "open_connections"]


def build_services(
    settings: Settings,
    connections: Connections,
    clock: Callable[[], float] = time.time,
    remotes: Remotes | None = None,
) -> Services:
    """Put the services together; with other ``remotes`` than the real ones, where they are given."""
    store = connections.stores
    installs, questions = install_adapters(settings, store, clock), question_adapters(settings, store)
    remotes = remotes or make_remotes(settings, connections, clock)
    tokens, speaking = build_tokens(installs, remotes), build_speaking(settings, questions, remotes)
    errands = build_errands(installs, questions, remotes, tokens, speaking)
    revocations = build_revocations(installs, remotes)
    return Services(
        installs=build_installs(settings, installs, remotes, revocations),
        consent=build_consent(settings, installs, remotes),
        tokens=tokens,
        revocations=revocations,
        events=build_events(installs, questions, remotes),
        interactions=build_interactions(installs, questions, remotes),
        answers=build_answers(installs, questions, remotes, tokens, speaking),
        interim=errands.interim,
        errands=errands,
        feedback=questions.feedback,
        apps=installs.apps,
        letters=questions.letters,
        backup=installs.backup,
        rate_limit=RedisRateLimit(store, settings.install_rate_limit),
        keyring=installs.keyring,
        metrics=questions.metrics,
        read_metrics=questions.metrics.read,
        missing=lambda: missing_parts(store),
        warnings=lambda: warnings(store),
        slack=remotes.slack,
        sectorflow=remotes.sectorflow,
        checkup=RedisCheckup(store, installs.keyring),
    )
