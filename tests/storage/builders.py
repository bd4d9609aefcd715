"""Installations and questions in every state, and the effects of time on them."""

from dataclasses import replace
from typing import Any, TypeVar

import redis

from sectorflow_slack.domain.installations import Installation, InstallationKey, PendingInstallation
from sectorflow_slack.domain.questions import Message, Plan, Question
from sectorflow_slack.storage.questions import QuestionStore
from tests.storage.conftest import Stores, redis_now
from tests.values import (
    BOT_USER_ID,
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


def install(store: redis.Redis, *keys: InstallationKey, customer: str = "") -> None:
    """Store as much of installations as questions and Slack jobs need."""
    for key in keys:
        store.hset(f"installation:{key}", mapping={"customer": customer, "bot_user_id": BOT_USER_ID})


def accept(db: Stores, *questions: Question) -> None:
    """Accept questions of installations, which are there from then on."""
    for question in questions:
        install(db.redis, question.installation)
        assert db.questions.accept(question)


def leased(questions: QuestionStore) -> Question:
    """Lease the next question, which must exist."""
    lease = questions.lease()
    assert lease is not None
    assert lease.question is not None
    return replace(lease.question, holder=lease.holder)


def hold(db: Stores) -> Question:
    """Accept and lease the first question."""
    accept(db, FIRST)
    return leased(db.questions)


def fail(db: Stores, question: Question = FIRST, reason: str = "answer_lost") -> None:
    accept(db, question)
    failed = leased(db.questions)
    db.questions.complete(failed, reason, failed)


def pass_time(store: redis.Redis, seconds: float) -> None:
    """Move all that is planned, and all that has happened, into the past."""
    for key in store.scan_iter(_type="ZSET"):
        if str(key).partition(":")[0] in {"later", "underway", "due", "jobs-later", "workers"}:
            for member in store.zrange(str(key), 0, -1):
                store.zincrby(str(key), -seconds, str(member))
    for key in store.scan_iter("question:*"):
        for field in ("accepted_at", "status_at"):
            if store.hexists(str(key), field):
                store.hincrbyfloat(str(key), field, -seconds)


def seconds_until(store: redis.Redis, line: str, question: Question) -> float:
    score = store.zscore(f"{line}:{question.installation}", question.id)
    assert score is not None
    return float(score) - redis_now(store)
