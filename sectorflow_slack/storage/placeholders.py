"""Placeholders of answers, and notices that an answer takes a long time.

``question:{id}`` (``storage.questions``) also has the fields

===============  ========================================================================================
``interim``      the placeholder: a message's ``ts``, or ``status`` if Slack shows a status instead;
                 ``posting`` while a process posts or changes it, ``taken`` once the answer takes over,
                 ``none`` once the answer is posted
``interim_at``   when ``posting`` began
``interim_was``  the placeholder that is being changed, or that was taken over
``told``         marks that the user was notified that the answer takes a long time
===============  ========================================================================================

``told:{app}:{tenant}`` marks that an installation was checked for slow questions a moment ago.
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
from sectorflow_slack.storage.keys import (
    INSTALLATIONS_WITH_QUESTIONS,
    later_key,
    question_key,
    underway_key,
    waiting_key,
)
from sectorflow_slack.storage.questions import check_held
from sectorflow_slack.storage.records import read_question

logger = logging.getLogger(__name__)

#: How long a user waits without a notice.
SLOW_SECONDS = 20
#: Users notified at a time, and how often: Slack allows about one message a second.
NOTIFIED_AT_ONCE = 5
NOTIFIED_EVERY_SECONDS = 5
#: A process that claimed a placeholder counts as dead after this time. A call to Slack takes up to 10 s: if
#: it counted as dead sooner, its message could still appear after the answer.
POSTING_SECONDS = 12

#: The values of ``interim`` that are no placeholder.
_NO_MESSAGE = frozenset({"posting", "taken", "none"})

#: Claims the right to post a placeholder, or to change the one given; returns the sealed question, or nothing
#: if it has another placeholder or another process has the claim and is not dead.
_CLAIM = (
    scripts.NOW
    + """
local question, placeholder, posting_seconds = KEYS[1], ARGV[1], tonumber(ARGV[2])
local interim, since = unpack(redis.call('HMGET', question, 'interim', 'interim_at'))
local died = interim == 'posting' and now - tonumber(since) > posting_seconds
if redis.call('EXISTS', question) == 0 or ((interim or '') ~= placeholder and not died) then
  return false
end
local at = string.format('%.6f', now)
redis.call('HSET', question, 'interim', 'posting', 'interim_at', at, 'interim_was', placeholder)
return redis.call('HGET', question, 'question')
"""
)

#: Stores the posted placeholder; returns 0 if the answer took over without it.
_STORE = """
local interim, was = unpack(redis.call('HMGET', KEYS[1], 'interim', 'interim_was'))
if interim == 'posting' then
  redis.call('HSET', KEYS[1], 'interim', ARGV[1])
  return 1
end
-- A retry after a lost reply: it is stored, and the answer may have taken over since.
return (interim == ARGV[1] or was == ARGV[1]) and 1 or 0
"""

#: Ends a claim that posted nothing, and restores the placeholder that was to be changed, if any.
_RELEASE = """
if redis.call('HGET', KEYS[1], 'interim') ~= 'posting' then
  return
end
if ARGV[1] == '' then
  redis.call('HDEL', KEYS[1], 'interim')
else
  redis.call('HSET', KEYS[1], 'interim', ARGV[1])
end
"""

#: Returns the placeholder, '' if there is none, or nothing while a process posts or changes it. Afterwards no
#: process may change it, and a retry after a crash gets the same result.
_TAKE_OVER = (
    scripts.HOLDERS_ONLY
    + scripts.NOW
    + """
local question, posting_seconds = KEYS[1], tonumber(ARGV[2])
local names = {'interim', 'interim_at', 'interim_was'}
local interim, since, was = unpack(redis.call('HMGET', question, unpack(names)))
if interim == 'posting' and now - tonumber(since) < posting_seconds then
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

#: Whether a question is open for a long time, with nothing of its answer posted and its user not notified.
_IS_SLOW = """
local function is_slow(id)
  local since, told, posted = unpack(redis.call('HMGET', 'question:' .. id, 'accepted_at', 'told', 'posted'))
  return since and not told and (not posted or posted == '[]') and now - tonumber(since) > slow_seconds
end
"""

#: Lists the installations with a slow question, each at most once per ``ARGV[2]`` seconds. Looks behind the
#: heads of the lists, whose users may have been notified already.
_SLOW = (
    scripts.NOW
    + """
local slow_seconds, pause = tonumber(ARGV[1]), tonumber(ARGV[2])
"""
    + _IS_SLOW
    + """
local slow = {}
for _, installation in ipairs(redis.call('SMEMBERS', KEYS[1])) do
  local ids = redis.call('LRANGE', 'waiting:' .. installation, 0, 99)
  for _, prefix in ipairs({'later:', 'underway:'}) do
    for _, id in ipairs(redis.call('ZRANGE', prefix .. installation, 0, 31)) do
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

#: Marks slow questions as notified, and returns the id of each, whether it waits for a worker, and
#: ``interim``. Of the questions that wait, examines the first hundred.
_TAKE_UNNOTIFIED = (
    scripts.NOW
    + """
local waiting, later, underway = unpack(KEYS)
local slow_seconds, most = tonumber(ARGV[1]), tonumber(ARGV[2])
"""
    + _IS_SLOW
    + """
local taken = {}
local function take(ids, in_line)
  for _, id in ipairs(ids) do
    if #taken < 3 * most and is_slow(id) then
      redis.call('HSET', 'question:' .. id, 'told', '1')
      local interim = redis.call('HGET', 'question:' .. id, 'interim') or ''
      taken[#taken + 1] = id
      taken[#taken + 1] = in_line
      taken[#taken + 1] = interim
    end
  end
end
take(redis.call('ZRANGE', underway, 0, 31), '0')
take(redis.call('ZRANGE', later, 0, 31), '0')
take(redis.call('LRANGE', waiting, 0, 99), '1')
return taken
"""
)


class PlaceholderStore:
    """Stores the placeholder of each open question: a message's ``ts``, or ``STATUS``; "" for none.

    A process claims the placeholder before it posts, so that there is one. The worker that has the answer
    takes it over, after which no process posts one. Each step is atomic, and ignores a question that is gone.
    """

    def __init__(self, redis: Redis, cipher: Cipher, *, slow_seconds: float = SLOW_SECONDS) -> None:
        self._redis = redis
        self._cipher = cipher
        self._slow_seconds = slow_seconds
        self._claim_script = redis.register_script(_CLAIM)
        self._store_script = redis.register_script(_STORE)
        self._release_script = redis.register_script(_RELEASE)
        self._take_over_script = redis.register_script(_TAKE_OVER)
        self._slow_script = redis.register_script(_SLOW)
        self._take_unnotified_script = redis.register_script(_TAKE_UNNOTIFIED)

    @translate_errors
    def claim(self, question_id: str, placeholder: str = "") -> Question | None:
        """Claim the right to post a placeholder, or to change the given one; return the question.

        None if another process has the claim, the placeholder is another one, or the answer took over.
        """
        sealed = self._claim_script(keys=[question_key(question_id)], args=[placeholder, POSTING_SECONDS])
        return self._open(question_id, sealed) if sealed else None

    @translate_errors
    def store(self, question_id: str, placeholder: str) -> bool:
        """Store the posted placeholder; False if the answer took over first, so that it must be deleted."""
        return bool(self._store_script(keys=[question_key(question_id)], args=[placeholder]))

    @translate_errors
    def release(self, question_id: str, placeholder: str = "") -> None:
        """End a claim that posted or changed nothing; ``placeholder`` is the one that was to be changed."""
        self._release_script(keys=[question_key(question_id)], args=[placeholder])

    @translate_errors
    def take_over(self, question: Question) -> str | None:
        """Return the placeholder, which the answer replaces; None while a process is about to post one.

        Raises:
            LeaseLost: another worker has the question now.

        """
        taken = self._take_over_script(
            keys=[question_key(question.id)], args=[question.holder, POSTING_SECONDS]
        )
        if taken is None:
            return None
        # A placeholder is text; only a refusal is a number.
        if isinstance(taken, int):
            check_held(taken)
        return str(taken)

    @translate_errors
    def slow(self) -> tuple[InstallationKey, ...]:
        """List the installations with a slow question, each at most every few seconds."""
        found = self._slow_script(
            keys=[INSTALLATIONS_WITH_QUESTIONS], args=[self._slow_seconds, NOTIFIED_EVERY_SECONDS]
        )
        return tuple(InstallationKey(*str(member).split(":")) for member in found)

    @translate_errors
    def take_unnotified(self, key: InstallationKey) -> tuple[Waiting, ...]:
        """Mark a few slow questions as notified and return them; each comes once."""
        keys = [waiting_key(key), later_key(key), underway_key(key)]
        flat = [
            str(each)
            for each in self._take_unnotified_script(keys=keys, args=[self._slow_seconds, NOTIFIED_AT_ONCE])
        ]
        found = zip(flat[::3], flat[1::3], flat[2::3], strict=True)
        return tuple(
            Waiting(question, in_line == "1", "" if placeholder in _NO_MESSAGE else placeholder)
            for question_id, in_line, placeholder in found
            if (question := self._read(question_id)) is not None
        )

    @translate_errors
    def mark_unnotified(self, questions: Sequence[Question]) -> None:
        """Undo ``take_unnotified`` for questions whose users could not be notified."""
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
            logger.error("question cannot be read: %s", error.location)
            return None
