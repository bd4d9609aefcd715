"""Answers, kept for as long as their buttons work."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from sectorflow_slack.domain.questions import Answer, ModelAnswer, StoredAnswer
from sectorflow_slack.storage.answers import AnswerStore
from tests.fakes import make_reply
from tests.storage.conftest import Stores, dump, race
from tests.values import MODEL_IDS, make_question

ANSWER = Answer(
    make_question(),
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
def kept(db: Stores) -> AnswerStore:
    """A store with one answer in it, shown by two messages."""
    db.answers.save(ANSWER)
    db.answers.mark_posted(ANSWER.id, ("1.1", "1.2"))
    return db.answers


def found(answers: AnswerStore) -> StoredAnswer:
    answer = answers.find(ANSWER.id)
    assert answer is not None
    return answer


def versions(answers: AnswerStore) -> tuple[int, int]:
    """Return the newest version, and the one that the messages show."""
    return found(answers).version, found(answers).rendered


# Storing


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"seconds": None, "credits": None},
        {"display": "separated", "page": 7},
        {"models": make_reply(tuple(f"model-{number}" for number in range(20))).answers},
    ],
    ids=["whole", "no figures", "separated", "twenty models"],
)
def test_an_answer_comes_back_as_it_was_stored(db: Stores, changes: dict[str, Any]) -> None:
    answer = replace(ANSWER, **changes)

    db.answers.save(answer)

    assert found(db.answers) == StoredAnswer(answer, (), 1, 1)


def test_storing_it_again_changes_nothing(db: Stores) -> None:
    db.answers.save(ANSWER, ("a", "b"))
    db.answers.mark_posted(ANSWER.id, ("1.1", "1.2"))
    db.answers.show(ANSWER.id, tab=1)

    db.answers.save(replace(ANSWER, models=(NEW,)), ("c", "d"))

    assert found(db.answers).answer.models == ANSWER.models
    assert found(db.answers).answer.tab == 1
    assert found(db.answers).digests == ("a", "b")


def test_nothing_prolongs_how_long_an_answer_is_stored(db: Stores, kept: AnswerStore) -> None:
    db.redis.expire(PLACE, 1000)

    kept.show(ANSWER.id, tab=1)
    kept.ask_again(ANSWER.id, 1)
    kept.replace(ANSWER.id, 1, NEW)
    kept.mark_rendered(found(kept))
    kept.save(ANSWER)

    assert 0 < int(db.redis.ttl(PLACE)) <= 1000


@pytest.mark.parametrize("field", ["question", "model:0"])
def test_an_answer_that_no_key_opens_counts_as_gone_and_is_logged_by_place(
    db: Stores, kept: AnswerStore, caplog: pytest.LogCaptureFixture, field: str
) -> None:
    db.redis.hset(PLACE, field, str(db.redis.hget(PLACE, "model:1")))

    assert kept.find(ANSWER.id) is None
    assert caplog.messages == [f"answer cannot be read: {PLACE} {field}"]


def test_a_model_with_fields_of_another_release_is_read(db: Stores, kept: AnswerStore) -> None:
    more = {"model_id": MODEL_IDS[0], "name": "Model 1", "text": "Hello", "of_a_later_release": [1]}
    db.redis.hset(PLACE, "model:0", db.cipher.seal(PLACE, "model:0", json.dumps(more)))

    assert found(kept).answer.models[0] == ModelAnswer(MODEL_IDS[0], "Model 1", text="Hello")


# What is shown


def test_what_is_shown_changes_part_by_part(kept: AnswerStore) -> None:
    kept.show(ANSWER.id, tab=1, page=2)
    kept.show(ANSWER.id, display="separated")

    assert found(kept).answer == replace(ANSWER, tab=1, page=2, display="separated", together=2)
    assert versions(kept) == (3, 1)


def test_the_messages_that_were_rendered_are_recorded_with_their_version(kept: AnswerStore) -> None:
    kept.show(ANSWER.id, tab=1)
    rendered = replace(found(kept), posted=("1.1",), rendered=2, digests=("a",))

    kept.mark_rendered(rendered)

    assert found(kept) == replace(rendered, answer=replace(rendered.answer, together=1))


@pytest.mark.parametrize(("posted", "digests"), [(("1.1", "1.2"), ("a", "b")), (("1.1", "1.2", "1.3"), ())])
def test_digests_count_only_while_slack_has_as_many_messages(
    db: Stores, posted: tuple[str, ...], digests: tuple[str, ...]
) -> None:
    db.answers.save(ANSWER, ("a", "b"))

    db.answers.mark_posted(ANSWER.id, posted)

    assert found(db.answers).digests == digests


def test_digests_of_a_version_that_a_release_without_them_replaced_count_for_nothing(db: Stores) -> None:
    db.answers.save(ANSWER, ("a",))
    db.answers.mark_posted(ANSWER.id, ("1.1",))
    db.redis.hset(PLACE, mapping={"posted": '["1.1"]', "drawn": "2"})
    replaced = found(db.answers).digests
    db.redis.hdel(PLACE, "digests", "together")

    assert replaced == found(db.answers).digests == ()
    assert found(db.answers).answer.together == 1


def test_as_many_messages_stand_together_as_there_were_when_they_were_fewest(kept: AnswerStore) -> None:
    together = [found(kept).answer.together]
    for posted in (("1.1",), ("1.1", "1.3", "1.4"), ("1.1", "1.3")):
        kept.mark_rendered(replace(found(kept), posted=posted))
        together.append(found(kept).answer.together)

    assert together == [2, 1, 1, 1]


@pytest.mark.parametrize("changed", [True, False])
def test_an_answer_that_changed_before_it_was_posted_is_to_be_rendered_again(
    db: Stores, changed: bool
) -> None:
    db.answers.save(ANSWER)
    if changed:
        db.answers.show(ANSWER.id, tab=1)

    assert db.answers.mark_posted(ANSWER.id, ("1.1",)) is changed


# Models that are asked again


def test_a_model_is_asked_again_once_at_a_time(kept: AnswerStore) -> None:
    numbers = [kept.ask_again(ANSWER.id, 1), kept.ask_again(ANSWER.id, 1)]

    assert numbers == [1, 1]
    assert found(kept).answer.busy == (MODEL_IDS[1],)
    assert versions(kept) == (2, 1)

    kept.replace(ANSWER.id, 1, NEW)

    assert kept.ask_again(ANSWER.id, 1) == 2


@pytest.mark.real_redis
def test_block_actions_at_the_same_moment_ask_once(real_db: Stores) -> None:
    real_db.answers.save(ANSWER)

    assert race(8, lambda _: real_db.answers.ask_again(ANSWER.id, 1)) == [1] * 8
    assert versions(real_db.answers) == (2, 1)


@pytest.mark.parametrize(
    ("before", "new", "sum_of_both"),
    [(0.5, 0.25, 0.75), (0.1, 0.2, 0.1 + 0.2), (None, 0.25, None), (0.5, None, None), (1e300, 1e-5, 1e300)],
)
def test_a_new_answer_replaces_the_old_one_and_adds_its_cost(
    db: Stores, before: float | None, new: float | None, sum_of_both: float | None
) -> None:
    db.answers.save(replace(ANSWER, credits=before))
    db.answers.ask_again(ANSWER.id, 1)

    db.answers.replace(ANSWER.id, 1, NEW, new)

    models = (ANSWER.models[0], NEW, ANSWER.models[2])
    assert found(db.answers).answer == replace(ANSWER, models=models, seconds=None, credits=sum_of_both)


def test_without_a_new_answer_the_old_one_stays(kept: AnswerStore) -> None:
    kept.ask_again(ANSWER.id, 1)

    kept.replace(ANSWER.id, 1, None, 0.25)

    assert found(kept).answer == replace(ANSWER, together=2)
    assert versions(kept) == (3, 1)


def test_an_answer_of_a_model_that_was_not_asked_again_is_ignored(kept: AnswerStore) -> None:
    kept.replace(ANSWER.id, 1, NEW)

    assert found(kept).answer == replace(ANSWER, together=2)
    assert versions(kept) == (1, 1)


@pytest.mark.parametrize("model", [3, 20, 9999])
def test_a_model_that_is_not_there_is_not_asked(kept: AnswerStore, model: int) -> None:
    assert kept.ask_again(ANSWER.id, model) == 0
    assert found(kept).answer == replace(ANSWER, together=2)


def test_no_step_brings_an_expired_answer_back(db: Stores) -> None:
    db.answers.show(ANSWER.id, tab=1)
    db.answers.replace(ANSWER.id, 1, NEW)
    db.answers.mark_rendered(StoredAnswer(ANSWER, ("1.1",), 1, 1))

    assert not db.answers.mark_posted(ANSWER.id, ("1.1",))
    assert db.answers.ask_again(ANSWER.id, 1) == 0
    assert db.answers.find(ANSWER.id) is None
    assert dump(db.redis) == {}
