"""The Lua scripts that move questions, each one step in Redis; and what they and their callers share.

``KEYS`` and ``ARGV`` are named at the top of each script, in order.
"""

INSTALLATIONS = "installations-with-questions"
FAILED_QUESTIONS = "dead-letters"
FAILED_QUESTION_SECONDS = 7 * 24 * 3600


def question_key(question_id: str) -> str:
    """Give the key of what is kept of a question."""
    return f"question:{question_id}"


NOW = """
local time = redis.call('TIME')
local now = tonumber(time[1]) + tonumber(time[2]) / 1e6
"""

#: Returns 1 where the question is new and now waits, 0 where it was accepted before; counts which.
ACCEPT = (
    NOW
    + """
local event, asked, question, waiting, installations, metrics = unpack(KEYS)
local id, sealed, repeat_seconds, question_seconds, installation = unpack(ARGV)
redis.call('HINCRBY', metrics, 'received', 1)
if redis.call('EXISTS', event, asked) > 0 then
  redis.call('HINCRBY', metrics, 'repeated', 1)
  return 0
end
redis.call('SET', event, id, 'EX', repeat_seconds)
redis.call('SET', asked, id, 'EX', repeat_seconds)
redis.call('HSET', question, 'question', sealed, 'accepted_at', string.format('%.6f', now))
redis.call('EXPIRE', question, question_seconds)
redis.call('RPUSH', waiting, id)
redis.call('SADD', installations, installation)
return 1
"""
)

#: Returns the id of the question that the caller holds from now on, or nothing. Questions that a dead
#: worker let go, or that are due again, come first; one that is gone after its week is counted as failed.
LEASE = (
    NOW
    + """
local waiting, later, underway, installations, metrics = unpack(KEYS)
local lease, limit, installation, holder = tonumber(ARGV[1]), tonumber(ARGV[2]), ARGV[3], ARGV[4]
for _, line in ipairs({later, underway}) do
  for _, id in ipairs(redis.call('ZREVRANGEBYSCORE', line, now, '-inf')) do
    redis.call('ZREM', line, id)
    redis.call('LPUSH', waiting, id)
    if line == underway and redis.call('EXISTS', 'question:' .. id) == 1 then
      redis.call('HINCRBY', 'question:' .. id, 'deaths', 1)
      redis.call('HDEL', 'question:' .. id, 'holder')
      redis.call('HINCRBY', metrics, 'let_go', 1)
    end
  end
end
if redis.call('ZCARD', underway) >= limit then
  return false
end
local id = redis.call('LPOP', waiting)
while id and redis.call('EXISTS', 'question:' .. id) == 0 do
  redis.call('HINCRBY', metrics, 'failed:expired', 1)
  id = redis.call('LPOP', waiting)
end
if not id then
  if redis.call('EXISTS', later, underway) == 0 then
    redis.call('SREM', installations, installation)
  end
  return false
end
redis.call('ZADD', underway, string.format('%.6f', now + lease), id)
redis.call('HSET', 'question:' .. id, 'holder', holder)
return id
"""
)

#: The first lines of every script that only the holder of a question may run: -1 for anybody else.
HOLDERS_ONLY = """
if redis.call('HGET', KEYS[1], 'holder') ~= ARGV[1] then
  return -1
end
"""

#: Moves the moment at which a held question is let go.
EXTEND = (
    HOLDERS_ONLY
    + NOW
    + """
local underway, id, lease = KEYS[2], ARGV[2], tonumber(ARGV[3])
return redis.call('ZADD', underway, 'XX', string.format('%.6f', now + lease), id)
"""
)

#: Moves a question from being worked on to a later moment.
RELEASE = (
    HOLDERS_ONLY
    + NOW
    + """
local question, underway, later = unpack(KEYS)
local id, delay, counts = ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])
redis.call('ZREM', underway, id)
redis.call('ZADD', later, string.format('%.6f', now + delay), id)
redis.call('HINCRBY', question, 'failures', counts)
redis.call('HDEL', question, 'holder')
return 1
"""
)

#: Keeps what is to be said to a question, and how much of that is said already.
SAVE_PLAN = (
    HOLDERS_ONLY
    + """
redis.call('HSET', KEYS[1], 'failures', 0)
return redis.call('HSET', KEYS[1], 'plan', ARGV[2], 'posted', ARGV[3])
"""
)

#: Keeps which messages Slack has taken; all of them, not one more, so that it may be sent again. What stood
#: in for the answer is a message of it from now on.
MARK_POSTED = (
    HOLDERS_ONLY
    + """
return redis.call('HSET', KEYS[1], 'posted', ARGV[2], 'interim', 'none')
"""
)

#: Forgets a question and counts how it ended; returns 1 where more of its installation wait. A letter, if
#: there is one, keeps what it takes to ask again, and is among the dead where ``dead`` is 1.
COMPLETE = (
    HOLDERS_ONLY
    + NOW
    + """
local question, waiting, underway, metrics, letter, dead_letters = unpack(KEYS)
local _, id, counter, sealed, reason, dead, seconds = unpack(ARGV)
redis.call('ZREM', underway, id)
redis.call('DEL', question)
redis.call('HINCRBY', metrics, counter, 1)
if sealed ~= '' then
  redis.call('HSET', letter, 'question', sealed, 'reason', reason, 'at', string.format('%.6f', now))
  redis.call('EXPIRE', letter, seconds)
end
if dead == '1' then
  redis.call('ZADD', dead_letters, string.format('%.6f', now), id)
  redis.call('ZREMRANGEBYSCORE', dead_letters, '-inf', now - seconds)
end
return redis.call('EXISTS', waiting)
"""
)

#: Puts what a letter keeps in line again, once; returns 0 where the letter is gone. The message that told of
#: the failure, if it is given, stands in for the answer; an answer that never got through is forgotten.
REVIVE = (
    NOW
    + """
local letter, dead_letters, question, waiting, installations, metrics = unpack(KEYS)
local id, sealed, seconds, installation, interim = unpack(ARGV)
if redis.call('DEL', letter) == 0 then
  return 0
end
redis.call('ZREM', dead_letters, id)
redis.call('DEL', 'answer:' .. id)
redis.call('HSET', question, 'question', sealed, 'accepted_at', string.format('%.6f', now))
if interim ~= '' then
  redis.call('HSET', question, 'interim', interim)
end
redis.call('EXPIRE', question, seconds)
redis.call('RPUSH', waiting, id)
redis.call('SADD', installations, installation)
redis.call('HINCRBY', metrics, 'received', 1)
return 1
"""
)

#: Lists installations that have a question to take up and room for it, each at most once in a while.
DUE = (
    NOW
    + """
local limit, pause = tonumber(ARGV[1]), tonumber(ARGV[2])
local due = {}
for _, installation in ipairs(redis.call('SMEMBERS', KEYS[1])) do
  local waiting = redis.call('LLEN', 'waiting:' .. installation)
  local again = redis.call('ZCOUNT', 'later:' .. installation, '-inf', now)
  local let_go = redis.call('ZCOUNT', 'underway:' .. installation, '-inf', now)
  local held = redis.call('ZCARD', 'underway:' .. installation) - let_go
  if waiting + again + let_go > 0 and held < limit
      and redis.call('SET', 'nudged:' .. installation, '1', 'NX', 'EX', pause) then
    due[#due + 1] = installation
  elseif waiting == 0
      and redis.call('EXISTS', 'later:' .. installation, 'underway:' .. installation) == 0 then
    redis.call('SREM', KEYS[1], installation)
  end
end
return due
"""
)
