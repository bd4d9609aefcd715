"""Slack jobs: short calls for a user who is waiting; no error comes out of one."""

from __future__ import annotations

import json
import logging
import threading
from dataclasses import asdict, replace

import pytest

from sectorflow_slack.domain.errors import SlackBusy, SlackRefused, StorageUnavailable
from sectorflow_slack.domain.installations import InstallationKey
from sectorflow_slack.domain.slack_jobs import (
    KINDS,
    AnnounceModels,
    OpenView,
    PostDirectMessage,
    PostEphemeral,
    PostPlainText,
    PublishHome,
    RemoveStatus,
    RenderAnswer,
    SlackJob,
    SuggestPrompts,
)
from sectorflow_slack.formatting.words import ENGLISH
from sectorflow_slack.services.slack_jobs import SHARE, SlackJobService
from tests.services.block_actions import ANSWER_ID, FIRST_TS, THREAD_TS, TRIGGER_ID, everything_in, long_reply
from tests.services.scenario import Scenario
from tests.services.steps import KEY
from tests.values import NOW, make_bot, make_installation, make_settings

HERE = {"user_id": "U0ANN", "channel_id": "C0GENERAL", "thread_ts": THREAD_TS}
RENDER = RenderAnswer(KEY, answer_id=ANSWER_ID)
OPEN = OpenView(KEY, answer_id=ANSWER_ID, model=2, trigger_id=TRIGGER_ID)
COPY = PostPlainText(KEY, answer_id=ANSWER_ID, model=2, **HERE)
REMOVE = RemoveStatus(KEY, channel_id="C0GENERAL", thread_ts=THREAD_TS, shown=FIRST_TS)
DIRECT_MESSAGE = PostDirectMessage(KEY, sentence="expired", user_id="U0ANN")

#: A job of every kind that makes a call, with the call.
CALLS: dict[SlackJob, str] = {
    RENDER: "update",
    OPEN: "open_view",
    COPY: "post_ephemeral",
    PostEphemeral(KEY, sentence="expired", **HERE): "post_ephemeral",
    DIRECT_MESSAGE: "post",
    REMOVE: "delete",
    PublishHome(KEY, user_id="U0ANN", channel_id="D0ANN"): "publish_home",
    AnnounceModels(KEY, answer_id=ANSWER_ID, is_new=True): "post",
    SuggestPrompts(KEY, channel_id="D0ANN"): "set_suggested_prompts",
}
JOBS = list(CALLS)
EACH = pytest.mark.parametrize("job", JOBS, ids=lambda job: job.kind)


# Through the queue


@EACH
def test_a_job_goes_through_the_queue_as_json_of_its_kind_and_fields(acme, monkeypatch, job):
    ran: list[SlackJob] = []
    monkeypatch.setattr(SlackJobService, "run", lambda _, each: ran.append(each))

    assert acme.services.slack_jobs.queue.enqueue(job)
    (stored,) = acme.store.lrange(f"jobs:{KEY}", 0, -1)
    can_go_on = [acme.services.slack_jobs.run_next() for _ in range(2)]

    assert (ran, can_go_on) == ([job], [True, False])
    fields = {"kind": job.kind, **asdict(job)}
    assert json.loads(stored) == {name: each for name, each in fields.items() if name != "installation"}


def test_every_kind_of_job_is_tried_here():
    assert {type(job) for job in JOBS} == set(KINDS.values())


@pytest.mark.parametrize("changes", [{"of_a_later_release": 1}, {"kind": "of_a_later"}, {"kind": None}])
def test_a_job_of_another_release_that_cannot_be_read_does_no_harm(answered, changes, caplog):
    answered.services.slack_jobs.queue.enqueue(RENDER)
    (body,) = answered.store.lrange(f"jobs:{KEY}", 0, -1)
    answered.store.lset(f"jobs:{KEY}", 0, json.dumps({**json.loads(body), **changes}))
    answered.services.slack_jobs.queue.enqueue(DIRECT_MESSAGE)

    assert [answered.services.slack_jobs.run_next() for _ in range(3)] == [True, True, False]

    assert caplog.messages == ["Slack job failed"]
    assert answered.slack.texts[-1] == ENGLISH.expired


def test_each_job_that_was_run_is_logged_with_the_seconds_that_it_took(answered, caplog):
    answered.services.slack_jobs.queue.enqueue(DIRECT_MESSAGE)

    with caplog.at_level(logging.INFO):
        assert answered.services.slack_jobs.run_next()

    (run,) = (vars(record) for record in caplog.records if record.msg == "Slack job run")
    assert run["slack_job"] == "post_direct_message"
    assert run["seconds"] >= 0


# Turns and shares


def install(acme: Scenario, team_id: str, customer_id: str = "") -> InstallationKey:
    """Install the app in another workspace."""
    settings = make_settings(id=team_id, customer_id=customer_id)
    installation = make_installation(settings, make_bot(team_id=team_id, bot_token=team_id))
    acme.answers.installations.save(installation, None, None)
    return installation.key


def greet(acme: Scenario, key: InstallationKey, count: int = 1) -> None:
    """Enqueue jobs of an installation that post a sentence with its token, which is its team's id."""
    for _ in range(count):
        assert acme.services.slack_jobs.queue.enqueue(replace(DIRECT_MESSAGE, installation=key))


def test_customers_take_turns_and_each_customers_installations_too(acme):
    chain = [install(acme, team_id, "chain") for team_id in ("T0CHAIN1", "T0CHAIN2")]
    alone = [install(acme, team_id) for team_id in ("T0ALONE1", "T0ALONE2")]
    for key in chain:
        greet(acme, key, 3)
    for key in alone:
        greet(acme, key, 2)

    acme.run_slack_jobs()

    assert [token for token, _, _ in acme.slack.posted] == [
        *["T0CHAIN1", "T0ALONE1", "T0ALONE2"],
        *["T0CHAIN2", "T0ALONE1", "T0ALONE2"],
        *["T0CHAIN1", "T0CHAIN2", "T0CHAIN1", "T0CHAIN2"],
    ]


def test_one_customers_jobs_occupy_at_most_their_share_of_a_workers_threads(acme):
    flood, other = install(acme, "T0FLOOD"), install(acme, "T0OTHER")
    greet(acme, flood, SHARE + 2)
    greet(acme, other)
    started, may_end = threading.Semaphore(0), threading.Event()

    def take_long() -> None:
        started.release()
        assert may_end.wait(20)

    # The first thread's job is the flood's, the second's is the other's: it ends at once.
    acme.slack.posts.then(take_long)
    threads = [threading.Thread(target=acme.services.slack_jobs.run_next) for _ in range(SHARE)]
    threads[0].start()
    assert started.acquire(timeout=20)
    assert acme.services.slack_jobs.run_next()
    acme.slack.posts.then(*[take_long] * (SHARE - 1))
    for thread in threads[1:]:
        thread.start()
    assert all(started.acquire(timeout=20) for _ in threads[1:])

    assert not acme.services.slack_jobs.run_next()
    greet(acme, other)
    assert acme.services.slack_jobs.run_next()
    assert [token for token, _, _ in acme.slack.posted] == ["T0OTHER"] * 2

    may_end.set()
    for thread in threads:
        thread.join(20)
    # The share is free again.
    acme.run_slack_jobs()
    assert len(acme.slack.posted) == SHARE + 4


@pytest.mark.parametrize("job", [RENDER, OPEN, COPY], ids=lambda job: job.kind)
def test_a_forged_job_for_another_installations_answer_does_nothing(answered, job):
    forger = install(answered, "T0FORGER")
    answered.answers.answers.show(ANSWER_ID, display="tabs")
    answered.services.slack_jobs.queue.enqueue(replace(job, installation=forger))

    answered.run_slack_jobs()

    assert (answered.slack.updated, answered.slack.dialogs, answered.slack.ephemerals) == ([], [], [])


def test_jobs_of_an_installation_that_was_deleted_are_dropped(answered):
    answered.services.slack_jobs.queue.enqueue(DIRECT_MESSAGE)
    answered.services.registration.delete(make_settings().id)

    answered.run_slack_jobs()

    assert len(answered.slack.posted) == 1


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
def test_only_what_lasts_is_tried_again_if_slack_refuses_it_for_now(answered, monkeypatch, job, call, error):
    def refuse(*_: object) -> None:
        raise error

    monkeypatch.setattr(answered.slack, call, refuse)
    answered.answers.answers.show(ANSWER_ID, display="tabs")

    answered.services.slack_jobs.run(job)

    is_retried = job in (RENDER, REMOVE) and isinstance(error, SlackBusy)
    again = [(replace(job, tries=1), error.retry_after or 1.0)] if is_retried else []
    assert answered.slack_jobs == again


def test_a_rendering_that_slack_never_takes_is_given_up_after_a_quarter_of_an_hour(answered):
    answered.slack.updates.then(*[SlackBusy("internal_error")] * 20)
    answered.answers.answers.show(ANSWER_ID, display="tabs")
    answered.services.slack_jobs.queue.enqueue(RENDER)
    delays = []

    while waiting := answered.slack_jobs:
        delays.append(waiting[0][1])
        answered.let_delayed_jobs_come()
        answered.services.slack_jobs.run_next()

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


def test_a_sentence_is_posted_to_the_user_in_the_channel_or_the_dm(answered):
    for job in JOBS:
        if hasattr(job, "sentence"):
            answered.services.slack_jobs.run(job)

    assert answered.ephemerals == [("U0ANN", ENGLISH.expired)]
    assert answered.slack.addresses[-1].channel_id == "U0ANN"
    assert answered.slack.texts[-1] == ENGLISH.expired


def test_a_job_renews_a_bot_token_that_is_about_to_expire(services, slack):
    bot = make_bot(refresh_token="refresh-token", token_expires_at=NOW + 60)
    services.answers.installations.save(make_installation(bot=bot), None, None)

    for _ in range(2):
        services.slack_jobs.run(DIRECT_MESSAGE)

    assert len(slack.refreshed) == 1
    assert slack.posted[0][0] == "fresh-bot-token-1"
