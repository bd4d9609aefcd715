"""The Lua scripts that move questions: each runs in Redis as one step.

``KEYS`` and ``ARGV`` are named at the top of each script, in order.
"""

INSTALLATIONS = "installations-with-questions"

_NOW = """
local time = redis.call('TIME')
local now = tonumber(time[1]) + tonumber(time[2]) / 1e6
"""

#: Returns 1 where the question is new and now waits, 0 where it was accepted before.
ACCEPT = """
local event, asked, question, waiting, installations = unpack(KEYS)
local id, sealed, repeat_seconds, question_seconds, installation = unpack(ARGV)
if redis.call('EXISTS', event, asked) > 0 then
  return 0
end
redis.call('SET', event, id, 'EX', repeat_seconds)
redis.call('SET', asked, id, 'EX', repeat_seconds)
redis.call('HSET', question, 'question', sealed)
redis.call('EXPIRE', question, question_seconds)
redis.call('RPUSH', waiting, id)
redis.call('SADD', installations, installation)
return 1
"""

#: Returns the id of the question that the caller holds from now on, or nothing. Questions that a dead
#: worker let go, or that are due again, come first.
TAKE = (
    _NOW
    + """
local waiting, later, underway, installations = unpack(KEYS)
local lease, limit, installation = tonumber(ARGV[1]), tonumber(ARGV[2]), ARGV[3]
for _, line in ipairs({later, underway}) do
  for _, id in ipairs(redis.call('ZREVRANGEBYSCORE', line, now, '-inf')) do
    redis.call('ZREM', line, id)
    redis.call('LPUSH', waiting, id)
    if line == underway and redis.call('EXISTS', 'question:' .. id) == 1 then
      redis.call('HINCRBY', 'question:' .. id, 'deaths', 1)
    end
  end
end
if redis.call('ZCARD', underway) >= limit then
  return false
end
local id = redis.call('LPOP', waiting)
if not id then
  if redis.call('EXISTS', later, underway) == 0 then
    redis.call('SREM', installations, installation)
  end
  return false
end
redis.call('ZADD', underway, string.format('%.6f', now + lease), id)
return id
"""
)

#: Moves the moment at which a held question is let go; does nothing where it is held no more.
HOLD = (
    _NOW
    + """
return redis.call('ZADD', KEYS[1], 'XX', string.format('%.6f', now + tonumber(ARGV[2])), ARGV[1])
"""
)

#: Moves a question from being worked on to a later moment.
PUT_BACK = (
    _NOW
    + """
local underway, later, question = unpack(KEYS)
local id, delay, counts = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
if redis.call('ZREM', underway, id) == 0 or redis.call('EXISTS', question) == 0 then
  return 0
end
redis.call('ZADD', later, string.format('%.6f', now + delay), id)
redis.call('HINCRBY', question, 'failures', counts)
return 1
"""
)

#: Keeps a reply; not of a question that is forgotten already, or it would stay for good.
SAVE_REPLY = """
if redis.call('EXISTS', KEYS[1]) == 1 then
  redis.call('HSET', KEYS[1], 'reply', ARGV[1])
end
"""

#: Counts a message; not of a question that is forgotten already, or its count would stay for good.
MARK_POSTED = """
if redis.call('EXISTS', KEYS[1]) == 1 then
  redis.call('HINCRBY', KEYS[1], 'posted', 1)
end
"""

#: Forgets a question; returns 1 where more questions of its installation wait.
FINISH = """
local waiting, later, underway, installations, question = unpack(KEYS)
redis.call('ZREM', underway, ARGV[1])
redis.call('ZREM', later, ARGV[1])
redis.call('DEL', question)
return redis.call('EXISTS', waiting)
"""

#: Lists installations that have a question to take up and room for it, each at most once in a while.
DUE = (
    _NOW
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
