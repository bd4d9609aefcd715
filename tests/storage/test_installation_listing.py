"""Installations of every state, page by page or by id, also if their secrets do not decrypt."""

from dataclasses import replace

import pytest

from sectorflow_slack.domain.errors import CannotDecrypt
from sectorflow_slack.domain.installations import (
    Installation,
    InstallationPage,
    InstallationQuery,
    PendingInstallation,
)
from sectorflow_slack.storage import installation_listing as listing_module
from sectorflow_slack.storage.installation_listing import InstallationListing
from tests.losing import INSTALLATION_SECRETS, lose
from tests.storage.builders import DAY, installed, waiting
from tests.storage.conftest import Stores, lost_cipher
from tests.values import API_TOKEN, CUSTOMERS_APP, NOW, FixedClock, make_bot, make_installation


def ids(page: InstallationPage) -> list[str]:
    return [item.settings.id for item in page.items]


def read_all(listing: InstallationListing, query: InstallationQuery) -> list[list[str]]:
    """Return the ids of all pages."""
    pages = [listing.page(query)]
    while pages[-1].next_cursor:
        pages.append(listing.page(replace(query, cursor=pages[-1].next_cursor)))
        assert len(pages) < 50, "no end of pages"
    return [ids(page) for page in pages]


def save(db: Stores, *installations: Installation) -> None:
    for each in installations:
        db.installations.save(each, None, None)


def test_installations_of_every_state_are_listed_in_the_order_of_their_registration(db):
    for number in (4, 2, 1):
        db.pending.save(waiting(number))
    save(db, installed(3))
    db.pending.fail("i2", "already_installed")
    db.clock.now = NOW + DAY + 2

    by_status = {
        status: ids(db.listing.page(InstallationQuery(status=status)))
        for status in ("pending", "installed", "failed", "expired")
    }

    assert ids(db.listing.page(InstallationQuery())) == ["i1", "i2", "i3", "i4"]
    assert by_status == {"pending": ["i4"], "installed": ["i3"], "failed": ["i2"], "expired": ["i1"]}


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 20])
@pytest.mark.parametrize("customer_id", [None, "1"])
def test_each_page_ends_where_the_next_begins_whatever_the_batch(db, monkeypatch, limit, customer_id):
    monkeypatch.setattr(listing_module, "_BATCH", 2)
    save(db, *(installed(number, customer_id=f"{number % 2}") for number in range(14)))

    pages = read_all(db.listing, InstallationQuery(limit=limit, status="installed", customer_id=customer_id))

    expected = [f"i{number}" for number in (range(1, 14, 2) if customer_id else range(14))]
    assert pages == [expected[start : start + limit] for start in range(0, len(expected), limit)]


def test_a_page_is_short_and_has_a_cursor_if_few_entries_match(db):
    save(db, *map(installed, range(7)))
    db.pending.save(waiting(7))
    listing = InstallationListing(db.redis, db.cipher, db.clock, most=3)

    assert read_all(listing, InstallationQuery(status="pending")) == [[], [], ["i7"]]


def test_installs_and_deletions_between_two_pages_move_no_other_entry(db):
    save(db, *map(installed, range(1, 7)))
    first = db.listing.page(InstallationQuery(limit=3))

    db.installations.remove(installed(3))
    db.installations.remove(installed(1))
    save(db, installed(0))
    second = db.listing.page(InstallationQuery(limit=3, cursor=first.next_cursor))

    assert (ids(first), ids(second), second.next_cursor) == (["i1", "i2", "i3"], ["i4", "i5", "i6"], None)


def test_a_pending_installation_that_is_installed_stays_in_order_and_changes_its_team(db):
    for number in (1, 2, 3):
        db.pending.save(waiting(number, team_id="T0PINNED"))

    save(db, installed(2))

    assert ids(db.listing.page(InstallationQuery())) == ["i1", "i2", "i3"]
    assert ids(db.listing.page(InstallationQuery(team_id="T0PINNED"))) == ["i1", "i3"]
    assert ids(db.listing.page(InstallationQuery(team_id="T2"))) == ["i2"]


def test_expired_records_are_skipped_and_removed_from_the_index(db):
    for number in range(1, 9):
        db.pending.save(waiting(number))
    db.redis.delete(*(f"pending:i{number}" for number in (1, 2, 3, 5)))

    page = db.listing.page(InstallationQuery(limit=3))

    assert ids(page) == ["i4", "i6", "i7"]
    assert page.next_cursor is not None
    assert db.redis.zcard("installations") == 4


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({"app_id": "A0CUSTOMER"}, ["i1", "i2"]),
        ({"team_id": "T2"}, ["i2"]),
        ({"customer_id": "42"}, ["i2", "i3"]),
        ({"customer_id": "42", "app_id": "A0CUSTOMER"}, ["i2"]),
        ({"customer_id": "42", "app_id": "A0CUSTOMER", "team_id": "T3"}, []),
        ({"customer_id": "42", "status": "pending"}, []),
        ({"customer_id": "A0OWN", "app_id": "A0OWN"}, ["i4"]),
        ({"customer_id": "unknown"}, []),
        ({"customer_id": "\ud83d"}, []),
        ({"team_id": "*"}, []),
    ],
)
def test_installations_that_match_every_filter_are_listed(db, filters, expected):
    save(db, installed(1, "A0CUSTOMER"), installed(2, "A0CUSTOMER", customer_id="42"))
    save(db, installed(3, customer_id="42"), installed(4, customer_id="A0OWN"))

    assert ids(db.listing.page(InstallationQuery(**filters))) == expected


@pytest.mark.parametrize(
    "cursor",
    [
        *("", "!", "ü", "\ud83d", "\x00", "+", "i1", "1800000000000:", "\u0660" * 15 + ":i1"),
        *("001800000000000:i1\n", "001800000000000:i1!", "001800000000000:" + "i" * 5000),
    ],
)
def test_a_cursor_that_did_not_come_from_a_page_is_refused(db, unreachable, cursor):
    with pytest.raises(ValueError, match="no cursor"):
        InstallationListing(unreachable, db.cipher, FixedClock()).page(InstallationQuery(cursor=cursor))


def test_a_page_has_the_links_of_pending_installations_that_decrypt_and_no_other_secret(db):
    save(db, installed(1))
    db.pending.save(replace(waiting(2, app_id=CUSTOMERS_APP.app_id), slack_app=CUSTOMERS_APP))

    one, two = db.listing.page(InstallationQuery()).items
    _, lost = InstallationListing(db.redis, lost_cipher(), db.clock).page(InstallationQuery()).items

    assert isinstance(one, Installation)
    assert one.settings.sectorflow.api_token == one.bot.bot_token == one.bot.refresh_token == ""
    assert two.settings.sectorflow.api_token == ""
    assert two.slack_app == replace(CUSTOMERS_APP, client_secret="", signing_secret="")
    assert (two.link, lost) == ("link-2", replace(two, link=""))
    assert lost.status(NOW) == "pending"


HERE = make_installation(bot=make_bot(refresh_token="xoxe-1-refresh", token_expires_at=NOW + 43_200))


@pytest.mark.parametrize("lost", [*[[name] for name in INSTALLATION_SECRETS], INSTALLATION_SECRETS])
def test_an_installation_is_found_with_the_secrets_that_decrypt(db, lost):
    save(db, HERE)
    whole = db.listing.find(HERE.settings.id)
    lose(db.redis, f"installation:{HERE.key}", *lost)

    found = db.listing.find(HERE.settings.id)

    secrets = found.settings.sectorflow.api_token, found.bot.bot_token, found.bot.refresh_token
    expected = API_TOKEN, HERE.bot.bot_token, HERE.bot.refresh_token
    kept = zip(INSTALLATION_SECRETS, expected, strict=True)
    assert whole == HERE
    assert secrets == tuple("" if name in lost else secret for name, secret in kept)
    assert found.bot.team_name == HERE.bot.team_name
    with pytest.raises(CannotDecrypt):
        db.installations.find_by_id(HERE.settings.id)


@pytest.mark.parametrize("lost", [[], ["link"], ["link", "api_token"]])
def test_a_pending_installation_is_found_with_the_secrets_that_decrypt(db, lost):
    db.pending.save(waiting(1))
    if lost:
        lose(db.redis, "pending-secrets:i1", *lost)

    found = db.listing.find("i1")

    assert isinstance(found, PendingInstallation)
    assert found.status(NOW) == "pending"
    assert found.link == ("" if "link" in lost else "link-1")
    assert found.settings.sectorflow.api_token == ("" if "api_token" in lost else API_TOKEN)


def test_an_id_that_is_unknown_or_of_an_earlier_installation_is_not_found(db):
    save(db, HERE)
    db.redis.set("installation-id:older", str(HERE.key))
    db.redis.set("installation-id:lost", "A0OWN:T0GONE")

    assert [db.listing.find(each) for each in ("never-there", "older", "lost")] == [None] * 3
