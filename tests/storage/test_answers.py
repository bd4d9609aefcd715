"""Answers, for as long as their buttons work."""

import json
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from sectorflow_slack.domain.questions import Answer, ModelAnswer, StoredAnswer
from sectorflow_slack.storage.answers import AnswerStore
from tests.fakes import make_reply
from tests.storage.builders import DAY, accept, leased
from tests.storage.conftest import dump
from tests.values import MODEL_IDS, make_question

MODELS = make_reply(MODEL_IDS[:2], base_model="gpt-4o").answers
FAILED = ModelAnswer(MODEL_IDS[2], "Model 3", failed=True)
ANSWER = Answer(make_question(), (*MODELS, FAILED), display="tabs", seconds=1.25, credits=0.5)
NEW = ModelAnswer(MODEL_IDS[1], "Model 2", text="Something else")
KEY = f"answer:{ANSWER.id}"


@pytest.fixture
def answers(db) -> AnswerStore:
    """A store with one answer, which two messages show."""
    db.answers.save(ANSWER)
    db.answers.mark_posted(ANSWER.id, ("1.1", "1.2"))
    return db.answers


def found(answers: AnswerStore) -> StoredAnswer:
    answer = answers.find(ANSWER.id)
    assert answer is not None
    return answer


def versions(answers: AnswerStore) -> tuple[int, int]:
    """Return the newest version and the rendered one."""
    return found(answers).version, found(answers).rendered


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
def test_an_answer_is_found_as_it_was_saved(db, changes):
    answer = replace(ANSWER, **changes)

    db.answers.save(answer)

    assert found(db.answers) == StoredAnswer(answer, (), 1, 1)


@pytest.mark.real_redis
def test_a_question_with_five_long_answers_takes_at_most_10_kb(real_db):
    docs = " ".join(path.read_text() for path in sorted(Path("docs").glob("*.md")))
    models = tuple(
        ModelAnswer(f"model-{at}", f"Model {at}", text=docs[2500 * at : 2500 * (at + 1)]) for at in range(5)
    )
    accept(real_db, ANSWER.question)
    real_db.answers.save(replace(ANSWER, models=models), ["d" * 64] * 5)
    real_db.answers.mark_posted(ANSWER.id, [f"1700000000.00000{at}" for at in range(5)])
    real_db.questions.complete(leased(real_db.questions))

    real_db.redis.delete(f"installation:{ANSWER.question.installation}", "metrics", "turns")
    sizes = {key: real_db.redis.memory_usage(key, samples=0) for key in real_db.redis.scan_iter()}

    assert found(real_db.answers).answer.models == models
    assert sum(sizes.values()) <= 10_000, sizes


def test_an_answer_of_a_release_that_sealed_each_model_alone_works_on(answers):
    db, cipher = answers._redis, answers._cipher
    db.hdel(KEY, "answer", "models")
    db.hset(KEY, "question", cipher.seal(KEY, "question", json.dumps(asdict(ANSWER.question))))
    for at, model in enumerate(ANSWER.models):
        db.hset(KEY, f"model:{at}", cipher.seal(KEY, f"model:{at}", json.dumps(asdict(model))))

    counts = [answers.ask_again(ANSWER.id, at) for at in (1, 3)]
    answers.replace(ANSWER.id, 1, NEW)

    assert counts == [1, 0]
    assert found(answers).answer.models == (MODELS[0], NEW, FAILED)


def test_saving_again_changes_nothing_and_digests_count_for_as_many_messages(db):
    db.answers.save(ANSWER, ("a", "b"))
    db.answers.mark_posted(ANSWER.id, ("1.1", "1.2", "1.3"))
    uncounted = found(db.answers).digests
    db.answers.mark_posted(ANSWER.id, ("1.1", "1.2"))
    before = dump(db.redis)

    db.answers.save(replace(ANSWER, models=(NEW,)), ("c", "d"))

    assert dump(db.redis) == before
    assert (uncounted, found(db.answers).digests) == ((), ("a", "b"))


def test_no_step_prolongs_an_answer(db, answers):
    db.redis.expire(KEY, 1000)

    answers.show(ANSWER.id, tab=1)
    answers.ask_again(ANSWER.id, 1)
    answers.replace(ANSWER.id, 1, NEW)
    answers.mark_rendered(found(answers))
    answers.save(ANSWER)

    assert 0 < int(db.redis.ttl(KEY)) <= 1000


def test_the_shown_part_changes_and_the_rendered_version_follows(answers):
    answers.show(ANSWER.id, tab=1, page=2)
    answers.show(ANSWER.id, display="separated")
    shown = found(answers)
    rendered = replace(shown, posted=("1.1",), rendered=3, digests=("a",))
    answers.mark_rendered(rendered)

    assert shown.answer == replace(ANSWER, tab=1, page=2, display="separated", together=2)
    assert (shown.version, shown.rendered) == (3, 1)
    assert found(answers) == replace(rendered, answer=replace(rendered.answer, together=1))


def test_digests_of_a_version_that_a_release_without_digests_replaced_do_not_count(db):
    db.answers.save(ANSWER, ("a",))
    db.answers.mark_posted(ANSWER.id, ("1.1",))
    db.redis.hset(KEY, mapping={"posted": '["1.1"]', "drawn": "2"})
    replaced = found(db.answers).digests
    db.redis.hdel(KEY, "digests", "together")

    assert replaced == found(db.answers).digests == ()
    assert found(db.answers).answer.together == 1


def test_as_many_messages_are_together_as_there_were_at_the_fewest(answers):
    together = [found(answers).answer.together]
    for posted in (("1.1",), ("1.1", "1.3", "1.4"), ("1.1", "1.3")):
        answers.mark_rendered(replace(found(answers), posted=posted))
        together.append(found(answers).answer.together)

    assert together == [2, 1, 1, 1]


@pytest.mark.parametrize("is_changed", [True, False])
def test_an_answer_that_changed_before_it_was_posted_is_to_be_rendered_again(db, is_changed):
    db.answers.save(ANSWER)
    if is_changed:
        db.answers.show(ANSWER.id, tab=1)

    assert db.answers.mark_posted(ANSWER.id, ("1.1",)) is is_changed


def test_a_model_is_asked_again_once_at_a_time(answers):
    assert [answers.ask_again(ANSWER.id, 1), answers.ask_again(ANSWER.id, 1)] == [1, 1]
    assert found(answers).answer.busy == (MODEL_IDS[1],)
    assert versions(answers) == (2, 1)

    answers.replace(ANSWER.id, 1, NEW)

    assert answers.ask_again(ANSWER.id, 1) == 2


@pytest.mark.parametrize(
    ("before", "new", "total"),
    [(0.5, 0.25, 0.75), (0.1, 0.2, 0.1 + 0.2), (None, 0.25, None), (0.5, None, None), (1e300, 1e-5, 1e300)],
)
def test_a_new_answer_replaces_the_old_one_and_adds_its_cost(db, before, new, total):
    db.answers.save(replace(ANSWER, credits=before))
    db.answers.ask_again(ANSWER.id, 1)

    db.answers.replace(ANSWER.id, 1, NEW, new)

    models = (ANSWER.models[0], NEW, ANSWER.models[2])
    assert found(db.answers).answer == replace(ANSWER, models=models, seconds=None, credits=total)


@pytest.mark.parametrize(("new", "is_asked", "version"), [(None, True, 3), (NEW, False, 1)])
def test_the_old_answer_stays_without_a_new_one_or_if_it_was_not_asked_again(answers, new, is_asked, version):
    if is_asked:
        answers.ask_again(ANSWER.id, 1)

    answers.replace(ANSWER.id, 1, new, 0.25)

    assert found(answers).answer == replace(ANSWER, together=2)
    assert versions(answers) == (version, 1)


@pytest.mark.parametrize("model", [3, 20, 9999])
def test_a_model_that_does_not_exist_is_not_asked_again(answers, model):
    assert answers.ask_again(ANSWER.id, model) == 0
    assert found(answers).answer == replace(ANSWER, together=2)


def test_an_answer_is_stored_for_as_long_as_its_buttons_work(db):
    assert [db.answers.save(ANSWER), db.answers.save(ANSWER)] == [True, False]
    assert 0 <= 3 * DAY - db.redis.ttl(KEY) <= 60
