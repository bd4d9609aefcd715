"""The services on the real stores, with fakes of what is outside."""

from __future__ import annotations

from dataclasses import replace

import fakeredis
import pytest
import redis

from sectorflow_slack.bootstrap import Connections, build_services
from sectorflow_slack.config import Settings
from sectorflow_slack.services import Services
from sectorflow_slack.services.answers import AnswerService
from tests.fakes import FakeSectorFlowClient, FakeSlackClient, FakeTaskQueue
from tests.values import FixedClock, make_installation


@pytest.fixture
def redis_server() -> fakeredis.FakeServer:
    """What ``store`` talks to; not ``connected``, it refuses everything."""
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
def answers(services: Services) -> AnswerService:
    """What a worker does, for one installation."""
    services.answers.installations.save(make_installation(), None, None)
    return services.answers


@pytest.fixture
def services(
    settings: Settings,
    connections: Connections,
    clock: FixedClock,
    slack: FakeSlackClient,
    sectorflow: FakeSectorFlowClient,
    queue: FakeTaskQueue,
) -> Services:
    real = build_services(settings, connections, clock)
    posting = replace(real.answers.posting, slack=slack)
    answers = replace(
        real.answers,
        posting=posting,
        sectorflow=sectorflow,
        queue=queue,
        random=lambda: 0.5,
    )
    return replace(
        real,
        installs=replace(real.installs, sectorflow=sectorflow),
        consent=replace(real.consent, slack=slack),
        events=replace(real.events, queue=queue),
        interactions=replace(real.interactions, queue=queue),
        answers=answers,
        waiting=replace(real.waiting, posting=posting),
    )
