"""Minutes of kills, restarts and deploys under load; ``make chaos`` runs it."""

import os
import random
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest

from sandbox.stage import is_placeholder
from tests.chaos.processes import Group, OwnRedis
from tests.chaos.site import running_site
from tests.chaos.verdicts import NOTES
from tests.waiting import until

pytestmark = [
    pytest.mark.processes,
    pytest.mark.skipif(not os.environ.get("CHAOS"), reason="takes minutes: make chaos"),
]

#: If a worker dies while Slack takes a message, or before it could record it, the message may come twice:
#: only the channel's history, which the app may not read, would tell. So long after its death may Slack still
#: take it, and so long before may Slack have taken it.
TAKING_SECONDS = 1.0
RECORDING_SECONDS = 0.5
#: Twice as long as until an expired lease is found: a late duplicate would have shown.
SETTLING = 30.0
SEED = random.randrange(10**6)


@pytest.fixture
def site(tmp_path):
    with running_site(tmp_path, webs=2, workers=2) as running:
        yield running


def kill_at_random(site):
    chance, kills = random.Random(SEED), []
    for _ in range(20):
        time.sleep(chance.uniform(0.5, 3.5))
        victim = chance.choice([*site.webs, *site.workers])
        kills.append(time.time())
        victim.kill()
        victim.start()
    return kills


def kill_everything(site):
    everything: list[Group] = [*site.webs, *site.workers, site.redis]
    kills = []
    for pause in (1.0, 4.0):
        time.sleep(pause)
        kills.append(time.time())
        for each in everything:
            each.kill()
        for each in reversed(everything):
            each.start()
    return kills


def fail_over(site):
    for fail in (OwnRedis.become_replica, OwnRedis.kill, OwnRedis.freeze, OwnRedis.kill):
        time.sleep(3)
        fail(site.redis)
        time.sleep(2)
        site.redis.recover()
    return []


def deploy(site):
    for group in (*site.webs, *site.workers):
        assert group.stop() < 30
        group.start()
        time.sleep(2)  # the platform waits until a process is up
    return []


def ask_steadily(site, number, seconds):
    questions = []
    for each in range(number):
        questions.append(site.ask(f"a long one {each}" if each % 4 == 0 else f"number {each}"))
        time.sleep(seconds / number)
    return questions


def is_doubtful(site, question, kills):
    """Whether a worker was killed while each superfluous message was being posted."""
    first: dict[str, float] = {}
    for message in site.posted(question):
        content = message["text"] + str(message.get("blocks"))
        if content in first or is_placeholder(message):
            posted = first.get(content, float(message["ts"]))
            if not any(-TAKING_SECONDS < kill - posted < RECORDING_SECONDS for kill in kills):
                return False
        first.setdefault(content, float(message["ts"]))
    return True


@pytest.mark.parametrize(
    ("disturb", "number", "seconds", "fault"),
    [
        (kill_at_random, 60, 40.0, f"20 kills at random moments (seed {SEED})"),
        (kill_everything, 30, 10.0, "everything killed at once, Redis too, twice"),
        (fail_over, 40, 20.0, "four failovers of Redis"),
        (deploy, 40, 16.0, "a rolling deploy: SIGTERM to each group in turn"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_under_load_no_question_is_lost_half_twice_or_stuck_except_in_doubt(
    site, disturb, number, seconds, fault
):
    with ThreadPoolExecutor(1) as pool:
        asking = pool.submit(ask_steadily, site, number, seconds)
        kills = disturb(site)
        questions = asking.result()
    since = time.monotonic()
    until(lambda: not {"lost", "half"} & set(site.verdicts(questions)), 90, "all answered")
    took = time.monotonic() - since
    time.sleep(SETTLING)

    verdicts = Counter(site.verdicts(questions))
    odd = [each for each in questions if each.verdict(site.messages()) in {"twice", "stuck"}]
    assert not site.stuck(questions)
    doubtful = [each for each in odd if is_doubtful(site, each, kills)]
    site.add_row(fault, *questions, seconds=took)
    NOTES.append(f"{fault}: in doubt {len(doubtful)}")
    assert verdicts["answered"] == len(questions) - len(odd), verdicts
    assert odd == doubtful


def test_a_wait_that_slack_asked_for_outlasts_a_restart_of_all_workers(site):
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
