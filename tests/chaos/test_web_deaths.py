"""Web processes that are killed or told to stop while Slack brings events."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.chaos.harness import Site

pytestmark = pytest.mark.processes


def test_a_question_outlives_the_web_processes_that_took_it_in(site: Site) -> None:
    question = site.say("webs killed")
    event = site.event(question, text="webskilled")

    status = site.deliver(event)
    for web in site.webs:
        web.kill()

    assert status == 200
    site.await_answers("web killed right after its acknowledgement", question, seconds=20)
    site.mend()
    assert site.deliver(event, retry=1) == 200
    assert site.times_asked("webskilled") == 1


def test_an_event_whose_web_process_dies_over_it_is_answered_once_by_slacks_retry(site: Site) -> None:
    question = site.say("dies over it")
    event = site.event(question, text="diesoverit")

    with ThreadPoolExecutor() as pool:
        first = pool.submit(site.deliver, event)
        time.sleep(0.004)
        for web in site.webs:
            web.kill()
        first.result()
    site.mend()
    status = site.deliver(event, retry=1)

    assert status == 200
    site.await_answers("web killed in the middle of an event", question, seconds=20)
    assert site.times_asked("diesoverit") == 1


def test_a_web_process_told_to_stop_finishes_what_it_has_accepted(site: Site) -> None:
    questions = [site.say(f"stop {number}") for number in range(40)]
    events = [site.event(question, text="while stopping") for question in questions]

    with ThreadPoolExecutor(4) as pool:
        sent = pool.map(site.deliver, events)
        stopped_in = site.webs[0].stop()
        statuses = list(sent)

    # A connection that the kernel gave to the one that was closing is reset: Slack sends its event again.
    for event, status in zip(events, statuses, strict=True):
        assert status in (200, None)
        assert status == 200 or site.deliver(event, retry=1) == 200
    assert stopped_in < 30
    site.await_answers("SIGTERM to one of two web processes under load", *questions, seconds=20)
