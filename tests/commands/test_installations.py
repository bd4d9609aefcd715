"""Installations are listed, shown, deleted, exported and imported."""

import os
import stat
import threading
from importlib import import_module

import pytest

from sectorflow_slack.domain.errors import SlackBusy
from tests.commands.conftest import documents
from tests.losing import lose
from tests.values import API_TOKEN, BOT_TOKEN, NOW, make_bot, make_installation, make_pending, make_settings

INSTALLED = make_installation(make_settings(app_name="Ac\x1b[2Jme\r\u202e"))
ID = INSTALLED.settings.id
PENDING = make_pending(
    settings=make_settings(
        id="8b6cbd5c-0c9f-4a55-9f5c-2f9f0a3a0002", app_name="Waiting", customer_id="c-2", created_at=NOW + 1
    ),
    team_id="T0OTHER",
    expires_at=NOW + 86_401,
)
PENDING_ID = PENDING.settings.id
KEY = f"installation:{INSTALLED.key}"
SECRETS = (API_TOKEN, BOT_TOKEN, PENDING.link)


@pytest.fixture(autouse=True)
def two(services):
    """Store an installed and a pending installation."""
    services.registration.installations.save(INSTALLED, None, None)
    services.registration.pendings.save(PENDING)


# list and show


def test_all_are_listed_oldest_first_without_a_secret(run):
    table = run("installations list")
    as_json = run("installations list", "--json")

    first, second = documents(as_json)
    assert table.exit_code == as_json.exit_code == 0
    assert (first["id"], first["status"], first["teamId"]) == (ID, "installed", "T0ACME")
    assert (second["id"], second["status"], second["customerId"]) == (PENDING_ID, "pending", "c-2")
    assert second["createdAt"] == "2027-01-15T08:00:01+00:00"
    assert first.keys() == second.keys()
    assert table.stdout.index(ID) < table.stdout.index(PENDING_ID)
    assert not {"\x1b", "\r", "\u202e"} & set(table.stdout)
    assert not [secret for secret in SECRETS if secret in table.output + as_json.output]


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ("--status pending", [PENDING_ID]),
        ("--app A0OTHER", []),
        ("--team T0OTHER", [PENDING_ID]),
        ("--customer c-2", [PENDING_ID]),
        ("--app A0OWN --status installed", [ID]),
    ],
)
def test_filters_select_installations(run, filters, expected):
    found = documents(run(f"installations list --json {filters}"))

    assert [each["id"] for each in found] == expected


def test_a_list_ends_at_its_limit_and_says_that_there_are_more(run, services, monkeypatch):
    # The package's attribute of this name is the group of commands.
    monkeypatch.setattr(import_module("sectorflow_slack.commands.installations"), "_PAGE", 2)
    for number in range(5):
        settings = make_settings(id=f"id-{number}", created_at=NOW + number, customer_id="many")
        bot = make_bot(team_id=f"T{number}")
        services.registration.installations.save(make_installation(settings, bot), None, None)

    three, everything, five = (
        run(f"installations list --customer many --json {most}")
        for most in ("--limit 3", "--all --limit 1", "--limit 5")
    )

    assert [each["id"] for each in documents(three)] == ["id-0", "id-1", "id-2"]
    assert "There are more" in three.stderr
    assert [each["id"] for each in documents(everything)] == [f"id-{number}" for number in range(5)]
    assert everything.stdout == five.stdout
    assert everything.stderr == five.stderr == ""


@pytest.mark.parametrize("installation_id", [ID, PENDING_ID])
def test_one_is_shown_without_a_secret(run, installation_id):
    table = run("installations show", installation_id)
    as_json = run("installations show", installation_id, "--json")

    (shown,) = documents(as_json)
    assert (table.exit_code, shown["id"]) == (0, installation_id)
    assert shown["workspaceId"] in table.stdout
    assert not [secret for secret in SECRETS if secret in table.output + as_json.output]


@pytest.mark.parametrize("installation_id", ["no-such-id", "ü", "no-text-\udcff"])
@pytest.mark.parametrize("command", ["show", "delete", "change --display tabs"])
def test_an_unknown_installation_is_an_error(run, command, installation_id):
    result = run(f"installations {command}", installation_id)

    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == "Error: There is no such installation.\n"


@pytest.mark.parametrize(
    ("installation_id", "key", "field"),
    [(ID, KEY, "api_token"), (PENDING_ID, f"pending-secrets:{PENDING_ID}", "link")],
)
def test_an_installation_with_a_lost_secret_is_listed_and_shown(run, store, installation_id, key, field):
    lose(store, key, field)

    listed = run("installations list", "--json")
    shown = run("installations show", installation_id, "--json")

    assert [each["id"] for each in documents(listed)] == [ID, PENDING_ID]
    assert documents(shown)[0]["id"] == installation_id
    assert f"No key opens its secrets ({key} {field}): it cannot be used" in shown.stderr


# delete


def test_a_deletion_needs_a_confirmation(run, services):
    refused = run("installations delete", ID, typed="n\n")
    unattended = run("installations delete", ID)

    assert (refused.exit_code, unattended.exit_code) == (1, 1)
    assert services.registration.find(ID) == INSTALLED


@pytest.mark.parametrize(
    ("installation_id", "lost", "error", "revocation"),
    [
        (ID, [], None, "done"),
        (ID, [], SlackBusy("ratelimited"), "waiting"),
        (ID, ["api_token"], None, "done"),
        (ID, ["bot_token"], None, "impossible"),
        (PENDING_ID, [], None, "none"),
    ],
)
def test_json_has_the_state_of_the_revocation(
    run, services, slack, store, installation_id, lost, error, revocation
):
    for field in lost:
        lose(store, KEY, field)
    slack.revocations.then(error)

    result = run("installations delete --yes --json", installation_id)

    assert documents(result) == [{"id": installation_id, "deleted": True, "revocation": revocation}]
    assert services.registration.find(installation_id) is None
    assert slack.revoked == ([BOT_TOKEN] if revocation in {"done", "waiting"} else [])


@pytest.mark.parametrize(
    ("error", "warning"), [(None, ""), (SlackBusy("ratelimited"), "still to be revoked at Slack")]
)
def test_a_token_that_is_not_revoked_yet_is_a_warning(run, services, slack, error, warning):
    slack.revocations.then(error)

    result = run("installations delete", ID, typed="y\n")

    assert (result.exit_code, result.stdout) == (0, f"{ID} is deleted.\n")
    assert warning in result.stderr
    assert services.registration.find(PENDING_ID) == PENDING


# export and import


def test_an_export_can_go_through_a_pipe_into_another_store(run, services, store):
    exported = run("installations export -")
    store.flushall()
    imported = run("installations import -", typed=exported.stdout)

    assert exported.stderr == "1 installations written to stdout.\n"
    assert imported.stdout == "1 installations restored.\n"
    assert services.registration.find(ID) == INSTALLED


@pytest.mark.parametrize("kind", ["pipe", "link"])
def test_an_export_writes_to_a_device_and_does_not_replace_it(run, tmp_path, kind):
    target, place = tmp_path / "target", tmp_path / "place"
    target.touch()
    if kind == "pipe":
        os.mkfifo(place)
        reader = threading.Thread(target=lambda: target.write_text(place.read_text()))
        reader.start()
    else:
        place.symlink_to(target)

    assert run("installations export", str(place)).exit_code == 0

    if kind == "pipe":
        reader.join()
    assert place.is_fifo() if kind == "pipe" else place.is_symlink()
    assert target.read_text().startswith("gAAAA")


def test_an_export_is_private_and_can_be_imported(run, services, store, tmp_path):
    file = tmp_path / "installations.backup"
    file.write_text("an older one")
    file.chmod(0o644)

    exported = run("installations export --json", str(file))
    store.flushdb()
    imported = run("installations import", str(file))
    again = run("installations import --json", str(file))

    assert documents(exported) == [{"file": str(file), "installations": 1}]
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert imported.output == "1 installations restored.\n"
    assert documents(again) == [{"file": str(file), "installations": 0}]
    assert services.registration.find(ID) == INSTALLED


@pytest.mark.parametrize("content", [b"something else", b"\xff\xfe", b""])
def test_a_file_that_is_no_backup_is_an_error(run, tmp_path, content):
    file = tmp_path / "other"
    file.write_bytes(content)

    result = run("installations import", str(file))

    assert result.exit_code == 1
    assert "no backup" in result.stderr


def test_a_missing_folder_is_an_error(run, tmp_path):
    result = run("installations export", str(tmp_path / "missing" / "backup"))

    assert result.exit_code == 1
    assert "cannot be written: No such file or directory." in result.stderr
