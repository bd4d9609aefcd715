"""Installations whose settings change, whose tokens are renewed, and that are deleted."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

import pytest
import redis

from sectorflow_slack.domain.errors import Changed, StorageUnavailable
from sectorflow_slack.domain.installations import FreshToken, Installation, Revocation
from sectorflow_slack.storage.apps import RedisAppStore
from sectorflow_slack.storage.crypto import Cipher
from sectorflow_slack.storage.installations import RedisInstallationStore
from sectorflow_slack.storage.leaving import APP_AFTERLIFE_SECONDS
from sectorflow_slack.storage.pending import RedisPendingStore
from sectorflow_slack.storage.revocations import RedisRevocationStore
from tests.storage.conftest import dump, expiring_and_staying, race
from tests.values import BOT_TOKEN, CUSTOMERS_APP, NOW, make_bot, make_installation, make_pending, make_terms

HERE = make_installation()
ID = HERE.terms.id
ROTATING = make_installation(bot=make_bot(refresh_token="xoxe-1-first", token_expires_at=NOW + 43_200))
FRESH = FreshToken("xoxe.xoxb-fresh", "xoxe-1-second", NOW + 86_400)
CUSTOMERS = make_installation(
    make_terms(id="customers", app_id=CUSTOMERS_APP.app_id), make_bot(app_id=CUSTOMERS_APP.app_id)
)


@pytest.fixture
def installations(store: redis.Redis, cipher: Cipher) -> RedisInstallationStore:
    return RedisInstallationStore(store, cipher)


@pytest.fixture
def pendings(store: redis.Redis, cipher: Cipher) -> RedisPendingStore:
    return RedisPendingStore(store, cipher)


@pytest.fixture
def revocations(store: redis.Redis, cipher: Cipher) -> RedisRevocationStore:
    return RedisRevocationStore(store, cipher)


def changed(installation: Installation, **changes: Any) -> Installation:
    """The installation as the next revision has it."""
    terms = replace(installation.terms, revision=installation.terms.revision + 1, **changes)
    return replace(installation, terms=terms)


def with_token(installation: Installation, fresh: FreshToken) -> Installation:
    return replace(installation, bot=installation.bot.with_token(fresh))


RENEWED = with_token(ROTATING, FRESH)


def test_new_terms_are_in_force_at_once(installations: RedisInstallationStore) -> None:
    installations.save(HERE, None, None)
    sectorflow = replace(HERE.terms.sectorflow, api_token="another-token", model_ids=("m9",))
    new = changed(HERE, app_name="New", display="tabs", sectorflow=sectorflow)

    assert installations.change(new, 1)
    assert installations.find(HERE.key) == installations.find_by_id(ID) == new


def test_a_change_of_what_was_changed_meanwhile_changes_nothing(
    installations: RedisInstallationStore,
) -> None:
    installations.save(HERE, None, None)
    installations.change(changed(HERE, app_name="First"), 1)

    assert not installations.change(changed(HERE, app_name="Second"), 1)
    assert installations.find(HERE.key) == changed(HERE, app_name="First")


def test_a_change_of_what_is_gone_or_replaced_brings_nothing_back(
    installations: RedisInstallationStore, store: redis.Redis
) -> None:
    successor = make_installation(make_terms(id="successor"))

    assert not installations.change(changed(HERE), 1)
    assert dump(store) == {}

    installations.save(successor, None, None)
    assert not installations.change(changed(HERE), 1)
    assert installations.find(HERE.key) == successor


def test_a_change_leaves_a_token_that_was_renewed_meanwhile(installations: RedisInstallationStore) -> None:
    installations.save(ROTATING, None, None)
    installations.renew(ROTATING, RENEWED)

    assert installations.change(changed(ROTATING, app_name="New"), 1)
    assert installations.find(ROTATING.key) == with_token(changed(ROTATING, app_name="New"), FRESH)


def test_a_renewed_token_takes_the_place_of_the_old_one_once(installations: RedisInstallationStore) -> None:
    installations.save(ROTATING, None, None)

    assert installations.renew(ROTATING, RENEWED)
    assert not installations.renew(ROTATING, with_token(ROTATING, replace(FRESH, bot_token="too-late")))
    assert installations.find(ROTATING.key) == RENEWED


def test_another_install_of_the_same_app_and_team_takes_the_place_of_the_old_one(
    installations: RedisInstallationStore,
) -> None:
    installations.save(ROTATING, None, None)
    again = replace(ROTATING, bot=make_bot(bot_user_id="U0NEWBOT", bot_token="again"), installed_at=NOW + 60)

    assert installations.renew(ROTATING, again)
    assert installations.find(ROTATING.key) == again
    assert not installations.delete(ROTATING.key, before=NOW + 59)


def test_only_the_installation_that_lives_by_a_token_is_deleted_for_it(
    installations: RedisInstallationStore,
) -> None:
    installations.save(ROTATING, None, None)
    installations.renew(ROTATING, RENEWED)

    assert not installations.delete(ROTATING.key, before=NOW, bot_token=ROTATING.bot.bot_token)
    assert installations.find(ROTATING.key) == RENEWED
    assert installations.delete(ROTATING.key, before=NOW, bot_token=FRESH.bot_token)


@pytest.mark.parametrize("other", [{"bot_token": "xoxe.xoxb-other"}, {"refresh_token": "xoxe-1-other"}])
def test_a_token_that_is_not_the_stored_one_is_not_renewed(
    installations: RedisInstallationStore, other: dict[str, str]
) -> None:
    installations.save(ROTATING, None, None)
    stale = replace(ROTATING, bot=replace(ROTATING.bot, **other))

    assert not installations.renew(stale, RENEWED)
    assert installations.find(ROTATING.key) == ROTATING


def test_renewing_what_is_gone_brings_nothing_back(
    installations: RedisInstallationStore, store: redis.Redis
) -> None:
    assert not installations.renew(ROTATING, RENEWED)
    assert dump(store) == {}


def test_what_is_deleted_is_gone_and_its_token_waits_for_revocation(
    installations: RedisInstallationStore, revocations: RedisRevocationStore, store: redis.Redis
) -> None:
    installations.save(ROTATING, None, None)
    installations.renew(ROTATING, RENEWED)

    assert installations.remove(ROTATING)
    assert not installations.remove(ROTATING)

    assert installations.find(ROTATING.key) is None
    assert installations.find_by_id(ID) is None
    assert revocations.take() == Revocation(
        ID, ROTATING.key, FRESH.bot_token, FRESH.refresh_token, FRESH.expires_at
    )
    assert expiring_and_staying(store) == (
        {f"revocation:{ROTATING.key}", f"removed:{ID}"},
        {"revocations"},
    )


def test_what_was_changed_meanwhile_is_not_deleted(
    installations: RedisInstallationStore, revocations: RedisRevocationStore
) -> None:
    installations.save(HERE, None, None)
    changed = replace(HERE, terms=replace(HERE.terms, display="tabs", revision=HERE.terms.revision + 1))
    installations.change(changed, HERE.terms.revision)

    assert not installations.remove(HERE)
    assert installations.find(HERE.key) == changed
    assert revocations.take() is None
    assert installations.remove(changed)


def test_whoever_took_the_place_is_not_deleted(
    installations: RedisInstallationStore, revocations: RedisRevocationStore
) -> None:
    successor = make_installation(make_terms(id="successor"))
    installations.save(HERE, None, None)
    installations.save(successor, None, replaces=ID)

    assert not installations.remove(HERE)
    assert installations.find_by_id("successor") == successor
    assert revocations.take() is None


def test_the_app_of_the_last_deleted_one_is_forgotten_a_day_later(
    installations: RedisInstallationStore, store: redis.Redis
) -> None:
    other = make_installation(replace(CUSTOMERS.terms, id="other"), replace(CUSTOMERS.bot, team_id="T0OTHER"))
    installations.save(CUSTOMERS, CUSTOMERS_APP, None)
    installations.save(other, CUSTOMERS_APP, None)

    installations.remove(other)
    after_one = store.ttl(f"app:{CUSTOMERS_APP.app_id}")
    installations.remove(CUSTOMERS)

    assert after_one == -1
    assert 0 <= APP_AFTERLIFE_SECONDS - store.ttl(f"app:{CUSTOMERS_APP.app_id}") <= 5


def test_who_installs_again_keeps_the_token_that_was_to_be_revoked(
    installations: RedisInstallationStore, revocations: RedisRevocationStore, store: redis.Redis
) -> None:
    installations.save(HERE, None, None)
    installations.remove(HERE)

    installations.save(make_installation(make_terms(id="again")), None, None)

    assert revocations.take() is None
    assert list(store.scan_iter("revocation*")) == []


def test_terms_that_changed_on_the_way_are_not_installed_as_they_were(
    installations: RedisInstallationStore, pendings: RedisPendingStore, store: redis.Redis
) -> None:
    new = changed(HERE, app_name="New")
    pendings.save(make_pending(terms=HERE.terms))
    pendings.change(make_pending(terms=new.terms), 1)
    before = dump(store)

    with pytest.raises(Changed):
        installations.save(HERE, None, None)

    assert dump(store) == before
    assert installations.save(new, None, None)
    assert installations.find_by_id(ID) == new


def test_nobody_on_the_way_brings_back_what_was_deleted(
    installations: RedisInstallationStore, pendings: RedisPendingStore
) -> None:
    pendings.save(make_pending(terms=HERE.terms))
    pendings.remove(ID)

    with pytest.raises(Changed):
        installations.save(HERE, None, None)

    pendings.save(make_pending(terms=HERE.terms))
    assert installations.save(HERE, None, None)


@pytest.mark.real_redis
def test_of_many_changes_at_once_one_is_made(real_store: redis.Redis, cipher: Cipher) -> None:
    installations = RedisInstallationStore(real_store, cipher)
    installations.save(HERE, None, None)

    outcomes = race(8, lambda number: installations.change(changed(HERE, app_name=f"{number}"), 1))

    found = installations.find(HERE.key)
    assert outcomes.count(True) == 1
    assert found == changed(HERE, app_name=f"{outcomes.index(True)}")


@pytest.mark.real_redis
def test_of_many_renewals_at_once_one_counts(real_store: redis.Redis, cipher: Cipher) -> None:
    installations = RedisInstallationStore(real_store, cipher)
    installations.save(ROTATING, None, None)

    def renew(number: int) -> bool:
        fresh = replace(FRESH, refresh_token=f"xoxe-{number}")
        return installations.renew(ROTATING, with_token(ROTATING, fresh))

    outcomes = race(8, renew)

    found = installations.find(ROTATING.key)
    assert outcomes.count(True) == 1
    assert found is not None
    assert found.bot.refresh_token == f"xoxe-{outcomes.index(True)}"


@pytest.mark.real_redis
def test_a_change_on_the_way_to_the_installing_is_never_lost(real_store: redis.Redis, cipher: Cipher) -> None:
    installations, pendings = (
        RedisInstallationStore(real_store, cipher),
        RedisPendingStore(real_store, cipher),
    )
    new = changed(HERE, app_name="New")

    def install() -> bool:
        try:
            return installations.save(HERE, None, None)
        except Changed:
            return False

    def change() -> bool:
        return pendings.change(make_pending(terms=new.terms), 1)

    for _ in range(30):
        real_store.flushdb()
        pendings.save(make_pending(terms=HERE.terms))

        saved, was_changed = race(2, lambda number: (install, change)[number]())

        assert saved is not was_changed
        assert installations.find_by_id(ID) == (HERE if saved else None)


@pytest.mark.real_redis
def test_deleting_and_replacing_at_once_leave_one_of_both(real_store: redis.Redis, cipher: Cipher) -> None:
    installations = RedisInstallationStore(real_store, cipher)
    successor = make_installation(make_terms(id="successor"))

    for _ in range(30):
        real_store.flushdb()
        installations.save(HERE, None, None)
        steps = (partial(installations.remove, HERE), partial(installations.save, successor, None, ID))

        race(2, lambda number, steps=steps: steps[number]())  # type: ignore[misc]

        # Either it was replaced and there was nothing to delete, or deleted and then installed anew.
        assert installations.find(HERE.key) == successor
        assert real_store.exists(f"revocation:{HERE.key}", "revocations") == 0
        assert real_store.zcard("installations") == 1
        assert real_store.smembers("app-tenants:A0OWN") == {HERE.key.tenant_id}


def test_a_dump_shows_no_refresh_token(installations: RedisInstallationStore, store: redis.Redis) -> None:
    installations.save(ROTATING, None, None)
    installations.renew(ROTATING, RENEWED)
    kept = str(dump(store))
    installations.remove(ROTATING)

    for text in (kept, str(dump(store))):
        assert not [each for each in ("xoxe", BOT_TOKEN) if each in text]


def test_apps_are_listed_with_the_teams_that_have_them(
    installations: RedisInstallationStore, store: redis.Redis, cipher: Cipher
) -> None:
    own = replace(CUSTOMERS_APP, app_id="A0OWN", client_id="111.222")
    for number in range(3):
        bot = make_bot(team_id=f"T{number}")
        installations.save(make_installation(make_terms(id=f"own-{number}"), bot), None, None)
    installations.save(CUSTOMERS, CUSTOMERS_APP, None)
    installations.save(CUSTOMERS, replace(CUSTOMERS_APP, signing_secret="newer"), None)
    keyless = Cipher(["A" * 43 + "="])

    apps = RedisAppStore(store, keyless, own).list()

    assert [(app.app_id, app.is_own, app.secret_waits, app.tenant_ids) for app in apps] == [
        ("A0OWN", True, False, ("T0", "T1", "T2")),
        ("A0CUSTOMER", False, True, ("T0ACME",)),
    ]
    assert [app.client_id for app in apps] == ["111.222", "333.444"]
    assert [app.app_id for app in RedisAppStore(store, cipher, None).list()] == ["A0CUSTOMER"]


def test_a_store_that_is_away_is_said_to_be(nobody: redis.Redis, cipher: Cipher) -> None:
    installations = RedisInstallationStore(nobody, cipher)

    for step in (
        partial(installations.change, HERE, 1),
        partial(installations.renew, HERE, FRESH),
        partial(installations.remove, HERE),
        RedisAppStore(nobody, cipher, None).list,
    ):
        with pytest.raises(StorageUnavailable):
            step()
