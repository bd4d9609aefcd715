"""Installations of every state, page by page or one by its id; also those that no key opens."""

from __future__ import annotations

from dataclasses import replace

import pytest
import redis
from cryptography.fernet import Fernet

from sectorflow_slack.domain.errors import CannotDecrypt
from sectorflow_slack.domain.installations import Installation, InstallationQuery, PendingInstallation
from sectorflow_slack.storage import installation_listing as queries_module
from sectorflow_slack.storage.crypto import Cipher
from sectorflow_slack.storage.installation_listing import InstallationListing
from tests.losing import INSTALLATION_SECRETS, lose
from tests.storage.conftest import Stores
from tests.storage.installation_steps import DAY, ids, installed, waiting
from tests.values import (
    API_TOKEN,
    CUSTOMERS_APP,
    NOW,
    FixedClock,
    make_bot,
    make_installation,
    make_pending,
    make_terms,
)


def read_all(queries: InstallationListing, query: InstallationQuery) -> list[list[str]]:
    """Return the ids of all pages."""
    pages = [queries.page(query)]
    while pages[-1].next_cursor:
        pages.append(queries.page(replace(query, cursor=pages[-1].next_cursor)))
        assert len(pages) < 50, "no end of pages"
    return [ids(page) for page in pages]


# Pages


def test_installations_of_every_state_come_in_the_order_of_their_registration(db: Stores) -> None:
    for number in (4, 2, 1):
        db.pendings.save(waiting(number))
    db.installations.save(installed(3), None, None)
    db.pendings.fail("i2", "already_installed")
    db.clock.now = NOW + DAY + 2

    shown = {
        status: ids(db.queries.page(InstallationQuery(status=status)))
        for status in ("pending", "installed", "failed", "expired")
    }

    assert ids(db.queries.page(InstallationQuery())) == ["i1", "i2", "i3", "i4"]
    assert shown == {"pending": ["i4"], "installed": ["i3"], "failed": ["i2"], "expired": ["i1"]}


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 20])
@pytest.mark.parametrize("customer_id", [None, "1"])
def test_pages_end_where_the_next_begins_whatever_the_batch(
    db: Stores, monkeypatch: pytest.MonkeyPatch, limit: int, customer_id: str | None
) -> None:
    monkeypatch.setattr(queries_module, "_BATCH", 2)
    for number in range(14):
        db.installations.save(installed(number, customer_id=f"{number % 2}"), None, None)

    pages = read_all(db.queries, InstallationQuery(limit=limit, status="installed", customer_id=customer_id))

    expected = [f"i{number}" for number in (range(1, 14, 2) if customer_id else range(14))]
    assert pages == [expected[start : start + limit] for start in range(0, len(expected), limit)]


def test_a_page_goes_on_in_batches_until_it_is_full(db: Stores, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queries_module, "_BATCH", 2)
    for number in range(9):
        db.installations.save(installed(number), None, None)
    for number in range(9, 12):
        db.pendings.save(waiting(number))

    assert read_all(db.queries, InstallationQuery(status="pending", limit=2)) == [["i9", "i10"], ["i11"]]


def test_a_page_is_short_and_tells_where_to_go_on_if_few_entries_fit(db: Stores) -> None:
    for number in range(7):
        db.installations.save(installed(number), None, None)
    db.pendings.save(waiting(7))
    queries = InstallationListing(db.redis, db.cipher, db.clock, most=3)

    assert read_all(queries, InstallationQuery(status="pending")) == [[], [], ["i7"]]


def test_installations_that_come_and_go_meanwhile_move_no_other(db: Stores) -> None:
    for number in range(1, 7):
        db.installations.save(installed(number), None, None)
    first = db.queries.page(InstallationQuery(limit=3))

    db.installations.remove(installed(3))
    db.installations.remove(installed(1))
    db.installations.save(installed(0), None, None)
    second = db.queries.page(InstallationQuery(limit=3, cursor=first.next_cursor))

    assert (ids(first), ids(second), second.next_cursor) == (["i1", "i2", "i3"], ["i4", "i5", "i6"], None)


def test_an_installation_that_gets_installed_keeps_its_place_and_changes_its_team(db: Stores) -> None:
    for number in (1, 2, 3):
        db.pendings.save(waiting(number, team_id="T0PINNED"))

    db.installations.save(installed(2), None, None)

    assert ids(db.queries.page(InstallationQuery())) == ["i1", "i2", "i3"]
    assert ids(db.queries.page(InstallationQuery(team_id="T0PINNED"))) == ["i1", "i3"]
    assert ids(db.queries.page(InstallationQuery(team_id="T2"))) == ["i2"]


def test_records_that_vanished_are_passed_over_and_forgotten(db: Stores) -> None:
    for number in range(1, 9):
        db.pendings.save(waiting(number))
    db.redis.delete(*(f"pending:i{number}" for number in (1, 2, 3, 5)))

    page = db.queries.page(InstallationQuery(limit=3))

    assert ids(page) == ["i4", "i6", "i7"]
    assert page.next_cursor is not None
    assert db.redis.zcard("installations") == 4


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
        (InstallationQuery(customer_id="unknown"), []),
        (InstallationQuery(customer_id="\ud83d"), []),
        (InstallationQuery(team_id="*"), []),
    ],
)
def test_only_installations_that_fit_every_filter_are_listed(
    db: Stores, query: InstallationQuery, expected: list[str]
) -> None:
    db.installations.save(installed(1, CUSTOMERS_APP.app_id), CUSTOMERS_APP, None)
    db.installations.save(installed(2, CUSTOMERS_APP.app_id, customer_id="42"), CUSTOMERS_APP, None)
    db.installations.save(installed(3, customer_id="42"), None, None)
    db.installations.save(installed(4, customer_id="A0OWN"), None, None)

    assert ids(db.queries.page(query)) == expected


@pytest.mark.parametrize(
    "cursor",
    [
        *("", "!", "ü", "\ud83d", "\x00", "+", "i1", "1800000000000:", "\u0660" * 15 + ":i1"),
        *("001800000000000:i1\n", "001800000000000:i1!", "001800000000000:" + "i" * 5000),
    ],
)
def test_a_cursor_that_no_page_gave_is_refused(db: Stores, unreachable: redis.Redis, cursor: str) -> None:
    with pytest.raises(ValueError, match="no cursor"):
        InstallationListing(unreachable, db.cipher, FixedClock()).page(InstallationQuery(cursor=cursor))


# Secrets


def test_a_list_carries_links_of_pending_ones_and_no_other_secret(db: Stores) -> None:
    db.installations.save(installed(1), None, None)
    db.pendings.save(replace(waiting(2, app_id=CUSTOMERS_APP.app_id), slack_app=CUSTOMERS_APP))

    one, two = db.queries.page(InstallationQuery()).items

    assert isinstance(one, Installation)
    assert isinstance(two, PendingInstallation)
    assert one.settings.sectorflow.api_token == one.bot.bot_token == one.bot.refresh_token == ""
    assert two.settings.sectorflow.api_token == ""
    assert two.slack_app == replace(CUSTOMERS_APP, client_secret="", signing_secret="")
    assert two.link == "link-2"


def test_a_lost_key_breaks_no_list(db: Stores) -> None:
    db.installations.save(installed(1), None, None)
    db.pendings.save(waiting(2))
    keyless = InstallationListing(db.redis, Cipher([Fernet.generate_key().decode()]), db.clock)

    page = keyless.page(InstallationQuery())

    assert ids(page) == ["i1", "i2"]
    assert isinstance(page.items[1], PendingInstallation)
    assert page.items[1].link == ""
    assert page.items[1].status(NOW) == "pending"


# One by its id

HERE = make_installation(bot=make_bot(refresh_token="xoxe-1-refresh", token_expires_at=NOW + 43_200))
WAITING = make_pending(settings=make_terms(id="waiting"))


def without(installation: Installation, *lost: str) -> Installation:
    blank = dict.fromkeys(lost, "")
    api_token = {"api_token": blank.pop("api_token")} if "api_token" in blank else {}
    terms = replace(installation.settings, sectorflow=replace(installation.settings.sectorflow, **api_token))
    return replace(installation, settings=terms, bot=replace(installation.bot, **blank))


@pytest.mark.parametrize("lost", [*[[name] for name in INSTALLATION_SECRETS], INSTALLATION_SECRETS])
def test_an_installation_is_found_with_those_secrets_that_a_key_opens(db: Stores, lost: list[str]) -> None:
    db.installations.save(HERE, None, None)
    whole = db.queries.find(HERE.settings.id)
    lose(db.redis, f"installation:{HERE.key}", *lost)

    with pytest.raises(CannotDecrypt):
        db.installations.find_by_id(HERE.settings.id)
    assert (whole, db.queries.find(HERE.settings.id)) == (HERE, without(HERE, *lost))


@pytest.mark.parametrize("lost", [[], ["link"], ["link", "api_token"]])
def test_a_pending_one_is_found_with_those_secrets_that_a_key_opens(db: Stores, lost: list[str]) -> None:
    db.pendings.save(WAITING)
    if lost:
        lose(db.redis, f"pending-secrets:{WAITING.settings.id}", *lost)

    found = db.queries.find(WAITING.settings.id)

    assert isinstance(found, PendingInstallation)
    assert found.status(NOW) == "pending"
    assert found.link == ("" if "link" in lost else WAITING.link)
    assert found.settings.sectorflow.api_token == ("" if "api_token" in lost else API_TOKEN)


def test_an_id_that_is_unknown_or_leads_to_another_installation_is_not_found(db: Stores) -> None:
    db.installations.save(HERE, None, None)
    db.redis.set("installation-id:older", str(HERE.key))
    db.redis.set("installation-id:lost", "A0OWN:T0GONE")

    assert [db.queries.find(each) for each in ("never-there", "older", "lost")] == [None] * 3
    assert [db.installations.find_by_id(each) for each in ("never-there", "older", "lost")] == [None] * 3
