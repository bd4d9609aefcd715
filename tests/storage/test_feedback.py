"""Votes on answers: one of each person on each model's answer, however often somebody changes their mind."""

from __future__ import annotations

import pytest
import redis

from sectorflow_slack.domain.errors import StorageUnavailable
from sectorflow_slack.domain.installations import InstallationKey
from sectorflow_slack.domain.progress import ModelVotes
from sectorflow_slack.domain.questions import Answer
from sectorflow_slack.storage.crypto import Cipher
from sectorflow_slack.storage.feedback import RedisFeedbackStore
from sectorflow_slack.storage.installations import RedisInstallationStore
from tests.fakes import make_reply
from tests.storage.conftest import dump, race
from tests.values import MODEL_IDS, NOW, make_installation, make_question

KEY = make_installation().key
OTHER = InstallationKey("A0OTHER", "T0OTHER")
FIRST, SECOND, THIRD = MODEL_IDS
DAY = 24 * 3600


@pytest.fixture
def feedback(store: redis.Redis) -> RedisFeedbackStore:
    return RedisFeedbackStore(store, retention_days=2)


def answer(number: int = 1, key: InstallationKey = KEY) -> Answer:
    return Answer(make_question(number, installation=key), make_reply(MODEL_IDS).answers)


def test_nobody_has_voted_at_first(feedback: RedisFeedbackStore) -> None:
    assert feedback.of(KEY) == ()
    assert feedback.all() == ()


def test_votes_are_counted_by_model_and_in_the_order_of_their_ids(feedback: RedisFeedbackStore) -> None:
    feedback.vote(answer(), 1, "U1", up=False)
    feedback.vote(answer(), 0, "U1", up=True)

    assert feedback.of(KEY) == (ModelVotes(FIRST, 1, 0), ModelVotes(SECOND, 0, 1))


def test_a_second_press_of_the_same_thumb_counts_once(feedback: RedisFeedbackStore) -> None:
    for _ in range(3):
        feedback.vote(answer(), 0, "U1", up=True)

    assert feedback.of(KEY) == (ModelVotes(FIRST, 1, 0),)


def test_who_changes_their_mind_moves_their_vote(feedback: RedisFeedbackStore) -> None:
    feedback.vote(answer(), 0, "U1", up=True)
    feedback.vote(answer(), 0, "U1", up=False)

    assert feedback.of(KEY) == (ModelVotes(FIRST, 0, 1),)

    feedback.vote(answer(), 0, "U1", up=True)

    assert feedback.of(KEY) == (ModelVotes(FIRST, 1, 0),)


def test_two_people_have_a_vote_each_on_each_answer(feedback: RedisFeedbackStore) -> None:
    feedback.vote(answer(), 0, "U1", up=True)
    feedback.vote(answer(), 0, "U2", up=True)
    feedback.vote(answer(2), 0, "U1", up=False)

    assert feedback.of(KEY) == (ModelVotes(FIRST, 2, 1),)


def test_each_installation_has_its_own(feedback: RedisFeedbackStore) -> None:
    feedback.vote(answer(), 0, "U1", up=True)
    feedback.vote(answer(2, OTHER), 2, "U1", up=False)

    assert feedback.of(OTHER) == (ModelVotes(THIRD, 0, 1),)
    assert dict(feedback.all()) == {KEY: feedback.of(KEY), OTHER: feedback.of(OTHER)}


def test_of_more_installations_than_one_look_takes_none_is_left_out(feedback: RedisFeedbackStore) -> None:
    keys = [InstallationKey(f"A{number}", "T") for number in range(450)]
    for number, key in enumerate(keys):
        feedback.vote(answer(number, key), 0, "U1", up=True)

    assert dict(feedback.all()) == dict.fromkeys(keys, (ModelVotes(FIRST, 1, 0),))


def test_votes_at_the_same_moment_are_all_counted_once(real_store: redis.Redis) -> None:
    feedback = RedisFeedbackStore(real_store, retention_days=2)

    race(16, lambda number: feedback.vote(answer(), 0, f"U{number % 4}", up=number < 8))

    (votes,) = feedback.of(KEY)
    assert votes.up + votes.down == 4
    assert min(votes.up, votes.down) >= 0


def test_who_voted_is_remembered_for_as_long_as_the_answer_and_counts_stay(
    feedback: RedisFeedbackStore, store: redis.Redis
) -> None:
    feedback.vote(answer(), 0, "U1", up=True)

    assert 0 < int(store.ttl(f"votes:{answer().id}")) <= 2 * DAY
    assert int(store.ttl(f"votes:{answer().id}")) > 2 * DAY - 60
    assert int(store.ttl(f"feedback:{KEY}")) == -1


def test_nobody_can_read_in_redis_who_voted(feedback: RedisFeedbackStore, store: redis.Redis) -> None:
    feedback.vote(answer(), 0, "U0ANN", up=True)

    assert "U0ANN" not in str(dump(store))


@pytest.mark.parametrize("end", ["deleted", "removed", "replaced"])
def test_votes_are_forgotten_with_their_installation(
    feedback: RedisFeedbackStore, store: redis.Redis, cipher: Cipher, end: str
) -> None:
    installations, installation = RedisInstallationStore(store, cipher), make_installation()
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


def test_a_mind_changed_after_a_new_installation_leaves_no_count_below_zero(
    feedback: RedisFeedbackStore, store: redis.Redis
) -> None:
    feedback.vote(answer(), 0, "U1", up=True)
    store.delete(f"feedback:{KEY}")

    feedback.vote(answer(), 0, "U1", up=False)

    assert feedback.of(KEY) == (ModelVotes(FIRST, 0, 1),)


def test_without_a_store_every_call_says_that_it_is_away(nobody: redis.Redis) -> None:
    feedback = RedisFeedbackStore(nobody, retention_days=2)

    with pytest.raises(StorageUnavailable):
        feedback.vote(answer(), 0, "U1", up=True)
    with pytest.raises(StorageUnavailable):
        feedback.of(KEY)
    with pytest.raises(StorageUnavailable):
        feedback.all()
