"""Slack jobs: short calls for a person who looks at Slack now; no error comes out of one."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from typing import get_args

import fakeredis
import pytest
from dramatiq.brokers.stub import StubBroker

from sectorflow_slack.domain.errors import SlackBusy, SlackError, SlackRefused, StorageUnavailable
from sectorflow_slack.domain.slack_jobs import Kind, SlackJob
from sectorflow_slack.formatting.words import ENGLISH
from sectorflow_slack.services import Services
from sectorflow_slack.tasks import SLACK_JOB_ACTOR, SLACK_JOBS, DramatiqTaskQueue, declare_slack_job_actor
from tests.fakes import FakeSlackClient
from tests.services.pressing import ANSWER_ID, THREAD_TS, TRIGGER_ID, everything_in, long_reply
from tests.services.scenario import Scenario
from tests.services.steps import KEY
from tests.values import NOW, make_bot, make_installation

KINDS: tuple[Kind, ...] = get_args(Kind)


def job(kind: Kind, **changes: object) -> SlackJob:
    """A job of a kind, with everything that any kind needs."""
    full = SlackJob(
        kind,
        KEY,
        question_id=ANSWER_ID,
        model=2,
        user_id="U0ANN",
        channel_id="C0GENERAL",
        thread_ts=THREAD_TS,
        trigger_id=TRIGGER_ID,
        sentence="expired",
    )
    return replace(full, **changes)  # type: ignore[arg-type]


# Through the job engine


def test_what_is_sent_is_json_of_the_jobs_fields_and_nothing_else() -> None:
    broker = StubBroker()
    broker.declare_queue(SLACK_JOBS)

    DramatiqTaskQueue(StubBroker(), broker).enqueue(job("dialog"))

    message = json.loads(broker.queues[SLACK_JOBS].get_nowait())
    assert (message["queue_name"], message["actor_name"], message["args"]) == (
        SLACK_JOBS,
        SLACK_JOB_ACTOR,
        [],
    )
    assert message["kwargs"] == asdict(job("dialog"))


@pytest.mark.parametrize(
    "changes", [{"of_a_later_release": 1}, {"installation": None}, {"installation": {"app_id": "A0OWN"}}]
)
def test_a_job_of_another_release_that_cannot_be_read_does_no_harm(
    changes: dict[str, object], caplog: pytest.LogCaptureFixture
) -> None:
    ran: list[SlackJob] = []
    broker = StubBroker()
    declare_slack_job_actor(broker, ran.append)

    broker.get_actor(SLACK_JOB_ACTOR).fn(**{**asdict(job("draw")), **changes})

    assert ran == []
    assert caplog.messages == ["Slack job failed"]


# Running


@pytest.mark.parametrize("kind", KINDS)
def test_if_the_app_is_gone_nothing_is_done(services: Services, slack: FakeSlackClient, kind: Kind) -> None:
    services.slack_jobs.run(job(kind))

    assert not any(calls for calls in vars(slack).values() if isinstance(calls, list | dict))


@pytest.mark.parametrize("kind", KINDS)
def test_if_the_answer_is_gone_nothing_goes_wrong(answered: Scenario, kind: Kind) -> None:
    answered.store.delete(f"answer:{ANSWER_ID}")

    answered.services.slack_jobs.run(job(kind))

    assert (len(answered.slack.posted), answered.slack.updated, answered.slack.dialogs) == (1, [], [])


@pytest.mark.parametrize("kind", ["dialog", "copy"])
def test_a_model_that_does_not_exist_has_no_dialog_and_no_text(answered: Scenario, kind: Kind) -> None:
    answered.services.slack_jobs.run(job(kind, model=3))

    assert (answered.slack.dialogs, answered.slack.ephemerals) == ([], [])


CALLS: dict[Kind, str] = {
    "draw": "update",
    "dialog": "open_view",
    "copy": "post_ephemeral",
    "tell": "post_ephemeral",
    "home": "publish_home",
    "suggest": "set_suggested_prompts",
}


@pytest.mark.parametrize(
    "error", [SlackRefused("channel_not_found"), SlackBusy("ratelimited", 2.0), SlackBusy("away")]
)
@pytest.mark.parametrize(("kind", "call"), CALLS.items(), ids=CALLS)
def test_only_a_rendering_that_slack_does_not_take_now_is_tried_again(
    answered: Scenario, monkeypatch: pytest.MonkeyPatch, kind: Kind, call: str, error: SlackError
) -> None:
    def refuse(*_: object) -> None:
        raise error

    monkeypatch.setattr(answered.slack, call, refuse)
    answered.answers.answers.show(ANSWER_ID, display="tabs")

    answered.services.slack_jobs.run(job(kind))

    again = [(job(kind, tries=1), error.retry_after or 1.0)] if isinstance(error, SlackBusy) else []
    assert answered.queue.slack_jobs == (again if kind == "draw" else [])


def test_a_rendering_that_slack_takes_at_no_try_is_given_up_after_a_quarter_of_an_hour(
    answered: Scenario,
) -> None:
    answered.slack.updates.then(*[SlackBusy("internal_error")] * 20)
    answered.answers.answers.show(ANSWER_ID, display="tabs")
    answered.queue.slack_jobs.append((job("draw"), 0.0))
    delays = []

    while answered.queue.slack_jobs:
        again, delay = answered.queue.slack_jobs.pop()
        delays.append(delay)
        answered.services.slack_jobs.run(again)

    assert delays == sorted(delays)
    assert 10 * 60 < sum(delays) < 30 * 60


def test_while_the_store_is_away_a_job_says_so(
    answered: Scenario, redis_server: fakeredis.FakeServer
) -> None:
    redis_server.connected = False

    with pytest.raises(StorageUnavailable):
        answered.services.slack_jobs.run(job("draw"))


def test_every_part_of_a_long_answer_is_whispered_in_order(acme: Scenario) -> None:
    acme.sectorflow.reply = long_reply(30_000)
    acme.have_answered()

    acme.services.slack_jobs.run(job("copy", model=0))

    whispered = acme.slack.ephemerals
    assert len(whispered) > 1
    assert {(address.thread_ts, user_id) for address, user_id, _ in whispered} == {(THREAD_TS, "U0ANN")}
    line = "A line of some words"
    lines = "".join(everything_in(message) for _, _, message in whispered).count(line)
    assert lines == acme.sectorflow.reply.answers[0].text.count(line)


def test_a_sentence_is_whispered_in_its_channel_and_without_one_posted_in_the_dm(acme: Scenario) -> None:
    acme.services.slack_jobs.run(job("tell"))
    acme.services.slack_jobs.run(job("tell", channel_id="", thread_ts=""))

    assert acme.whispered == [("U0ANN", ENGLISH.expired)]
    assert acme.slack.texts == [ENGLISH.expired]
    assert acme.slack.addresses[0].channel_id == "U0ANN"


def test_a_job_renews_a_bot_token_that_is_about_to_expire(services: Services, slack: FakeSlackClient) -> None:
    bot = make_bot(refresh_token="refresh-token", token_expires_at=NOW + 60)
    services.answers.installations.save(make_installation(bot=bot), None, None)

    services.slack_jobs.run(job("tell"))
    services.slack_jobs.run(job("tell", channel_id=""))

    assert len(slack.refreshed) == 1
    assert slack.posted[0][0] == "fresh-bot-token-1"
