"""Answers, for as long as their buttons work.

``answer:{id}``: hash; ``question`` and ``model:{n}`` sealed, what of it is shown (``display``, ``tab``,
``page``), ``busy:{n}`` and ``asked:{n}`` for models that are asked again, the ``ts`` of its messages
(``posted``), how many of them stand ``together``, its ``version`` and the one that was ``drawn``. Kept for
ANSWER_RETENTION_DAYS.

``digests``, what each message shows, is sealed, too: a bare digest would tell whoever has a dump when they
guess a short answer right.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields, replace

from redis import Redis

from sectorflow_slack.domain.errors import CannotDecrypt
from sectorflow_slack.domain.installations import Display
from sectorflow_slack.domain.questions import Answer, ModelAnswer, StoredAnswer
from sectorflow_slack.storage.connection import flat, read_hash, translate_errors
from sectorflow_slack.storage.crypto import Cipher
from sectorflow_slack.storage.records import Fields, read_question

logger = logging.getLogger(__name__)

DAY_SECONDS = 24 * 3600

#: Stores an answer with what is in it, unless it is there.
_KEEP = """
if redis.call('EXISTS', KEYS[1]) == 1 then
  return 0
end
redis.call('HSET', KEYS[1], unpack(ARGV, 2))
redis.call('EXPIRE', KEYS[1], ARGV[1])
return 1
"""

#: Sets fields of an answer that is still kept, as its next version.
_CHANGE = """
if redis.call('EXISTS', KEYS[1]) == 0 then
  return 0
end
redis.call('HSET', KEYS[1], unpack(ARGV))
return redis.call('HINCRBY', KEYS[1], 'version', 1)
"""

#: Sets fields of an answer that is still kept; returns whether its newest version is to be drawn.
_NOTE = """
if redis.call('EXISTS', KEYS[1]) == 0 then
  return 0
end
redis.call('HSET', KEYS[1], unpack(ARGV))
local version, drawn = unpack(redis.call('HMGET', KEYS[1], 'version', 'drawn'))
return tonumber(version) > tonumber(drawn) and 1 or 0
"""

#: Marks a model as busy; returns the how-manieth time this is, 0 where it is gone. Where it is busy already,
#: that is the time it is busy for: whoever marked it may have died before the question was in line.
_ASK_AGAIN = """
local answer, place = KEYS[1], ARGV[1]
if redis.call('HEXISTS', answer, 'model:' .. place) == 0 then
  return 0
end
if redis.call('HSETNX', answer, 'busy:' .. place, '1') == 0 then
  return redis.call('HGET', answer, 'asked:' .. place)
end
redis.call('HINCRBY', answer, 'version', 1)
return redis.call('HINCRBY', answer, 'asked:' .. place, 1)
"""

#: Ends that a model is busy, with its new answer if there is one. What that one cost is added to the sum,
#: which is forgotten where a part of it is not known; how long the first answers took says nothing of it.
_REPLACE = """
local answer, place, sealed, credits = KEYS[1], ARGV[1], ARGV[2], tonumber(ARGV[3])
if redis.call('HDEL', answer, 'busy:' .. place) == 0 then
  return 0
end
if sealed ~= '' then
  redis.call('HSET', answer, 'model:' .. place, sealed)
  local before = tonumber(redis.call('HGET', answer, 'credits') or '')
  redis.call('HDEL', answer, 'seconds', 'credits')
  if before and credits then
    redis.call('HSET', answer, 'credits', string.format('%.17g', before + credits))
  end
end
return redis.call('HINCRBY', answer, 'version', 1)
"""


class AnswerStore:
    """Keeps answers for as long as their buttons work, and what people do with these buttons."""

    def __init__(self, redis: Redis, cipher: Cipher, *, retention_days: int) -> None:
        """Take the store, the cipher, and for how many days an answer is kept."""
        self._redis = redis
        self._cipher = cipher
        self._seconds = retention_days * DAY_SECONDS
        self._keep = redis.register_script(_KEEP)
        self._change = redis.register_script(_CHANGE)
        self._note = redis.register_script(_NOTE)
        self._ask_again = redis.register_script(_ASK_AGAIN)
        self._replace = redis.register_script(_REPLACE)

    @translate_errors
    def save(self, answer: Answer, digests: Sequence[str] = ()) -> None:
        """Store an answer that is about to be posted; storing it again changes nothing.

        ``digests`` are those of the messages that will show it, as far as they are known.
        """
        place = _place(answer.id)
        fields = {**self._fields(place, answer), **self._digests(place, 1, digests)}
        self._keep(keys=[place], args=[self._seconds, *flat(fields)])

    @translate_errors
    def mark_posted(self, answer_id: str, posted: Sequence[str]) -> bool:
        """Record the messages that show it; says whether it has changed since it was laid out."""
        return bool(self._note(keys=[_place(answer_id)], args=["posted", json.dumps(posted)]))

    @translate_errors
    def find(self, answer_id: str) -> StoredAnswer | None:
        """Load an answer; None where it is kept no longer, or cannot be read any more."""
        place = _place(answer_id)
        fields = read_hash(self._redis, place)
        if not fields:
            return None
        posted = tuple(json.loads(fields.get("posted", "[]")))
        try:
            answer = replace(self._read(place, fields), together=_together(fields, len(posted)))
            digests = self._read_digests(place, fields, len(posted))
        except CannotDecrypt as error:
            logger.error("answer cannot be read: %s", error.place)
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
        """Change what of an answer is shown."""
        wanted = {"tab": tab, "page": page, "display": display}
        fields = {name: str(value) for name, value in wanted.items() if value is not None}
        self._change(keys=[_place(answer_id)], args=flat(fields))

    @translate_errors
    def ask_again(self, answer_id: str, model: int) -> int:
        """Mark a model as being asked again: the how-manieth time that is, 0 where it is not kept.

        Where it is being asked already, it is the same time still.
        """
        return int(str(self._ask_again(keys=[_place(answer_id)], args=[model])))

    @translate_errors
    def replace(
        self, answer_id: str, model: int, new: ModelAnswer | None, credits: float | None = None
    ) -> None:
        """Put a model's new answer in the old one's place, None to leave that; it is asked no more.

        ``credits`` are added to what the answer cost; where one of the two is not known, the sum is not.
        How long the answer took is not known any more.
        """
        place = _place(answer_id)
        sealed = self._seal_model(place, model, new) if new else ""
        self._replace(keys=[place], args=[model, sealed, "" if credits is None else repr(credits)])

    @translate_errors
    def mark_rendered(self, kept: StoredAnswer) -> None:
        """Record the messages of an answer, what they show, and which of them stand together."""
        place = _place(kept.answer.id)
        fields = {
            "posted": json.dumps(kept.posted),
            "drawn": str(kept.rendered),
            **self._digests(place, kept.rendered, kept.digests),
        }
        if kept.answer.together is not None:
            fields["together"] = str(kept.answer.together)
        self._note(keys=[place], args=flat(fields))

    def _fields(self, place: str, answer: Answer) -> Fields:
        figures = {"seconds": answer.seconds, "credits": answer.credits}
        models = enumerate(answer.models)
        return {
            "question": self._cipher.seal(place, "question", json.dumps(asdict(answer.question))),
            **{f"model:{at}": self._seal_model(place, at, model) for at, model in models},
            **{name: repr(value) for name, value in figures.items() if value is not None},
            "display": answer.display,
            "tab": str(answer.tab),
            "page": str(answer.page),
            "version": "1",
            "drawn": "1",
        }

    def _seal_model(self, place: str, at: int, model: ModelAnswer) -> str:
        return self._cipher.seal(place, f"model:{at}", json.dumps(asdict(model)))

    def _digests(self, place: str, drawn: int, digests: Sequence[str]) -> Fields:
        return {"digests": self._cipher.seal(place, "digests", json.dumps([drawn, list(digests)]))}

    def _read_digests(self, place: str, fields: Mapping[str, str], count: int) -> tuple[str, ...]:
        """Give what so many messages show, () where that is not known.

        Slack may have taken a message as several plainer ones: nobody knows then which is which. A release
        that kept no digests may have drawn another version since.
        """
        if "digests" not in fields:
            return ()
        drawn, digests = json.loads(self._cipher.open(place, "digests", fields["digests"]))
        is_known = drawn == int(fields["drawn"]) and len(digests) == count
        return tuple(digests) if is_known else ()

    def _read(self, place: str, fields: Mapping[str, str]) -> Answer:
        count = sum(name.startswith("model:") for name in fields)
        names = [f"model:{at}" for at in range(count)]
        opened = (self._cipher.open(place, name, fields[name]) for name in names)
        models = tuple(_read_model(text) for text in opened)
        return Answer(
            question=read_question(self._cipher.open(place, "question", fields["question"])),
            models=models,
            display="tabs" if fields["display"] == "tabs" else "separated",
            tab=int(fields["tab"]),
            page=int(fields["page"]),
            busy=tuple(model.model_id for at, model in enumerate(models) if f"busy:{at}" in fields),
            seconds=float(fields["seconds"]) if "seconds" in fields else None,
            credits=float(fields["credits"]) if "credits" in fields else None,
        )


def _read_model(text: str) -> ModelAnswer:
    # Another release may have kept more than this one knows.
    known = {field.name for field in fields(ModelAnswer)}
    return ModelAnswer(**{name: value for name, value in json.loads(text).items() if name in known})


def _together(fields: Mapping[str, str], count: int) -> int | None:
    """Give how many of so many messages stand together: as many as ever since there were the fewest."""
    return min(count, int(fields.get("together", count))) if count else None


def _place(answer_id: str) -> str:
    return f"answer:{answer_id}"
