"""What a reader of a dump of Redis sees of every kind of record, and how long each is there."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from sectorflow_slack.domain import metrics
from sectorflow_slack.domain.installations import OAuthState
from sectorflow_slack.domain.questions import Answer
from sectorflow_slack.storage.crypto import looks_sealed
from sectorflow_slack.storage.health import missing_parts
from sectorflow_slack.storage.keyring import SEALED_PREFIXES
from tests.fakes import make_reply
from tests.storage.conftest import Stores, dump
from tests.storage.question_steps import FIRST, PLAN, SECOND, THIRD, accept_all, taken
from tests.values import (
    API_TOKEN,
    BOT_TOKEN,
    CUSTOMERS_APP,
    MODEL_IDS,
    NOW,
    TEAM_ID,
    WORKSPACE_ID,
    make_bot,
    make_installation,
    make_pending,
    make_question,
    make_terms,
)

MINUTE, DAY = 60, 24 * 3600
LEFT_APP = replace(CUSTOMERS_APP, app_id="A0LEFT")

#: For how many seconds the keys that begin so live; None for those that stay. As docs/architecture.md has it.
LIFETIMES: dict[str, set[int | None]] = {
    "app": {None, DAY},
    "app-tenants": {None},
    "installation": {None},
    "installation-id": {None},
    "installations": {None},
    "index-sweep": {None},
    "pending": {8 * DAY, 7 * DAY},
    "pending-secrets": {DAY},
    "install-link": {DAY},
    "removed": {10 * MINUTE},
    "oauth-state": {10 * MINUTE},
    "idempotency": {DAY},
    "revocation": {30 * DAY},
    "revocations": {None},
    "question": {7 * DAY},
    "event": {2 * DAY},
    "asked": {2 * DAY},
    "waiting": {None},
    "underway": {None},
    "later": {None},
    "installations-with-questions": {None},
    "nudged": {10 * MINUTE},
    "letter": {7 * DAY},
    "dead-letters": {None},
    "answer": {3 * DAY},
    "votes": {3 * DAY},
    "feedback": {None},
    "installations-with-feedback": {None},
    "conversation": {30 * DAY, 60 * MINUTE},
    "metrics": {None},
    "readiness": {MINUTE},
}


@pytest.fixture
def secrets(db: Stores) -> list[str]:
    """Write a record of every kind, and return the secrets and texts that are in them."""
    for app in (CUSTOMERS_APP, LEFT_APP):
        terms, bot = make_terms(id=app.app_id, app_id=app.app_id), make_bot(app_id=app.app_id)
        db.installations.save(make_installation(terms, bot), app, None)
    db.installations.delete(replace(make_installation().key, app_id=LEFT_APP.app_id), before=NOW)
    again = make_installation(
        make_terms(id="again", app_id=CUSTOMERS_APP.app_id), make_bot(app_id=CUSTOMERS_APP.app_id)
    )
    db.installations.save(
        again, replace(CUSTOMERS_APP, signing_secret="a-secret-that-waits"), CUSTOMERS_APP.app_id
    )
    rotating = make_installation(
        make_terms(customer_id="42"), make_bot(refresh_token="xoxe-1", token_expires_at=NOW)
    )
    db.installations.save(rotating, None, None)
    db.installations.renew(
        rotating, replace(rotating, bot=replace(rotating.bot, bot_token="xoxe.xoxb-fresh"))
    )
    gone = make_installation(make_terms(id="gone"), make_bot(team_id="T0GONE", refresh_token="xoxe-2"))
    db.installations.save(gone, None, None)
    db.installations.remove(gone)
    for installation_id in ("pending", "failed"):
        pending = make_pending(settings=make_terms(id=installation_id), slack_app=CUSTOMERS_APP)
        db.pendings.save(replace(pending, link=f"link-of-{installation_id}"))
    db.pendings.fail("failed", "already_installed")
    state = db.states.issue(OAuthState("pending", "A0OWN"))
    db.idempotency.claim("a-key-of-the-platform", "a-digest-of-a-body", "pending")

    accept_all(db.questions, FIRST, SECOND, THIRD, make_question(4))
    failed, put_back = taken(db.questions), taken(db.questions)
    db.questions.complete(failed, "answer_lost", failed)
    db.questions.release(put_back, 600, counts=True)
    held = taken(db.questions)
    db.questions.save_plan(held, PLAN)
    db.placeholders.claim(held.id)
    db.placeholders.store(held.id, "1.1")
    db.questions.due()
    answer = Answer(make_question(), make_reply(MODEL_IDS).answers)
    db.answers.save(answer, ("a-digest-of-a-message",))
    db.answers.ask_again(answer.id, 0)
    db.feedback.vote(answer, 0, "U0ANN", up=True)
    for question in (make_question(), make_question(is_direct=True)):
        db.conversations.save(question, WORKSPACE_ID, "thread-1")
    db.metrics.observe(metrics.SLACK_SECONDS, 1.0)
    assert missing_parts(db.redis) == []

    tokens = [API_TOKEN, BOT_TOKEN, "xoxe", CUSTOMERS_APP.client_secret, CUSTOMERS_APP.signing_secret]
    tokens += ["a-secret-that-waits", "link-of-", state, "a-key-of-the-platform", "a-digest-of-a-body"]
    return [*tokens, FIRST.text, "the first answer", "Answer 1", "U0ANN", "a-digest-of-a-message"]


def test_a_dump_shows_names_and_no_secret_question_or_answer(db: Stores, secrets: list[str]) -> None:
    text = str(dump(db.redis))

    assert [secret for secret in secrets if secret in text] == []
    for shown in ("Acme Assistant", TEAM_ID, CUSTOMERS_APP.client_id, FIRST.id):
        assert shown in text


@pytest.mark.usefixtures("secrets")
def test_every_kind_of_key_lives_as_long_as_it_should(db: Stores) -> None:
    found: dict[str, set[int | None]] = {}
    for key in db.redis.scan_iter():
        ttl = int(db.redis.ttl(key))
        found.setdefault(key.partition(":")[0], set()).add(
            None if ttl == -1 else math.ceil(ttl / MINUTE) * MINUTE
        )

    assert found == LIFETIMES


@pytest.mark.usefixtures("secrets")
def test_every_sealed_value_opens_in_its_own_place_and_is_found_for_renewal(db: Stores) -> None:
    hashes = {key: db.redis.hgetall(key) for key in db.redis.scan_iter(_type="HASH")}
    sealed = [
        (key, field, value)
        for key, fields in hashes.items()
        for field, value in fields.items()
        if looks_sealed(value)
    ]

    assert all(db.cipher.open(key, field, value) for key, field, value in sealed)
    assert {key for key, _, _ in sealed} <= set(db.keyring.places())
    assert {f"{key.partition(':')[0]}:" for key, _, _ in sealed} == set(SEALED_PREFIXES)
