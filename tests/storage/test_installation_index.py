"""The sorted sets that list installations: built once, swept, and gone with what they list."""

from __future__ import annotations

from dataclasses import replace

import redis

from sectorflow_slack.domain.installations import InstallationQuery
from sectorflow_slack.storage import installation_index as index
from tests.storage.conftest import Stores, dump
from tests.storage.installation_steps import ids, installed, waiting
from tests.values import NOW


def let_the_sweep_be_due(store: redis.Redis) -> None:
    """Do what time does to the moments at which records were to be gone."""
    store.zadd("index-sweep", {str(entry): 1 for entry in store.zrange("index-sweep", 0, -1)})


def test_a_replaced_or_deleted_installation_is_in_no_list(db: Stores) -> None:
    first = installed(1, customer_id="42")
    successor = replace(first, settings=replace(first.settings, id="i2", customer_id="43"))
    db.installations.save(first, None, None)
    db.installations.save(successor, None, replaces="i1")
    db.pendings.save(waiting(3, team_id="T0PINNED"))

    listed = ids(db.queries.page(InstallationQuery()))
    db.installations.delete(successor.key, before=NOW)
    db.pendings.remove("i3")

    assert listed == ["i2", "i3"]
    assert [key for key in dump(db.redis) if key.startswith(("installations", "index-sweep"))] == []


def test_a_record_that_was_saved_twice_is_listed_once(db: Stores) -> None:
    first = waiting(1, team_id="T0PINNED")
    later = replace(waiting(60), link="link-2", settings=replace(waiting(60).settings, id="i1"))
    db.pendings.save(first)

    db.pendings.save(later)

    assert [item.settings.created_at for item in db.queries.page(InstallationQuery()).items] == [NOW + 60]
    assert db.pendings.find_by_link("link-1") is None
    assert db.redis.exists("installations:team:T0PINNED") == 0
    assert db.redis.zcard("index-sweep") == 1


def test_entries_of_expired_records_do_not_pile_up(db: Stores) -> None:
    for number in range(15):
        db.pendings.save(waiting(number, team_id="T0PINNED", customer_id="42"))
    db.redis.delete(*db.redis.scan_iter("pending*"))
    let_the_sweep_be_due(db.redis)

    for number in range(100, 103):
        db.pendings.save(waiting(number))

    lists = ("installations", "installations:app:A0OWN", "index-sweep")
    assert [db.redis.zcard(key) for key in lists] == [3, 3, 3]
    assert db.redis.exists("installations:team:T0PINNED") == 0
    assert list(db.redis.scan_iter("installations:customer:*")) == []


def test_a_record_that_is_there_longer_than_expected_stays_listed(db: Stores) -> None:
    db.pendings.save(waiting(1))
    let_the_sweep_be_due(db.redis)

    db.pendings.save(waiting(2))

    assert db.redis.zcard("installations") == db.redis.zcard("index-sweep") == 2
    assert db.redis.zcount("index-sweep", 0, 1) == 0


def test_entries_are_forgotten_only_while_their_record_is_gone(db: Stores) -> None:
    for number in (1, 2):
        db.pendings.save(waiting(number))
    members = [str(member) for member in db.redis.zrange("installations", 0, -1)]
    db.redis.delete("pending:i1")

    index.remove_stale(db.redis, "installations", members)

    assert db.redis.zrange("installations", 0, -1) == members[1:]
