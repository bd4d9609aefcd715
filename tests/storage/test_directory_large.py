"""Ten thousand installations are listed without holding up Redis."""

from __future__ import annotations

from dataclasses import replace

import pytest
import redis

from sectorflow_slack.domain.installations import InstallationQuery
from sectorflow_slack.storage.crypto import Cipher
from sectorflow_slack.storage.directory import RedisDirectory
from sectorflow_slack.storage.index import Entry
from sectorflow_slack.storage.installations import RedisInstallationStore
from tests.values import NOW, FixedClock, make_installation, make_terms

NUMBER = 10_000
#: Redis logs commands that take longer: 10 ms.
SLOW_MICROSECONDS = 10_000


def fill(store: redis.Redis, cipher: Cipher, *, listed: bool) -> None:
    """Store installations that differ in id, team, time and customer, as copies of one that was saved."""
    sample = make_installation(make_terms(id="sample", customer_id="0"))
    RedisInstallationStore(store, cipher).save(sample, None, None)
    fields = store.hgetall(f"installation:{sample.key}")
    store.flushdb()
    for start in range(0, NUMBER, 1000):
        with store.pipeline(transaction=False) as pipe:
            for number in range(start, start + 1000):
                team, customer = f"T{number}", f'"{number % 100}"'
                own = {"id": f"i{number}", "created_at": repr(NOW + number), "customer_id": customer}
                record = {**fields, **own, "team_id": f'"{team}"'}
                pipe.hset(f"installation:A0OWN:{team}", mapping=record)
                pipe.set(f"installation-id:i{number}", f"A0OWN:{team}")
                pipe.sadd("app-tenants:A0OWN", team)
                if listed:
                    Entry.of(record, team).add(pipe)
            pipe.execute()


def watch_slow_commands(store: redis.Redis) -> None:
    store.config_set("slowlog-log-slower-than", SLOW_MICROSECONDS)
    store.slowlog_reset()


def slow_commands(store: redis.Redis) -> list[str]:
    return [str(entry["command"])[:80] for entry in store.slowlog_get()]


def read_all(directory: RedisDirectory, query: InstallationQuery) -> list[str]:
    seen: list[str] = []
    while True:
        page = directory.page(query)
        seen += [item.terms.id for item in page.items]
        if page.next_cursor is None:
            return seen
        query = replace(query, cursor=page.next_cursor)


@pytest.mark.real_redis
def test_ten_thousand_are_listed_page_by_page(real_store: redis.Redis, cipher: Cipher) -> None:
    fill(real_store, cipher, listed=True)
    directory = RedisDirectory(real_store, cipher, FixedClock())
    watch_slow_commands(real_store)

    seen = read_all(directory, InstallationQuery(limit=100))

    assert seen == [f"i{number}" for number in range(NUMBER)]
    assert read_all(directory, InstallationQuery(limit=7, customer_id="42")) == seen[42::100]
    assert read_all(directory, InstallationQuery(status="failed")) == []
    assert slow_commands(real_store) == []


@pytest.mark.real_redis
def test_ten_thousand_of_an_older_release_become_listed(real_store: redis.Redis, cipher: Cipher) -> None:
    fill(real_store, cipher, listed=False)
    directory = RedisDirectory(real_store, cipher, FixedClock())
    watch_slow_commands(real_store)

    page = directory.page(InstallationQuery(limit=100))

    assert [item.terms.id for item in page.items] == [f"i{number}" for number in range(100)]
    assert real_store.zcard("installations") == NUMBER
    assert slow_commands(real_store) == []
