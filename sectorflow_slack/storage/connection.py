"""The Redis client, its time limits, and its errors as ``StorageUnavailable``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import wraps
from typing import Any, ParamSpec, TypeVar, cast

import redis
from redis.backoff import ExponentialBackoff, NoBackoff
from redis.client import Pipeline
from redis.retry import Retry

from sectorflow_slack.domain.errors import StorageUnavailable

P = ParamSpec("P")
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Timeouts:
    """How long a command waits for Redis, and how it is retried."""

    seconds: float
    retry: Retry


#: Slack waits 3 s for an acknowledgement. redis-py's defaults (5 s, 10 retries) take up to 59 s when Redis
#: hangs; these give up after 1 s: a lost connection is retried once, a time-out is final. (redis-py retries a
#: command, and within each try the connection: one retry of a time-out makes four waits.)
WEB_TIMEOUTS = Timeouts(1.0, Retry(NoBackoff(), 1, supported_errors=(redis.ConnectionError,)))
#: A worker has time: its writes record work that is done.
WORKER_TIMEOUTS = Timeouts(5.0, Retry(ExponentialBackoff(cap=1, base=0.1), 3))


def connect(url: str, timeouts: Timeouts, *, tls_verify: bool) -> redis.Redis:
    """Make a client; it connects with its first command, so that processes may fork after this.

    Without ``tls_verify``, a self-signed certificate is accepted, as Heroku's Redis has. Replies are ``str``.
    """
    options: dict[str, Any] = {
        "socket_timeout": timeouts.seconds,
        "retry": timeouts.retry,
        "health_check_interval": 30,
        "decode_responses": True,
    }
    if not url.startswith("unix://"):
        options["socket_connect_timeout"] = timeouts.seconds
    if url.startswith("rediss://") and not tls_verify:
        options |= {"ssl_cert_reqs": "none", "ssl_check_hostname": False}
    return redis.Redis.from_url(url, **options)


def read_hash(client: redis.Redis, key: str) -> dict[str, str]:
    """Load a whole hash, empty if the key does not exist; ``client`` returns text."""
    return cast("dict[str, str]", client.hgetall(key))


def write_hash(client: redis.Redis, key: str, fields: Mapping[str, str]) -> None:
    """Set fields of a hash; on a pipeline, queue that."""
    client.hset(key, mapping=cast("Mapping[Any, Any]", fields))


def flat(fields: Mapping[str, str]) -> list[str]:
    """Return fields as a script's arguments for ``HSET``: each name followed by its value."""
    return [part for pair in fields.items() for part in pair]


def transact(client: redis.Redis, step: Callable[[Pipeline], T], *watched: str) -> T:
    """Run ``step`` again until no other client has changed the ``watched`` keys during it.

    ``step`` reads, calls ``multi()`` and queues its writes, or returns before ``multi()`` to write nothing.
    """
    return cast(T, client.transaction(cast(Any, step), *watched, value_from_callable=True))


def translate_errors(method: Callable[P, T]) -> Callable[P, T]:
    """Raise ``StorageUnavailable`` for every error of redis-py, without its text."""

    @wraps(method)
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return method(*args, **kwargs)
        except redis.RedisError as error:
            raise StorageUnavailable(type(error).__name__) from None

    return wrapper
