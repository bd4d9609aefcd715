"""Votes on answers: one of each user on each model's answer, however often they change it."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from sectorflow_slack.domain.installations import InstallationKey
from sectorflow_slack.domain.questions import Answer, ModelAnswer, ModelFigures, ModelVotes
from sectorflow_slack.storage import feedback as feedback_module
from sectorflow_slack.storage.feedback import figures_key, read_all
from tests.fakes import make_reply
from tests.storage.builders import DAY, KEY, OTHER_KEY
from tests.values import MODEL_IDS, NOW, make_installation, make_question

FIRST, SECOND, _ = MODEL_IDS


def answer(number: int = 1, key: InstallationKey = KEY) -> Answer:
    return Answer(make_question(number, installation=key), make_reply(MODEL_IDS).answers)


def test_votes_are_counted_by_user_answer_and_model(db):
    before = db.feedback.votes(KEY), tuple(read_all(db.redis))

    db.feedback.vote(answer(), 1, "U1", up=False)
    db.feedback.vote(answer(), 0, "U1", up=True)
    db.feedback.vote(answer(), 0, "U2", up=True)
    db.feedback.vote(answer(2), 0, "U1", up=False)

    assert before == ((), ())
    assert db.feedback.votes(KEY) == (ModelVotes(FIRST, 2, 1), ModelVotes(SECOND, 0, 1))


@pytest.mark.parametrize(
    ("votes", "up", "down"),
    [([True, True, True], 1, 0), ([True, False], 0, 1), ([True, False, True], 1, 0)],
    ids=["repeated", "changed", "changed back"],
)
def test_the_last_vote_of_a_user_on_an_answer_counts_once(db, votes, up, down):
    for vote in votes:
        db.feedback.vote(answer(), 0, "U1", up=vote)

    assert db.feedback.votes(KEY) == (ModelVotes(FIRST, up, down),)


def test_the_votes_of_every_installation_are_read_in_batches(db, monkeypatch):
    monkeypatch.setattr(feedback_module, "_BATCH", 2)
    keys = [InstallationKey(f"A{number}", "T") for number in range(5)]

    for number, key in enumerate(keys):
        db.feedback.vote(answer(number, key), 0, "U1", up=True)

    assert dict(read_all(db.redis)) == dict.fromkeys(keys, (ModelVotes(FIRST, 1, 0),))
    assert db.feedback.votes(keys[3]) == (ModelVotes(FIRST, 1, 0),)


@pytest.mark.parametrize("end", ["deleted", "removed", "replaced"])
def test_votes_are_deleted_with_their_installation(db, end):
    installation = make_installation()
    db.installations.save(installation, None, None)
    db.feedback.vote(answer(), 0, "U1", up=True)
    db.feedback.vote(answer(2, OTHER_KEY), 0, "U1", up=True)
    ways = {
        "deleted": lambda: db.installations.delete(KEY, before=NOW + 1),
        "removed": lambda: db.installations.remove(installation),
        "replaced": lambda: db.installations.save(installation, None, installation.settings.id),
    }

    assert ways[end]()

    assert db.feedback.votes(KEY) == ()
    assert dict(read_all(db.redis)).keys() == {OTHER_KEY}


def test_a_vote_that_is_changed_after_a_new_installation_leaves_no_negative_count(db):
    db.feedback.vote(answer(), 0, "U1", up=True)
    db.redis.delete(f"feedback:{KEY}")

    db.feedback.vote(answer(), 0, "U1", up=False)

    assert db.feedback.votes(KEY) == (ModelVotes(FIRST, 0, 1),)


def test_a_vote_that_was_counted_before_a_new_installation_takes_none_from_it(db):
    db.feedback.vote(answer(), 0, "U1", up=True)
    db.redis.delete(f"feedback:{KEY}")
    db.feedback.vote(answer(), 0, "U1", up=True)
    assert db.feedback.votes(KEY) == ()
    db.feedback.vote(answer(), 0, "U2", up=True)
    db.feedback.vote(answer(), 0, "U2", up=False)

    db.feedback.vote(answer(), 0, "U1", up=False)

    assert db.feedback.votes(KEY) == (ModelVotes(FIRST, 0, 2),)


def test_the_votes_of_users_expire_with_the_answer(db):
    db.feedback.vote(answer(), 0, "U1", up=True)

    assert 0 <= 3 * DAY - db.redis.ttl(f"votes:{answer().id}") <= 60


def took(seconds: float | None, credits: float | None = None, **changes: Any) -> ModelAnswer:
    return ModelAnswer(FIRST, "GPT", text="x", seconds=seconds, credits=credits, **changes)


@pytest.mark.parametrize(
    ("seconds", "median"),
    [([], None), ([None], None), ([0.0], 0.2), ([1.0, 5.0, 5.0], 4.5), ([2.5, 2.5], 2.5), ([9999.0], 240.0)],
)
def test_the_median_of_the_durations_is_about_right(db, seconds, median):
    for each in seconds:
        db.metrics.count_model(KEY, took(each))
    db.metrics.flush()

    assert [figures.p50_seconds for figures in db.feedback.figures(KEY)] == [median] * min(1, len(seconds))


def test_figures_of_all_days_of_all_processes_are_added_up_by_model(db):
    db.metrics.count_model(KEY, took(1.0, 2.5))
    db.metrics.count_model(KEY, took(400.0, 1e300, failed=True))
    db.metrics.count_model(OTHER_KEY, took(1.0))
    db.metrics.flush()
    days = [datetime.now(UTC) - timedelta(days=ago) for ago in (29, 31)]
    for day in days:
        db.redis.hset(figures_key(KEY, day), mapping={f"{FIRST}:asked": 10, f"{SECOND}:credits": "0.5"})

    assert db.feedback.figures(KEY) == (
        ModelFigures(FIRST, 12, 1, 0.8, 2.5),
        ModelFigures(SECOND, credits=0.5),
    )


def test_figures_are_deleted_with_their_installation(db):
    installation = make_installation()
    db.installations.save(installation, None, None)
    db.metrics.count_model(KEY, took(1.0))
    db.metrics.flush()

    db.installations.delete(KEY, before=NOW + 1)

    assert db.feedback.figures(KEY) == ()
