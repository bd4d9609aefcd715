"""Slack jobs that wait for a worker; ``storage.scripts`` lists the keys.

A job is stored as JSON with ids only, and without its installation, which its line names. It is run at most
once: a worker that dies loses it.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, fields
from typing import Any

from redis import Redis

from sectorflow_slack.domain.installations import InstallationKey
from sectorflow_slack.domain.slack_jobs import SlackJob, from_json
from sectorflow_slack.storage import scripts
from sectorflow_slack.storage.connection import translate_errors

#: How many jobs of one installation wait at most. Slack forgets what a user waits for within seconds.
MOST_WAITING = 500

#: Puts a Slack job at the end of the line of the first of the installations that is there, or stores it to be
#: put there in ``delay`` seconds. Returns 1, or 0 if none is installed or the line is full.
_ADD = (
    scripts.TURNS
    + """
local body, id, delay, most = ARGV[1], ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])
for at = 5, #ARGV do
  local installation = ARGV[at]
  if redis.call('EXISTS', 'installation:' .. installation) == 1 then
    if delay > 0 then
      redis.call('ZADD', 'jobs-later', now + delay, installation .. ' ' .. id .. ' ' .. body)
      return 1
    end
    if redis.call('LLEN', 'jobs:' .. installation) >= most then
      return 0
    end
    redis.call('RPUSH', 'jobs:' .. installation, body)
    give_turn('jobs', installation)
    wake('jobs')
    return 1
  end
end
return 0
"""
)

#: Takes the Slack job that has the next turn, other than those of the given customers; returns its customer,
#: its installation and itself, or nothing.
_TAKE = (
    scripts.TURNS
    + """
local busy = {}
for _, customer in ipairs(ARGV) do
  busy[customer] = true
end
local at = 0
while true do
  local customer = redis.call('ZRANGE', 'turns:jobs', at, at)[1]
  if not customer then
    return false
  end
  if busy[customer] then
    at = at + 1
  else
    local installation = take_turn('jobs', customer)
    local jobs = 'jobs:' .. (installation or '')
    local job = redis.call('LPOP', jobs)
    return_turn('jobs', customer, installation, redis.call('EXISTS', jobs) == 1)
    if job then
      if redis.call('ZCARD', 'turns:jobs') > at then
        wake('jobs')
      end
      return {customer, installation, job}
    end
  end
end
"""
)


class SlackJobQueue:
    """Stores Slack jobs until a worker takes them; customers take turns."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._add = redis.register_script(_ADD)
        self._take = redis.register_script(_TAKE)

    @translate_errors
    def enqueue(self, job: SlackJob, delay: float = 0.0, tenant_ids: Sequence[str] = ()) -> bool:
        """Store a job that runs in ``delay`` seconds, even if questions occupy all threads of all workers.

        ``tenant_ids`` are the candidates for its installation, best first, if that is not known. False if
        none of them is installed, or if too many of its jobs wait.
        """
        app_id, tenants = job.installation.app_id, tenant_ids or (job.installation.tenant_id,)
        installations = [f"{app_id}:{tenant_id}" for tenant_id in tenants]
        args: list[Any] = [job_body(job), uuid.uuid4().hex, delay, MOST_WAITING, *installations]
        return bool(self._add(args=args))

    @translate_errors
    def take(self, busy: Collection[str] = ()) -> tuple[str, Mapping[str, object]] | None:
        """Take the job that has the next turn, as its customer and its fields; None if there is none.

        The jobs of the customers in ``busy`` stay.
        """
        found = self._take(args=list(busy))
        if found is None:
            return None
        customer, installation, body = map(str, found)
        return customer, {**json.loads(body), "installation": asdict(InstallationKey.parse(installation))}


def job_body(job: SlackJob) -> str:
    """Return the JSON of a job without its installation."""
    values = {each.name: getattr(job, each.name) for each in fields(job) if each.name != "installation"}
    return json.dumps({"kind": job.kind, **values})


def read_job(fields: Mapping[str, object]) -> SlackJob:
    """Return the job with these fields.

    Raises:
        KeyError, TypeError: another release stored it, and this one does not know its kind or fields.

    """
    return from_json(**fields)  # type: ignore[arg-type]
