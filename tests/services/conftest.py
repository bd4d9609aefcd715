"""The services on the real stores, with fakes of Slack, SectorFlow and the queue."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import fakeredis
import pytest
import redis

from sectorflow_slack.bootstrap import Connections, Remotes, build_services
from sectorflow_slack.config import Settings
from sectorflow_slack.domain.errors import TokenRefused
from sectorflow_slack.services import Services
from sectorflow_slack.services.answering import AnswerService
from tests.fakes import FakeSectorFlowClient, FakeSlackClient, FakeTaskQueue
from tests.services.installing import InstallFlow
from tests.services.scenario import Scenario
from tests.services.steps import LETTER_ID
from tests.values import FixedClock, make_installation


@pytest.fixture
def redis_server() -> fakeredis.FakeServer:
    """The server of ``store``; if it is not ``connected``, it refuses everything."""
    return fakeredis.FakeServer()


@pytest.fixture
def store(redis_server: fakeredis.FakeServer) -> redis.Redis:
    """The fake alone: the stores' own tests show that the real one does the same."""
    return fakeredis.FakeRedis(server=redis_server, decode_responses=True)


@pytest.fixture
def slack() -> FakeSlackClient:
    return FakeSlackClient()


@pytest.fixture
def sectorflow() -> FakeSectorFlowClient:
    return FakeSectorFlowClient()


@pytest.fixture
def queue() -> FakeTaskQueue:
    return FakeTaskQueue()


@pytest.fixture
def services(
    settings: Settings,
    connections: Connections,
    clock: FixedClock,
    slack: FakeSlackClient,
    sectorflow: FakeSectorFlowClient,
    queue: FakeTaskQueue,
) -> Services:
    remotes = Remotes(queue=queue, slack=slack, sectorflow=sectorflow, clock=clock)
    real = build_services(settings, connections, clock, remotes)
    idempotency = replace(real.registration.idempotency, sleep=lambda _: None)
    return replace(
        real,
        registration=replace(real.registration, idempotency=idempotency),
        answers=replace(real.answers, random=lambda: 0.5),
    )


@pytest.fixture
def parts(
    services: Services,
    slack: FakeSlackClient,
    sectorflow: FakeSectorFlowClient,
    queue: FakeTaskQueue,
    store: redis.Redis,
    clock: FixedClock,
) -> tuple[Any, ...]:
    """The fields of a scenario and of an install flow."""
    return services, slack, sectorflow, queue, store, clock


@pytest.fixture
def flow(parts: tuple[Any, ...]) -> InstallFlow:
    return InstallFlow(*parts)


@pytest.fixture
def answers(services: Services) -> AnswerService:
    """The service that answers questions, with one installation."""
    services.answers.installations.save(make_installation(), None, None)
    return services.answers


@pytest.fixture
def acme(parts: tuple[Any, ...], answers: AnswerService) -> Scenario:
    """An installation without questions."""
    return Scenario(*parts)


@pytest.fixture
def answered(acme: Scenario) -> Scenario:
    """The same with an answer of three models, in one message of a thread."""
    acme.have_answered()
    return acme


@pytest.fixture
def shared(acme: Scenario) -> Scenario:
    """The same in a channel that is shared with another organisation."""
    acme.have_answered(is_shared=True)
    return acme


@pytest.fixture
def failed(acme: Scenario) -> Scenario:
    """An installation with a failed question, whose notice has a button."""
    acme.sectorflow.answers.then(TokenRefused("status 401"))
    acme.ask(id=LETTER_ID)
    return acme


@pytest.fixture
def lapse(store: redis.Redis) -> Callable[[], None]:
    """Let the minute pass after which a request that has not finished counts as dead."""

    def lapse_all() -> None:
        for key in store.scan_iter("idempotency:*"):
            store.hset(key, "claimed_until", "0")

    return lapse_all
