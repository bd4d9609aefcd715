from __future__ import annotations

import redis

from sectorflow_slack.storage.crypto import Cipher
from sectorflow_slack.storage.questions import RedisQuestionStore
from tests.values import make_question

KEY = make_question().installation


def test_there_is_room_for_as_many_as_may_be_under_way(store: redis.Redis, cipher: Cipher) -> None:
    questions = RedisQuestionStore(store, cipher, limit=2)
    room = []
    for number in (1, 2, 3):
        questions.accept(make_question(number))
        room.append(questions.has_room(KEY))
    first = questions.take(KEY)
    assert first is not None
    room.append(questions.has_room(KEY))
    questions.finish(first)
    room.append(questions.has_room(KEY))

    assert room == [True, True, False, False, True]
