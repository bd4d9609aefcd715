"""The Lua scripts that move questions and Slack jobs: Redis is the engine, and each step is atomic.

============================================  ==========================================================
``question:{id}``                             hash: sealed ``question`` or ``event``, sealed ``plan``,
                                              ``accepted_at``, ``channel``, ``thread``, ``holder``, the
                                              fields of ``Progress`` and of ``storage.statuses``
``event:{app}:{tenant}:{event_id}``           marks an accepted event: Slack's retries are repeats
``asked:{app}:{tenant}:{channel}:{ts}``       marks an accepted message: an ``app_mention`` and a ``message``
                                              event of one ``ts`` are repeats
``asks:{app}:{tenant}:{user}``                how many questions a person has asked within the period
``braked:{app}:{tenant}:{user}``              marks that a person was told a moment ago why they must wait
``waiting:{app}:{tenant}``                    list of ids that wait for a worker
``later:{app}:{tenant}``                      sorted set of ids that are tried again, by when they are due
``underway:{app}:{tenant}``                   sorted set of ids that are leased, by when their leases end
``installations-with-questions``              set of ``{app}:{tenant}`` that have any of the three
``due``                                       sorted set of ``{app}:{tenant}`` by the first moment at which
                                              a question of theirs may be due again, or lose its lease
``jobs:{app}:{tenant}``                       list of Slack jobs (``storage.slack_jobs``)
``jobs-later``                                sorted set of delayed Slack jobs, by when they are due
``turns``                                     how many turns were given
``turns:{line}``                              sorted set of customers that have something to do in a line
                                              (``questions`` or ``jobs``), by the number of their turn
``turns:{line}:{customer}``                   the same of a customer's installations
``wakes:{line}``                              list on which idle workers block
============================================  ==========================================================

Times are Redis's own, in seconds since the epoch: the clocks of machines may differ. Turns have numbers and
no times: a clock that is set back must not favour those who were served since. A wake-up carries
nothing, so that one that is lost, doubled or late does no harm: the worker that gets it takes whatever has
the next turn. The first lines of each script name its ``ARGV`` in order.
"""

FAILED_QUESTION_SECONDS = 7 * 24 * 3600
#: How many wake-ups wait at most; a worker that takes something wakes the next one if more is to be done.
MAX_WAKES = 64

#: Sets ``now`` to Redis's time in seconds since the epoch.
NOW = """
local time = redis.call('TIME')
local now = tonumber(time[1]) + tonumber(time[2]) / 1e6
"""

#: Turns go by customer (``customerId``, else the installation), then by installation: who was served last is
#: the last to be served again.
TURNS = (
    NOW
    + f"""
local function wake(line)
  if redis.call('LLEN', 'wakes:' .. line) < {MAX_WAKES} then
    redis.call('RPUSH', 'wakes:' .. line, '1')
  end
end
"""
    + """
local function next_turn()
  return redis.call('INCR', 'turns')
end

local function give_turn(line, installation)
  local customer = redis.call('HGET', 'installation:' .. installation, 'customer')
  if not customer or customer == '' then
    customer = installation
  end
  redis.call('ZADD', 'turns:' .. line .. ':' .. customer, 'NX', next_turn(), installation)
  redis.call('ZADD', 'turns:' .. line, 'NX', next_turn(), customer)
end

-- Takes the first of a customer's installations out of its line.
local function take_turn(line, customer)
  local installations = 'turns:' .. line .. ':' .. customer
  local installation = redis.call('ZRANGE', installations, 0, 0)[1]
  redis.call('ZREM', 'turns:' .. line, customer)
  if installation then
    redis.call('ZREM', installations, installation)
  end
  return installation
end

-- Puts an installation that was taken, and its customer, at the end of the line, if they have more to do.
local function return_turn(line, customer, installation, has_more)
  local installations = 'turns:' .. line .. ':' .. customer
  if has_more then
    redis.call('ZADD', installations, next_turn(), installation)
  end
  if redis.call('EXISTS', installations) == 1 then
    redis.call('ZADD', 'turns:' .. line, next_turn(), customer)
  end
end

local function can_start(installation, limit)
  return redis.call('EXISTS', 'waiting:' .. installation) == 1
    and redis.call('ZCARD', 'underway:' .. installation) < tonumber(limit)
end

local function offer(installation, limit)
  if can_start(installation, limit) then
    give_turn('questions', installation)
  end
end

local function forget_idle(installation)
  local lines = {'waiting:' .. installation, 'later:' .. installation, 'underway:' .. installation}
  if redis.call('EXISTS', unpack(lines)) == 0 then
    redis.call('SREM', 'installations-with-questions', installation)
  end
end

local function add_question(id, installation, limit, at_head)
  redis.call(at_head and 'LPUSH' or 'RPUSH', 'waiting:' .. installation, id)
  redis.call('SADD', 'installations-with-questions', installation)
  offer(installation, limit)
  wake('questions')
end
"""
)

#: Stores the event of a question for the first of the installations that is there, as the last that waits.
#: Returns the outcome (``storage.questions.Outcome``) and the installation. A person who may not ask gets
#: the Slack job in ``full`` or ``braked``, once a minute. Counts every outcome but those without a question.
ACCEPT = (
    TURNS
    + """
local id, name, sealed, limit, most_waiting, most_asked, period = unpack(ARGV)
local user, channel, thread, event_id, ts, full, braked = unpack(ARGV, 8)
local repeat_seconds, question_seconds = ARGV[15], ARGV[16]
local installation
for at = 17, #ARGV do
  if redis.call('EXISTS', 'installation:' .. ARGV[at]) == 1 then
    installation = ARGV[at]
    break
  end
end
if not installation then
  return {'not_installed', ''}
end
if redis.call('HGET', 'installation:' .. installation, 'bot_user_id') == user then
  return {'own_message', installation}
end
redis.call('HINCRBY', 'metrics', 'received', 1)
local event = 'event:' .. installation .. ':' .. event_id
local asked = 'asked:' .. installation .. ':' .. channel .. ':' .. ts
if redis.call('EXISTS', event, asked) > 0 then
  redis.call('HINCRBY', 'metrics', 'repeated', 1)
  return {'repeated', installation}
end
redis.call('SET', event, id, 'EX', repeat_seconds)
redis.call('SET', asked, id, 'EX', repeat_seconds)

local function refuse(outcome, job)
  redis.call('HINCRBY', 'metrics', 'failed:' .. outcome, 1)
  if redis.call('SET', 'braked:' .. installation .. ':' .. user, '1', 'NX', 'EX', 60) then
    redis.call('RPUSH', 'jobs:' .. installation, job)
    give_turn('jobs', installation)
    wake('jobs')
  end
  return {outcome, installation}
end

if tonumber(most_asked) > 0 then
  local asks = 'asks:' .. installation .. ':' .. user
  local count = redis.call('INCR', asks)
  if count == 1 then
    redis.call('EXPIRE', asks, period)
  end
  if count > tonumber(most_asked) then
    return refuse('asked_too_often', braked)
  end
end
local open = redis.call('LLEN', 'waiting:' .. installation) + redis.call('ZCARD', 'later:' .. installation)
if open >= tonumber(most_waiting) then
  return refuse('too_many_waiting', full)
end
local key, at = 'question:' .. id, string.format('%.6f', now)
redis.call('HSET', key, name, sealed, 'accepted_at', at, 'channel', channel, 'thread', thread)
redis.call('EXPIRE', key, question_seconds)
add_question(id, installation, limit)
return {'accepted', installation}
"""
)

#: Leases the question that has the next turn to ``holder``; returns its id, its installation and the fields
#: that are named from the fourth argument on, or nothing if none can start. Counts as failed the questions
#: whose record has expired.
LEASE = (
    TURNS
    + """
local lease, limit, holder = tonumber(ARGV[1]), tonumber(ARGV[2]), ARGV[3]
while true do
  local customer = redis.call('ZRANGE', 'turns:questions', 0, 0)[1]
  if not customer then
    return false
  end
  local installation = take_turn('questions', customer)
  local id
  if installation and can_start(installation, limit) then
    id = redis.call('LPOP', 'waiting:' .. installation)
    while id and redis.call('EXISTS', 'question:' .. id) == 0 do
      redis.call('HINCRBY', 'metrics', 'failed:expired', 1)
      id = redis.call('LPOP', 'waiting:' .. installation)
    end
  end
  if id then
    redis.call('ZADD', 'underway:' .. installation, string.format('%.6f', now + lease), id)
    redis.call('ZADD', 'due', 'LT', now + lease, installation)
    redis.call('HSET', 'question:' .. id, 'holder', holder)
  elseif installation then
    forget_idle(installation)
  end
  return_turn('questions', customer, installation, installation and can_start(installation, limit))
  if id then
    if redis.call('EXISTS', 'turns:questions') == 1 then
      wake('questions')
    end
    return {id, installation, redis.call('HMGET', 'question:' .. id, unpack(ARGV, 4))}
  end
end
"""
)

#: Redis refuses the first write of a script while its memory is full, unless that write frees some. What was
#: accepted is completed nevertheless: whatever follows this is not refused.
EVEN_IF_FULL = """
redis.call('DEL', 'nothing')
"""

#: The first lines of each script that only the holder of a question may run; returns -1 to any other caller.
HOLDERS_ONLY = (
    """
if redis.call('HGET', 'question:' .. ARGV[1], 'holder') ~= ARGV[2] then
  return -1
end
"""
    + EVEN_IF_FULL
)

#: Extends the leases of questions that are under way: after the lease's length, each with its id, its holder
#: and its installation.
EXTEND = (
    NOW
    + EVEN_IF_FULL
    + """
local expires = string.format('%.6f', now + tonumber(ARGV[1]))
for at = 2, #ARGV, 3 do
  local id, holder, installation = ARGV[at], ARGV[at + 1], ARGV[at + 2]
  if redis.call('HGET', 'question:' .. id, 'holder') == holder then
    redis.call('ZADD', 'underway:' .. installation, expires, id)
  elseif #ARGV == 4 then
    return -1
  end
end
return 1
"""
)

#: Ends a lease: the question is tried again in ``delay`` seconds. Adds ``counts`` to its failed tries.
RELEASE = (
    HOLDERS_ONLY
    + TURNS
    + """
local id, _, installation, delay, counts, limit = unpack(ARGV)
redis.call('ZREM', 'underway:' .. installation, id)
redis.call('HINCRBY', 'question:' .. id, 'failures', counts)
redis.call('HDEL', 'question:' .. id, 'holder')
if tonumber(delay) > 0 then
  local at = now + tonumber(delay)
  redis.call('ZADD', 'later:' .. installation, string.format('%.6f', at), id)
  redis.call('ZADD', 'due', 'LT', at, installation)
  offer(installation, limit)
else
  add_question(id, installation, limit, true)
end
return 1
"""
)

#: Stores the messages to post and those of them that are posted; failed tries are counted from zero.
SAVE_PLAN = (
    HOLDERS_ONLY
    + """
return redis.call('HSET', 'question:' .. ARGV[1], 'failures', 0, 'plan', ARGV[3], 'posted', ARGV[4])
"""
)

#: Stores the ``ts`` of all posted messages, so that it may run twice.
MARK_POSTED = (
    HOLDERS_ONLY
    + """
return redis.call('HSET', 'question:' .. ARGV[1], 'posted', ARGV[3])
"""
)

#: Deletes a question, counts how it ended, and returns 1 if another question can start. Stores ``sealed``,
#: unless it is '', to be asked again, and lists it among the failed questions if ``is_failed`` is 1.
COMPLETE = (
    HOLDERS_ONLY
    + TURNS
    + """
local id, _, installation, limit, counter, sealed, reason, is_failed, seconds = unpack(ARGV)
redis.call('ZREM', 'underway:' .. installation, id)
redis.call('DEL', 'question:' .. id)
redis.call('HINCRBY', 'metrics', counter, 1)
if sealed ~= '' then
  local failed, at = 'letter:' .. id, string.format('%.6f', now)
  redis.call('HSET', failed, 'question', sealed, 'reason', reason, 'at', at)
  redis.call('EXPIRE', failed, seconds)
end
if is_failed == '1' then
  redis.call('ZADD', 'dead-letters', string.format('%.6f', now), id)
  redis.call('ZREMRANGEBYSCORE', 'dead-letters', '-inf', now - seconds)
end
offer(installation, limit)
forget_idle(installation)
return redis.call('EXISTS', 'turns:questions')
"""
)

#: Stores a failed question as the last that waits, and returns 1; 0 if it is gone. Deletes an answer that
#: could not be posted.
REVIVE = (
    TURNS
    + """
local id, installation, sealed, channel, thread, limit, seconds = unpack(ARGV)
if redis.call('DEL', 'letter:' .. id) == 0 then
  return 0
end
local key, at = 'question:' .. id, string.format('%.6f', now)
redis.call('ZREM', 'dead-letters', id)
redis.call('DEL', 'answer:' .. id)
redis.call('HSET', key, 'question', sealed, 'accepted_at', at, 'channel', channel, 'thread', thread)
redis.call('EXPIRE', key, seconds)
redis.call('HINCRBY', 'metrics', 'received', 1)
add_question(id, installation, limit)
return 1
"""
)

#: Ends the open questions of a thread: each is taken from its worker, and the next one only says that it was
#: stopped. Returns how many.
STOP = (
    TURNS
    + """
local installation, channel, thread, user, limit = unpack(ARGV)
local waiting, later = 'waiting:' .. installation, 'later:' .. installation
local underway = 'underway:' .. installation
local stopped = 0
local function stop(ids, remove, source)
  for _, id in ipairs(ids) do
    local found = redis.call('HMGET', 'question:' .. id, 'channel', 'thread', 'stopped')
    if found[1] == channel and found[2] == thread and not found[3] then
      redis.call('HDEL', 'question:' .. id, 'holder')
      redis.call('HSET', 'question:' .. id, 'stopped', user)
      remove(source, id)
      add_question(id, installation, limit, true)
      stopped = stopped + 1
    end
  end
end
local function from_set(source, id) redis.call('ZREM', source, id) end
local function from_list(source, id) redis.call('LREM', source, 1, id) end
stop(redis.call('LRANGE', waiting, 0, -1), from_list, waiting)
stop(redis.call('ZRANGE', later, 0, -1), from_set, later)
stop(redis.call('ZRANGE', underway, 0, -1), from_set, underway)
return stopped
"""
)

#: Moves what is due to its line: questions and Slack jobs that are tried again, and questions whose lease has
#: expired, which it counts. Looks at a few installations besides, so that nothing is left lying that Redis or
#: an earlier release has lost from ``due`` or from the turns. Records that the worker lives. Returns the
#: seconds until something else is due, at most ``longest``.
TICK = (
    TURNS
    + """
local worker, limit, longest, most = ARGV[1], ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])
redis.call('ZREMRANGEBYSCORE', 'workers', '-inf', now - 60)
redis.call('ZADD', 'workers', now, worker)

-- Moves what is due of a source of questions; returns when the next one is due.
local function move_due(installation, source)
  for _, id in ipairs(redis.call('ZREVRANGEBYSCORE', source, now, '-inf')) do
    redis.call('ZREM', source, id)
    redis.call('LPUSH', 'waiting:' .. installation, id)
    if source == 'underway:' .. installation and redis.call('EXISTS', 'question:' .. id) == 1 then
      redis.call('HINCRBY', 'question:' .. id, 'deaths', 1)
      redis.call('HDEL', 'question:' .. id, 'holder')
      redis.call('HINCRBY', 'metrics', 'let_go', 1)
    end
  end
  return tonumber(redis.call('ZRANGE', source, 0, 0, 'WITHSCORES')[2]) or math.huge
end

local function look(installation)
  local retry = move_due(installation, 'later:' .. installation)
  local first = math.min(retry, move_due(installation, 'underway:' .. installation))
  if first < math.huge then
    redis.call('ZADD', 'due', first, installation)
  else
    redis.call('ZREM', 'due', installation)
  end
  offer(installation, limit)
  forget_idle(installation)
end

for _, installation in ipairs(redis.call('ZRANGEBYSCORE', 'due', '-inf', now, 'LIMIT', 0, most)) do
  look(installation)
end
for _, installation in ipairs(redis.call('SRANDMEMBER', 'installations-with-questions', 16)) do
  look(installation)
end
for _, job in ipairs(redis.call('ZRANGEBYSCORE', 'jobs-later', '-inf', now, 'LIMIT', 0, most)) do
  local installation, body = string.match(job, '^(%S+) %S+ (.*)$')
  redis.call('ZREM', 'jobs-later', job)
  redis.call('RPUSH', 'jobs:' .. installation, body)
  give_turn('jobs', installation)
end
for _, line in ipairs({'questions', 'jobs'}) do
  if redis.call('EXISTS', 'turns:' .. line) == 1 then
    wake(line)
  end
end
-- A retry may have been stored since: while there are questions, the next look is not far.
local wait = redis.call('EXISTS', 'installations-with-questions') == 1 and 1 or longest
for _, source in ipairs({'due', 'jobs-later'}) do
  local first = tonumber(redis.call('ZRANGE', source, 0, 0, 'WITHSCORES')[2])
  wait = first and math.max(0, math.min(wait, first - now)) or wait
end
return string.format('%.3f', wait)
"""
)
