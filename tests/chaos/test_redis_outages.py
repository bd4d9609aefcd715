"""Redis is away, hangs or refuses: nothing is acknowledged that is not kept, and all comes back by itself."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pytest
import requests

from tests.chaos.harness import Site
from tests.chaos.processes import OwnRedis
from tests.chaos.site_setup import registration
from tests.chaos.verdicts import Asked
from tests.waiting import until

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
#: Longer than a worker tries to record what Slack or SectorFlow did before it says that it cannot.
OUTAGE_SECONDS = 2.0


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
        ready = requests.get(f"{site.stage.service_url}/readyz", timeout=10)
        healthy, registered = site.status("healthz"), site.stage.register(registration()).status_code

    # Slack's retry comes when Redis is back; whether Redis took the event in after all makes no difference.
    until(lambda: site.deliver(event, retry=1) == 200, RECOVERY_SECONDS, "taken in")
    until(lambda: site.status("readyz") == 200, RECOVERY_SECONDS, "ready")

    assert statuses == [503, 503]
    assert seconds < SLACK_SECONDS
    assert (ready.status_code, ready.json()["missing"]) == (503, ["redis"])
    assert (healthy, registered) == (200, 503)
    site.await_answers(f"Redis {how}", question, seconds=RECOVERY_SECONDS + 5)


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


@dataclass(frozen=True)
class Outage:
    """Three questions that an outage met at different steps, and what stood in Slack during it."""

    site: Site
    how: str
    #: SectorFlow's reply arrives during the outage.
    reply: Asked
    #: Slack takes the answer.
    taken: Asked
    #: Slack takes what stands in for the answer.
    announced: Asked
    placeholders: list[str]


@pytest.fixture(scope="module", params=["hangs", "is killed", "failed over, read-only"])
def outage(whole_site: Site, request: pytest.FixtureRequest) -> Outage:
    site, how = whole_site, str(request.param)
    # After the outage before, workers take seconds to look for work again; SectorFlow's time runs meanwhile.
    site.fault("sectorflow", target="completions", containing=f"probe{len(how)}", delay=1.0)
    probe = site.ask(f"probe{len(how)}")
    until(lambda: site.answered(probe), 30, "the workers work")
    words = {step: f"{step}{len(how)}" for step in ("reply", "taken", "announced")}
    channels = {step: site.channel(f"{step}-{len(how)}") for step in words}
    for word in words.values():
        site.hold("sectorflow", "completions", word)
    site.hold("slack", "chat.update", channels["taken"])
    site.hold("slack", "chat.postMessage", channels["announced"])
    asked = {step: site.ask(word, channels[step]) for step, word in words.items()}
    until(lambda: site.posted(asked["taken"]), 20, "something stands in for the answer")
    site.release(words["taken"])
    site.await_faults("slack")
    site.await_faults("sectorflow")

    with broken(site, how):
        for held in (words["reply"], channels["taken"], channels["announced"]):
            site.release(held)
        until(lambda: site.answers(asked["taken"]), 10, "Slack has taken the answer")
        until(lambda: site.posted(asked["announced"]), 10, "Slack has taken what stands in for the other")
        placeholders = [each["ts"] for each in site.posted(asked["announced"])]
        time.sleep(OUTAGE_SECONDS)
    site.release(words["announced"])
    site.mend()
    return Outage(site, how, **asked, placeholders=placeholders)


def test_a_reply_that_arrives_during_an_outage_is_kept_and_posted_after_it(outage: Outage) -> None:
    name = f"Redis {outage.how} while an answer arrives"
    outage.site.await_answers(name, outage.reply, seconds=RECOVERY_SECONDS)
    assert outage.site.times_asked(f"reply{len(outage.how)}") == 1


def test_a_message_that_slack_takes_during_an_outage_is_not_posted_again_after_it(outage: Outage) -> None:
    until(lambda: outage.site.open_questions() == 0, 30, "the questions are done")
    name = f"Redis {outage.how} while Slack takes an answer"
    outage.site.await_answers(name, outage.taken, seconds=1)


def test_a_stand_in_that_slack_takes_during_an_outage_still_turns_into_the_answer(outage: Outage) -> None:
    name = f"Redis {outage.how} while Slack takes a stand-in"
    outage.site.await_answers(name, outage.announced, seconds=30)
    assert len(outage.placeholders) == 1
    assert [each["ts"] for each in outage.site.posted(outage.announced)] == outage.placeholders
