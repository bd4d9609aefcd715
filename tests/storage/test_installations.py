"""Installations and their apps: installed, changed, renewed and deleted."""

from contextlib import suppress
from dataclasses import replace
from functools import partial

import pytest

from sectorflow_slack.domain.errors import CannotDecrypt, RevisionConflict
from sectorflow_slack.domain.installations import FreshToken, Installation, Revocation
from sectorflow_slack.storage.crypto import Cipher
from sectorflow_slack.storage.installations import InstallationStore
from tests.losing import INSTALLATION_SECRETS, lose
from tests.storage.builders import CUSTOMERS, DAY, changed
from tests.storage.conftest import dump, race_often
from tests.values import CUSTOMERS_APP, NOW, make_bot, make_installation, make_pending, make_settings

FIRST = make_installation(
    make_settings(id="first"), make_bot(refresh_token="xoxe-1-first", token_expires_at=NOW + 43_200)
)
SECOND = make_installation(make_settings(id="second", app_name="Second"))
KEY, REDIS_KEY = FIRST.key, f"installation:{FIRST.key}"
#: The customers' app in another team.
ELSEWHERE = replace(
    CUSTOMERS,
    settings=replace(CUSTOMERS.settings, id="elsewhere"),
    bot=replace(CUSTOMERS.bot, team_id="T0ELSEWHERE"),
)
APP_KEY = f"app:{CUSTOMERS_APP.app_id}"
FRESH = FreshToken("xoxe.xoxb-fresh", "xoxe-1-second", NOW + 86_400)


def with_token(installation: Installation, fresh: FreshToken) -> Installation:
    return replace(installation, bot=installation.bot.with_token(fresh))


RENEWED = with_token(FIRST, FRESH)


@pytest.fixture
def installations(db) -> InstallationStore:
    """A store with the first installation."""
    assert db.installations.save(FIRST, None, None)
    return db.installations


def test_installations_of_other_apps_and_teams_are_apart(db):
    before = db.installations.find(KEY), db.installations.find_by_id("first")

    assert db.installations.save(FIRST, None, replaces=None)
    assert db.installations.save(CUSTOMERS, CUSTOMERS_APP, replaces=None)
    assert db.installations.save(ELSEWHERE, CUSTOMERS_APP, replaces=None)

    assert before == (None, None)
    for each in (FIRST, CUSTOMERS, ELSEWHERE):
        assert db.installations.find(each.key) == db.installations.find_by_id(each.settings.id) == each


@pytest.mark.parametrize("replaces", [None, "another-one"])
def test_an_installation_that_is_not_named_is_not_replaced_and_the_pending_record_stays(
    db, installations, replaces
):
    db.pending.save(make_pending(settings=SECOND.settings))
    before = dump(db.redis)

    assert not installations.save(SECOND, CUSTOMERS_APP, replaces=replaces)
    assert dump(db.redis) == before


@pytest.mark.parametrize("exists", [True, False])
def test_an_installation_replaces_the_one_it_names(db, exists):
    if exists:
        db.installations.save(FIRST, None, replaces=None)
        db.redis.hset(REDIS_KEY, "field_of_an_older_version", "1")

    assert db.installations.save(SECOND, None, replaces="first")
    assert db.installations.find(KEY) == db.installations.find_by_id("second") == SECOND
    assert "first" not in str(dump(db.redis))
    assert "field_of_an_older_version" not in str(dump(db.redis))


def test_the_pending_record_is_deleted_with_the_install(db):
    pending = make_pending(settings=FIRST.settings)
    db.pending.save(pending)

    db.installations.save(FIRST, None, replaces=None)

    assert (db.pending.find("first"), db.pending.find_by_link(pending.link)) == (None, None)


@pytest.mark.parametrize("meanwhile", ["failed", "changed", "removed"])
def test_an_installation_whose_pending_record_ended_or_changed_meanwhile_is_not_stored(db, meanwhile):
    pending = make_pending(settings=FIRST.settings)
    new = changed(FIRST, app_name="New")
    db.pending.save(pending)
    if meanwhile == "failed":
        db.pending.fail("first", "already_installed")
        assert not db.installations.save(FIRST, None, replaces=None)
        return
    if meanwhile == "changed":
        db.pending.change(make_pending(settings=new.settings), 1)
    else:
        db.pending.remove("first")
    before = dump(db.redis)

    with pytest.raises(RevisionConflict):
        db.installations.save(FIRST, None, None)

    assert dump(db.redis) == before
    if meanwhile == "removed":
        db.pending.save(make_pending(settings=new.settings))
    assert db.installations.save(new, None, None)
    assert db.installations.find_by_id("first") == new


class InterruptedCipher(Cipher):
    """Another process writes once between the reads and the writes of a step that seals tokens."""

    def __init__(self, cipher: Cipher, interruption) -> None:
        self._fernet = cipher._fernet
        self._interruptions = [interruption]

    def seal(self, key, field, value):
        if field in ("api_token", "bot_token") and self._interruptions:
            self._interruptions.pop()()
        return super().seal(key, field, value)


@pytest.mark.parametrize(
    ("overtaken", "replaces"),
    [(SECOND, None), (SECOND, "older"), (replace(FIRST, bot=make_bot(team_id="T0ELSEWHERE")), None)],
    ids=["the same team", "replacing", "another team by the same link"],
)
def test_an_install_that_another_one_overtakes_is_refused(db, overtaken, replaces):
    if replaces:
        db.installations.save(make_installation(make_settings(id=replaces)), None, None)
    cipher = InterruptedCipher(db.cipher, lambda: db.installations.save(FIRST, None, replaces))

    assert not InstallationStore(db.redis, cipher).save(overtaken, None, replaces)
    assert db.installations.find(KEY) == db.installations.find_by_id("first") == FIRST
    assert len(db.redis.keys("installation:*")) == len(db.redis.keys("installation-id:*")) == 1


def test_the_signing_secret_of_an_install_that_another_team_overtakes_is_the_next_one(db):
    cipher = InterruptedCipher(db.cipher, lambda: db.installations.save(ELSEWHERE, CUSTOMERS_APP, None))
    app = replace(CUSTOMERS_APP, signing_secret="a-later-secret")

    assert InstallationStore(db.redis, cipher).save(CUSTOMERS, app, replaces=None)
    assert db.apps.signing_secrets(app.app_id) == (CUSTOMERS_APP.signing_secret, "a-later-secret")


CHANGES = {
    "change": lambda store, name: store.change(changed(FIRST, app_name=name), 1),
    "renew": lambda store, name: store.renew(FIRST, with_token(FIRST, replace(FRESH, bot_token=name))),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_change_or_renewal_that_another_one_overtakes_is_refused(db, installations, change):
    cipher = InterruptedCipher(db.cipher, lambda: change(installations, "overtaking"))

    assert not change(InstallationStore(db.redis, cipher), "overtaken")
    found = installations.find(KEY)
    assert "overtaking" in (found.settings.app_name, found.bot.bot_token)


def test_the_first_of_two_changes_of_one_revision_is_in_force_at_once(installations):
    sectorflow = replace(FIRST.settings.sectorflow, api_token="another-token", model_ids=("m9",))
    new = changed(FIRST, app_name="New", display="tabs", sectorflow=sectorflow)

    assert installations.change(new, 1)
    assert not installations.change(changed(FIRST, app_name="Second"), 1)
    assert installations.find(KEY) == installations.find_by_id("first") == new


def test_a_token_is_renewed_once_and_no_change_undoes_it(installations):
    assert installations.renew(FIRST, RENEWED)
    assert not installations.renew(FIRST, with_token(FIRST, replace(FRESH, bot_token="too-late")))
    assert installations.find(KEY) == RENEWED

    assert installations.change(changed(FIRST, app_name="New"), 1)
    assert installations.find(KEY) == with_token(changed(FIRST, app_name="New"), FRESH)


@pytest.mark.parametrize("other", [{"bot_token": "xoxe.xoxb-other"}, {"refresh_token": "xoxe-1-other"}])
def test_a_token_that_is_not_the_stored_one_is_not_renewed(installations, other):
    stale = replace(FIRST, bot=replace(FIRST.bot, **other))

    assert not installations.renew(stale, RENEWED)
    assert installations.find(KEY) == FIRST


def test_what_slack_refuses_is_known_until_the_settings_change(db, installations):
    installations.mark_refused(KEY, "containers")
    assert (db.installations.find(KEY) or FIRST).refused == {"containers"}

    installations.change(changed(FIRST, app_name="New"), FIRST.settings.revision)

    assert (db.installations.find(KEY) or FIRST).refused == set()


def test_a_refusal_stores_no_installation_that_is_gone(db, installations):
    installations.delete(KEY, before=NOW + DAY)
    before = dump(db.redis)

    installations.mark_refused(KEY, "containers")

    assert dump(db.redis) == before


def test_another_install_of_the_same_app_and_team_renews_the_bot_and_its_time(installations):
    again = replace(FIRST, bot=make_bot(bot_user_id="U0NEWBOT", bot_token="again"), installed_at=NOW + 60)

    assert installations.renew(FIRST, again)
    assert installations.find(KEY) == again


@pytest.mark.parametrize(
    ("lost", "refresh_token"),
    [([], FRESH.refresh_token), (["api_token"], FRESH.refresh_token), (["refresh_token"], "")],
)
def test_a_removed_installation_is_gone_and_its_token_waits_for_revocation(
    db, installations, lost, refresh_token
):
    installations.renew(FIRST, RENEWED)
    if lost:
        lose(db.redis, REDIS_KEY, *lost)
    found = db.listing.find("first")

    assert installations.remove(found)
    assert not installations.remove(found)

    assert (installations.find(KEY), installations.find_by_id("first")) == (None, None)
    assert set(dump(db.redis)) == {f"revocation:{KEY}", "revocations", "removed:first"}
    revocation = Revocation("first", KEY, FRESH.bot_token, refresh_token, FRESH.expires_at)
    assert db.revocations.lease() == revocation


def test_a_removed_installation_whose_bot_token_does_not_decrypt_is_only_deleted(db, installations, caplog):
    lose(db.redis, REDIS_KEY, *INSTALLATION_SECRETS)

    assert installations.remove(FIRST)

    assert caplog.messages == [f"token never revoked: no key decrypts {REDIS_KEY} bot_token"]
    assert set(dump(db.redis)) == {"removed:first"}


def test_an_installation_that_was_changed_meanwhile_is_not_removed(installations):
    installations.change(changed(FIRST), 1)

    assert not installations.remove(FIRST)
    assert installations.find(KEY) == changed(FIRST)
    assert installations.remove(changed(FIRST))


def test_a_new_install_cancels_the_revocation_of_the_token(db, installations):
    installations.remove(FIRST)

    installations.save(SECOND, None, None)

    assert list(db.redis.scan_iter("revocation*")) == []


def test_no_step_changes_a_successor(db):
    db.installations.save(SECOND, None, None)
    before = dump(db.redis)

    assert not db.installations.change(changed(FIRST), 1)
    assert not db.installations.renew(FIRST, RENEWED)
    assert not db.installations.remove(FIRST)

    assert dump(db.redis) == before


@pytest.mark.parametrize(
    ("installed_at", "condition", "is_deleted"),
    [
        (NOW, {"before": NOW + 100}, True),
        (NOW + 0.9, {"before": NOW}, True),
        (NOW, {"before": NOW - 1}, False),
        (NOW, {"before": NOW, "bot_token": FIRST.bot.bot_token}, True),
        (NOW, {"before": NOW, "bot_token": "an-earlier-token"}, False),
    ],
    ids=["later", "of the same second", "older", "this token", "another token"],
)
def test_an_event_deletes_only_the_installation_that_it_is_about(db, installed_at, condition, is_deleted):
    db.installations.save(replace(FIRST, installed_at=installed_at), None, replaces=None)
    before = dump(db.redis)

    assert db.installations.delete(KEY, **condition) is is_deleted
    assert dump(db.redis) == ({} if is_deleted else before)
    assert not (is_deleted and db.installations.delete(KEY, **condition))


@pytest.mark.parametrize("step", ["delete", "remove"])
def test_an_app_expires_a_day_after_its_last_team_left_unless_it_is_installed_again(db, step):
    for each in (CUSTOMERS, ELSEWHERE):
        db.installations.save(each, CUSTOMERS_APP, replaces=None)
    steps = {"delete": lambda each: db.installations.delete(each.key, NOW), "remove": db.installations.remove}
    expiries = []
    for each in (ELSEWHERE, CUSTOMERS):
        assert steps[step](each)
        expiries.append(db.redis.ttl(APP_KEY))
    found = db.apps.find(CUSTOMERS_APP.app_id)

    again = replace(CUSTOMERS, settings=replace(CUSTOMERS.settings, id="again"))
    db.installations.save(again, CUSTOMERS_APP, None)

    assert expiries[0] == -1
    assert DAY - 60 < expiries[1] <= DAY
    assert found == CUSTOMERS_APP
    assert db.redis.ttl(APP_KEY) == -1


@pytest.mark.real_redis
def test_a_change_during_the_install_is_never_lost(real_db):
    def install():
        with suppress(RevisionConflict):
            return real_db.installations.save(FIRST, None, None)

    register = partial(real_db.pending.save, make_pending(settings=FIRST.settings))
    change = partial(real_db.pending.change, make_pending(settings=changed(FIRST).settings), 1)
    for saved, was_changed in race_often(real_db.redis, register, install, change):
        assert bool(saved) is not was_changed
        assert real_db.installations.find_by_id("first") == (FIRST if saved else None)


@pytest.mark.real_redis
def test_removing_and_replacing_at_once_leave_the_successor(real_db):
    install = partial(real_db.installations.save, FIRST, None, None)
    remove = partial(real_db.installations.remove, FIRST)
    replacing = partial(real_db.installations.save, SECOND, None, "first")

    for _ in race_often(real_db.redis, install, remove, replacing):
        # It was replaced and not removed, or removed and then installed again.
        assert real_db.installations.find(KEY) == SECOND
        assert real_db.redis.exists(f"revocation:{KEY}", "revocations") == 0
        assert real_db.redis.zcard("installations") == 1
        assert real_db.redis.smembers("app-tenants:A0OWN") == {KEY.tenant_id}


@pytest.mark.real_redis
def test_installing_and_uninstalling_at_once_leave_no_app_that_expires(real_db):
    save = partial(real_db.installations.save, CUSTOMERS, CUSTOMERS_APP, replaces=None)
    elsewhere = partial(real_db.installations.save, ELSEWHERE, CUSTOMERS_APP, replaces=None)
    uninstall = partial(real_db.installations.delete, CUSTOMERS.key, before=NOW)

    for _ in race_often(real_db.redis, save, elsewhere, uninstall):
        assert real_db.redis.ttl(APP_KEY) == -1


# A stranger who can write to Redis and has no key


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("workspace_id", "00000000-ebe5-4e83-ae2b-3daf6ed02c22"),
        ("allow_external_users", "true"),
        ("model_ids", "[]"),
        ("plus_id", ""),
        ("customer_id", '"another"'),
        ("revision", "2"),
    ],
)
def test_a_setting_that_a_stranger_changed_in_redis_is_noticed(db, installations, name, value):
    db.redis.hset(REDIS_KEY, name, value)

    with pytest.raises(CannotDecrypt):
        installations.find(KEY)
    # It can still be shown, without its token, and changed.
    assert db.listing.find("first").settings.sectorflow.api_token == ""


def test_an_earlier_api_token_that_a_stranger_put_back_in_redis_is_noticed(db, installations):
    earlier = db.redis.hget(REDIS_KEY, "api_token")
    settings = replace(FIRST.settings.sectorflow, api_token="the-next-token")
    assert installations.change(changed(FIRST, sectorflow=settings), 1)
    db.redis.hset(REDIS_KEY, "api_token", earlier)

    with pytest.raises(CannotDecrypt):
        installations.find(KEY)


def test_a_token_of_a_release_that_bound_no_settings_is_read(db, installations):
    token = FIRST.settings.sectorflow.api_token
    db.redis.hset(REDIS_KEY, "api_token", db.cipher.seal(REDIS_KEY, "api_token", token))

    assert installations.find(KEY) == FIRST
