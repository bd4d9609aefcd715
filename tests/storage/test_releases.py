"""What an earlier release stored is read: two releases share one Redis during an upgrade.

``releases/`` has a dump of Redis by each release, with a record of every kind; none of them is written again.
Of a new release, ``python -m tests.storage.test_releases NAME`` adds one.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import fakeredis
import pytest
import redis

from sectorflow_slack.domain.questions import Question
from sectorflow_slack.services.event_payloads import Event, as_incoming, question_of
from sectorflow_slack.storage.crypto import Cipher
from sectorflow_slack.storage.slack_jobs import read_job
from tests.fakes import make_reply
from tests.storage.builders import CUSTOMERS, FIRST, KEY, PLAN, SECOND, THIRD, pass_time
from tests.storage.conftest import Stores
from tests.storage.test_questions import BRAKED, FULL
from tests.storage.test_stored_data import write_installations, write_questions
from tests.values import (
    API_TOKEN,
    CUSTOMERS_APP,
    MODEL_IDS,
    NOW,
    WORKSPACE_ID,
    FixedClock,
    make_bot,
    make_event,
    make_installation,
    make_question,
    make_settings,
)

DUMPS = Path(__file__).parent / "releases"
#: The encryption key of all dumps.
ENCRYPTION_KEY = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="
OWN = make_installation(
    make_settings(customer_id="42"),
    make_bot(bot_token="xoxe.xoxb-fresh", refresh_token="xoxe-1", token_expires_at=NOW),
)

#: How a value of each type is read for a dump, and written from one.
READ: dict[str, Any] = {
    "string": lambda store, key: store.get(key),
    "hash": lambda store, key: store.hgetall(key),
    "list": lambda store, key: store.lrange(key, 0, -1),
    "set": lambda store, key: sorted(store.smembers(key)),
    "zset": lambda store, key: dict(store.zrange(key, 0, -1, withscores=True)),
}
WRITE: dict[str, Any] = {
    "string": lambda store, key, value: store.set(key, value),
    "hash": lambda store, key, value: store.hset(key, mapping=value),
    "list": lambda store, key, value: store.rpush(key, *value),
    "set": lambda store, key, value: store.sadd(key, *value),
    "zset": lambda store, key, value: store.zadd(key, value),
}


@pytest.fixture(params=sorted(DUMPS.glob("*.json")), ids=lambda path: path.stem)
def db(request, store) -> Stores:
    """The stores of today on what another release stored."""
    for key, (kind, value) in json.loads(request.param.read_text()).items():
        WRITE[kind](store, key, value)
    return Stores(store, Cipher([ENCRYPTION_KEY]), FixedClock())


def test_installations_of_an_earlier_release_are_read(db):
    assert db.installations.find(OWN.key) == OWN
    assert db.installations.find_by_id(CUSTOMERS.settings.id) == CUSTOMERS
    assert db.apps.signing_secrets(CUSTOMERS_APP.app_id) == (CUSTOMERS_APP.signing_secret, "the-next-secret")
    pending = db.pending.find_by_link("link-of-pending")
    assert (pending.settings.id, pending.settings.sectorflow.api_token) == ("pending", API_TOKEN)
    assert db.pending.find("failed").failure == "already_installed"


def test_open_questions_of_an_earlier_release_are_leased(db):
    pass_time(db.redis, 3600)
    db.questions.tick("worker")

    leases = {lease.id: lease for lease in iter(db.questions.lease, None)}

    whole = {lease.question.id: lease for lease in leases.values() if lease.question}
    assert {id: lease.question for id, lease in whole.items()} == {
        each.id: each for each in (SECOND, THIRD, make_question(4))
    }
    assert (whole[SECOND.id].progress.failures, whole[THIRD.id].progress.plan) == (1, PLAN)
    of_event: Question = question_of(leases["event"], OWN)
    assert (of_event.text, of_event.installation, of_event.asked_at) == ("Tell me a joke", KEY, NOW)


def test_slack_jobs_of_an_earlier_release_are_taken(db):
    pass_time(db.redis, 3600)
    db.questions.tick("worker")

    sentences = [read_job(fields).sentence for _, fields in iter(db.slack_jobs.take, None)]

    assert sorted(sentences) == sorted([FULL.sentence, FULL.sentence, BRAKED.sentence])


def test_answers_failed_questions_and_conversations_of_an_earlier_release_are_read(db):
    question = make_question()

    stored = db.answers.find(FIRST.id)

    assert (stored.answer.question, stored.answer.models) == (FIRST, make_reply(MODEL_IDS).answers)
    assert stored.answer.busy == MODEL_IDS[:1]
    assert [(each.question, each.reason) for each in db.failed.list()] == [(FIRST, "answer_lost")]
    conversation = db.conversations.find(question, WORKSPACE_ID)
    assert (conversation.thread_id, conversation.model_ids) == ("thread-1", MODEL_IDS[:1])
    assert db.conversations.last_to_compare(question) == MODEL_IDS[0]


def write_dump(name: str) -> None:
    """Write what this release stores."""
    store: redis.Redis = fakeredis.FakeRedis(decode_responses=True)
    db = Stores(store, Cipher([ENCRYPTION_KEY]), FixedClock())
    write_installations(db)
    write_questions(db)
    event = Event.read(make_event(event_id="Ev9"))
    assert event is not None
    incoming = as_incoming(event, question_id="event", now=NOW)
    db.questions.accept_event(incoming, (FULL, BRAKED))
    keys = sorted(map(str, store.scan_iter()))
    records = {key: (kind := str(store.type(key)), READ[kind](store, key)) for key in keys}
    (DUMPS / f"{name}.json").write_text(json.dumps(records, indent=1) + "\n")


if __name__ == "__main__":
    write_dump(sys.argv[1])
