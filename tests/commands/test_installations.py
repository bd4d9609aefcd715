"""Installations are listed, shown, deleted, kept elsewhere and put back."""

from __future__ import annotations

import stat
from importlib import import_module
from pathlib import Path

import pytest
import redis

from sectorflow_slack.domain.errors import SlackBusy
from sectorflow_slack.services import Services
from tests.commands.conftest import Run, documents
from tests.fakes import FakeSlackClient
from tests.losing import lose
from tests.values import (
    API_TOKEN,
    BOT_TOKEN,
    NOW,
    make_bot,
    make_installation,
    make_pending,
    make_terms,
)

INSTALLED = make_installation(make_terms(app_name="Ac\x1b[2Jme\r\u202e"))
ID = INSTALLED.settings.id
PENDING = make_pending(
    settings=make_terms(
        id="8b6cbd5c-0c9f-4a55-9f5c-2f9f0a3a0002", app_name="Waiting", customer_id="c-2", created_at=NOW + 1
    ),
    team_id="T0OTHER",
    expires_at=NOW + 86_401,
)
PENDING_ID = PENDING.settings.id
PLACE = f"installation:{INSTALLED.key}"


@pytest.fixture
def two(services: Services) -> None:
    """One that is installed, and one that waits for consent."""
    services.registration.installations.save(INSTALLED, None, None)
    services.registration.pendings.save(PENDING)


# Listing and showing


@pytest.mark.usefixtures("two")
def test_all_are_listed_oldest_first_without_a_secret(run: Run) -> None:
    table = run("installations list")
    as_json = run("installations list", "--json")

    first, second = documents(as_json)
    assert table.exit_code == as_json.exit_code == 0
    assert (first["id"], first["status"], first["teamId"], first["teamName"]) == (
        *(ID, "installed", "T0ACME", "Acme"),
    )
    assert (second["id"], second["status"], second["customerId"]) == (PENDING_ID, "pending", "c-2")
    assert second["createdAt"] == "2027-01-15T08:00:01+00:00"
    assert first.keys() == second.keys()
    assert table.stdout.index(ID) < table.stdout.index(PENDING_ID)
    assert not {"\x1b", "\r", "\u202e"} & set(table.stdout)
    for secret in (API_TOKEN, BOT_TOKEN, PENDING.link):
        assert secret not in table.output + as_json.output


@pytest.mark.usefixtures("two")
@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ("--status pending", [PENDING_ID]),
        ("--app A0NOBODY", []),
        ("--team T0OTHER", [PENDING_ID]),
        ("--customer c-2", [PENDING_ID]),
        ("--app A0OWN --status installed", [ID]),
    ],
)
def test_filters_keep_what_fits(run: Run, filters: str, expected: list[str]) -> None:
    found = documents(run(f"installations list --json {filters}"))

    assert [each["id"] for each in found] == expected


def test_a_list_ends_at_its_limit_and_says_that_there_are_more(
    run: Run, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The package's attribute of this name is the group of commands.
    monkeypatch.setattr(import_module("sectorflow_slack.commands.installations"), "_PAGE", 2)
    for number in range(5):
        terms = make_terms(id=f"id-{number}", created_at=NOW + number)
        bot = make_bot(team_id=f"T{number}")
        services.registration.installations.save(make_installation(terms, bot), None, None)

    three, everything, five = (
        run(f"installations list --json {most}") for most in ("--limit 3", "--all --limit 1", "--limit 5")
    )

    assert [each["id"] for each in documents(three)] == ["id-0", "id-1", "id-2"]
    assert "There are more" in three.stderr
    assert [each["id"] for each in documents(everything)] == [f"id-{number}" for number in range(5)]
    assert everything.stdout == five.stdout
    assert everything.stderr == five.stderr == ""


@pytest.mark.parametrize("wrong", ["--status odd", "--limit 0", "--limit many", "more"])
def test_wrong_usage_is_told_apart(run: Run, wrong: str) -> None:
    assert run(f"installations list {wrong}").exit_code == 2


@pytest.mark.usefixtures("two")
@pytest.mark.parametrize("installation_id", [ID, PENDING_ID])
def test_one_is_shown_without_a_secret(run: Run, installation_id: str) -> None:
    table = run("installations show", installation_id)
    as_json = run("installations show", installation_id, "--json")

    (shown,) = documents(as_json)
    assert (table.exit_code, shown["id"]) == (0, installation_id)
    assert shown["workspaceId"] in table.stdout
    for secret in (API_TOKEN, BOT_TOKEN, PENDING.link):
        assert secret not in table.output + as_json.output


@pytest.mark.parametrize("installation_id", ["no-such-id", "ü", "no-text-\udcff"])
@pytest.mark.parametrize("command", ["show", "delete"])
def test_one_that_is_not_there_is_an_error(run: Run, command: str, installation_id: str) -> None:
    result = run(f"installations {command}", installation_id)

    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == "Error: There is no such installation.\n"


@pytest.mark.usefixtures("two")
@pytest.mark.parametrize(
    ("installation_id", "place", "field"),
    [(ID, PLACE, "api_token"), (PENDING_ID, f"pending-secrets:{PENDING_ID}", "link")],
)
def test_a_lost_key_hides_no_installation_and_is_said(
    run: Run, store: redis.Redis, installation_id: str, place: str, field: str
) -> None:
    lose(store, place, field)

    listed = run("installations list", "--json")
    shown = run("installations show", installation_id, "--json")

    assert [each["id"] for each in documents(listed)] == [ID, PENDING_ID]
    assert documents(shown)[0]["id"] == installation_id
    assert f"No key opens its secrets ({place} {field}): it cannot be used" in shown.stderr


# Deleting


@pytest.mark.usefixtures("two")
def test_a_deletion_asks_first_and_does_nothing_without_a_yes(run: Run, services: Services) -> None:
    refused = run("installations delete", ID, typed="n\n")
    unattended = run("installations delete", ID)

    assert (refused.exit_code, unattended.exit_code) == (1, 1)
    assert services.registration.find(ID) == INSTALLED


@pytest.mark.usefixtures("two")
@pytest.mark.parametrize(
    ("installation_id", "lost", "fault", "revocation"),
    [
        (ID, [], None, "done"),
        (ID, [], SlackBusy("ratelimited"), "waiting"),
        (ID, ["api_token"], None, "done"),
        (ID, ["bot_token"], None, "impossible"),
        (PENDING_ID, [], None, "none"),
    ],
)
def test_a_script_reads_what_became_of_the_token_of_one_that_is_deleted(
    run: Run,
    services: Services,
    slack: FakeSlackClient,
    store: redis.Redis,
    installation_id: str,
    lost: list[str],
    fault: Exception | None,
    revocation: str,
) -> None:
    for field in lost:
        lose(store, PLACE, field)
    slack.revocations.then(fault)

    result = run("installations delete --yes --json", installation_id)

    assert documents(result) == [{"id": installation_id, "deleted": True, "revocation": revocation}]
    assert services.registration.find(installation_id) is None
    assert slack.revoked == ([BOT_TOKEN] if revocation in {"done", "waiting"} else [])


@pytest.mark.usefixtures("two")
@pytest.mark.parametrize(
    ("fault", "warning"), [(None, ""), (SlackBusy("ratelimited"), "still to be revoked at Slack")]
)
def test_people_are_told_of_a_token_that_is_not_revoked_yet(
    run: Run, services: Services, slack: FakeSlackClient, fault: Exception | None, warning: str
) -> None:
    slack.revocations.then(fault)

    result = run("installations delete", ID, typed="y\n")

    assert (result.exit_code, result.stdout) == (0, f"{ID} is deleted.\n")
    assert warning in result.stderr
    assert services.registration.find(PENDING_ID) == PENDING


# Export and import


@pytest.mark.usefixtures("two")
def test_installations_go_to_a_file_of_their_owners_and_come_back(
    run: Run, services: Services, store: redis.Redis, tmp_path: Path
) -> None:
    file = tmp_path / "installations.backup"
    file.write_text("an older one")
    file.chmod(0o644)

    exported = run("installations export --json", str(file))
    store.flushdb()
    imported = run("installations import", str(file))
    again = run("installations import --json", str(file))

    assert documents(exported) == [{"file": str(file), "installations": 1}]
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert imported.output == "1 installations put back.\n"
    assert documents(again) == [{"file": str(file), "installations": 0}]
    assert services.registration.find(ID) == INSTALLED


@pytest.mark.parametrize("content", [b"something else", b"\xff\xfe", b""])
def test_a_file_that_is_no_backup_is_an_error_without_a_trace(
    run: Run, tmp_path: Path, content: bytes
) -> None:
    file = tmp_path / "other"
    file.write_bytes(content)

    result = run("installations import", str(file))

    assert result.exit_code == 1
    assert "no backup" in result.stderr


def test_a_folder_that_is_not_there_is_an_error_without_a_trace(run: Run, tmp_path: Path) -> None:
    result = run("installations export", str(tmp_path / "nowhere" / "backup"))

    assert result.exit_code == 1
    assert "cannot be written: No such file or directory." in result.stderr
