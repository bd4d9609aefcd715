"""Redis is away, hangs or refuses: the service acknowledges stored events only, and recovers by itself."""

import time
from contextlib import contextmanager
from dataclasses import dataclass

import pytest
import requests

from tests.chaos.processes import OwnRedis
from tests.chaos.site import registration
from tests.chaos.verdicts import Asked
from tests.waiting import until

pytestmark = pytest.mark.processes

BROKEN = {
    "hangs": OwnRedis.freeze,
    "is killed": OwnRedis.kill,
    "failed over, read-only": OwnRedis.become_replica,
    "lost its replicas": OwnRedis.lose_replicas,
    "out of memory": OwnRedis.run_out_of_memory,
}
#: How long Slack waits, and how long the service may take after Redis is back.
SLACK_SECONDS = 3.0
RECOVERY_SECONDS = 5.0
#: Longer than a worker tries to record an answer of Slack or SectorFlow before it reports the failure.
OUTAGE_SECONDS = 2.0


@contextmanager
def broken(site, how):
    BROKEN[how](site.redis)
    try:
        yield
    finally:
        site.redis.recover()


@pytest.mark.parametrize("how", BROKEN)
def test_an_event_is_refused_in_time_and_answered_once_when_it_is_sent_again(site, how):
    question = site.post(how)
    event = site.event(question, f"redis {how}")
    with broken(site, how):
        started = time.monotonic()
        statuses = site.deliver_at_once(event, event)
        seconds = time.monotonic() - started
        ready = requests.get(f"{site.stage.service_url}/readyz", timeout=10)
        healthy, registered = site.status("healthz"), site.stage.register(registration()).status_code

    # Slack's retry comes when Redis is back; whether Redis stored the event after all makes no difference.
    until(lambda: site.deliver(event, retry=1) == 200, RECOVERY_SECONDS, "accepted")
    until(lambda: site.status("readyz") == 200, RECOVERY_SECONDS, "ready")

    assert statuses == [503, 503]
    assert seconds < SLACK_SECONDS
    assert (ready.status_code, ready.json()["missing"]) == (503, ["redis"])
    assert (healthy, registered) == (200, 503)
    site.await_answers(f"Redis {how}", question, seconds=RECOVERY_SECONDS + 5)


def test_a_slow_redis_never_keeps_slack_waiting_past_its_time_out(site):
    question = site.post("slow")
    event = site.event(question, "slow redis")
    site.redis.client.client_pause(2500)

    started = time.monotonic()
    status = site.deliver(event)
    seconds = time.monotonic() - started
    until(lambda: site.deliver(event, retry=1) == 200, RECOVERY_SECONDS, "accepted")

    assert status == 503
    assert seconds < SLACK_SECONDS
    site.await_answers("Redis is slow", question, seconds=RECOVERY_SECONDS)


@dataclass(frozen=True)
class Outage:
    """Three questions that an outage met at different steps."""

    how: str
    #: SectorFlow's reply arrives during the outage.
    reply: Asked
    #: Slack accepts the answer.
    answer: Asked
    #: Slack accepts the status.
    announced: Asked


@pytest.fixture(scope="module", params=["hangs", "is killed", "failed over, read-only"])
def outage(whole_site, request):
    site, how = whole_site, str(request.param)
    # After the previous outage, workers need seconds to look for work again.
    site.fault("sectorflow", target="completions", containing=f"probe{len(how)}", delay=1.0)
    probe = site.ask(f"probe{len(how)}")
    until(lambda: site.answered(probe), 30, "the workers work")
    words = {step: f"{step}{len(how)}" for step in ("reply", "answer", "announced")}
    channels = {step: site.channel(f"{step}-{len(how)}") for step in words}
    for word in words.values():
        site.hold("sectorflow", "completions", word)
    site.hold("slack", "chat.postMessage", channels["answer"])
    site.hold("slack", "agents.sessions.setStatus", channels["announced"])
    asked = {step: site.ask(word, channels[step]) for step, word in words.items()}
    site.await_faults("sectorflow")
    site.release(words["answer"])
    site.await_faults("slack")

    with broken(site, how):
        for held in (words["reply"], channels["answer"], channels["announced"]):
            site.release(held)
        until(lambda: site.answers(asked["answer"]), 10, "Slack has the answer")
        until(lambda: site.is_processing(asked["announced"]), 10, "Slack has the status")
        time.sleep(OUTAGE_SECONDS)
    site.release(words["announced"])
    site.mend()
    return Outage(how, **asked)


def test_a_reply_that_arrives_during_an_outage_is_stored_and_posted_after_it(site, outage):
    name = f"Redis {outage.how} while an answer arrives"
    site.await_answers(name, outage.reply, seconds=RECOVERY_SECONDS)
    assert site.times_asked(f"reply{len(outage.how)}") == 1


def test_a_message_that_slack_accepts_during_an_outage_is_not_posted_again_after_it(site, outage):
    until(lambda: site.open_questions() == 0, 30, "the questions are done")
    site.await_answers(f"Redis {outage.how} while Slack accepts an answer", outage.answer, seconds=1)


def test_a_status_that_slack_accepts_during_an_outage_ends_with_the_answer(site, outage):
    name = f"Redis {outage.how} while Slack accepts a status"
    site.await_answers(name, outage.announced, seconds=30)
    until(lambda: not site.is_processing(outage.announced), 30, "the status is over")
