"""Steps of every store: many callers at once, records that are gone, and values that do not decrypt."""

from contextlib import suppress
from dataclasses import replace

import pytest

from sectorflow_slack.domain.errors import LeaseLost
from sectorflow_slack.domain.installations import OAuthState, Revocation
from sectorflow_slack.domain.questions import Answer, ModelAnswer, StoredAnswer
from sectorflow_slack.domain.slack_jobs import PublishHome
from tests.fakes import make_reply
from tests.losing import lose
from tests.storage.builders import FIRST, KEY, PLAN, SECOND, accept, changed, fail, hold, install
from tests.storage.conftest import dump, race
from tests.values import CUSTOMERS_APP, MODEL_IDS, NOW, make_installation, make_pending

ANSWER = Answer(FIRST, make_reply(MODEL_IDS).answers)
STORED = StoredAnswer(ANSWER, ("1.1",), 1, 1)
MODEL = ModelAnswer(MODEL_IDS[0], "Model 1", text="Hello")
JOB = PublishHome(KEY, user_id="U0ANN")
INSTALLATION, PENDING = make_installation(), make_pending()


def complete(db, question):
    with suppress(LeaseLost):
        db.questions.complete(question)
        return True


#: What there is before, the step of each caller, and the outcome of the one that succeeds.
RACES = {
    "accept a question": (
        lambda db: install(db.redis, KEY),
        lambda db, _, number: db.questions.accept(replace(FIRST, id=f"try-{number}")),
        True,
    ),
    "lease a question": (lambda db: accept(db, FIRST), lambda db, *_: bool(db.questions.lease()), True),
    "take a Slack job": (
        lambda db: (install(db.redis, KEY), db.slack_jobs.enqueue(JOB)),
        lambda db, *_: bool(db.slack_jobs.take()),
        True,
    ),
    "complete a question": (hold, lambda db, question, _: complete(db, question), True),
    "revive a question": (fail, lambda db, *_: db.failed.revive(FIRST), True),
    "claim a status": (lambda db: accept(db, FIRST), lambda db, *_: db.statuses.claim(FIRST.id), True),
    "claim a key": (
        lambda db: None,
        lambda db, _, number: db.idempotency.claim("key", "digest", f"{number}").state == "mine",
        True,
    ),
    "consume an OAuth state": (
        lambda db: db.states.issue(OAuthState("id", "A0OWN")),
        lambda db, secret, _: isinstance(db.states.consume(secret), OAuthState),
        True,
    ),
    "lease a revocation": (
        lambda db: (db.installations.save(INSTALLATION, None, None), db.installations.remove(INSTALLATION)),
        lambda db, *_: db.revocations.lease(),
        Revocation(INSTALLATION.settings.id, INSTALLATION.key, INSTALLATION.bot.bot_token),
    ),
    "change a pending installation": (
        lambda db: db.pending.save(PENDING),
        lambda db, _, number: db.pending.change(changed(PENDING, app_name=f"{number}"), 1),
        True,
    ),
}


@pytest.mark.real_redis
@pytest.mark.parametrize(("arrange", "step", "success"), RACES.values(), ids=RACES)
def test_of_many_simultaneous_callers_one_succeeds(real_db, arrange, step, success):
    arranged = arrange(real_db)

    outcomes = race(8, lambda number: step(real_db, arranged, number))

    assert outcomes.count(success) == 1
    assert not any(outcome for outcome in outcomes if outcome != success)


#: A step on a record that is gone, and its outcome.
STEPS = {
    "apps.adopt_signing_secret": (lambda db: db.apps.adopt_signing_secret(CUSTOMERS_APP.app_id, "new"), None),
    "answers.show": (lambda db: db.answers.show(ANSWER.id, tab=1), None),
    "answers.replace": (lambda db: db.answers.replace(ANSWER.id, 1, MODEL), None),
    "answers.mark_rendered": (lambda db: db.answers.mark_rendered(STORED), None),
    "answers.mark_posted": (lambda db: db.answers.mark_posted(ANSWER.id, ("1.1",)), False),
    "answers.ask_again": (lambda db: db.answers.ask_again(ANSWER.id, 1), 0),
    "answers.find": (lambda db: db.answers.find(ANSWER.id), None),
    "failed.revive": (lambda db: db.failed.revive(FIRST), False),
    "idempotency.complete": (lambda db: db.idempotency.complete("key"), None),
    "idempotency.release": (lambda db: db.idempotency.release("key"), None),
    "installations.change": (lambda db: db.installations.change(changed(INSTALLATION), 1), False),
    "installations.renew": (lambda db: db.installations.renew(INSTALLATION, INSTALLATION), False),
    "installations.remove": (lambda db: db.installations.remove(INSTALLATION), False),
    "installations.delete": (lambda db: db.installations.delete(INSTALLATION.key, before=NOW), False),
    "pending.change": (lambda db: db.pending.change(changed(PENDING), 1), False),
    "pending.fail": (lambda db: db.pending.fail(PENDING.settings.id, "already_installed"), None),
    "questions.accept": (lambda db: db.questions.accept(FIRST), False),
    "questions.extend": (lambda db: db.questions.extend([FIRST, SECOND]), None),
    "questions.lease": (lambda db: db.questions.lease(), None),
    "questions.stop": (lambda db: db.questions.stop(KEY, "C1", "1.1", "U0ANN"), 0),
    "slack_jobs.enqueue": (lambda db: db.slack_jobs.enqueue(JOB), False),
    "slack_jobs.take": (lambda db: db.slack_jobs.take(), None),
    "statuses.claim": (lambda db: db.statuses.claim(FIRST.id), False),
    "statuses.store": (lambda db: db.statuses.store(FIRST.id, "1.1"), False),
    "revocations.release": (lambda db: db.revocations.release(Revocation("id", KEY, "xoxb-1"), 1.0), None),
}


@pytest.mark.parametrize(("step", "outcome"), STEPS.values(), ids=STEPS)
def test_no_step_creates_a_record_that_is_gone(db, step, outcome):
    assert step(db) == outcome
    assert dump(db.redis) == {}


#: A record of the first question, a field of it, the step that needs it, and its outcome without it.
LOST = {
    "an answer": (f"answer:{FIRST.id}", "answer", lambda db, _: db.answers.find(FIRST.id), None),
    "a model": (f"answer:{FIRST.id}", "model:0", lambda db, _: db.answers.find(FIRST.id), None),
    "a plan": (f"question:{FIRST.id}", "plan", lambda db, held: db.questions.progress(held).plan, None),
}


@pytest.mark.parametrize(("key", "field", "step", "outcome"), LOST.values(), ids=LOST)
def test_a_value_that_does_not_decrypt_is_logged_and_counts_as_none(db, caplog, key, field, step, outcome):
    question = hold(db)
    db.questions.save_plan(question, PLAN)
    db.answers.save(ANSWER)
    lose(db.redis, key, field)

    assert step(db, question) == outcome
    (message,) = caplog.messages
    assert message.endswith(f" cannot be read: {key} {field}")


def test_a_failed_question_that_does_not_decrypt_is_logged_and_hides_no_other(db, caplog):
    fail(db, FIRST)
    fail(db, SECOND)
    lose(db.redis, f"letter:{SECOND.id}", "question")

    (found,) = db.failed.list()

    assert found.question == FIRST
    assert f"letter:{SECOND.id} question" in caplog.text
