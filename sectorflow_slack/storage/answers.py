"""Answers, for as long as their buttons work.

``answer:{id}``: hash, for ANSWER_RETENTION_DAYS; ``answer``: the question and the answers of ``models``
models, sealed together, because they compress better so; ``model:{n}``: the newer answer of one that was
asked again, sealed; the shown part (``display``, ``tab``, ``page``); ``busy:{n}`` and ``asked:{n}`` for
models that are asked again; the ``ts`` of its messages (``posted``) and how many of them were posted
``together``; its ``version`` and the rendered one (``drawn``). The ``digests`` of the messages are sealed,
too: a bare digest would confirm a guess of a short answer. Answers of older releases have a sealed
``question`` and all models in ``model:{n}``.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from redis import Redis

from sectorflow_slack.domain.errors import CannotDecrypt
from sectorflow_slack.domain.installations import Display
from sectorflow_slack.domain.questions import Answer, ModelAnswer, StoredAnswer
from sectorflow_slack.storage.connection import flat, read_hash, translate_errors
from sectorflow_slack.storage.crypto import Cipher
from sectorflow_slack.storage.records import Fields, known_fields, read_display, read_question, to_json

logger = logging.getLogger(__name__)

DAY_SECONDS = 24 * 3600

#: Creates an answer, unless it exists.
_SAVE = """
if redis.call('EXISTS', KEYS[1]) == 1 then
  return 0
end
redis.call('HSET', KEYS[1], unpack(ARGV, 2))
redis.call('EXPIRE', KEYS[1], ARGV[1])
return 1
"""

#: Sets fields of an answer that exists, and increments its version.
_CHANGE = """
if redis.call('EXISTS', KEYS[1]) == 0 then
  return 0
end
redis.call('HSET', KEYS[1], unpack(ARGV))
return redis.call('HINCRBY', KEYS[1], 'version', 1)
"""

#: Sets fields of an answer that exists; returns 1 if its newest version is not rendered.
_MARK = """
if redis.call('EXISTS', KEYS[1]) == 0 then
  return 0
end
redis.call('HSET', KEYS[1], unpack(ARGV))
local version, drawn = unpack(redis.call('HMGET', KEYS[1], 'version', 'drawn'))
return tonumber(version) > tonumber(drawn) and 1 or 0
"""

#: Marks a model as busy; returns how often it was asked again, this time included, or 0 if it does not exist.
#: A busy model is not counted again: the process that marked it may have died before it stored the question.
_ASK_AGAIN = """
local answer, model = KEYS[1], ARGV[1]
local models = tonumber(redis.call('HGET', answer, 'models') or 0)
if tonumber(model) >= models and redis.call('HEXISTS', answer, 'model:' .. model) == 0 then
  return 0
end
if redis.call('HSETNX', answer, 'busy:' .. model, '1') == 0 then
  return redis.call('HGET', answer, 'asked:' .. model)
end
redis.call('HINCRBY', answer, 'version', 1)
return redis.call('HINCRBY', answer, 'asked:' .. model, 1)
"""

#: Ends that a model is busy, and stores its new answer, if any. Adds the cost of that to the sum, or deletes
#: the sum if either is unknown; deletes the duration, which is that of the first answers.
_REPLACE = """
local answer, model, sealed, credits = KEYS[1], ARGV[1], ARGV[2], tonumber(ARGV[3])
if redis.call('HDEL', answer, 'busy:' .. model) == 0 then
  return 0
end
if sealed ~= '' then
  redis.call('HSET', answer, 'model:' .. model, sealed)
  local before = tonumber(redis.call('HGET', answer, 'credits') or '')
  redis.call('HDEL', answer, 'seconds', 'credits')
  if before and credits then
    redis.call('HSET', answer, 'credits', string.format('%.17g', before + credits))
  end
end
return redis.call('HINCRBY', answer, 'version', 1)
"""


class AnswerStore:
    """Stores answers for as long as their buttons work, and the state that the buttons change.

    Each step is atomic, does nothing if the answer has expired, and never prolongs it.
    """

    def __init__(self, redis: Redis, cipher: Cipher, *, retention_days: int) -> None:
        self._redis = redis
        self._cipher = cipher
        self._seconds = retention_days * DAY_SECONDS
        self._save = redis.register_script(_SAVE)
        self._change = redis.register_script(_CHANGE)
        self._mark = redis.register_script(_MARK)
        self._ask_again = redis.register_script(_ASK_AGAIN)
        self._replace = redis.register_script(_REPLACE)

    @translate_errors
    def save(self, answer: Answer, digests: Sequence[str] = ()) -> bool:
        """Store an answer before it is posted, with the digests of its messages; False if there is one."""
        key = _key(answer.id)
        fields = {**self._fields(key, answer), **self._digests(key, 1, digests)}
        return bool(self._save(keys=[key], args=[self._seconds, *flat(fields)]))

    @translate_errors
    def mark_posted(self, answer_id: str, posted: Sequence[str]) -> bool:
        """Record the ``ts`` of the answer's messages; True if it has changed since it was rendered."""
        return bool(self._mark(keys=[_key(answer_id)], args=["posted", json.dumps(posted)]))

    @translate_errors
    def find(self, answer_id: str) -> StoredAnswer | None:
        """Load an answer; None if it has expired or does not decrypt."""
        key = _key(answer_id)
        fields = read_hash(self._redis, key)
        if not fields:
            return None
        posted = tuple(json.loads(fields.get("posted", "[]")))
        try:
            answer = replace(self._read(key, fields), together=_together(fields, len(posted)))
            digests = self._read_digests(key, fields, len(posted))
        except CannotDecrypt as error:
            logger.error("answer cannot be read: %s", error.location)
            return None
        return StoredAnswer(answer, posted, int(fields["version"]), int(fields["drawn"]), digests)

    @translate_errors
    def show(
        self,
        answer_id: str,
        *,
        tab: int | None = None,
        page: int | None = None,
        display: Display | None = None,
    ) -> None:
        """Change which part of an answer is shown."""
        changes = {"tab": tab, "page": page, "display": display}
        fields = {name: str(value) for name, value in changes.items() if value is not None}
        self._change(keys=[_key(answer_id)], args=flat(fields))

    @translate_errors
    def ask_again(self, answer_id: str, model: int) -> int:
        """Mark a model as being asked again, and return how often it was, 0 if it does not exist.

        A model that is being asked again already is not counted twice.
        """
        return int(str(self._ask_again(keys=[_key(answer_id)], args=[model])))

    @translate_errors
    def replace(
        self, answer_id: str, model: int, new: ModelAnswer | None, credits: float | None = None
    ) -> None:
        """End that a model is asked again, with its new answer; None leaves the old one.

        ``credits`` are added to the cost of the answer, which is unknown from then on if either is. The
        duration of a changed answer is unknown.
        """
        key = _key(answer_id)
        sealed = self._seal_model(key, model, new) if new else ""
        self._replace(keys=[key], args=[model, sealed, "" if credits is None else repr(credits)])

    @translate_errors
    def mark_rendered(self, stored: StoredAnswer) -> None:
        """Record the rendered messages of an answer, their digests, and how many were posted together."""
        key = _key(stored.answer.id)
        fields = {
            "posted": json.dumps(stored.posted),
            "drawn": str(stored.rendered),
            **self._digests(key, stored.rendered, stored.digests),
        }
        if stored.answer.together is not None:
            fields["together"] = str(stored.answer.together)
        self._mark(keys=[key], args=flat(fields))

    def _fields(self, key: str, answer: Answer) -> Fields:
        figures = {"seconds": answer.seconds, "credits": answer.credits}
        texts = to_json([answer.question, answer.models])
        return {
            "answer": self._cipher.seal(key, "answer", texts),
            "models": str(len(answer.models)),
            **{name: repr(value) for name, value in figures.items() if value is not None},
            "display": answer.display,
            "tab": str(answer.tab),
            "page": str(answer.page),
            "version": "1",
            "drawn": "1",
        }

    def _seal_model(self, key: str, at: int, model: ModelAnswer) -> str:
        return self._cipher.seal(key, f"model:{at}", to_json(model))

    def _digests(self, key: str, rendered: int, digests: Sequence[str]) -> Fields:
        return {"digests": self._cipher.seal(key, "digests", json.dumps([rendered, list(digests)]))}

    def _read_digests(self, key: str, fields: Mapping[str, str], count: int) -> tuple[str, ...]:
        """Return the digests of ``count`` messages, () if they are unknown.

        A message that was posted as several plainer ones leaves more messages than digests. A release
        without digests may have rendered another version since.
        """
        if "digests" not in fields:
            return ()
        rendered, digests = json.loads(self._cipher.open(key, "digests", fields["digests"]))
        is_known = rendered == int(fields["drawn"]) and len(digests) == count
        return tuple(digests) if is_known else ()

    def _read(self, key: str, fields: Mapping[str, str]) -> Answer:
        question, opened = self._open(key, fields)
        models = tuple(ModelAnswer(**known_fields(ModelAnswer, values)) for values in opened)
        return Answer(
            question=read_question(question),
            models=models,
            display=read_display(fields["display"]),
            tab=int(fields["tab"]),
            page=int(fields["page"]),
            busy=tuple(model.model_id for at, model in enumerate(models) if f"busy:{at}" in fields),
            seconds=float(fields["seconds"]) if "seconds" in fields else None,
            credits=float(fields["credits"]) if "credits" in fields else None,
        )

    def _open(self, key: str, fields: Mapping[str, str]) -> tuple[str, list[dict[str, Any]]]:
        """Return the question, as JSON, and the newest answer of each model."""
        newer = {
            int(name.removeprefix("model:")): json.loads(self._cipher.open(key, name, value))
            for name, value in fields.items()
            if name.startswith("model:")
        }
        if "answer" not in fields:
            return self._cipher.open(key, "question", fields["question"]), [newer[at] for at in sorted(newer)]
        question, models = json.loads(self._cipher.open(key, "answer", fields["answer"]))
        return json.dumps(question), [newer.get(at, model) for at, model in enumerate(models)]


def _together(fields: Mapping[str, str], count: int) -> int | None:
    """Return how many of ``count`` messages were posted together: the fewest that there ever were."""
    return min(count, int(fields.get("together", count))) if count else None


def _key(answer_id: str) -> str:
    return f"answer:{answer_id}"
