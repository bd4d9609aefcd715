"""The Lua scripts that move questions; ``storage.questions`` lists the keys.

The first lines of each script name its ``KEYS`` and ``ARGV`` in order.
"""

FAILED_QUESTION_SECONDS = 7 * 24 * 3600

#: Sets ``now`` to Redis's time in seconds since the epoch.
NOW = """
local time = redis.call('TIME')
local now = tonumber(time[1]) + tonumber(time[2]) / 1e6
"""

#: Stores a question as the last that waits, and returns 1; 0 if its event or message was accepted before.
#: Counts either.
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

#: Leases the next question to ``holder`` and returns its id, or nothing if none waits or ``limit`` are under
#: way. First moves the questions that are due again and those of expired leases to the head of the waiting
#: list. Counts expired leases, and as failed the questions whose record has expired.
LEASE = (
    NOW
    + """
local waiting, later, underway, installations, metrics = unpack(KEYS)
local lease, limit, installation, holder = tonumber(ARGV[1]), tonumber(ARGV[2]), ARGV[3], ARGV[4]
for _, source in ipairs({later, underway}) do
  for _, id in ipairs(redis.call('ZREVRANGEBYSCORE', source, now, '-inf')) do
    redis.call('ZREM', source, id)
    redis.call('LPUSH', waiting, id)
    if source == underway and redis.call('EXISTS', 'question:' .. id) == 1 then
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

#: The first lines of each script that only the holder of a question may run; returns -1 to any other caller.
HOLDERS_ONLY = """
if redis.call('HGET', KEYS[1], 'holder') ~= ARGV[1] then
  return -1
end
"""

#: Extends the lease of a question that is under way.
EXTEND = (
    HOLDERS_ONLY
    + NOW
    + """
local underway, id, lease = KEYS[2], ARGV[2], tonumber(ARGV[3])
return redis.call('ZADD', underway, 'XX', string.format('%.6f', now + lease), id)
"""
)

#: Ends a lease: the question is tried again in ``delay`` seconds. Adds ``counts`` to its failed tries.
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

#: Stores the messages to post and those of them that are posted; failed tries are counted from zero.
SAVE_PLAN = (
    HOLDERS_ONLY
    + """
redis.call('HSET', KEYS[1], 'failures', 0)
return redis.call('HSET', KEYS[1], 'plan', ARGV[2], 'posted', ARGV[3])
"""
)

#: Stores the ``ts`` of all posted messages, so that it may run twice. The placeholder, if any, has become one
#: of them.
MARK_POSTED = (
    HOLDERS_ONLY
    + """
return redis.call('HSET', KEYS[1], 'posted', ARGV[2], 'interim', 'none')
"""
)

#: Deletes a question, counts how it ended, and returns 1 if more of its installation wait. Stores ``sealed``,
#: unless it is '', to be asked again, and lists it among the failed questions if ``is_failed`` is 1.
COMPLETE = (
    HOLDERS_ONLY
    + NOW
    + """
local question, waiting, underway, metrics, failed_question, failed_questions = unpack(KEYS)
local _, id, counter, sealed, reason, is_failed, seconds = unpack(ARGV)
redis.call('ZREM', underway, id)
redis.call('DEL', question)
redis.call('HINCRBY', metrics, counter, 1)
if sealed ~= '' then
  redis.call('HSET', failed_question, 'question', sealed, 'reason', reason, 'at', string.format('%.6f', now))
  redis.call('EXPIRE', failed_question, seconds)
end
if is_failed == '1' then
  redis.call('ZADD', failed_questions, string.format('%.6f', now), id)
  redis.call('ZREMRANGEBYSCORE', failed_questions, '-inf', now - seconds)
end
return redis.call('EXISTS', waiting)
"""
)

#: Stores a failed question as the last that waits, and returns 1; 0 if it is gone. The message that reported
#: the failure, if given, becomes the placeholder. Deletes an answer that could not be posted.
REVIVE = (
    NOW
    + """
local failed_question, failed_questions, question, waiting, installations, metrics = unpack(KEYS)
local id, sealed, seconds, installation, placeholder = unpack(ARGV)
if redis.call('DEL', failed_question) == 0 then
  return 0
end
redis.call('ZREM', failed_questions, id)
redis.call('DEL', 'answer:' .. id)
redis.call('HSET', question, 'question', sealed, 'accepted_at', string.format('%.6f', now))
if placeholder ~= '' then
  redis.call('HSET', question, 'interim', placeholder)
end
redis.call('EXPIRE', question, seconds)
redis.call('RPUSH', waiting, id)
redis.call('SADD', installations, installation)
redis.call('HINCRBY', metrics, 'received', 1)
return 1
"""
)

#: Lists the installations that have a question to lease and room for it, each at most once per ``pause``
#: seconds. Forgets the installations without questions.
DUE = (
    NOW
    + """
local limit, pause = tonumber(ARGV[1]), tonumber(ARGV[2])
local due = {}
for _, installation in ipairs(redis.call('SMEMBERS', KEYS[1])) do
  local waiting = redis.call('LLEN', 'waiting:' .. installation)
  local again = redis.call('ZCOUNT', 'later:' .. installation, '-inf', now)
  local expired = redis.call('ZCOUNT', 'underway:' .. installation, '-inf', now)
  local held = redis.call('ZCARD', 'underway:' .. installation) - expired
  if waiting + again + expired > 0 and held < limit
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
