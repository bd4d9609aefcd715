"""Lists of installations of every state, page by page."""

from __future__ import annotations

from dataclasses import replace

import pytest
import redis
from cryptography.fernet import Fernet

from sectorflow_slack.domain.errors import StorageUnavailable
from sectorflow_slack.domain.installations import (
    Installation,
    InstallationPage,
    InstallationQuery,
    PendingInstallation,
)
from sectorflow_slack.storage.crypto import Cipher
from sectorflow_slack.storage.directory import RedisDirectory
from sectorflow_slack.storage.installations import RedisInstallationStore
from sectorflow_slack.storage.pending import RedisPendingStore
from tests.storage.conftest import dump
from tests.values import (
    API_TOKEN,
    BOT_TOKEN,
    CUSTOMERS_APP,
    NOW,
    FixedClock,
    make_bot,
    make_pending,
    make_terms,
)

DAY = 24 * 3600


@pytest.fixture
def directory(store: redis.Redis, cipher: Cipher, clock: FixedClock) -> RedisDirectory:
    return RedisDirectory(store, cipher, clock)


@pytest.fixture
def installations(store: redis.Redis, cipher: Cipher) -> RedisInstallationStore:
    return RedisInstallationStore(store, cipher)


@pytest.fixture
def pendings(store: redis.Redis, cipher: Cipher) -> RedisPendingStore:
    return RedisPendingStore(store, cipher)


def installed(number: int, app_id: str = "A0OWN", **changes: object) -> Installation:
    terms = make_terms(id=f"i{number}", created_at=NOW + number, app_id=app_id, **changes)
    return Installation(terms, make_bot(team_id=f"T{number}", app_id=app_id), installed_at=NOW)


def waiting(number: int, team_id: str | None = None, **changes: object) -> PendingInstallation:
    terms = make_terms(id=f"i{number}", created_at=NOW + number, **changes)
    return make_pending(terms=terms, link=f"link-{number}", team_id=team_id, expires_at=NOW + number + DAY)


def ids(page: InstallationPage) -> list[str]:
    return [item.terms.id for item in page.items]


def test_an_empty_store_has_one_empty_page(directory: RedisDirectory) -> None:
    assert directory.page(InstallationQuery()) == InstallationPage((), None)


def test_installations_of_every_state_come_in_the_order_of_their_registration(
    directory: RedisDirectory,
    installations: RedisInstallationStore,
    pendings: RedisPendingStore,
    clock: FixedClock,
) -> None:
    for number in (4, 2, 1):
        pendings.save(waiting(number))
    installations.save(installed(3), None, None)
    pendings.fail("i2", "already_installed")
    clock.now = NOW + DAY + 2

    shown = {
        status: ids(directory.page(InstallationQuery(status=status)))
        for status in ("pending", "installed", "failed", "expired")
    }

    assert ids(directory.page(InstallationQuery())) == ["i1", "i2", "i3", "i4"]
    assert shown == {"pending": ["i4"], "installed": ["i3"], "failed": ["i2"], "expired": ["i1"]}


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 20])
def test_pages_end_where_the_next_begins(
    directory: RedisDirectory, installations: RedisInstallationStore, limit: int
) -> None:
    for number in range(7):
        installations.save(installed(number), None, None)

    page = directory.page(InstallationQuery(limit=limit))
    seen, pages = ids(page), 1
    while page.next_cursor:
        page = directory.page(InstallationQuery(limit=limit, cursor=page.next_cursor))
        seen, pages = seen + ids(page), pages + 1

    assert seen == [f"i{number}" for number in range(7)]
    assert pages == -(-7 // limit)


def test_what_comes_and_goes_meanwhile_moves_nothing_else(
    directory: RedisDirectory, installations: RedisInstallationStore
) -> None:
    for number in range(1, 7):
        installations.save(installed(number), None, None)
    first = directory.page(InstallationQuery(limit=3))

    installations.remove(installed(3))
    installations.remove(installed(1))
    installations.save(installed(0), None, None)
    second = directory.page(InstallationQuery(limit=3, cursor=first.next_cursor))

    assert ids(first) == ["i1", "i2", "i3"]
    assert ids(second) == ["i4", "i5", "i6"]
    assert second.next_cursor is None


def test_an_installation_that_gets_installed_keeps_its_place_and_changes_its_team(
    directory: RedisDirectory, installations: RedisInstallationStore, pendings: RedisPendingStore
) -> None:
    for number in (1, 2, 3):
        pendings.save(waiting(number, team_id="T0PINNED"))

    installations.save(installed(2), None, None)

    assert ids(directory.page(InstallationQuery())) == ["i1", "i2", "i3"]
    assert ids(directory.page(InstallationQuery(team_id="T0PINNED"))) == ["i1", "i3"]
    assert ids(directory.page(InstallationQuery(team_id="T2"))) == ["i2"]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        (InstallationQuery(app_id="A0CUSTOMER"), ["i1", "i2"]),
        (InstallationQuery(team_id="T2"), ["i2"]),
        (InstallationQuery(customer_id="42"), ["i2", "i3"]),
        (InstallationQuery(customer_id="42", app_id="A0CUSTOMER"), ["i2"]),
        (InstallationQuery(customer_id="42", app_id="A0CUSTOMER", team_id="T3"), []),
        (InstallationQuery(customer_id="42", status="pending"), []),
        (InstallationQuery(customer_id="A0OWN", app_id="A0OWN"), ["i4"]),
        (InstallationQuery(customer_id="nobody"), []),
        (InstallationQuery(customer_id="\ud83d"), []),
        (InstallationQuery(team_id="*"), []),
    ],
)
def test_only_what_fits_every_filter_is_listed(
    directory: RedisDirectory,
    installations: RedisInstallationStore,
    query: InstallationQuery,
    expected: list[str],
) -> None:
    installations.save(installed(1, CUSTOMERS_APP.app_id), CUSTOMERS_APP, None)
    installations.save(installed(2, CUSTOMERS_APP.app_id, customer_id="42"), CUSTOMERS_APP, None)
    installations.save(installed(3, customer_id="42"), None, None)
    installations.save(installed(4, customer_id="A0OWN"), None, None)

    assert ids(directory.page(query)) == expected


def test_a_replaced_or_deleted_installation_is_in_no_list(
    directory: RedisDirectory,
    installations: RedisInstallationStore,
    pendings: RedisPendingStore,
    store: redis.Redis,
) -> None:
    first = installed(1, customer_id="42")
    successor = replace(first, terms=replace(first.terms, id="i2", customer_id="43"))
    installations.save(first, None, None)
    installations.save(successor, None, replaces="i1")
    pendings.save(waiting(3, team_id="T0PINNED"))

    listed = ids(directory.page(InstallationQuery()))
    installations.delete(successor.key, before=NOW)
    pendings.remove("i3")

    assert listed == ["i2", "i3"]
    assert [key for key in dump(store) if key.startswith(("installations", "index-sweep"))] == []


def test_a_list_carries_links_of_pending_ones_and_no_other_secret(
    directory: RedisDirectory, installations: RedisInstallationStore, pendings: RedisPendingStore
) -> None:
    installations.save(installed(1), None, None)
    pendings.save(replace(waiting(2, app_id=CUSTOMERS_APP.app_id), slack_app=CUSTOMERS_APP))

    one, two = directory.page(InstallationQuery()).items

    assert isinstance(one, Installation)
    assert isinstance(two, PendingInstallation)
    assert one.terms.sectorflow.api_token == one.bot.bot_token == one.bot.refresh_token == ""
    assert two.terms.sectorflow.api_token == ""
    assert two.slack_app == replace(CUSTOMERS_APP, client_secret="", signing_secret="")
    assert two.link == "link-2"


def test_a_lost_key_breaks_no_list(
    installations: RedisInstallationStore,
    pendings: RedisPendingStore,
    store: redis.Redis,
    clock: FixedClock,
) -> None:
    installations.save(installed(1), None, None)
    pendings.save(waiting(2))
    keyless = RedisDirectory(store, Cipher([Fernet.generate_key().decode()]), clock)

    page = keyless.page(InstallationQuery())

    assert ids(page) == ["i1", "i2"]
    assert isinstance(page.items[1], PendingInstallation)
    assert page.items[1].link == ""
    assert page.items[1].status(NOW) == "pending"


@pytest.mark.parametrize(
    "cursor",
    [
        "",
        "!",
        "a",
        "ü",
        "\ud83d",
        "\x00",
        "=" * 8,
        "+",
        "i1",
        "1800000000000:",
        "\u0660" * 15 + ":i1",
        "001800000000000:i1\n",
        "001800000000000:i1" + "!",
        "001800000000000:" + "i" * 5000,
    ],
)
def test_a_cursor_that_no_page_gave_is_refused(nobody: redis.Redis, cipher: Cipher, cursor: str) -> None:
    with pytest.raises(ValueError, match=r".*"):
        RedisDirectory(nobody, cipher, FixedClock()).page(InstallationQuery(cursor=cursor))


def test_records_that_vanished_are_passed_over_and_forgotten(
    directory: RedisDirectory, pendings: RedisPendingStore, store: redis.Redis
) -> None:
    for number in range(1, 9):
        pendings.save(waiting(number))
    store.delete(*(f"pending:i{number}" for number in (1, 2, 3, 5)))

    page = directory.page(InstallationQuery(limit=3))

    assert ids(page) == ["i4", "i6", "i7"]
    assert page.next_cursor is not None
    assert store.zcard("installations") == 4


def let_the_sweep_be_due(store: redis.Redis) -> None:
    """Do what time does to the moments at which records were to be gone."""
    store.zadd("index-sweep", {str(entry): 1 for entry in store.zrange("index-sweep", 0, -1)})


def test_entries_of_expired_records_do_not_pile_up(pendings: RedisPendingStore, store: redis.Redis) -> None:
    for number in range(15):
        pendings.save(waiting(number, team_id="T0PINNED", customer_id="42"))
    store.delete(*store.scan_iter("pending*"))
    let_the_sweep_be_due(store)

    for number in range(100, 103):
        pendings.save(waiting(number))

    lists = ("installations", "installations:app:A0OWN", "index-sweep")
    assert [store.zcard(key) for key in lists] == [3, 3, 3]
    assert store.exists("installations:team:T0PINNED") == 0
    assert list(store.scan_iter("installations:customer:*")) == []


def test_what_is_there_longer_than_expected_stays_listed(
    directory: RedisDirectory, pendings: RedisPendingStore, store: redis.Redis
) -> None:
    pendings.save(waiting(1))
    let_the_sweep_be_due(store)

    pendings.save(waiting(2))

    assert ids(directory.page(InstallationQuery())) == ["i1", "i2"]
    assert store.zcard("index-sweep") == 2
    assert store.zcount("index-sweep", 0, 1) == 0


def test_what_was_saved_twice_is_listed_once(
    directory: RedisDirectory, pendings: RedisPendingStore, store: redis.Redis
) -> None:
    first = waiting(1, team_id="T0PINNED")
    later = replace(first, terms=replace(first.terms, created_at=NOW + 60), link="link-2", team_id=None)
    pendings.save(first)

    pendings.save(later)

    assert directory.page(InstallationQuery()).items == (
        replace(later, terms=replace(later.terms, sectorflow=replace(later.terms.sectorflow, api_token=""))),
    )
    assert pendings.find_by_link("link-1") is None
    assert store.exists("installations:team:T0PINNED") == 0
    assert store.zcard("index-sweep") == 1


def test_what_an_older_release_stored_is_listed(
    directory: RedisDirectory,
    installations: RedisInstallationStore,
    pendings: RedisPendingStore,
    store: redis.Redis,
) -> None:
    installations.save(installed(1, customer_id="42"), None, None)
    pendings.save(waiting(2, team_id="T0PINNED"))
    store.delete("index-sweep", *store.scan_iter("installations*"))

    assert ids(directory.page(InstallationQuery())) == ["i1", "i2"]
    assert ids(directory.page(InstallationQuery(customer_id="42"))) == ["i1"]
    assert ids(directory.page(InstallationQuery(team_id="T0PINNED"))) == ["i2"]
    assert store.zcard("index-sweep") == 1


def test_no_list_shows_a_dump_reader_a_secret(
    installations: RedisInstallationStore, pendings: RedisPendingStore, store: redis.Redis
) -> None:
    installations.save(installed(1, customer_id="customer-of-the-platform"), None, None)
    pendings.save(waiting(2))

    text = str({key: value for key, value in dump(store).items() if key.startswith("in")})

    assert not [secret for secret in (API_TOKEN, BOT_TOKEN, "link-2") if secret in text]


def test_a_store_that_is_away_is_said_to_be(nobody: redis.Redis, cipher: Cipher, clock: FixedClock) -> None:
    with pytest.raises(StorageUnavailable):
        RedisDirectory(nobody, cipher, clock).page(InstallationQuery())


def test_where_few_fit_a_page_is_short_and_says_where_to_go_on(
    store: redis.Redis,
    cipher: Cipher,
    clock: FixedClock,
    installations: RedisInstallationStore,
    pendings: RedisPendingStore,
) -> None:
    for number in range(7):
        installations.save(installed(number), None, None)
    pendings.save(waiting(7))
    directory = RedisDirectory(store, cipher, clock, most=3)

    pages = [directory.page(InstallationQuery(status="pending"))]
    while pages[-1].next_cursor:
        pages.append(directory.page(InstallationQuery(status="pending", cursor=pages[-1].next_cursor)))

    assert [ids(page) for page in pages] == [[], [], ["i7"]]
