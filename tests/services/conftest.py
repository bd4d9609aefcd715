"""The services on the real stores, with fakes of what is outside."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import fakeredis
import pytest
import redis

from sectorflow_slack.bootstrap import Connections, Remotes, build_services
from sectorflow_slack.config import Settings
from sectorflow_slack.domain.questions import Question
from sectorflow_slack.services import Services
from sectorflow_slack.services.answers import AnswerService
from tests.fakes import FakeSectorFlowClient, FakeSlackClient, FakeTaskQueue
from tests.services.installing import InstallFlow
from tests.services.pressing import answered, kept
from tests.services.steps import KEY
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
def lapse(store: redis.Redis) -> Callable[[], None]:
    """Have the minute pass after which a request that has not finished counts as dead."""

    def lapse_all() -> None:
        for place in store.scan_iter("idempotency:*"):
            store.hset(place, "claimed_until", "0")

    return lapse_all


@pytest.fixture
def answers(services: Services) -> AnswerService:
    """What a worker does, for one installation."""
    services.answers.installations.save(make_installation(), None, None)
    return services.answers


@pytest.fixture
def answer(answers: AnswerService, services: Services, queue: FakeTaskQueue) -> Question:
    """A question with an answer of three models, in one message of a thread."""
    return answered(services, queue)


@pytest.fixture
def shared_answer(answers: AnswerService, services: Services, queue: FakeTaskQueue) -> Question:
    """The same, in a channel that is shared with another organisation."""
    return answered(services, queue, is_shared=True)


@pytest.fixture
def untouched(
    services: Services, store: redis.Redis, queue: FakeTaskQueue, slack: FakeSlackClient
) -> Callable[[], bool]:
    """Say whether nothing at all was done with the one answer that there is."""

    def is_untouched() -> bool:
        idle = not queue.errands and not queue.jobs and len(slack.posted) == 1 and not slack.whispered
        return idle and kept(services).version == 1 and not services.feedback.of(KEY)

    return is_untouched


@pytest.fixture
def flow(
    services: Services,
    slack: FakeSlackClient,
    sectorflow: FakeSectorFlowClient,
    queue: FakeTaskQueue,
    store: redis.Redis,
    clock: FixedClock,
) -> InstallFlow:
    return InstallFlow(services, slack, sectorflow, queue, store, clock)


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
    recovery = replace(real.answers.recovery, random=lambda: 0.5)
    claims = replace(real.installs.claims, sleep=lambda _: None)
    return replace(
        real,
        installs=replace(real.installs, claims=claims),
        answers=replace(real.answers, recovery=recovery),
    )
