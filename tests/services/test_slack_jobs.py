"""Slack jobs: short calls for a user who is waiting; no error comes out of one."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from dramatiq.brokers.stub import StubBroker
from sectorflow_slack.tasks import SLACK_JOB_ACTOR, SLACK_JOBS, DramatiqTaskQueue, declare_slack_job_actor

from sectorflow_slack.domain.errors import SlackBusy, SlackRefused, StorageUnavailable
from sectorflow_slack.domain.slack_jobs import (
    KINDS,
    OpenView,
    PostDirectMessage,
    PostEphemeral,
    PostPlaceholder,
    PostPlainText,
    PublishHome,
    RenderAnswer,
    SlackJob,
    SuggestPrompts,
    UpdateMessage,
    to_json,
)
from sectorflow_slack.formatting.words import ENGLISH
from tests.services.block_actions import ANSWER_ID, FIRST_TS, THREAD_TS, TRIGGER_ID, everything_in, long_reply
from tests.services.steps import KEY
from tests.values import NOW, make_bot, make_installation

HERE = {"user_id": "U0ANN", "channel_id": "C0GENERAL", "thread_ts": THREAD_TS}
RENDER = RenderAnswer(KEY, answer_id=ANSWER_ID)
OPEN = OpenView(KEY, answer_id=ANSWER_ID, model=2, trigger_id=TRIGGER_ID)
COPY = PostPlainText(KEY, answer_id=ANSWER_ID, model=2, **HERE)
DIRECT_MESSAGE = PostDirectMessage(KEY, sentence="expired", user_id="U0ANN")

#: A job of every kind that makes a call, with the call.
CALLS: dict[SlackJob, str] = {
    RENDER: "update",
    OPEN: "open_view",
    COPY: "post_ephemeral",
    PostEphemeral(KEY, sentence="expired", **HERE): "post_ephemeral",
    DIRECT_MESSAGE: "post",
    UpdateMessage(KEY, sentence="expired", channel_id="C0GENERAL", ts=FIRST_TS): "update",
    PublishHome(KEY, user_id="U0ANN"): "publish_home",
    SuggestPrompts(KEY, channel_id="D0ANN"): "set_suggested_prompts",
}
JOBS = [PostPlaceholder(KEY, question_id=ANSWER_ID), *CALLS]
EACH = pytest.mark.parametrize("job", JOBS, ids=lambda job: job.kind)


# Through the queue


@EACH
def test_a_job_goes_through_the_queue_as_json_of_its_kind_and_fields(job):
    broker, ran = StubBroker(), []
    declare_slack_job_actor(broker, ran.append)

    DramatiqTaskQueue(StubBroker(), broker).enqueue(job)
    message = json.loads(broker.queues[SLACK_JOBS].get_nowait())
    broker.get_actor(SLACK_JOB_ACTOR).fn(**message["kwargs"])

    assert ran == [job]
    assert (message["queue_name"], message["actor_name"], message["args"]) == (
        SLACK_JOBS,
        SLACK_JOB_ACTOR,
        [],
    )
    assert message["kwargs"] == {"kind": job.kind, **to_json(job)}


def test_every_kind_of_job_is_tried_here():
    assert {type(job) for job in JOBS} == set(KINDS.values())


@pytest.mark.parametrize(
    "changes",
    [
        {"of_a_later_release": 1},
        {"kind": "of_a_later_release"},
        {"installation": None},
        {"installation": {"app_id": "A0OWN"}},
    ],
)
def test_a_job_of_another_release_that_cannot_be_read_does_no_harm(changes, caplog):
    broker, ran = StubBroker(), []
    declare_slack_job_actor(broker, ran.append)

    broker.get_actor(SLACK_JOB_ACTOR).fn(**{**to_json(RENDER), **changes})

    assert (ran, caplog.messages) == ([], ["Slack job failed"])


# Running


@EACH
def test_without_an_installation_a_job_calls_nothing(services, slack, job):
    services.slack_jobs.run(job)

    assert not any(calls for calls in vars(slack).values() if isinstance(calls, list | dict))


@EACH
def test_without_its_answer_a_job_fails_with_no_error(answered, job):
    answered.store.delete(f"answer:{ANSWER_ID}")

    answered.services.slack_jobs.run(job)

    assert answered.slack.dialogs == []
    assert answered.ephemerals in ([], [("U0ANN", ENGLISH.expired)])


@pytest.mark.parametrize("job", [replace(OPEN, model=3), replace(COPY, model=3)])
def test_a_model_that_does_not_exist_has_no_dialog_and_no_text(answered, job):
    answered.services.slack_jobs.run(job)

    assert (answered.slack.dialogs, answered.slack.ephemerals) == ([], [])


@pytest.mark.parametrize(
    "error", [SlackRefused("channel_not_found"), SlackBusy("ratelimited", 2.0), SlackBusy("away")]
)
@pytest.mark.parametrize(("job", "call"), CALLS.items(), ids=lambda each: getattr(each, "kind", each))
def test_only_a_rendering_that_slack_refuses_for_now_is_tried_again(answered, monkeypatch, job, call, error):
    def refuse(*_: object) -> None:
        raise error

    monkeypatch.setattr(answered.slack, call, refuse)
    answered.answers.answers.show(ANSWER_ID, display="tabs")

    answered.services.slack_jobs.run(job)

    is_retried = job == RENDER and isinstance(error, SlackBusy)
    again = [(replace(RENDER, tries=1), error.retry_after or 1.0)] if is_retried else []
    assert answered.slack_jobs == again


def test_a_rendering_that_slack_never_takes_is_given_up_after_a_quarter_of_an_hour(answered):
    answered.slack.updates.then(*[SlackBusy("internal_error")] * 20)
    answered.answers.answers.show(ANSWER_ID, display="tabs")
    answered.slack_jobs.append((RENDER, 0.0))
    delays = []

    while answered.slack_jobs:
        again, delay = answered.slack_jobs.pop()
        delays.append(delay)
        answered.services.slack_jobs.run(again)

    assert delays == sorted(delays)
    assert 10 * 60 < sum(delays) < 30 * 60


def test_while_the_store_is_down_a_job_raises(answered, redis_server):
    redis_server.connected = False

    with pytest.raises(StorageUnavailable):
        answered.services.slack_jobs.run(RENDER)


def test_every_part_of_a_long_answer_is_posted_to_the_user_in_order(acme):
    acme.sectorflow.reply = long_reply(30_000)
    acme.have_answered()

    acme.services.slack_jobs.run(replace(COPY, model=0))

    posted = acme.slack.ephemerals
    assert len(posted) > 1
    assert {(address.thread_ts, user_id) for address, user_id, _ in posted} == {(THREAD_TS, "U0ANN")}
    line = "A line of some words"
    lines = "".join(everything_in(message) for _, _, message in posted).count(line)
    assert lines == acme.sectorflow.reply.answers[0].text.count(line)


def test_a_sentence_is_posted_to_the_user_in_the_channel_or_the_dm_or_replaces_a_message(answered):
    for job in JOBS:
        if hasattr(job, "sentence"):
            answered.services.slack_jobs.run(job)

    assert answered.ephemerals == [("U0ANN", ENGLISH.expired)]
    assert answered.slack.addresses[-1].channel_id == "U0ANN"
    assert list(answered.slack.seen) == [ENGLISH.expired] * 2


def test_a_job_renews_a_bot_token_that_is_about_to_expire(services, slack):
    bot = make_bot(refresh_token="refresh-token", token_expires_at=NOW + 60)
    services.answers.installations.save(make_installation(bot=bot), None, None)

    for _ in range(2):
        services.slack_jobs.run(DIRECT_MESSAGE)

    assert len(slack.refreshed) == 1
    assert slack.posted[0][0] == "fresh-bot-token-1"
