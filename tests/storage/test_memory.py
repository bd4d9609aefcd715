"""How full Redis is, and when it will be."""

import pytest
import redis

from sectorflow_slack.domain.metrics import Memory
from sectorflow_slack.storage.memory import HOUR, KEPT_SECONDS, read_memory, record_memory
from tests.storage.conftest import redis_now


def samples(store) -> list[str]:
    return store.zrange("memory", 0, -1)


@pytest.fixture
def limited(real_db):
    """A real store with a limit of memory."""
    real_db.redis.config_set("maxmemory", 2_000_000_000)
    yield real_db.redis
    real_db.redis.config_set("maxmemory", 0)


@pytest.mark.real_redis
def test_memory_is_recorded_once_an_hour_by_all_processes_and_for_a_week(limited):
    now = int(redis_now(limited))
    limited.zadd(
        "memory", {f"{now - KEPT_SECONDS - 1}:5": now - KEPT_SECONDS - 1, f"{now - HOUR}:7": now - HOUR}
    )

    record_memory(limited)
    record_memory(limited)

    first, second = samples(limited)
    assert first == f"{now - HOUR}:7"
    assert int(second.split(":")[1]) > 500_000
    assert 0 < limited.ttl("memory") <= KEPT_SECONDS


@pytest.mark.real_redis
@pytest.mark.parametrize(
    ("hours", "growth", "days"),
    [((24, 48, 72), 20e6, 100), ((24, 48, 72), -20e6, None), ((0.5, 0.2), 20e6, None), ((), 0, None)],
    ids=["grows", "shrinks", "known for less than an hour", "unknown"],
)
def test_when_redis_is_full_follows_from_its_growth(limited, hours, growth, days):
    used, now = limited.info("memory")["used_memory"], redis_now(limited)
    for hour in hours:
        then = now - hour * HOUR
        limited.zadd("memory", {f"{then}:{used - growth * hour / 24}": then})

    found = read_memory(limited)

    assert found.used_bytes == pytest.approx(used, rel=0.2)
    assert found.limit_bytes == 2_000_000_000
    assert found.full_in_seconds == (days and pytest.approx(days * 24 * HOUR, rel=0.1))


@pytest.mark.real_redis
def test_without_a_limit_redis_is_never_full_and_without_info_nothing_is_known(real_db, real_redis_url):
    real_db.redis.acl_setuser(
        "limited", enabled=True, nopass=True, keys=["*"], commands=["-info"], categories=["+@all"]
    )
    with redis.Redis.from_url(
        real_redis_url, username="limited", password="-", decode_responses=True
    ) as client:
        record_memory(client)
        found = read_memory(client)
    real_db.redis.acl_deluser("limited")

    assert found == Memory()
    assert samples(real_db.redis) == []
    assert read_memory(real_db.redis).limit_bytes is None


def test_nothing_is_recorded_while_redis_is_down(unreachable):
    record_memory(unreachable)
