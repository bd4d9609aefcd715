"""Installations and questions in every state, and the effects of time on them."""

from dataclasses import replace
from typing import Any, TypeVar

import redis

from sectorflow_slack.domain.installations import Installation, InstallationKey, PendingInstallation
from sectorflow_slack.domain.questions import Message, Plan, Question
from sectorflow_slack.storage.questions import QuestionStore
from tests.storage.conftest import Stores, redis_now
from tests.values import (
    CUSTOMERS_APP,
    NOW,
    make_bot,
    make_installation,
    make_pending,
    make_question,
    make_settings,
)

DAY = 24 * 3600
AnyInstallation = TypeVar("AnyInstallation", Installation, PendingInstallation)

KEY = make_question().installation
OTHER_KEY = InstallationKey("A0CUSTOMER", "T0ACME")
PLAN = Plan((Message("the first answer", ({"type": "divider"},)), Message("the second answer")))
FIRST, SECOND, THIRD = (make_question(number) for number in (1, 2, 3))

CUSTOMERS = make_installation(
    make_settings(id="customers", app_id=CUSTOMERS_APP.app_id), make_bot(app_id=CUSTOMERS_APP.app_id)
)


def installed(number: int, app_id: str = "A0OWN", **changes: object) -> Installation:
    """Return an installation of the team with this number, the later the higher the number."""
    settings = make_settings(id=f"i{number}", created_at=NOW + number, app_id=app_id, **changes)
    return Installation(settings, make_bot(team_id=f"T{number}", app_id=app_id), installed_at=NOW)


def waiting(number: int, team_id: str | None = None, **changes: object) -> PendingInstallation:
    settings = make_settings(id=f"i{number}", created_at=NOW + number, **changes)
    link, expires_at = f"link-{number}", NOW + number + DAY
    return make_pending(settings=settings, link=link, team_id=team_id, expires_at=expires_at)


def changed(installation: AnyInstallation, **changes: Any) -> AnyInstallation:
    """Return the next revision of an installation."""
    revision = installation.settings.revision + 1
    return replace(installation, settings=replace(installation.settings, revision=revision, **changes))


def accept(questions: QuestionStore, *accepted: Question) -> None:
    for question in accepted:
        assert questions.accept(question)


def leased(questions: QuestionStore, key: InstallationKey = KEY) -> Question:
    """Lease the next question, which must exist."""
    question = questions.lease(key)
    assert question is not None
    return question


def hold(db: Stores) -> Question:
    """Accept and lease the first question."""
    db.questions.accept(FIRST)
    return leased(db.questions)


def fail(db: Stores, question: Question = FIRST, reason: str = "answer_lost") -> None:
    db.questions.accept(question)
    failed = leased(db.questions)
    db.questions.complete(failed, reason, failed)


def accept_with_placeholder(db: Stores, placeholder: str = "1.1") -> None:
    """Accept the first question, and post a placeholder for it unless that is ""."""
    db.questions.accept(FIRST)
    if placeholder:
        assert db.placeholders.claim(FIRST.id) == FIRST
        assert db.placeholders.store(FIRST.id, placeholder)


def make_slow(store: redis.Redis) -> None:
    """Make all open questions slow."""
    for key in store.scan_iter("question:*"):
        store.hset(str(key), "accepted_at", "0")


def expire_leases(store: redis.Redis, *held: Question) -> None:
    """End the leases of questions, in this order."""
    for number, question in enumerate(held):
        store.zadd(f"underway:{question.installation}", {question.id: number})


def make_due(store: redis.Redis, question: Question) -> None:
    """End the delay of a released question."""
    store.zadd(f"later:{question.installation}", {question.id: 0})


def seconds_until(store: redis.Redis, line: str, question: Question) -> float:
    score = store.zscore(f"{line}:{question.installation}", question.id)
    assert score is not None
    return float(score) - redis_now(store)
