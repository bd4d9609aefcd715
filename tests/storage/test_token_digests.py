"""Keyed digests, and the installations that are found by the one of their API token."""

from dataclasses import replace

import pytest
from cryptography.fernet import Fernet

from sectorflow_slack.domain.errors import CannotDecrypt
from sectorflow_slack.domain.installations import InstallationQuery
from sectorflow_slack.storage.backup import Backup
from sectorflow_slack.storage.crypto import Cipher
from sectorflow_slack.storage.keyring import KeyRing
from sectorflow_slack.storage.token_digests import KEY, TokenDigests
from tests.storage.builders import changed, installed, waiting
from tests.storage.conftest import dump

MINE, OTHERS = "1" * 64, "2" * 64


def test_a_digest_is_the_same_for_one_text_and_one_key(db, cipher):
    digests = [db.digests.of(text) for text in ("a-token", "a-token", "b-token", "\ud800")]

    assert digests[0] == digests[1] == TokenDigests(db.redis, cipher).of("a-token")
    assert len(set(digests)) == 3
    db.redis.delete(KEY)
    assert db.digests.of("a-token") != digests[0]


def test_digests_stay_when_the_encryption_key_is_replaced(db):
    old, new = Fernet.generate_key().decode(), Fernet.generate_key().decode()
    before = TokenDigests(db.redis, Cipher([old])).of("a-token")

    KeyRing(db.redis, Cipher([new, old])).renew(KEY)

    assert TokenDigests(db.redis, Cipher([new])).of("a-token") == before
    with pytest.raises(CannotDecrypt):
        TokenDigests(db.redis, Cipher([old])).of("a-token")


def test_a_backup_has_the_key(db, cipher):
    before = db.digests.of("a-token")
    backup, _ = Backup(db.redis, cipher).export()
    db.redis.delete(KEY)

    Backup(db.redis, cipher).restore(backup)

    assert db.digests.of("a-token") == before


def ids(db, digest):
    return [each.settings.id for each in db.listing.page(InstallationQuery(token_digest=digest)).items]


def test_installations_are_listed_by_the_digest_of_their_token(db):
    db.installations.save(installed(1, token_digest=MINE), None, None)
    db.installations.save(installed(2, token_digest=OTHERS), None, None)
    db.pending.save(waiting(3, token_digest=MINE))
    db.installations.save(installed(4), None, None)

    assert (ids(db, MINE), ids(db, OTHERS), ids(db, "3" * 64)) == (["i1", "i3"], ["i2"], [])


@pytest.mark.parametrize("team_id", [None, "T0ACME"])
def test_a_changed_token_moves_the_installation_to_another_index(db, team_id):
    first, second = installed(1, token_digest=MINE), waiting(2, team_id, token_digest=MINE)
    db.installations.save(first, None, None)
    db.pending.save(second)
    sweep = db.redis.zrange("index-sweep", 0, -1, withscores=True)

    assert db.installations.change(changed(first, token_digest=OTHERS), 1)
    assert db.pending.change(changed(second, token_digest=OTHERS), 1)

    assert (ids(db, MINE), ids(db, OTHERS)) == ([], ["i1", "i2"])
    assert ids(db, None) == ["i1", "i2"]
    ((entry, score),) = db.redis.zrange("index-sweep", 0, -1, withscores=True)
    assert score == sweep[0][1]
    assert OTHERS in entry
    assert MINE not in entry


def test_nothing_is_left_of_a_deleted_installation(db):
    first, second = installed(1, token_digest=MINE), waiting(2, token_digest=MINE)
    db.installations.save(first, None, None)
    db.pending.save(second)

    db.installations.remove(first)
    db.pending.remove("i2")

    assert not [key for key in dump(db.redis) if "token" in key]


def test_an_installation_without_a_digest_gets_one_with_its_next_change(db):
    first = installed(1)
    db.installations.save(first, None, None)

    db.installations.change(
        replace(changed(first), settings=replace(changed(first).settings, token_digest=MINE)), 1
    )

    assert ids(db, MINE) == ["i1"]
