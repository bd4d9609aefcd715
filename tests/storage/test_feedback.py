"""Votes on answers: one of each user on each model's answer, however often they change it."""

from __future__ import annotations

import pytest
import redis

from sectorflow_slack.domain.installations import InstallationKey
from sectorflow_slack.domain.progress import ModelVotes
from sectorflow_slack.domain.questions import Answer
from sectorflow_slack.storage import feedback as feedback_module
from sectorflow_slack.storage.feedback import RedisFeedbackStore
from sectorflow_slack.storage.installations import RedisInstallationStore
from tests.fakes import make_reply
from tests.storage.conftest import race
from tests.values import MODEL_IDS, NOW, make_installation, make_question

KEY = make_installation().key
OTHER = InstallationKey("A0OTHER", "T0OTHER")
FIRST, SECOND, THIRD = MODEL_IDS


@pytest.fixture
def feedback(store: redis.Redis) -> RedisFeedbackStore:
    return RedisFeedbackStore(store, retention_days=2)


def answer(number: int = 1, key: InstallationKey = KEY) -> Answer:
    return Answer(make_question(number, installation=key), make_reply(MODEL_IDS).answers)


def test_votes_are_counted_by_user_answer_and_model(feedback: RedisFeedbackStore) -> None:
    nothing = feedback.of(KEY), feedback.all()

    feedback.vote(answer(), 1, "U1", up=False)
    feedback.vote(answer(), 0, "U1", up=True)
    feedback.vote(answer(), 0, "U2", up=True)
    feedback.vote(answer(2), 0, "U1", up=False)

    assert nothing == ((), ())
    assert feedback.of(KEY) == (ModelVotes(FIRST, 2, 1), ModelVotes(SECOND, 0, 1))


@pytest.mark.parametrize(
    ("votes", "up", "down"),
    [([True, True, True], 1, 0), ([True, False], 0, 1), ([True, False, True], 1, 0)],
    ids=["repeated", "changed", "changed back"],
)
def test_the_last_vote_of_a_user_on_an_answer_counts_once(
    feedback: RedisFeedbackStore, votes: list[bool], up: int, down: int
) -> None:
    for vote in votes:
        feedback.vote(answer(), 0, "U1", up=vote)

    assert feedback.of(KEY) == (ModelVotes(FIRST, up, down),)


def test_each_installation_has_votes_of_its_own_and_no_batch_leaves_one_out(
    feedback: RedisFeedbackStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feedback_module, "_BATCH", 2)
    keys = [InstallationKey(f"A{number}", "T") for number in range(5)]

    for number, key in enumerate(keys):
        feedback.vote(answer(number, key), 0, "U1", up=True)

    assert dict(feedback.all()) == dict.fromkeys(keys, (ModelVotes(FIRST, 1, 0),))
    assert feedback.of(keys[3]) == (ModelVotes(FIRST, 1, 0),)


@pytest.mark.real_redis
def test_votes_at_the_same_moment_are_all_counted_once(real_store: redis.Redis) -> None:
    feedback = RedisFeedbackStore(real_store, retention_days=2)

    race(16, lambda number: feedback.vote(answer(), 0, f"U{number % 4}", up=number < 8))

    (votes,) = feedback.of(KEY)
    assert votes.up + votes.down == 4
    assert min(votes.up, votes.down) >= 0


@pytest.mark.parametrize("end", ["deleted", "removed", "replaced"])
def test_votes_are_forgotten_with_their_installation(
    feedback: RedisFeedbackStore, installations: RedisInstallationStore, end: str
) -> None:
    installation = make_installation()
    installations.save(installation, None, None)
    feedback.vote(answer(), 0, "U1", up=True)
    feedback.vote(answer(2, OTHER), 0, "U1", up=True)

    if end == "deleted":
        assert installations.delete(KEY, before=NOW + 1)
    elif end == "removed":
        assert installations.remove(installation)
    else:
        assert installations.save(installation, None, installation.terms.id)

    assert feedback.of(KEY) == ()
    assert dict(feedback.all()).keys() == {OTHER}


def test_a_vote_changed_after_a_new_installation_leaves_no_count_below_zero(
    feedback: RedisFeedbackStore, store: redis.Redis
) -> None:
    feedback.vote(answer(), 0, "U1", up=True)
    store.delete(f"feedback:{KEY}")

    feedback.vote(answer(), 0, "U1", up=False)

    assert feedback.of(KEY) == (ModelVotes(FIRST, 0, 1),)
