"""The status that a thread shows while a question is open.

``question:{id}`` (``storage.scripts``) also has the fields

=============  ==========================================================================================
``status``     how it is shown: ``session``, ``thread`` or a message's ``ts`` (``services.statuses``);
               ``setting`` while a process sets it, ``over:`` and one of these once it is to go
``status_at``  when ``setting`` began
=============  ==========================================================================================
"""

from __future__ import annotations

from redis import Redis

from sectorflow_slack.domain.installations import InstallationKey
from sectorflow_slack.domain.questions import Lease, Question
from sectorflow_slack.storage import scripts
from sectorflow_slack.storage.connection import translate_errors
from sectorflow_slack.storage.crypto import Cipher
from sectorflow_slack.storage.keys import INSTALLATIONS_WITH_QUESTIONS, question_key
from sectorflow_slack.storage.questions import check_held, log_unreadable
from sectorflow_slack.storage.records import read_leased

#: How long a question waits in line without a status.
UNSHOWN_SECONDS = 3
#: How many statuses of one installation are set at a time: Slack allows about one call a second.
SHOWN_AT_ONCE = 5
#: A process that sets a status counts as dead after this time. A call to Slack takes up to 10 s: if it
#: counted as dead sooner, its status could still appear after the answer.
SETTING_SECONDS = 12
#: A status in a thread ends after two minutes (docs.slack.dev, assistant.threads.setStatus).
RENEW_SECONDS = 80.0

#: Claims the right to set a status; returns 0 if there is one that does not expire soon, or another process
#: is setting it.
_CLAIM = (
    scripts.NOW
    + """
local question, setting_seconds = 'question:' .. ARGV[1], tonumber(ARGV[2])
local status, since = unpack(redis.call('HMGET', question, 'status', 'status_at'))
local age = now - tonumber(since or 0)
local died = status == 'setting' and age > setting_seconds
local expired = status == 'thread' and age > tonumber(ARGV[3])
if redis.call('EXISTS', question) == 0 or (status and not died and not expired) then
  return 0
end
redis.call('HSET', question, 'status', 'setting', 'status_at', string.format('%.6f', now))
return 1
"""
)

#: Stores the status that was set, '' if none was; returns 0 if it was to be over meanwhile.
_STORE = """
local question, shown = 'question:' .. ARGV[1], ARGV[2]
local status = redis.call('HGET', question, 'status')
if status ~= 'setting' then
  return status == shown and 1 or 0
end
if shown == '' then
  redis.call('HDEL', question, 'status')
else
  redis.call('HSET', question, 'status', shown)
end
return 1
"""

#: Returns the status that is to go, '' for none, or nothing while a process sets one. From now on none is
#: set, and a retry after a crash gets the same result. A process that died leaves 'setting'.
_END = (
    scripts.HOLDERS_ONLY
    + scripts.NOW
    + """
local question, setting_seconds = 'question:' .. ARGV[1], tonumber(ARGV[3])
local status, since = unpack(redis.call('HMGET', question, 'status', 'status_at'))
if status == 'setting' and now - tonumber(since) < setting_seconds then
  return false
end
local shown = string.match(status or '', '^over:(.*)$') or status or ''
redis.call('HSET', question, 'status', 'over:' .. shown)
return shown
"""
)

#: Lists questions that wait in line without a status, or with one that expires soon, each as its id, its
#: installation, and its sealed ``question`` and ``event``. Looks at the first hundred of each of a hundred
#: installations, in any order.
_UNSHOWN = (
    scripts.NOW
    + """
local unshown_seconds, most, renew_seconds = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local found = {}
for _, installation in ipairs(redis.call('SRANDMEMBER', KEYS[1], 100)) do
  local count = 0
  for _, id in ipairs(redis.call('LRANGE', 'waiting:' .. installation, 0, 99)) do
    local names = {'status', 'accepted_at', 'question', 'event', 'status_at'}
    local status, since, question, event, at = unpack(redis.call('HMGET', 'question:' .. id, unpack(names)))
    local expired = status == 'thread' and now - tonumber(at) > renew_seconds
    if expired or (since and not status and now - tonumber(since) > unshown_seconds) then
      found[#found + 1] = {id, installation, question or '', event or ''}
      count = count + 1
    end
    if count >= most then
      break
    end
  end
end
return found
"""
)


class StatusStore:
    """Stores how each open question's status is shown: ``session``, ``thread``, a ``ts``, or "" for not.

    A process claims the status before it sets it, so that there is one. The worker that has posted the answer
    ends it, after which no process sets one. Each step is atomic, and ignores a question that is gone.
    """

    def __init__(self, redis: Redis, cipher: Cipher, *, unshown_seconds: float = UNSHOWN_SECONDS) -> None:
        self._redis = redis
        self._cipher = cipher
        self._unshown_seconds = unshown_seconds
        self._claim = redis.register_script(_CLAIM)
        self._store = redis.register_script(_STORE)
        self._end = redis.register_script(_END)
        self._unshown = redis.register_script(_UNSHOWN)

    @translate_errors
    def claim(self, question_id: str) -> bool:
        """Claim the right to set a status; False if there is one, or another process sets it."""
        return bool(self._claim(args=[question_id, SETTING_SECONDS, RENEW_SECONDS]))

    @translate_errors
    def shown_as(self, question_id: str) -> str:
        """Return how the status is stored as shown; "" if it is not."""
        return str(self._redis.hget(question_key(question_id), "status") or "")

    @translate_errors
    def store(self, question_id: str, shown: str) -> bool:
        """Store how the status is shown, "" if it is not; False if it was to be over meanwhile."""
        return bool(self._store(args=[question_id, shown]))

    @translate_errors
    def end(self, question: Question) -> str | None:
        """Return how the status was shown, which is to go now; None while a process sets it.

        ``setting`` if the process that set it died, so that it is unknown.

        Raises:
            LeaseLost: another worker has the question now.

        """
        shown = self._end(args=[question.id, question.holder, SETTING_SECONDS])
        if shown is None:
            return None
        # A status is text; only a refusal is a number.
        if isinstance(shown, int):
            check_held(shown)
        return str(shown)

    @translate_errors
    def unshown(self) -> tuple[Lease, ...]:
        """List a few questions of each installation that wait in line without a status."""
        args = [self._unshown_seconds, SHOWN_AT_ONCE, RENEW_SECONDS]
        found = self._unshown(keys=[INSTALLATIONS_WITH_QUESTIONS], args=args)
        read = (self._read(*map(str, each)) for each in found)
        return tuple(each for each in read if each is not None)

    def _read(self, question_id: str, installation: str, question: str, event: str) -> Lease | None:
        lease = Lease(question_id, InstallationKey.parse(installation), "")
        try:
            return read_leased(self._cipher, lease, question, event)
        except Exception as error:
            log_unreadable(lease, error)
            return None
