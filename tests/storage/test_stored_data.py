"""A dump of Redis with a record of every kind: no secrets, known lifetimes, every sealed value renewable."""

import math
from dataclasses import replace

import pytest

from sectorflow_slack.domain import metrics
from sectorflow_slack.domain.install_form import Choice, Draft, FormSession, Offer
from sectorflow_slack.domain.installations import OAuthState
from sectorflow_slack.domain.questions import Answer
from sectorflow_slack.storage.crypto import looks_sealed
from sectorflow_slack.storage.health import missing_parts
from sectorflow_slack.storage.keyring import SEALED_PREFIXES
from tests.fakes import make_reply
from tests.storage.builders import CUSTOMERS, DAY, FIRST, KEY, PLAN, SECOND, THIRD, accept, leased
from tests.storage.conftest import Stores, dump
from tests.storage.test_questions import ASKED, FULL, accept_event
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
    make_settings,
)

MINUTE = 60

#: The lifetimes, in seconds, of the keys by prefix; None if they do not expire. See docs/architecture.md.
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
    "install-form": {30 * MINUTE},
    "digest-key": {None},
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
    "asks": {MINUTE},
    "braked": {MINUTE},
    "due": {None},
    "jobs": {None},
    "jobs-later": {None},
    "turns": {None},
    "wakes": {None},
    "workers": {None},
    "letter": {7 * DAY},
    "dead-letters": {None},
    "answer": {3 * DAY},
    "votes": {3 * DAY},
    "feedback": {None},
    "installations-with-feedback": {None},
    "conversation": {30 * DAY, 60 * MINUTE},
    "models": {30 * DAY},
    "compared-by": {30 * DAY},
    "figures": {30 * DAY},
    "metrics": {None},
    "readiness": {MINUTE},
}


@pytest.fixture
def secrets(db) -> list[str]:
    """Write a record of every kind, and return the secrets and texts in them."""
    tokens = [*write_installations(db), API_TOKEN, BOT_TOKEN, "xoxe", "link-of-", "a-digest-of-a-body"]
    tokens += [CUSTOMERS_APP.client_secret, CUSTOMERS_APP.signing_secret, "the-next-secret"]
    write_questions(db)
    db.metrics.observe(metrics.SLACK_SECONDS, 1.0)
    db.metrics.count_model(KEY, make_reply(MODEL_IDS).answers[0])
    db.metrics.flush()
    assert missing_parts(db.redis) == []
    return [*tokens, FIRST.text, "the first answer", "Answer 1", "U0ANN", "a-digest-of-a-message"]


def write_installations(db: Stores) -> list[str]:
    uninstalled_app = replace(CUSTOMERS_APP, app_id="A0LEFT")
    uninstalled = make_installation(make_settings(id="left", app_id="A0LEFT"), make_bot(app_id="A0LEFT"))
    db.installations.save(uninstalled, uninstalled_app, None)
    db.installations.delete(uninstalled.key, before=NOW)
    db.installations.save(CUSTOMERS, CUSTOMERS_APP, None)
    db.installations.save(CUSTOMERS, replace(CUSTOMERS_APP, signing_secret="the-next-secret"), None)
    rotating = make_installation(
        make_settings(customer_id="42"), make_bot(refresh_token="xoxe-1", token_expires_at=NOW)
    )
    db.installations.save(rotating, None, None)
    renewed = replace(rotating, bot=replace(rotating.bot, bot_token="xoxe.xoxb-fresh"))
    db.installations.renew(rotating, renewed)
    removed = make_installation(make_settings(id="gone"), make_bot(team_id="T0GONE", refresh_token="xoxe-2"))
    db.installations.save(removed, None, None)
    db.installations.remove(removed)
    for installation_id in ("pending", "failed"):
        pending = make_pending(settings=make_settings(id=installation_id), slack_app=CUSTOMERS_APP)
        db.pending.save(replace(pending, link=f"link-of-{installation_id}"))
    db.pending.fail("failed", "already_installed")
    db.idempotency.claim("a-key-of-the-platform", "a-digest-of-a-body", "pending")
    form = db.forms.start(FormSession(API_TOKEN, Offer(models=(Choice("id", "a-model-of-theirs"),))))
    db.forms.save_draft(form, Draft(app_name="a-name-in-a-form", config_token="xoxe-3"))
    db.digests.of(API_TOKEN)
    state = db.states.issue(OAuthState("pending", "A0OWN"))
    return [state, form, "a-key-of-the-platform", "a-model-of-theirs", "a-name-in-a-form"]


def write_questions(db: Stores) -> None:
    accept(db, FIRST, SECOND, THIRD, make_question(4))
    failed, released = leased(db.questions), leased(db.questions)
    db.questions.complete(failed, "answer_lost", failed)
    db.questions.release(released, 600, counts=True)
    held = leased(db.questions)
    db.questions.save_plan(held, PLAN)
    db.statuses.claim(held.id)
    db.statuses.store(held.id, "1.1")
    db.slack_jobs.enqueue(replace(FULL, user_id="U0EVE"), delay=60)
    for name in ("accepted", "refused"):
        event = replace(ASKED, id=name, event_id=name, ts=name, user_id="U0EVE")
        assert accept_event(db, event, per_person=1) in {"accepted", "asked_too_often"}
    db.slack_jobs.enqueue(replace(FULL, user_id="U0EVE"))
    db.questions.tick("worker")
    answer = Answer(make_question(), make_reply(MODEL_IDS).answers)
    db.answers.save(answer, ("a-digest-of-a-message",))
    db.answers.ask_again(answer.id, 0)
    db.feedback.vote(answer, 0, "U0ANN", up=True)
    for question in (make_question(), make_question(is_direct=True)):
        db.conversations.save(question, WORKSPACE_ID, "thread-1")
    db.conversations.choose_models(make_question(), MODEL_IDS[:1])
    db.conversations.choose_to_compare(make_question(), MODEL_IDS[0])


def test_a_dump_shows_names_and_no_secret_question_or_answer(db, secrets):
    text = str(dump(db.redis))

    assert [secret for secret in secrets if secret in text] == []
    for name in ("Acme Assistant", TEAM_ID, CUSTOMERS_APP.client_id, FIRST.id):
        assert name in text


@pytest.mark.usefixtures("secrets")
def test_every_kind_of_key_expires_as_documented(db):
    found: dict[str, set[int | None]] = {}
    for key in db.redis.scan_iter():
        ttl = int(db.redis.ttl(key))
        lifetime = None if ttl == -1 else math.ceil(ttl / MINUTE) * MINUTE
        found.setdefault(key.partition(":")[0], set()).add(lifetime)

    assert found == LIFETIMES


@pytest.mark.usefixtures("secrets")
def test_every_sealed_value_opens_in_its_own_field_and_is_found_for_renewal(db):
    hashes = {key: db.redis.hgetall(key) for key in db.redis.scan_iter(_type="HASH")}
    sealed = [
        (key, field, value)
        for key, fields in hashes.items()
        for field, value in fields.items()
        if looks_sealed(value)
    ]

    assert all(db.cipher.open(key, field, value) for key, field, value in sealed)
    assert {key for key, _, _ in sealed} <= set(db.keyring.sealed_keys())
    assert {f"{key.partition(':')[0]}:" for key, _, _ in sealed} == set(SEALED_PREFIXES)
