"""The indexes of installations follow every change of an installation."""

from dataclasses import replace

import redis

from sectorflow_slack.domain.installations import InstallationQuery
from sectorflow_slack.storage.installation_index import remove_stale
from tests.storage.builders import installed, waiting
from tests.storage.conftest import redis_now
from tests.values import NOW


def make_sweep_due(store: redis.Redis) -> None:
    store.zadd("index-sweep", {str(entry): 1 for entry in store.zrange("index-sweep", 0, -1)})


def test_a_replaced_or_deleted_installation_is_in_no_index(db):
    first = installed(1, customer_id="42")
    successor = replace(first, settings=replace(first.settings, id="i2", customer_id="43"))
    db.installations.save(first, None, None)
    db.installations.save(successor, None, replaces="i1")
    db.pending.save(waiting(3, team_id="T0PINNED"))

    items = db.listing.page(InstallationQuery()).items
    db.installations.delete(successor.key, before=NOW)
    db.pending.remove("i3")

    assert [item.settings.id for item in items] == ["i2", "i3"]
    assert db.redis.keys("installations*") == db.redis.keys("index-sweep") == []


def test_a_record_that_is_saved_again_is_listed_once(db):
    db.pending.save(waiting(1, team_id="T0PINNED"))
    later = waiting(60)

    db.pending.save(replace(later, link="link-2", settings=replace(later.settings, id="i1")))

    assert [item.settings.created_at for item in db.listing.page(InstallationQuery()).items] == [NOW + 60]
    assert db.pending.find_by_link("link-1") is None
    assert db.redis.exists("installations:team:T0PINNED") == 0
    assert db.redis.zcard("index-sweep") == 1


def test_entries_of_expired_records_are_swept_and_those_of_living_ones_postponed(db):
    for number in range(15):
        db.pending.save(waiting(number, team_id="T0PINNED", customer_id="42"))
    db.redis.delete(*db.redis.scan_iter("pending*"))
    db.pending.save(waiting(100))
    make_sweep_due(db.redis)

    for number in (101, 102):
        db.pending.save(waiting(number))

    indexes = ("installations", "installations:app:A0OWN", "index-sweep")
    assert [db.redis.zcard(key) for key in indexes] == [3, 3, 3]
    assert db.redis.zcount("index-sweep", 0, 1) == 0
    assert db.redis.keys("installations:team:*") == db.redis.keys("installations:customer:*") == []


def test_only_entries_without_a_record_are_stale(db):
    for number in (1, 2):
        db.pending.save(waiting(number))
    members = [str(member) for member in db.redis.zrange("installations", 0, -1)]
    db.redis.delete("pending:i1")

    remove_stale(db.redis, "installations", members)

    assert db.redis.zrange("installations", 0, -1) == members[1:]


def test_an_installation_stays_in_its_indexes_when_the_entry_of_its_consent_is_swept(db):
    installation = installed(1)
    db.pending.save(waiting(1))
    entries = db.redis.zrange("index-sweep", 0, -1)
    db.installations.save(installation, None, None)
    db.redis.zadd("index-sweep", {str(entry): 1 for entry in entries})
    (member,) = db.redis.zrange("installations", 0, -1)

    db.pending.save(waiting(2))
    remove_stale(db.redis, "installations", [str(member)])

    assert db.redis.zscore("installations", str(member)) == 0
    assert db.redis.zcard("index-sweep") == 1


def test_a_sweep_takes_a_few_entries_those_that_expired_first(db):
    for number in range(14):
        db.pending.save(waiting(number))
    entries = db.redis.zrange("index-sweep", 0, -1)
    past = {str(entry): redis_now(db.redis) - 60 + at for at, entry in enumerate(entries[:13])}
    db.redis.zadd("index-sweep", past)
    db.redis.delete(*db.redis.scan_iter("pending:*"))

    db.pending.save(waiting(100))

    left = db.redis.zrange("index-sweep", 0, -1)
    # Three that expired, one that has not, and the new one.
    assert left[:4] == entries[10:14]
    assert len(left) == 5


def test_an_entry_of_a_record_that_lives_longer_is_looked_at_when_that_ends(db):
    db.pending.save(waiting(1))
    make_sweep_due(db.redis)
    (entry,) = db.redis.zrange("index-sweep", 0, -1)
    db.redis.expire("pending:i1", 1000)

    db.pending.save(waiting(2))

    assert 999 < db.redis.zscore("index-sweep", entry) - redis_now(db.redis) <= 1001
