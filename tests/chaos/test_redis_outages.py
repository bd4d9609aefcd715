"""Redis is away, hangs or refuses: nothing is acknowledged that is not kept, and all comes back by itself."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
import requests

from tests.chaos.building import registration
from tests.chaos.harness import Site
from tests.chaos.processes import OwnRedis, until

pytestmark = pytest.mark.processes

BROKEN: dict[str, Callable[[OwnRedis], None]] = {
    "hangs": OwnRedis.freeze,
    "is killed": OwnRedis.kill,
    "failed over, read-only": OwnRedis.become_replica,
    "lost its replicas": OwnRedis.lose_replicas,
    "out of memory": OwnRedis.run_out_of_memory,
}
#: Slack's patience, and what the service promises after Redis is back.
SLACK_SECONDS = 3.0
RECOVERY_SECONDS = 5.0


@contextmanager
def broken(site: Site, how: str) -> Iterator[None]:
    BROKEN[how](site.redis)
    try:
        yield
    finally:
        site.redis.recover()


@pytest.mark.parametrize("how", BROKEN)
def test_an_event_is_refused_in_time_and_answered_once_when_it_is_sent_again(site: Site, how: str) -> None:
    question = site.say(how)
    event = site.event(question, text=f"redis {how}")
    with broken(site, how):
        started = time.monotonic()
        statuses = site.deliver_at_once(event, event)
        seconds = time.monotonic() - started

    # Slack's retry comes when Redis is back; whether Redis took the event in after all makes no difference.
    until(lambda: site.deliver(event, retry=1) == 200, RECOVERY_SECONDS, "taken in")

    assert statuses == [503, 503]
    assert seconds < SLACK_SECONDS
    site.await_answers(f"Redis {how}", question, seconds=RECOVERY_SECONDS + 5)


@pytest.mark.parametrize("how", ["hangs", "is killed"])
def test_readiness_names_redis_and_the_api_says_503(site: Site, how: str) -> None:
    with broken(site, how):
        ready = requests.get(f"{site.stage.service_url}/readyz", timeout=5)
        statuses = site.status("healthz"), site.stage.register(registration()).status_code

    back = until(lambda: site.status("readyz") == 200, RECOVERY_SECONDS, "ready")

    assert (ready.status_code, ready.json()["missing"]) == (503, ["redis"])
    assert statuses == (200, 503)
    assert back < RECOVERY_SECONDS


@pytest.mark.parametrize("how", ["failed over, read-only", "lost its replicas", "out of memory"])
def test_a_redis_that_takes_no_writes_makes_the_service_unready(site: Site, how: str) -> None:
    with broken(site, how):
        ready = requests.get(f"{site.stage.service_url}/readyz", timeout=5)

    assert (ready.status_code, ready.json()["missing"]) == (503, ["redis"])


def test_a_slow_redis_never_keeps_slack_waiting_past_its_patience(site: Site) -> None:
    question = site.say("slow")
    event = site.event(question, text="slow redis")
    site.redis.client.client_pause(2500)

    started = time.monotonic()
    status = site.deliver(event)
    seconds = time.monotonic() - started
    until(lambda: site.deliver(event, retry=1) == 200, RECOVERY_SECONDS, "taken in")

    assert status == 503
    assert seconds < SLACK_SECONDS
    site.await_answers("Redis is slow", question, seconds=RECOVERY_SECONDS)


@pytest.mark.parametrize("how", ["hangs", "is killed", "failed over, read-only"])
def test_a_reply_that_arrives_during_an_outage_is_kept_and_posted_after_it(site: Site, how: str) -> None:
    word = f"outage{len(how)}"
    site.fault("sectorflow", target="completions", delay=1.0, containing=word)
    question = site.ask(word)
    until(lambda: site.times_asked(word) == 1, 5, "SectorFlow is asked")

    with broken(site, how):
        time.sleep(3.0)  # the reply arrives, and cannot be kept

    took = site.await_answers(f"Redis {how} while an answer arrives", question, seconds=30)
    assert (site.times_asked(word), took < RECOVERY_SECONDS) == (1, True)


@pytest.mark.parametrize("how", ["hangs", "is killed", "failed over, read-only"])
def test_a_message_that_slack_takes_during_an_outage_is_not_posted_again_after_it(
    site: Site, how: str
) -> None:
    channel = site.channel(f"outage-{len(how)}")
    site.fault("sectorflow", target="completions", delay=0.5, containing=f"taken{len(how)}")
    site.fault("slack", target="chat.update", delay=1.0, containing=channel)
    question = site.ask(f"taken{len(how)}", channel)
    site.await_faults("slack")  # the reply is kept, and Slack takes its time

    with broken(site, how):
        until(lambda: site.answers(question), 5, "Slack has taken the answer")
        time.sleep(2.0)  # which cannot be recorded

    until(lambda: site.open_questions() == 0, 30, "the question is done")
    site.await_answers(f"Redis {how} while Slack takes an answer", question, seconds=1)


@pytest.mark.parametrize("how", ["hangs", "is killed", "failed over, read-only"])
def test_a_stand_in_that_slack_takes_during_an_outage_still_turns_into_the_answer(
    site: Site, how: str
) -> None:
    channel = site.channel(f"stand-in-{len(how)}")
    site.fault("sectorflow", target="completions", delay=3.5, containing=f"stand{len(how)}")
    site.fault("slack", target="chat.postMessage", delay=1.0, containing=channel)
    question = site.ask(f"stand{len(how)}", channel)
    site.await_faults("slack")  # which takes its time

    with broken(site, how):
        until(lambda: site.posted(question), 5, "Slack has taken the stand-in")
        (stand_in,) = site.posted(question)
        time.sleep(1.0)  # which cannot be recorded

    site.await_answers(f"Redis {how} while Slack takes a stand-in", question, seconds=30)
    assert [each["ts"] for each in site.posted(question)] == [stand_in["ts"]]
