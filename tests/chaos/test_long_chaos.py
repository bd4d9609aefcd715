"""Minutes of kills, restarts and deploys under load; ``make chaos`` runs it."""

from __future__ import annotations

import os
import random
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from sandbox.stage import is_placeholder
from tests.chaos.harness import Site
from tests.chaos.processes import Group, OwnRedis
from tests.chaos.site_setup import running_site
from tests.chaos.verdicts import NOTES, Asked
from tests.waiting import until

pytestmark = [
    pytest.mark.processes,
    pytest.mark.skipif(not os.environ.get("CHAOS"), reason="takes minutes: make chaos"),
]

#: A post that Slack took while its worker died before it could record it: no one can know, but by reading
#: the channel's history. It happens where a worker dies within this time after the post.
DOUBT_SECONDS = 0.5
#: Longer than a lease and the look that finds it run out, twice: a late duplicate would have shown.
SETTLING = 30.0


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with running_site(tmp_path, webs=2, workers=2) as running:
        yield running


def ask_steadily(site: Site, number: int, seconds: float) -> list[Asked]:
    questions = []
    for each in range(number):
        questions.append(site.ask(f"a long one {each}" if each % 4 == 0 else f"number {each}"))
        time.sleep(seconds / number)
    return questions


def under_load(site: Site, number: int, seconds: float, disturb: Callable[[], None]) -> list[Asked]:
    with ThreadPoolExecutor(1) as pool:
        asking = pool.submit(ask_steadily, site, number, seconds)
        disturb()
        return asking.result()


def judge(site: Site, fault: str, questions: list[Asked], kills: list[float]) -> None:
    """Wait until all is quiet; then nothing is lost or half, twice or stuck, but for the doubt."""
    since = time.monotonic()
    until(lambda: not {"lost", "half"} & set(site.verdicts(questions)), 90, "all answered")
    seconds = time.monotonic() - since
    time.sleep(SETTLING)
    verdicts = Counter(site.verdicts(questions))
    odd = [each for each in questions if each.verdict(site.messages()) in {"twice", "stuck"}]
    doubtful = [each for each in odd if is_doubt(site, each, kills)]
    site.enter(fault, *questions, seconds=seconds)
    NOTES.append(f"{fault}: in doubt {len(doubtful)}")
    assert verdicts["answered"] == len(questions) - len(odd), verdicts
    assert odd == doubtful


def is_doubt(site: Site, question: Asked, kills: list[float]) -> bool:
    """Whether each message that is there once too often was posted just before a worker was killed."""
    first: dict[str, float] = {}
    for message in site.posted(question):
        said = message["text"] + str(message.get("blocks"))
        if said in first or is_placeholder(message):
            posted = first.get(said, float(message["ts"]))
            if not any(0 <= kill - posted < DOUBT_SECONDS for kill in kills):
                return False
        first.setdefault(said, float(message["ts"]))
    return True


def test_twenty_kills_at_random_moments_lose_nothing_and_repeat_nothing(site: Site) -> None:
    seed = random.randrange(10**6)
    chance = random.Random(seed)
    kills: list[float] = []

    def disturb() -> None:
        for _ in range(20):
            time.sleep(chance.uniform(0.5, 3.5))
            victim = chance.choice([*site.webs, *site.workers])
            kills.append(time.time())
            victim.kill()
            victim.start()

    questions = under_load(site, 60, 40.0, disturb)

    judge(site, f"20 kills at random moments (seed {seed})", questions, kills)


def test_everything_is_killed_at_once_redis_too(site: Site) -> None:
    everything: list[Group] = [*site.webs, *site.workers, site.redis]
    kills: list[float] = []

    def disturb() -> None:
        for pause in (1.0, 4.0):
            time.sleep(pause)
            kills.append(time.time())
            for each in everything:
                each.kill()
            for each in reversed(everything):
                each.start()

    questions = under_load(site, 30, 10.0, disturb)

    judge(site, "everything killed at once, Redis too, twice", questions, kills)


def test_failovers_of_redis_under_load(site: Site) -> None:
    def disturb() -> None:
        for fail in (OwnRedis.become_replica, OwnRedis.kill, OwnRedis.freeze, OwnRedis.kill):
            time.sleep(3)
            fail(site.redis)
            time.sleep(2)
            site.redis.recover()

    questions = under_load(site, 40, 20.0, disturb)

    judge(site, "four failovers of Redis", questions, [])


def test_rolling_deploys_under_load(site: Site) -> None:
    def disturb() -> None:
        for group in (*site.webs, *site.workers):
            assert group.stop() < 30
            group.start()
            time.sleep(2)  # the platform waits until a process is up

    questions = under_load(site, 40, 16.0, disturb)

    judge(site, "a rolling deploy: SIGTERM to each group in turn", questions, [])


def test_a_wait_that_slack_asked_for_outlasts_a_restart_of_all_workers(site: Site) -> None:
    channel = site.channel("limited")
    site.fault("slack", target="chat.postMessage", retry_after=8, containing=channel)
    question = site.ask("limited", channel)
    until(lambda: site.times_asked("limited") == 1, 5, "SectorFlow is asked")
    time.sleep(1)

    for worker in site.workers:
        worker.kill()
        worker.start()

    took = site.await_answers("429 with Retry-After 8, all workers killed meanwhile", question, seconds=40)
    assert took > 6
    assert site.times_asked("limited") == 1
