"""The Redis client, its time limits, and its errors as ``StorageUnavailable``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any, ParamSpec, TypeVar, cast

import redis
from redis.backoff import ExponentialBackoff, NoBackoff
from redis.client import Pipeline
from redis.retry import Retry

from sectorflow_slack.domain.errors import StorageUnavailable

P = ParamSpec("P")
T = TypeVar("T")

#: Slack waits 3 s for an acknowledgement. redis-py's defaults (5 s, 10 retries) take up to 59 s when Redis
#: hangs. The web gives up after 1 s: it reconnects once after a lost connection, and never retries a
#: time-out (redis-py retries the command, and the connection within each try: one retry makes four waits).
WEB_TIMEOUT_SECONDS = 1.0
WEB_RETRIES = 1
#: A worker has time, and the result of minutes of work to store.
WORKER_TIMEOUT_SECONDS = 5.0
WORKER_RETRIES = 3


def connect(url: str, *, tls_verify: bool, for_worker: bool, text: bool) -> redis.Redis:
    """Return a client, which connects with its first command so that processes can fork before it.

    Args:
        url: ``redis://``, ``rediss://`` or ``unix://``.
        tls_verify: False accepts a self-signed certificate, as Heroku's Redis has.
        for_worker: True waits longer and retries more than a web process can.
        text: True returns replies as ``str``, False as ``bytes``.

    """
    timeout = WORKER_TIMEOUT_SECONDS if for_worker else WEB_TIMEOUT_SECONDS
    options: dict[str, Any] = {
        "socket_timeout": timeout,
        "retry": Retry(ExponentialBackoff(cap=1, base=0.1), WORKER_RETRIES)
        if for_worker
        else Retry(NoBackoff(), WEB_RETRIES, supported_errors=(redis.ConnectionError,)),
        "health_check_interval": 30,
        "decode_responses": text,
    }
    if not url.startswith("unix://"):
        options["socket_connect_timeout"] = timeout
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
