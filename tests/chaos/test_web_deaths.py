"""Web processes that are killed or told to stop while Slack brings events."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.chaos.harness import Site

pytestmark = pytest.mark.processes


def test_a_question_outlives_its_web_process_acknowledged_or_not(site: Site) -> None:
    taken, dying = site.say("taken in"), site.say("dies over it")
    events = site.event(taken, text="takenin"), site.event(dying, text="diesoverit")

    acknowledged = site.deliver(events[0])
    with ThreadPoolExecutor() as pool:
        unsure = pool.submit(site.deliver, events[1])
        time.sleep(0.004)  # no condition tells that it is in the middle; either way it is answered once
        for web in site.webs:
            web.kill()
        unsure.result()

    assert acknowledged == 200
    site.await_answers("web killed right after its acknowledgement", taken, seconds=20)
    site.mend()
    assert [site.deliver(event, retry=1) for event in events] == [200, 200]
    site.await_answers("web killed in the middle of an event", dying, seconds=20)
    assert (site.times_asked("takenin"), site.times_asked("diesoverit")) == (1, 1)


def test_a_web_process_told_to_stop_finishes_what_it_has_accepted(site: Site) -> None:
    questions = [site.say(f"stop {number}") for number in range(20)]
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
