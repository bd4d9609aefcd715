"""Answers, kept for as long as their buttons work."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
import redis

from sectorflow_slack.domain.errors import StorageUnavailable
from sectorflow_slack.domain.progress import KeptAnswer
from sectorflow_slack.domain.questions import Answer, ModelAnswer
from sectorflow_slack.storage.answers import RedisAnswerStore
from sectorflow_slack.storage.crypto import Cipher
from tests.fakes import make_reply
from tests.storage.conftest import dump, expiring_and_staying, race
from tests.values import MODEL_IDS, make_question

DAY = 24 * 3600
QUESTION = make_question()
ANSWER = Answer(
    QUESTION,
    (
        *make_reply(MODEL_IDS[:2], base_model="gpt-4o").answers,
        ModelAnswer(MODEL_IDS[2], "Model 3", failed=True),
    ),
    display="tabs",
    seconds=1.25,
    credits=0.5,
)
NEW = ModelAnswer(MODEL_IDS[1], "Model 2", text="Something else")
PLACE = f"answer:{ANSWER.id}"


@pytest.fixture
def answers(store: redis.Redis, cipher: Cipher) -> RedisAnswerStore:
    return RedisAnswerStore(store, cipher, retention_days=3)


@pytest.fixture
def kept(answers: RedisAnswerStore) -> RedisAnswerStore:
    """A store with one answer in it, shown by two messages."""
    answers.keep(ANSWER)
    answers.posted(ANSWER.id, ("1.1", "1.2"))
    return answers


def as_kept(answers: RedisAnswerStore) -> KeptAnswer:
    found = answers.find(ANSWER.id)
    assert found is not None
    return found


def shown(answers: RedisAnswerStore) -> Answer:
    return as_kept(answers).answer


def versions(answers: RedisAnswerStore) -> tuple[int, int]:
    """The newest version, and the one that the messages show."""
    found = as_kept(answers)
    return found.version, found.drawn


@pytest.mark.parametrize(
    "changes", [{}, {"seconds": None, "credits": None}, {"display": "separated", "page": 7}]
)
def test_an_answer_comes_back_as_it_was_kept(answers: RedisAnswerStore, changes: dict[str, Any]) -> None:
    answer = Answer(**{**{name: getattr(ANSWER, name) for name in Answer.__slots__}, **changes})

    answers.keep(answer)

    found = answers.find(answer.id)
    assert found is not None
    assert (found.answer, found.posted, found.version, found.drawn) == (answer, (), 1, 1)


def test_twenty_models_are_kept_in_their_order(answers: RedisAnswerStore) -> None:
    models = make_reply(tuple(f"model-{number}" for number in range(20))).answers

    answers.keep(Answer(QUESTION, models))

    assert shown(answers).models == models


def test_keeping_it_again_changes_nothing(kept: RedisAnswerStore) -> None:
    kept.show(ANSWER.id, tab=1)

    kept.keep(Answer(QUESTION, (NEW,)))

    assert shown(kept).models == ANSWER.models
    assert shown(kept).tab == 1


def test_it_is_kept_for_as_many_days_as_set_and_nothing_prolongs_that(
    kept: RedisAnswerStore, store: redis.Redis
) -> None:
    store.expire(PLACE, 1000)

    kept.show(ANSWER.id, tab=1)
    kept.ask_again(ANSWER.id, 1)
    kept.replace(ANSWER.id, 1, NEW)
    kept.drawn(as_kept(kept))
    kept.keep(ANSWER)

    assert 0 < int(store.ttl(PLACE)) <= 1000


def test_its_days_are_those_of_the_settings(answers: RedisAnswerStore, store: redis.Redis) -> None:
    answers.keep(ANSWER)

    assert 3 * DAY - 60 < int(store.ttl(PLACE)) <= 3 * DAY


def test_a_dump_shows_no_question_and_no_answer(kept: RedisAnswerStore, store: redis.Redis) -> None:
    kept.ask_again(ANSWER.id, 1)
    kept.replace(ANSWER.id, 1, NEW)

    written = str(dump(store))

    assert [text for text in ("joke", "Answer", "Something", "U0ANN") if text in written] == []


def test_what_is_sealed_opens_only_where_it_stands(kept: RedisAnswerStore, store: redis.Redis) -> None:
    store.hset(PLACE, "model:0", str(store.hget(PLACE, "model:1")))

    assert kept.find(ANSWER.id) is None


def test_what_no_key_opens_counts_as_gone(kept: RedisAnswerStore, store: redis.Redis) -> None:
    store.hset(PLACE, "question", "no such thing")

    assert kept.find(ANSWER.id) is None


def test_what_another_release_kept_is_read_as_far_as_it_is_known(
    kept: RedisAnswerStore, store: redis.Redis, cipher: Cipher
) -> None:
    more = {"model_id": MODEL_IDS[0], "name": "Model 1", "text": "Hello", "of_a_later_release": [1]}
    store.hset(PLACE, "model:0", cipher.seal(PLACE, "model:0", json.dumps(more)))

    assert shown(kept).models[0] == ModelAnswer(MODEL_IDS[0], "Model 1", text="Hello")


def test_what_is_shown_changes_part_by_part(kept: RedisAnswerStore) -> None:
    kept.show(ANSWER.id, tab=1, page=2)
    kept.show(ANSWER.id, display="separated")

    assert (shown(kept).tab, shown(kept).page, shown(kept).display) == (1, 2, "separated")
    assert versions(kept) == (3, 1)


def test_what_is_drawn_is_known(kept: RedisAnswerStore) -> None:
    kept.show(ANSWER.id, tab=1)
    kept.drawn(replace(as_kept(kept), posted=("1.1",), drawn=2, digests=("a",)))

    found = as_kept(kept)

    assert (found.posted, found.version, found.drawn, found.digests) == (("1.1",), 2, 2, ("a",))


def test_what_its_messages_will_show_is_known_from_the_first(answers: RedisAnswerStore) -> None:
    answers.keep(ANSWER, ("a", "b"))
    answers.keep(ANSWER, ("c", "d"))
    answers.posted(ANSWER.id, ("1.1", "1.2"))

    assert as_kept(answers).digests == ("a", "b")


def test_nobody_knows_what_shows_what_where_slack_took_it_in_more_messages(answers: RedisAnswerStore) -> None:
    answers.keep(ANSWER, ("a", "b"))
    answers.posted(ANSWER.id, ("1.1", "1.2", "1.3"))

    assert as_kept(answers).digests == ()


def test_what_was_kept_without_digests_is_read(kept: RedisAnswerStore, store: redis.Redis) -> None:
    store.hdel(PLACE, "digests", "together")

    assert (as_kept(kept).digests, shown(kept).together) == ((), 2)


def test_digests_count_for_nothing_once_a_release_drew_that_knew_of_none(
    answers: RedisAnswerStore, store: redis.Redis
) -> None:
    answers.keep(ANSWER, ("a",))
    answers.posted(ANSWER.id, ("1.1",))
    answers.show(ANSWER.id, tab=1)

    store.hset(PLACE, mapping={"posted": '["1.1"]', "drawn": "2"})

    assert as_kept(answers).digests == ()


def test_a_dump_shows_no_digest(answers: RedisAnswerStore, store: redis.Redis) -> None:
    answers.keep(ANSWER, ("planted-digest",))

    assert "planted-digest" not in str(dump(store))


def test_messages_stand_together_as_far_as_there_ever_were_so_many(kept: RedisAnswerStore) -> None:
    together = [shown(kept).together]
    for posted in (("1.1",), ("1.1", "1.3", "1.4"), ("1.1", "1.3")):
        kept.drawn(replace(as_kept(kept), posted=posted))
        together.append(shown(kept).together)

    assert together == [2, 1, 1, 1]


def test_what_changed_before_all_was_posted_is_to_be_drawn(answers: RedisAnswerStore) -> None:
    answers.keep(ANSWER)
    answers.show(ANSWER.id, tab=1)

    assert answers.posted(ANSWER.id, ("1.1",))


def test_what_did_not_change_is_not_drawn_again(answers: RedisAnswerStore) -> None:
    answers.keep(ANSWER)

    assert not answers.posted(ANSWER.id, ("1.1",))


def test_a_model_is_asked_again_once_at_a_time(kept: RedisAnswerStore) -> None:
    numbers = [kept.ask_again(ANSWER.id, 1), kept.ask_again(ANSWER.id, 1)]

    assert numbers == [1, 1]
    assert shown(kept).busy == (MODEL_IDS[1],)
    assert versions(kept) == (2, 1)

    kept.replace(ANSWER.id, 1, NEW)

    assert kept.ask_again(ANSWER.id, 1) == 2


def test_two_models_may_be_asked_again_at_once(kept: RedisAnswerStore) -> None:
    kept.ask_again(ANSWER.id, 2)
    kept.ask_again(ANSWER.id, 0)

    assert shown(kept).busy == (MODEL_IDS[0], MODEL_IDS[2])


def test_presses_at_the_same_moment_are_one_time(real_store: redis.Redis, cipher: Cipher) -> None:
    answers = RedisAnswerStore(real_store, cipher, retention_days=3)
    answers.keep(ANSWER)

    assert race(8, lambda _: answers.ask_again(ANSWER.id, 1)) == [1] * 8
    assert versions(answers) == (2, 1)


def test_a_new_answer_takes_the_old_ones_place(kept: RedisAnswerStore) -> None:
    kept.ask_again(ANSWER.id, 1)

    kept.replace(ANSWER.id, 1, NEW)

    assert shown(kept).models == (ANSWER.models[0], NEW, ANSWER.models[2])
    assert shown(kept).busy == ()


@pytest.mark.parametrize(
    ("before", "new", "sum_of_both"),
    [(0.5, 0.25, 0.75), (0.1, 0.2, 0.1 + 0.2), (None, 0.25, None), (0.5, None, None), (1e300, 1e-5, 1e300)],
)
def test_what_a_new_answer_cost_is_added_and_how_long_the_first_took_is_told_no_more(
    answers: RedisAnswerStore, before: float | None, new: float | None, sum_of_both: float | None
) -> None:
    answers.keep(replace(ANSWER, credits=before))
    answers.ask_again(ANSWER.id, 1)

    answers.replace(ANSWER.id, 1, NEW, new)

    assert (shown(answers).seconds, shown(answers).credits) == (None, sum_of_both)


def test_where_there_is_no_new_one_the_footer_stays(kept: RedisAnswerStore) -> None:
    kept.ask_again(ANSWER.id, 1)

    kept.replace(ANSWER.id, 1, None, 0.25)

    assert (shown(kept).seconds, shown(kept).credits) == (1.25, 0.5)


def test_where_there_is_no_new_one_the_old_one_stays(kept: RedisAnswerStore) -> None:
    kept.ask_again(ANSWER.id, 1)

    kept.replace(ANSWER.id, 1, None)

    assert shown(kept).models == ANSWER.models
    assert shown(kept).busy == ()
    assert versions(kept) == (3, 1)


def test_what_nobody_asked_for_is_not_put_in(kept: RedisAnswerStore) -> None:
    kept.replace(ANSWER.id, 1, NEW)

    assert shown(kept) == replace(ANSWER, together=2)
    assert versions(kept) == (1, 1)


@pytest.mark.parametrize("model", [3, 20, 9999])
def test_a_model_that_there_is_not_is_not_asked(kept: RedisAnswerStore, model: int) -> None:
    assert kept.ask_again(ANSWER.id, model) == 0
    assert shown(kept) == replace(ANSWER, together=2)


def test_whatever_is_done_to_an_expired_answer_leaves_nothing(
    answers: RedisAnswerStore, store: redis.Redis
) -> None:
    answers.show(ANSWER.id, tab=1)
    answers.replace(ANSWER.id, 1, NEW)
    answers.drawn(KeptAnswer(ANSWER, ("1.1",), 1, 1))

    assert not answers.posted(ANSWER.id, ("1.1",))
    assert answers.ask_again(ANSWER.id, 1) == 0
    assert answers.find(ANSWER.id) is None
    assert expiring_and_staying(store) == (set(), set())


def test_without_a_store_every_call_says_that_it_is_away(nobody: redis.Redis, cipher: Cipher) -> None:
    answers = RedisAnswerStore(nobody, cipher, retention_days=3)

    with pytest.raises(StorageUnavailable):
        answers.keep(ANSWER)
    with pytest.raises(StorageUnavailable):
        answers.find(ANSWER.id)
    with pytest.raises(StorageUnavailable):
        answers.show(ANSWER.id, tab=1)
