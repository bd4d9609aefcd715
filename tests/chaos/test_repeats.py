"""The same question, brought more than once."""

from __future__ import annotations

import pytest

from sandbox.slack import seed
from tests.chaos.harness import Site
from tests.chaos.site_setup import install

pytestmark = pytest.mark.processes

CUSTOMER_APP = {
    "appId": seed.CUSTOMER_APP_ID,
    "clientId": seed.CUSTOMER_CLIENT_ID,
    "clientSecret": seed.CUSTOMER_CLIENT_SECRET,
    "signingSecret": seed.CUSTOMER_SIGNING_SECRET,
}
#: Slack sends an event again for up to a day.
DAY_SECONDS = 24 * 3600


def test_an_event_that_comes_eight_times_at_once_as_mention_and_message_is_answered_once(site: Site) -> None:
    question = site.say("both", channel=site.channel("both-kinds"))
    mention = site.event(question, text="bothkinds")
    message = site.event(question, text="bothkinds", event={"type": "message", "channel_type": "im"})

    statuses = site.deliver_at_once(*[mention, message] * 4)

    assert statuses == [200] * 8
    site.await_answers("mention and message of one ts, four times at once", question, seconds=30)
    assert site.times_asked("bothkinds") == 1


def test_a_retry_that_comes_first_and_a_repeat_after_the_answer_ask_nothing_for_a_day(site: Site) -> None:
    question = site.say("repeat")
    event = site.event(question, text="repeatlater")

    early = site.deliver(event, retry=1), site.deliver(event)
    site.await_answers("a retry first, a repeat after the answer", question, seconds=30)
    late = site.deliver(event, retry=3)

    seen = site.redis.client.keys(f"event:*{event['event_id']}")
    assert (*early, late) == (200, 200, 200)
    assert [site.redis.client.ttl(key) > DAY_SECONDS for key in seen] == [True]
    assert site.times_asked("repeatlater") == 1


def test_two_apps_with_one_event_id_both_answer(site: Site) -> None:
    install(site.stage, seed.RANDOM_ID, slackApp=CUSTOMER_APP)
    ours = site.say("both apps", channel=seed.RANDOM_ID)
    theirs = site.remember(ours.channel, ours.ts, "both apps", seed.CUSTOMER_APP_ID)
    event = site.event(ours)

    statuses = (
        site.deliver(event),
        site.deliver({**event, "api_app_id": theirs.app_id}, secret=seed.CUSTOMER_SIGNING_SECRET),
    )

    assert statuses == (200, 200)
    site.await_answers("two apps, one event id", ours, theirs, seconds=30)
