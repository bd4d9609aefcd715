"""The commands of Redis that the service needs, and which of them the user of REDIS_URL may not run.

A provider may forbid commands, and an operator may give the service a user of its own. INFO and CONFIG GET
are not needed: what they would report is then unknown. ``docs/deployment.md`` has the same list.
"""

from __future__ import annotations

import uuid

import redis
from redis.exceptions import NoPermissionError

from sectorflow_slack.storage.connection import translate_errors

#: One call of each command, separated by semicolons. An error about the value is none about the permission.
_CALLS = """
PING; TIME; SCAN 0 COUNT 1; SCRIPT LOAD return; SCRIPT EXISTS 0; EVALSHA 0 0;
TYPE {key}; TTL {key}; PTTL {key}; EXISTS {key};
SET {key} 1 EX 60; GET {key}; MGET {key}; INCR {key}; EXPIRE {key} 60; PERSIST {key}; GETDEL {key}; DEL {key};
HSET {key} a 1; HSETNX {key} a 1; HGET {key} a; HMGET {key} a; HGETALL {key}; HEXISTS {key} a;
HINCRBY {key} b 1; HINCRBYFLOAT {key} b 1; HDEL {key} a b;
RPUSH {key} 1 2; LPUSH {key} 1; LRANGE {key} 0 0; LINDEX {key} 0; LLEN {key}; LTRIM {key} 0 0; LREM {key} 0 2;
BLPOP {key} 0.01; LPOP {key}; RPOP {key}; DEL {key};
SADD {key} 1; SRANDMEMBER {key}; SISMEMBER {key} 1; SMEMBERS {key}; SSCAN {key} 0; SCARD {key}; SREM {key} 1;
ZADD {key} 1 a; ZSCORE {key} a; ZCARD {key}; ZCOUNT {key} 0 1; ZRANGE {key} 0 0; ZRANGEBYSCORE {key} 0 0;
ZREVRANGEBYSCORE {key} 0 0; ZRANGEBYLEX {key} - +; ZREMRANGEBYSCORE {key} 0 0; ZREM {key} a; DEL {key}
"""
_TRANSACTION = ("WATCH", "MULTI", "EXEC", "UNWATCH")

#: The words after these are part of the command's name.
_CONTAINERS = frozenset({"SCRIPT"})


def needed_commands() -> tuple[str, ...]:
    """List the commands that the service needs, each once."""
    names = (_name(call) for call in _calls(""))
    return tuple(dict.fromkeys((*names, *_TRANSACTION)))


@translate_errors
def refused_commands(client: redis.Redis) -> tuple[str, ...]:
    """Try each command on a key that no one has, and list those that Redis refuses or does not know."""
    key = f"doctor:{uuid.uuid4().hex}"
    with client.pipeline(transaction=False) as pipe:
        for call in _calls(key):
            pipe.execute_command(*call)  # type: ignore[no-untyped-call]
        replies = pipe.execute(raise_on_error=False)
    refused = [_name(call) for call, reply in zip(_calls(key), replies, strict=True) if _is_refusal(reply)]
    try:
        client.transaction(lambda pipe: pipe.multi(), key)
    except redis.ResponseError:
        refused += _TRANSACTION
    return tuple(dict.fromkeys(refused))


def _calls(key: str) -> tuple[list[str], ...]:
    return tuple(call.format(key=key).split() for call in _CALLS.split(";"))


def _name(call: list[str]) -> str:
    return " ".join(call[:2]) if call[0] in _CONTAINERS else call[0]


def _is_refusal(reply: object) -> bool:
    return isinstance(reply, NoPermissionError) or "unknown command" in str(reply)
