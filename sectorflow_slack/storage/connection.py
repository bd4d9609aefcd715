"""The Redis client, its time limits and connections, and its errors as ``StorageUnavailable``."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import partial, wraps
from queue import Empty
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
    """How long a command waits for Redis, how it is retried, and the connections of a process."""

    seconds: float
    retry: Retry
    #: At most so many are open; a thread waits up to ``wait`` seconds for a free one.
    connections: int
    wait: float


#: Slack waits 3 s for an acknowledgement. redis-py's defaults (5 s, 10 retries) take up to 59 s when Redis
#: hangs; these give up after 1 s: a lost connection is retried once, a time-out is final. (redis-py retries a
#: command, and within each try the connection: one retry of a time-out makes four waits.) Few connections
#: carry many threads, because a command takes a fraction of a millisecond; docs/deployment.md has the sum.
WEB_TIMEOUTS = Timeouts(1.0, Retry(NoBackoff(), 1, supported_errors=(redis.ConnectionError,)), 5, 1.0)
#: A worker has time: its writes record work that is done.
WORKER_TIMEOUTS = Timeouts(5.0, Retry(ExponentialBackoff(cap=1, base=0.1), 3), 9, 5.0)

#: How long a connection is kept that no thread needs, and up to twice as long.
IDLE_SECONDS = 30.0
#: Replies of a primary that was demoted. Redis 6.2 reports a script's inside another error.
_DEMOTED = ("READONLY", "UNBLOCKED")


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
    pool = _Pool.from_url(url, max_connections=timeouts.connections, timeout=timeouts.wait, **options)
    return redis.Redis.from_pool(pool)


class _Pool(redis.BlockingConnectionPool):
    """A bounded pool that closes idle connections, and all of them when Redis is no longer the primary."""

    def reset(self) -> None:
        """Start without connections: in a new pool, or in a process that has just been forked."""
        self._used: set[redis.Connection] = set()
        self._timer: threading.Timer | None = None
        self._timing = threading.Lock()
        super().reset()  # type: ignore[no-untyped-call]

    def make_connection(self) -> redis.Connection:
        connection: redis.Connection = super().make_connection()  # type: ignore[no-untyped-call]
        read = partial(self._read, connection.read_response)
        connection.read_response = read  # type: ignore[method-assign]
        return connection

    def get_connection(self, command_name: Any = None, *keys: Any, **options: Any) -> redis.Connection:
        connection: redis.Connection = super().get_connection()  # type: ignore[no-untyped-call]
        self._used.add(connection)
        self._start_timer()
        return connection

    def _read(self, read: Callable[..., object], *args: Any, **options: Any) -> object:
        try:
            return read(*args, **options)
        except redis.ResponseError as error:
            if not isinstance(error, redis.ReadOnlyError) and not any(
                word in str(error) for word in _DEMOTED
            ):
                raise
        # Another server is the primary now; a new connection leads there, and an old one reads stale data.
        for connection in self._get_in_use_connections():  # type: ignore[no-untyped-call]
            connection.mark_for_reconnect()
        self._close_free(set())
        raise redis.ConnectionError("demoted")

    def _start_timer(self) -> None:
        with self._timing:
            if self._timer is not None:
                return
            self._timer = threading.Timer(IDLE_SECONDS, self._shrink)
            self._timer.daemon = True
            self._timer.start()

    def _shrink(self) -> None:
        """Close the free connections that no thread has used since the last time."""
        self._timer = None
        used, self._used = self._used, set()
        self._close_free(used)
        if used:
            self._start_timer()

    def _close_free(self, spared: set[redis.Connection]) -> None:
        """Close free connections; each is out of the queue meanwhile, so that no thread gets it."""
        free: list[redis.Connection | None] = []
        with suppress(Empty):
            while True:
                free.append(self.pool.get_nowait())
        for connection in reversed(free):
            if connection is not None and connection not in spared:
                connection.disconnect()  # type: ignore[no-untyped-call]
            self.pool.put_nowait(connection)


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
