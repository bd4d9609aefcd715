from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import pytest
import redis
from hypothesis import HealthCheck, example, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from sectorflow_slack.domain.errors import StorageUnavailable
from sectorflow_slack.domain.installations import BotInstall, InstallationKey, SectorFlowSettings, Terms
from sectorflow_slack.storage.apps import RedisAppStore
from sectorflow_slack.storage.crypto import Cipher
from sectorflow_slack.storage.installations import RedisInstallationStore
from sectorflow_slack.storage.leaving import APP_AFTERLIFE_SECONDS
from sectorflow_slack.storage.pending import RedisPendingStore
from tests.storage.conftest import LASTING, dump, expiring_and_staying, race
from tests.values import (
    API_TOKEN,
    BOT_TOKEN,
    CUSTOMERS_APP,
    NOW,
    OWN_APP,
    TEAM_ID,
    make_bot,
    make_installation,
    make_pending,
    make_terms,
)

FIRST = make_installation(make_terms(id="first"))
SECOND = make_installation(make_terms(id="second", app_name="Second"))
KEY = FIRST.key
CUSTOMERS = make_installation(
    make_terms(id="customers", app_id=CUSTOMERS_APP.app_id), make_bot(app_id=CUSTOMERS_APP.app_id)
)
APP_KEY = f"app:{CUSTOMERS_APP.app_id}"

any_text = st.text(st.characters())


@pytest.fixture
def installations(store: redis.Redis, cipher: Cipher) -> RedisInstallationStore:
    return RedisInstallationStore(store, cipher)


def test_an_installation_is_found_by_place_and_by_id(installations: RedisInstallationStore) -> None:
    stored = installations.save(FIRST, None, replaces=None)

    assert stored
    assert installations.find(KEY) == FIRST
    assert installations.find_by_id("first") == FIRST


def test_a_place_without_installation_is_empty(installations: RedisInstallationStore) -> None:
    assert installations.find(KEY) is None
    assert installations.find_by_id("first") is None


@given(
    app_name=any_text,
    team_name=any_text,
    customer_id=st.none() | any_text,
    names=st.dictionaries(any_text, any_text, max_size=3),
    token=any_text,
    created_at=st.floats(allow_nan=False, allow_infinity=False),
)
# Half of a surrogate pair, as JSON can bring it in.
@example(
    app_name="\ud83d",
    team_name="\ud83d",
    customer_id="\ud83d",
    names={"m1": "\ud83d"},
    token="\ud83d",
    created_at=0.1,
)
@hypothesis_settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25)
def test_every_field_comes_back_as_it_was(
    installations: RedisInstallationStore,
    app_name: str,
    team_name: str,
    customer_id: str | None,
    names: dict[str, str],
    token: str,
    created_at: float,
) -> None:
    terms = Terms(
        id="whole",
        app_id=OWN_APP.app_id,
        app_name=app_name,
        sectorflow=SectorFlowSettings(token, "a-workspace", ("m1", "m2"), "a-plus-id", names),
        created_at=created_at,
        display="tabs",
        customer_id=customer_id,
        allow_external_users=True,
    )
    bot = BotInstall(OWN_APP.app_id, token, "U0BOT", None, team_name, "E0ORG", is_enterprise_install=True)
    whole = replace(make_installation(terms, bot), installed_at=created_at)

    installations.save(whole, None, replaces="whole")

    assert installations.find(InstallationKey(OWN_APP.app_id, "E0ORG")) == whole


def test_nobody_takes_a_place_that_is_taken(
    installations: RedisInstallationStore, store: redis.Redis
) -> None:
    installations.save(FIRST, None, replaces=None)
    before = dump(store)

    assert not installations.save(SECOND, CUSTOMERS_APP, replaces=None)
    assert not installations.save(SECOND, CUSTOMERS_APP, replaces="somebody-else")
    assert dump(store) == before


def test_an_installation_that_names_the_old_one_takes_its_place(
    installations: RedisInstallationStore,
) -> None:
    installations.save(FIRST, None, replaces=None)

    assert installations.save(SECOND, None, replaces="first")
    assert installations.find(KEY) == SECOND
    assert installations.find_by_id("second") == SECOND
    assert installations.find_by_id("first") is None


def test_nothing_of_the_old_one_remains_when_it_is_replaced(
    installations: RedisInstallationStore, store: redis.Redis
) -> None:
    installations.save(FIRST, None, replaces=None)
    store.hset(f"installation:{KEY}", "field_of_an_older_version", "1")

    installations.save(SECOND, None, replaces="first")

    assert "first" not in str(dump(store))
    assert "field_of_an_older_version" not in str(dump(store))


def test_replacing_what_is_gone_already_is_installing(installations: RedisInstallationStore) -> None:
    assert installations.save(SECOND, None, replaces="first")
    assert installations.find(KEY) == SECOND


def test_an_installation_may_be_saved_again_under_its_own_id(installations: RedisInstallationStore) -> None:
    installations.save(FIRST, None, replaces=None)
    renamed = replace(FIRST, terms=replace(FIRST.terms, app_name="Renamed"))

    assert installations.save(renamed, None, replaces=None)
    assert installations.find_by_id("first") == renamed


def test_the_same_app_in_two_teams_and_two_apps_in_one_team_are_apart(
    installations: RedisInstallationStore,
) -> None:
    other_team = make_installation(make_terms(id="other-team"), make_bot(team_id="T0OTHER"))

    assert installations.save(FIRST, None, replaces=None)
    assert installations.save(other_team, None, replaces=None)
    assert installations.save(CUSTOMERS, CUSTOMERS_APP, replaces=None)

    assert installations.find_by_id("first") == FIRST
    assert installations.find_by_id("other-team") == other_team
    assert installations.find_by_id("customers") == CUSTOMERS


def test_the_pending_record_goes_with_the_installing(
    installations: RedisInstallationStore, store: redis.Redis, cipher: Cipher
) -> None:
    pendings = RedisPendingStore(store, cipher)
    pending = make_pending(terms=FIRST.terms)
    pendings.save(pending)

    installations.save(FIRST, None, replaces=None)

    assert pendings.find("first") is None
    assert pendings.find_by_link(pending.link) is None


def test_a_refused_one_keeps_its_pending_record(
    installations: RedisInstallationStore, store: redis.Redis, cipher: Cipher
) -> None:
    pendings = RedisPendingStore(store, cipher)
    pendings.save(make_pending(terms=SECOND.terms))
    installations.save(FIRST, None, replaces=None)

    installations.save(SECOND, None, replaces=None)

    assert pendings.find("second") is not None


def test_an_index_that_points_at_another_installation_leads_nowhere(
    installations: RedisInstallationStore, store: redis.Redis
) -> None:
    installations.save(FIRST, None, replaces=None)
    store.set("installation-id:older", str(KEY))
    store.set("installation-id:lost", "A0OWN:T0GONE")

    assert installations.find_by_id("older") is None
    assert installations.find_by_id("lost") is None


class InterruptedCipher(Cipher):
    """Lets something happen once between what a step reads and what it writes: there it seals tokens."""

    def __init__(self, cipher: Cipher, interruption: Callable[[], object]) -> None:
        self._fernet = cipher._fernet
        self._interruptions = [interruption]

    def seal(self, key: str, field: str, value: str) -> str:
        if field == "api_token" and self._interruptions:
            self._interruptions.pop()()
        return super().seal(key, field, value)


def test_who_is_overtaken_while_installing_finds_the_place_taken(
    installations: RedisInstallationStore, store: redis.Redis, cipher: Cipher
) -> None:
    overtaking = InterruptedCipher(cipher, lambda: installations.save(FIRST, None, replaces=None))

    assert not RedisInstallationStore(store, overtaking).save(SECOND, None, replaces=None)
    assert installations.find(KEY) == FIRST


def test_who_is_overtaken_by_another_team_of_the_app_lets_its_signing_secret_wait(
    installations: RedisInstallationStore, store: redis.Redis, cipher: Cipher
) -> None:
    other = make_installation(replace(CUSTOMERS.terms, id="other"), replace(CUSTOMERS.bot, team_id="T0OTHER"))
    overtaking = InterruptedCipher(cipher, lambda: installations.save(other, CUSTOMERS_APP, replaces=None))
    app = replace(CUSTOMERS_APP, signing_secret="a-later-secret")

    assert RedisInstallationStore(store, overtaking).save(CUSTOMERS, app, replaces=None)

    secrets = RedisAppStore(store, cipher, None).signing_secrets(app.app_id)
    assert secrets == (CUSTOMERS_APP.signing_secret, "a-later-secret")


@pytest.mark.real_redis
def test_of_many_that_install_at_the_same_place_at_once_one_wins(
    real_store: redis.Redis, cipher: Cipher
) -> None:
    installations = RedisInstallationStore(real_store, cipher)

    def install(number: int) -> bool:
        terms = make_terms(id=f"racer-{number}", app_id=CUSTOMERS_APP.app_id)
        installation = make_installation(terms, make_bot(app_id=CUSTOMERS_APP.app_id))
        app = replace(CUSTOMERS_APP, signing_secret=f"secret-{number}")
        return installations.save(installation, app, replaces=None)

    outcomes = race(8, install)

    winner = outcomes.index(True)
    found = installations.find(CUSTOMERS.key)
    assert outcomes.count(True) == 1
    assert found is not None
    assert found.terms.id == f"racer-{winner}"
    assert len(list(real_store.scan_iter("installation-id:*"))) == 1
    apps = RedisAppStore(real_store, cipher, None)
    assert apps.signing_secrets(CUSTOMERS_APP.app_id) == (f"secret-{winner}",)


@pytest.mark.real_redis
def test_of_many_that_replace_the_same_one_at_once_one_wins(real_store: redis.Redis, cipher: Cipher) -> None:
    installations = RedisInstallationStore(real_store, cipher)
    installations.save(FIRST, None, replaces=None)

    outcomes = race(
        8,
        lambda number: installations.save(
            make_installation(make_terms(id=f"racer-{number}")), None, replaces="first"
        ),
    )

    assert outcomes.count(True) == 1
    assert installations.find_by_id(f"racer-{outcomes.index(True)}") is not None


@pytest.mark.real_redis
def test_installing_and_deleting_at_once_leave_no_app_that_will_be_forgotten(
    real_store: redis.Redis, cipher: Cipher
) -> None:
    installations = RedisInstallationStore(real_store, cipher)
    for turn in range(20):
        real_store.flushdb()
        installations.save(CUSTOMERS, CUSTOMERS_APP, replaces=None)
        other = make_installation(
            replace(CUSTOMERS.terms, id=f"other-{turn}"), replace(CUSTOMERS.bot, team_id="T0OTHER")
        )

        steps = [
            partial(installations.save, other, CUSTOMERS_APP, replaces=None),
            partial(installations.delete, CUSTOMERS.key, before=NOW),
        ]

        race(2, lambda number, steps=steps: steps[number]())  # type: ignore[misc]

        assert real_store.ttl(APP_KEY) == -1


def test_deleting_forgets_all_of_it(installations: RedisInstallationStore, store: redis.Redis) -> None:
    installations.save(FIRST, None, replaces=None)

    assert installations.delete(KEY, before=NOW + 100)
    assert installations.find(KEY) is None
    assert installations.find_by_id("first") is None
    assert dump(store) == {}


def test_deleting_what_is_not_there_says_so(installations: RedisInstallationStore) -> None:
    installations.save(FIRST, None, replaces=None)

    assert installations.delete(KEY, before=NOW)
    assert not installations.delete(KEY, before=NOW)


def test_an_event_older_than_the_installation_deletes_nothing(installations: RedisInstallationStore) -> None:
    installations.save(FIRST, None, replaces=None)

    assert not installations.delete(KEY, before=NOW - 1)
    assert installations.find(KEY) == FIRST


def test_an_event_of_the_very_second_is_not_older(installations: RedisInstallationStore) -> None:
    installations.save(replace(FIRST, installed_at=NOW + 0.9), None, replaces=None)

    assert installations.delete(KEY, before=NOW)


def test_an_app_is_forgotten_a_day_after_its_last_team_left(
    installations: RedisInstallationStore, store: redis.Redis, cipher: Cipher
) -> None:
    installations.save(CUSTOMERS, CUSTOMERS_APP, replaces=None)

    installations.delete(CUSTOMERS.key, before=NOW)

    assert APP_AFTERLIFE_SECONDS == 24 * 3600
    assert 0 <= APP_AFTERLIFE_SECONDS - store.ttl(APP_KEY) <= 5
    assert RedisAppStore(store, cipher, None).find(CUSTOMERS_APP.app_id) == CUSTOMERS_APP
    assert set(dump(store)) == {APP_KEY}


def test_an_app_stays_while_another_team_has_it(
    installations: RedisInstallationStore, store: redis.Redis
) -> None:
    other = make_installation(replace(CUSTOMERS.terms, id="other"), replace(CUSTOMERS.bot, team_id="T0OTHER"))
    installations.save(CUSTOMERS, CUSTOMERS_APP, replaces=None)
    installations.save(other, CUSTOMERS_APP, replaces=None)

    installations.delete(CUSTOMERS.key, before=NOW)

    assert store.ttl(APP_KEY) == -1
    assert store.smembers(f"app-tenants:{CUSTOMERS_APP.app_id}") == {"T0OTHER"}


def test_an_app_that_is_installed_again_stays(
    installations: RedisInstallationStore, store: redis.Redis
) -> None:
    installations.save(CUSTOMERS, CUSTOMERS_APP, replaces=None)
    installations.delete(CUSTOMERS.key, before=NOW)

    installations.save(CUSTOMERS, CUSTOMERS_APP, replaces=None)

    assert store.ttl(APP_KEY) == -1


def test_nothing_of_an_installation_expires_while_it_is_there(
    installations: RedisInstallationStore, store: redis.Redis
) -> None:
    installations.save(FIRST, None, replaces=None)
    installations.save(CUSTOMERS, CUSTOMERS_APP, replaces=None)

    expiring, staying = expiring_and_staying(store)

    assert expiring == set()
    assert {key.partition(":")[0] + ":" for key in staying} == set(LASTING)


def test_a_dump_shows_settings_and_no_secret(
    installations: RedisInstallationStore, store: redis.Redis
) -> None:
    installations.save(CUSTOMERS, CUSTOMERS_APP, replaces=None)

    text = str(dump(store))

    secrets = [API_TOKEN, BOT_TOKEN, CUSTOMERS_APP.client_secret, CUSTOMERS_APP.signing_secret]
    assert not [secret for secret in secrets if secret in text]
    assert "Acme Assistant" in text
    assert TEAM_ID in text


def test_a_store_that_is_away_is_said_to_be(nobody: redis.Redis, cipher: Cipher) -> None:
    installations = RedisInstallationStore(nobody, cipher)

    with pytest.raises(StorageUnavailable):
        installations.find(KEY)
    with pytest.raises(StorageUnavailable):
        installations.find_by_id("first")
    with pytest.raises(StorageUnavailable):
        installations.save(FIRST, None, replaces=None)
    with pytest.raises(StorageUnavailable):
        installations.delete(KEY, before=NOW)
