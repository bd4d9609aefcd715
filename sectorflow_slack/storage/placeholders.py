"""What stands in for an answer while it is worked on, and who has been told that it takes long.

Adds to what ``storage.questions`` keeps: of ``question:{id}`` the fields ``interim`` (``posting``, a
message's ``ts``, ``status``, ``taken`` once the answer takes over, ``none`` where it is there),
``interim_at``, ``interim_was`` (what is being changed, or was taken over) and ``told``; and
``told:{app}:{tenant}``, which keeps every worker from looking at once.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence

from redis import Redis

from sectorflow_slack.domain.errors import CannotDecrypt
from sectorflow_slack.domain.installations import InstallationKey
from sectorflow_slack.domain.questions import Question, Waiting
from sectorflow_slack.storage import scripts
from sectorflow_slack.storage.connection import translate_errors
from sectorflow_slack.storage.crypto import Cipher
from sectorflow_slack.storage.questions import check_held
from sectorflow_slack.storage.records import read_question
from sectorflow_slack.storage.scripts import question_key

logger = logging.getLogger(__name__)

#: Who waits longer than this is told.
SLOW_SECONDS = 20
#: So many are told at a time, and no more often than this: Slack takes about one message a second.
NOTIFIED_AT_ONCE = 5
NOTIFIED_EVERY_SECONDS = 5
#: Who said that it is about to post and is silent for this long is taken for dead. A call to Slack takes up
#: to 10 s: sooner, it might still put its word over the answer.
POSTING_SECONDS = 12

#: What ``interim`` may be beside a message's ``ts`` and ``STATUS``.
_NO_MESSAGE = frozenset({"posting", "taken", "none"})

_CLAIM = (
    scripts.NOW
    + """
local question, stand_in, patience = KEYS[1], ARGV[1], tonumber(ARGV[2])
local interim, since = unpack(redis.call('HMGET', question, 'interim', 'interim_at'))
local died = interim == 'posting' and now - tonumber(since) > patience
if redis.call('EXISTS', question) == 0 or ((interim or '') ~= stand_in and not died) then
  return false
end
local at = string.format('%.6f', now)
redis.call('HSET', question, 'interim', 'posting', 'interim_at', at, 'interim_was', stand_in)
return redis.call('HGET', question, 'question')
"""
)

#: Returns 0 where the answer did not wait for it.
_KEEP = """
local interim, was = unpack(redis.call('HMGET', KEYS[1], 'interim', 'interim_was'))
if interim == 'posting' then
  redis.call('HSET', KEYS[1], 'interim', ARGV[1])
  return 1
end
-- Recorded before, though nobody heard so; the answer may have taken its place since.
return (interim == ARGV[1] or was == ARGV[1]) and 1 or 0
"""

_DROP = """
if redis.call('HGET', KEYS[1], 'interim') ~= 'posting' then
  return
end
if ARGV[1] == '' then
  redis.call('HDEL', KEYS[1], 'interim')
else
  redis.call('HSET', KEYS[1], 'interim', ARGV[1])
end
"""

#: Returns what stands in for the answer, or nothing while somebody is about to post or to change it. From
#: then on nobody may change it, and the same is returned to whoever goes on after a crash.
_TAKE_OVER = (
    scripts.HOLDERS_ONLY
    + scripts.NOW
    + """
local question, patience = KEYS[1], tonumber(ARGV[2])
local names = {'interim', 'interim_at', 'interim_was'}
local interim, since, was = unpack(redis.call('HMGET', question, unpack(names)))
if interim == 'posting' and now - tonumber(since) < patience then
  return false
end
if interim == 'posting' or interim == 'taken' then
  interim = was
end
if not interim or interim == 'none' then
  interim = ''
end
redis.call('HSET', question, 'interim', 'taken', 'interim_was', interim)
return interim
"""
)

#: Says whether a question has been open for long, has nothing posted, and nobody was told.
_IS_SLOW = """
local function is_slow(id)
  local since, told, posted = unpack(redis.call('HMGET', 'question:' .. id, 'accepted_at', 'told', 'posted'))
  return since and not told and (not posted or posted == '[]') and now - tonumber(since) > patience
end
"""

#: Lists installations with a question that has been open for long, each at most once in a while. Those at
#: the head of a line may have been told, and those behind them not.
_SLOW = (
    scripts.NOW
    + """
local patience, pause = tonumber(ARGV[1]), tonumber(ARGV[2])
"""
    + _IS_SLOW
    + """
local slow = {}
for _, installation in ipairs(redis.call('SMEMBERS', KEYS[1])) do
  local ids = redis.call('LRANGE', 'waiting:' .. installation, 0, 99)
  for _, line in ipairs({'later:', 'underway:'}) do
    for _, id in ipairs(redis.call('ZRANGE', line .. installation, 0, 31)) do
      ids[#ids + 1] = id
    end
  end
  for _, id in ipairs(ids) do
    if is_slow(id) then
      if redis.call('SET', 'told:' .. installation, '1', 'NX', 'EX', pause) then
        slow[#slow + 1] = installation
      end
      break
    end
  end
end
return slow
"""
)

#: Takes questions that have been open for long and were not told so: each its id, whether it is in line,
#: what stands in for its answer. Of those in line, the first hundred are looked at.
_UNTOLD = (
    scripts.NOW
    + """
local waiting, later, underway = unpack(KEYS)
local patience, most = tonumber(ARGV[1]), tonumber(ARGV[2])
"""
    + _IS_SLOW
    + """
local untold = {}
local function tell(ids, in_line)
  for _, id in ipairs(ids) do
    if #untold < 3 * most and is_slow(id) then
      redis.call('HSET', 'question:' .. id, 'told', '1')
      local interim = redis.call('HGET', 'question:' .. id, 'interim') or ''
      untold[#untold + 1] = id
      untold[#untold + 1] = in_line
      untold[#untold + 1] = interim
    end
  end
end
tell(redis.call('ZRANGE', underway, 0, 31), '0')
tell(redis.call('ZRANGE', later, 0, 31), '0')
tell(redis.call('LRANGE', waiting, 0, 99), '1')
return untold
"""
)


class PlaceholderStore:
    """Keeps which message stands in for an answer while it is worked on.

    Whoever posts it claims it first, so that there is one; whoever answers takes it over, and from then on
    nobody posts one. It is a message's ``ts``, or ``STATUS`` where Slack shows a status in its place.
    """

    def __init__(self, redis: Redis, cipher: Cipher, *, patience: float = SLOW_SECONDS) -> None:
        """Take the store, the cipher, and after how many seconds somebody is told."""
        self._redis = redis
        self._cipher = cipher
        self._patience = patience
        self._claim = redis.register_script(_CLAIM)
        self._keep = redis.register_script(_KEEP)
        self._drop = redis.register_script(_DROP)
        self._take_over = redis.register_script(_TAKE_OVER)
        self._slow = redis.register_script(_SLOW)
        self._untold = redis.register_script(_UNTOLD)

    @translate_errors
    def claim(self, question_id: str, placeholder: str = "") -> Question | None:
        """Be the one who posts it, or changes the message that stands there already.

        Gives the question, or None where that is done or too late.
        """
        sealed = self._claim(keys=[question_key(question_id)], args=[placeholder, POSTING_SECONDS])
        return self._open(question_id, sealed) if sealed else None

    @translate_errors
    def store(self, question_id: str, placeholder: str) -> bool:
        """Record what was posted; False where the answer came first, and it is to be taken away again."""
        return bool(self._keep(keys=[question_key(question_id)], args=[placeholder]))

    @translate_errors
    def release(self, question_id: str, placeholder: str = "") -> None:
        """Say that nothing was posted or changed after all; somebody may try again."""
        self._drop(keys=[question_key(question_id)], args=[placeholder])

    @translate_errors
    def take_over(self, question: Question) -> str | None:
        """Give what stands in for the answer, "" for nothing; None while somebody is about to post it.

        Raises ``LeaseLost`` as the methods of ``QuestionStore`` do.
        """
        taken = self._take_over(keys=[question_key(question.id)], args=[question.holder, POSTING_SECONDS])
        if taken is None:
            return None
        # A message's ts is text; only a refusal is a number.
        if isinstance(taken, int):
            check_held(taken)
        return str(taken)

    @translate_errors
    def slow(self) -> tuple[InstallationKey, ...]:
        """List installations with a question that has been open for long; each at most every few seconds."""
        found = self._slow(keys=[scripts.INSTALLATIONS], args=[self._patience, NOTIFIED_EVERY_SECONDS])
        return tuple(InstallationKey(*str(member).split(":")) for member in found)

    @translate_errors
    def take_unnotified(self, key: InstallationKey) -> tuple[Waiting, ...]:
        """Take questions that have been open for long and whose people nobody has told; each comes once."""
        lines = [f"waiting:{key}", f"later:{key}", f"underway:{key}"]
        flat = [str(each) for each in self._untold(keys=lines, args=[self._patience, NOTIFIED_AT_ONCE])]
        found = zip(flat[::3], flat[1::3], flat[2::3], strict=True)
        return tuple(
            Waiting(question, in_line == "1", "" if placeholder in _NO_MESSAGE else placeholder)
            for question_id, in_line, placeholder in found
            if (question := self._read(question_id)) is not None
        )

    @translate_errors
    def mark_unnotified(self, questions: Sequence[Question]) -> None:
        """Say that these could not be told after all."""
        with self._redis.pipeline(transaction=False) as pipe:
            for question in questions:
                pipe.hdel(question_key(question.id), "told")
            pipe.execute()

    def _read(self, question_id: str) -> Question | None:
        sealed = self._redis.hget(question_key(question_id), "question")
        return self._open(question_id, sealed) if sealed else None

    def _open(self, question_id: str, sealed: object) -> Question | None:
        try:
            return read_question(self._cipher.open(question_key(question_id), "question", str(sealed)))
        except CannotDecrypt as error:
            logger.error("question cannot be read: %s", error.place)
            return None
