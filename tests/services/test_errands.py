"""Errands: through the job engine and back, one after the other, and never an error out of one."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, fields, replace

import dramatiq
import fakeredis
import pytest
import redis
from dramatiq.brokers.stub import StubBroker

from sectorflow_slack.domain.errands import Errand
from sectorflow_slack.domain.errors import (
    SectorFlowBusy,
    SlackBusy,
    SlackError,
    SlackRefused,
    StorageUnavailable,
)
from sectorflow_slack.domain.questions import Question
from sectorflow_slack.formatting.words import ENGLISH
from sectorflow_slack.services import Services
from sectorflow_slack.services.answers import AnswerService
from sectorflow_slack.tasks import (
    ERRAND_ACTOR,
    ERRANDS,
    DramatiqTaskQueue,
    declare_errands,
    make_broker,
)
from tests.fakes import FakeSectorFlowClient, FakeSlackClient, FakeTaskQueue
from tests.services.pressing import (
    ANSWER_ID,
    THREAD_TS,
    TRIGGER_ID,
    answered,
    everything_in,
    long_reply,
    run_errands,
)
from tests.services.steps import KEY
from tests.values import make_bot, make_installation

DRAW = Errand("draw", KEY, question_id=ANSWER_ID)
FULL = Errand(
    "dialog",
    KEY,
    question_id=ANSWER_ID,
    model=2,
    user_id="U0ANN",
    channel_id="C0GENERAL",
    thread_ts=THREAD_TS,
    trigger_id=TRIGGER_ID,
    sentence="expired",
)
KINDS = ("greet", "draw", "dialog", "copy", "tell", "home", "suggest")


def errand_of(kind: str) -> Errand:
    """An errand of a kind, complete."""
    return replace(FULL, kind=kind)  # type: ignore[arg-type]


# Through the job engine


@pytest.fixture
def raw_redis(real_redis_url: str) -> Iterator[redis.Redis]:
    client = redis.Redis.from_url(real_redis_url)
    client.flushdb()
    yield client
    client.flushdb()
    client.close()


def wait_until(condition: Callable[[], object], seconds: float = 5.0) -> bool:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


@pytest.mark.real_redis
def test_an_errand_comes_to_the_worker_as_it_was_sent(raw_redis: redis.Redis) -> None:
    web = DramatiqTaskQueue(make_broker(raw_redis), make_broker(raw_redis, namespace=ERRANDS))
    broker, ran = make_broker(raw_redis, namespace=ERRANDS), list[Errand]()
    declare_errands(broker, ran.append)
    worker = dramatiq.Worker(broker, worker_threads=1, worker_timeout=10)

    for errand in (FULL, DRAW):
        web.run(errand)
    worker.start()

    try:
        assert wait_until(lambda: len(ran) == 2)
    finally:
        worker.stop(timeout=5000)
    assert ran == [FULL, DRAW]


@pytest.mark.real_redis
def test_an_errand_may_be_for_later(raw_redis: redis.Redis) -> None:
    web = DramatiqTaskQueue(make_broker(raw_redis), make_broker(raw_redis, namespace=ERRANDS))
    broker, ran = make_broker(raw_redis, namespace=ERRANDS), list[float]()
    declare_errands(broker, lambda _: ran.append(time.monotonic()))
    worker = dramatiq.Worker(broker, worker_threads=1, worker_timeout=10)
    worker.start()

    sent = time.monotonic()
    web.run(DRAW, delay=0.4)

    try:
        assert wait_until(lambda: ran)
    finally:
        worker.stop(timeout=5000)
    assert 0.35 < ran[0] - sent < 3


def test_what_is_sent_is_json_of_the_errands_fields_and_nothing_else() -> None:
    broker = StubBroker()
    broker.declare_queue(ERRANDS)

    DramatiqTaskQueue(StubBroker(), broker).run(FULL)

    message = json.loads(broker.queues[ERRANDS].get_nowait())
    assert (message["queue_name"], message["actor_name"], message["args"]) == (ERRANDS, ERRAND_ACTOR, [])
    assert message["kwargs"] == asdict(FULL)
    assert message["kwargs"].keys() == {field.name for field in fields(Errand)}


def test_an_errand_that_cannot_be_sent_says_that_the_store_is_away(
    redis_server: fakeredis.FakeServer,
) -> None:
    broker = make_broker(fakeredis.FakeRedis(server=redis_server), namespace=ERRANDS)
    redis_server.connected = False

    with pytest.raises(StorageUnavailable):
        DramatiqTaskQueue(broker, broker).run(DRAW)


@pytest.mark.parametrize(
    "error",
    [StorageUnavailable("ConnectionError"), SlackBusy("ratelimited"), ValueError("odd"), KeyError("draw")],
)
def test_nothing_that_goes_wrong_in_an_errand_comes_out_of_it(error: Exception) -> None:
    def fail(_: Errand) -> None:
        raise error

    broker = StubBroker()
    declare_errands(broker, fail)

    broker.get_actor(ERRAND_ACTOR).fn(**asdict(DRAW))


@pytest.mark.parametrize(
    "changes",
    [
        {"of_a_later_release": 1},
        {"installation": None},
        {"installation": {"app_id": "A0OWN"}},
        {"installation": {"app_id": "A0OWN", "tenant_id": "T0ACME", "more": 1}},
    ],
)
def test_what_another_release_sends_and_this_one_cannot_read_harms_nobody(
    changes: dict[str, object], caplog: pytest.LogCaptureFixture
) -> None:
    ran: list[Errand] = []
    broker = StubBroker()
    declare_errands(broker, ran.append)

    broker.get_actor(ERRAND_ACTOR).fn(**{**asdict(DRAW), **changes})
    broker.get_actor(ERRAND_ACTOR).fn()

    assert ran == []
    assert [record.message for record in caplog.records] == ["errand failed"] * 2


# Running


@pytest.mark.parametrize("kind", KINDS)
def test_where_the_app_is_gone_nothing_is_done(services: Services, slack: FakeSlackClient, kind: str) -> None:
    services.errands.run(errand_of(kind))

    assert (slack.posted, slack.whispered, slack.homes, slack.dialogs, slack.suggested) == (
        [],
        [],
        [],
        [],
        [],
    )


@pytest.mark.parametrize("kind", KINDS)
def test_where_the_answer_is_gone_nothing_goes_wrong(
    answer: Question, services: Services, store: redis.Redis, slack: FakeSlackClient, kind: str
) -> None:
    store.delete(f"answer:{ANSWER_ID}")

    services.errands.run(errand_of(kind))

    assert (len(slack.posted), slack.updated, slack.dialogs) == (1, [], [])


@pytest.mark.parametrize("kind", ["dialog", "copy"])
@pytest.mark.parametrize("model", [3, 9999])
def test_a_model_that_there_is_not_has_no_dialog_and_no_text(
    answer: Question, services: Services, slack: FakeSlackClient, kind: str, model: int
) -> None:
    services.errands.run(replace(errand_of(kind), model=model))

    assert (slack.dialogs, slack.whispered) == ([], [])


@pytest.mark.parametrize(
    "error", [SlackRefused("channel_not_found"), SlackBusy("ratelimited", 2.0), SlackBusy("away")]
)
@pytest.mark.parametrize(
    ("kind", "call"),
    [
        ("draw", "update"),
        ("dialog", "open_dialog"),
        ("copy", "whisper"),
        ("tell", "whisper"),
        ("home", "publish_home"),
        ("suggest", "suggest"),
    ],
)
def test_what_slack_does_not_take_ends_there_but_for_what_all_are_to_see(
    answer: Question,
    services: Services,
    slack: FakeSlackClient,
    queue: FakeTaskQueue,
    monkeypatch: pytest.MonkeyPatch,
    kind: str,
    call: str,
    error: SlackError,
) -> None:
    def refuse(*_: object) -> None:
        raise error

    monkeypatch.setattr(slack, call, refuse)
    services.answers.kept.show(ANSWER_ID, display="tabs")

    services.errands.run(errand_of(kind))

    goes_on = kind == "draw" and isinstance(error, SlackBusy)
    again = replace(errand_of(kind), tries=1)
    assert queue.errands == ([(again, error.retry_after or 1.0)] if goes_on else [])


def test_what_slack_takes_at_no_try_is_given_up_after_a_quarter_of_an_hour(
    answer: Question, services: Services, slack: FakeSlackClient, queue: FakeTaskQueue
) -> None:
    slack.updates.then(*[SlackBusy("internal_error")] * 20)
    services.answers.kept.show(ANSWER_ID, display="tabs")
    queue.errands.append((errand_of("draw"), 0.0))
    delays = []

    while queue.errands:
        errand, delay = queue.errands.pop()
        delays.append(delay)
        services.errands.run(errand)

    assert delays == sorted(delays)
    assert 10 * 60 < sum(delays) < 30 * 60


@pytest.mark.parametrize("kind", KINDS)
def test_while_the_store_is_away_an_errand_says_so(
    answer: Question, services: Services, redis_server: fakeredis.FakeServer, kind: str
) -> None:
    redis_server.connected = False

    with pytest.raises(StorageUnavailable):
        services.errands.run(errand_of(kind))


def test_sectorflow_being_away_is_no_error(
    answer: Question, services: Services, sectorflow: FakeSectorFlowClient, slack: FakeSlackClient
) -> None:
    for script in (sectorflow.checks, sectorflow.names):
        script.then(*[SectorFlowBusy("status 503")] * 3)

    services.errands.run(errand_of("home"))
    services.errands.run(errand_of("suggest"))

    assert (len(slack.homes), len(slack.suggested)) == (1, 1)


def test_every_part_of_a_long_answer_is_whispered_in_order(
    answers: AnswerService,
    services: Services,
    queue: FakeTaskQueue,
    sectorflow: FakeSectorFlowClient,
    slack: FakeSlackClient,
) -> None:
    sectorflow.reply = long_reply(30_000)
    answered(services, queue)

    services.errands.run(replace(errand_of("copy"), model=0))

    assert len(slack.whispered) > 1
    assert {(address.thread_ts, user_id) for address, user_id, _ in slack.whispered} == {(THREAD_TS, "U0ANN")}
    lines = "".join(everything_in(message) for _, _, message in slack.whispered).count("A line of some words")
    assert lines == sectorflow.reply.answers[0].text.count("A line of some words")


def test_a_sentence_goes_to_a_channel_as_a_whisper_and_without_one_to_the_dm(
    answer: Question, services: Services, slack: FakeSlackClient
) -> None:
    services.errands.run(errand_of("tell"))
    services.errands.run(replace(errand_of("tell"), channel_id="", thread_ts=""))

    assert [(user_id, message.text) for _, user_id, message in slack.whispered] == [
        ("U0ANN", ENGLISH.expired)
    ]
    assert (slack.addresses[-1].channel_id, slack.texts[-1]) == ("U0ANN", ENGLISH.expired)


def test_an_errand_renews_a_bot_token_that_is_about_to_end(
    services: Services, slack: FakeSlackClient, queue: FakeTaskQueue
) -> None:
    bot = make_bot(refresh_token="refresh-token", token_expires_at=services.answers.clock() + 60)
    services.answers.installations.save(make_installation(bot=bot), None, None)

    services.errands.run(errand_of("tell"))
    services.errands.run(replace(errand_of("tell"), channel_id=""))

    assert len(slack.refreshed) == 1
    assert slack.posted[0][0] == "fresh-bot-token-1"
    assert run_errands(services, queue) == []
