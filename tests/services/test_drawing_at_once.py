"""Several processes draw the same answer."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pytest
import redis

from sectorflow_slack.bootstrap import Remotes, build_services, make_connections
from sectorflow_slack.config import Settings
from sectorflow_slack.domain.messages import Message
from sectorflow_slack.formatting import actions
from sectorflow_slack.services import Services
from tests.fakes import FakeSectorFlowClient, FakeSlackClient, FakeTaskQueue
from tests.services.pressing import (
    answered,
    drawn,
    kept,
    press,
    screen,
)
from tests.storage.conftest import race
from tests.values import FixedClock, make_installation

TABS = press(actions.SWITCH_DISPLAY, choice="tabs")


@dataclass
class SlowSlack(FakeSlackClient):
    """Slack that takes its time, and sees whether two speak at once."""

    at_once: int = 0
    most: int = 0
    guard: threading.Lock = field(default_factory=threading.Lock)

    def update(self, bot_token: str, channel_id: str, ts: str, message: Message) -> None:
        with self.guard:
            self.at_once += 1
            self.most = max(self.most, self.at_once)
        time.sleep(0.01)
        super().update(bot_token, channel_id, ts, message)
        with self.guard:
            self.at_once -= 1


@pytest.fixture
def slow_slack() -> SlowSlack:
    return SlowSlack()


@pytest.fixture
def make_process(
    real_redis_url: str, settings: Settings, clock: FixedClock, queue: FakeTaskQueue, slow_slack: SlowSlack
) -> Iterator[Callable[[], Services]]:
    """Make the services of one more process, on a real server."""
    clients: list[redis.Redis] = []

    def make() -> Services:
        clients.extend(redis.Redis.from_url(real_redis_url, decode_responses=text) for text in (True, False))
        remotes = Remotes(queue=queue, slack=slow_slack, sectorflow=FakeSectorFlowClient(), clock=clock)  # type: ignore[arg-type]
        return build_services(settings, make_connections(*clients[-2:]), clock, remotes)

    make()
    clients[0].flushdb()
    yield make
    clients[0].flushdb()
    for client in clients:
        client.close()


@pytest.mark.real_redis
def test_presses_at_once_end_in_what_was_pressed_last_and_one_draws_at_a_time(
    make_process: Callable[[], Services], queue: FakeTaskQueue, slow_slack: SlowSlack
) -> None:
    processes = [make_process() for _ in range(8)]
    first = processes[0]
    first.answers.installations.save(make_installation(), None, None)
    answered(first, queue)
    first.interactions.accept(TABS)
    errand = queue.errands[0][0]

    def press_and_draw(number: int) -> None:
        processes[number].interactions.accept(press(actions.SHOW_TAB, number % 3))
        processes[number].errands.run(errand)

    race(8, press_and_draw)

    assert slow_slack.most == 1
    assert kept(first).drawn == kept(first).version == 10
    (message,) = screen(slow_slack).values()
    assert [message] == drawn(first)
