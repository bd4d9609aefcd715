"""Events that are repeated, or that meet a web process which is killed or told to stop."""

import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from sandbox.slack import seed
from tests.chaos.site import install

pytestmark = pytest.mark.processes

CUSTOMER_APP = {
    "appId": seed.CUSTOMER_APP_ID,
    "clientId": seed.CUSTOMER_CLIENT_ID,
    "clientSecret": seed.CUSTOMER_CLIENT_SECRET,
    "signingSecret": seed.CUSTOMER_SIGNING_SECRET,
}
#: Slack retries an event for up to a day.
DAY_SECONDS = 24 * 3600


def test_an_event_that_comes_eight_times_at_once_as_mention_and_message_is_answered_once(site):
    question = site.post("both", channel=site.channel("both-kinds"))
    mention = site.event(question, "bothkinds")
    message = site.event(question, "bothkinds", type="message", channel_type="im")

    statuses = site.deliver_at_once(*[mention, message] * 4)

    assert statuses == [200] * 8
    site.await_answers("mention and message of one ts, four times at once", question, seconds=30)
    assert site.times_asked("bothkinds") == 1


def test_a_retry_that_comes_first_and_a_repeat_after_the_answer_ask_nothing_for_a_day(site):
    question = site.post("repeat")
    event = site.event(question, "repeatlater")

    early = site.deliver(event, retry=1), site.deliver(event)
    site.await_answers("a retry first, a repeat after the answer", question, seconds=30)
    late = site.deliver(event, retry=3)

    seen = site.redis.client.keys(f"event:*{event['event_id']}")
    assert (*early, late) == (200, 200, 200)
    assert [site.redis.client.ttl(key) > DAY_SECONDS for key in seen] == [True]
    assert site.times_asked("repeatlater") == 1


def test_two_apps_with_one_event_id_both_answer(site):
    install(site.stage, seed.RANDOM_ID, app_id=seed.CUSTOMER_APP_ID, slackApp=CUSTOMER_APP)
    ours = site.post("both apps", channel=seed.RANDOM_ID)
    theirs = site.record(ours.channel, ours.ts, "both apps", seed.CUSTOMER_APP_ID)
    event = site.event(ours)

    first = site.deliver(event)
    second = site.deliver({**event, "api_app_id": theirs.app_id}, secret=seed.CUSTOMER_SIGNING_SECRET)

    assert (first, second) == (200, 200)
    site.await_answers("two apps, one event id", ours, theirs, seconds=30)


def test_a_question_outlives_its_web_process_acknowledged_or_not(site):
    accepted, dying = site.post("accepted"), site.post("dies over it")
    events = site.event(accepted, "isaccepted"), site.event(dying, "diesoverit")

    acknowledged = site.deliver(events[0])
    with ThreadPoolExecutor() as pool:
        unsure = pool.submit(site.deliver, events[1])
        time.sleep(0.004)  # nothing shows that it is in the middle; in any case it is answered once
        for web in site.webs:
            web.kill()
        unsure.result()

    assert acknowledged == 200
    site.await_answers("web killed right after its acknowledgement", accepted, seconds=20)
    site.mend()
    assert [site.deliver(event, retry=1) for event in events] == [200, 200]
    site.await_answers("web killed in the middle of an event", dying, seconds=20)
    assert (site.times_asked("isaccepted"), site.times_asked("diesoverit")) == (1, 1)


def test_a_web_process_told_to_stop_finishes_what_it_has_accepted(site):
    questions = [site.post(f"stop {number}") for number in range(20)]
    events = [site.event(question, "while stopping") for question in questions]

    with ThreadPoolExecutor(4) as pool:
        sent = pool.map(site.deliver, events)
        stopped_in = site.webs[0].stop()
        statuses = list(sent)

    # A connection that the kernel gave to the closing process is reset: Slack retries its event.
    for event, status in zip(events, statuses, strict=True):
        assert status in (200, None)
        assert status == 200 or site.deliver(event, retry=1) == 200
    assert stopped_in < 30
    site.await_answers("SIGTERM to one of two web processes under load", *questions, seconds=20)
