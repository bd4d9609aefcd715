"""Installations are listed, shown, deleted, kept elsewhere and put back."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest
import redis
from flask.testing import FlaskCliRunner

from sectorflow_slack.domain.errors import SlackBusy
from sectorflow_slack.services import Services
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

INSTALLED = make_installation()
ID = INSTALLED.terms.id
PENDING = make_pending(
    terms=make_terms(
        id="8b6cbd5c-0c9f-4a55-9f5c-2f9f0a3a0002", app_name="Waiting", customer_id="c-2", created_at=NOW + 1
    ),
    team_id="T0OTHER",
    expires_at=NOW + 86_401,
)
PENDING_ID = PENDING.terms.id
PLACE = f"installation:{INSTALLED.key}"


@pytest.fixture
def two(services: Services) -> None:
    """One that is installed, and one that waits for consent."""
    services.installs.installations.save(INSTALLED, None, None)
    services.installs.pendings.save(PENDING)


@pytest.fixture
def lost(services: Services, store: redis.Redis) -> None:
    """An installation whose secrets no key opens any more."""
    services.installs.installations.save(INSTALLED, None, None)
    lose(store, PLACE, "api_token", "bot_token")


def ids(output: str) -> list[str]:
    return [json.loads(line)["id"] for line in output.splitlines()]


# Listing


@pytest.mark.usefixtures("two")
def test_all_are_listed_oldest_first_without_a_secret(runner: FlaskCliRunner) -> None:
    table = runner.invoke(args=["installations", "list"])
    as_json = runner.invoke(args=["installations", "list", "--json"])

    assert table.exit_code == as_json.exit_code == 0
    assert ids(as_json.stdout) == [ID, PENDING_ID]
    assert table.stdout.index(ID) < table.stdout.index(PENDING_ID)
    for secret in (API_TOKEN, BOT_TOKEN, PENDING.link):
        assert secret not in table.output + as_json.output


@pytest.mark.usefixtures("two")
def test_a_script_reads_the_install_apis_names(runner: FlaskCliRunner) -> None:
    result = runner.invoke(args=["installations", "list", "--json"])

    first, second = [json.loads(line) for line in result.stdout.splitlines()]
    assert first.keys() == second.keys()
    assert (first["status"], first["teamId"], first["teamName"]) == ("installed", "T0ACME", "Acme")
    assert (second["status"], second["customerId"]) == ("pending", "c-2")
    assert second["createdAt"] == "2027-01-15T08:00:01+00:00"


@pytest.mark.usefixtures("two")
@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        (["--status", "installed"], [ID]),
        (["--status", "pending"], [PENDING_ID]),
        (["--app", "A0OWN"], [ID, PENDING_ID]),
        (["--app", "A0NOBODY"], []),
        (["--team", "T0OTHER"], [PENDING_ID]),
        (["--customer", "c-2"], [PENDING_ID]),
    ],
)
def test_filters_keep_what_fits(runner: FlaskCliRunner, filters: list[str], expected: list[str]) -> None:
    result = runner.invoke(args=["installations", "list", "--json", *filters])

    assert (result.exit_code, ids(result.stdout)) == (0, expected)


def test_a_list_ends_at_its_limit_and_says_that_there_are_more(
    runner: FlaskCliRunner, services: Services
) -> None:
    for number in range(130):
        terms = make_terms(id=f"id-{number:03}", created_at=NOW + number)
        bot = make_bot(team_id=f"T{number:03}")
        services.installs.installations.save(make_installation(terms, bot), None, None)

    few = runner.invoke(args=["installations", "list", "--json", "--limit", "3"])
    everything = runner.invoke(args=["installations", "list", "--json", "--all"])
    just_all = runner.invoke(args=["installations", "list", "--json", "--limit", "130"])

    assert ids(few.stdout) == ["id-000", "id-001", "id-002"]
    assert "There are more" in few.stderr
    assert ids(everything.stdout) == ids(just_all.stdout) == [f"id-{number:03}" for number in range(130)]
    assert everything.stderr == just_all.stderr == ""


@pytest.mark.parametrize("wrong", [["--status", "odd"], ["--limit", "0"], ["--limit", "many"], ["more"]])
def test_wrong_usage_is_told_apart(runner: FlaskCliRunner, wrong: list[str]) -> None:
    assert runner.invoke(args=["installations", "list", *wrong]).exit_code == 2


@pytest.mark.usefixtures("lost")
def test_a_lost_key_hides_no_installation(runner: FlaskCliRunner) -> None:
    listed = runner.invoke(args=["installations", "list", "--json"])
    shown = runner.invoke(args=["installations", "show", ID, "--json"])

    assert (listed.exit_code, shown.exit_code) == (0, 0)
    assert ids(listed.stdout) == ids(shown.stdout) == [ID]
    assert f"No key opens its secrets ({PLACE} api_token): it cannot be used" in shown.stderr


def test_a_lost_key_of_one_that_waits_is_said(
    runner: FlaskCliRunner, services: Services, store: redis.Redis
) -> None:
    services.installs.pendings.save(PENDING)
    lose(store, f"pending-secrets:{PENDING_ID}", "link")

    shown = runner.invoke(args=["installations", "show", PENDING_ID, "--json"])
    deleted = runner.invoke(args=["installations", "delete", PENDING_ID, "--yes", "--json"])

    assert f"No key opens its secrets (pending-secrets:{PENDING_ID} link)" in shown.stderr
    assert json.loads(deleted.stdout) == {"id": PENDING_ID, "deleted": True, "revocation": "none"}


def test_what_a_name_holds_moves_no_cursor(runner: FlaskCliRunner, services: Services) -> None:
    terms = make_terms(app_name="Ac\x1b[2Jme\r\u202e")
    services.installs.installations.save(make_installation(terms), None, None)

    result = runner.invoke(args=["installations", "list"])

    assert not {"\x1b", "\r", "\u202e"} & set(result.stdout)
    assert "Ac" in result.stdout


# Showing


@pytest.mark.usefixtures("two")
@pytest.mark.parametrize("installation_id", [ID, PENDING_ID])
def test_one_is_shown_without_a_secret(runner: FlaskCliRunner, installation_id: str) -> None:
    table = runner.invoke(args=["installations", "show", installation_id])
    as_json = runner.invoke(args=["installations", "show", installation_id, "--json"])

    assert (table.exit_code, json.loads(as_json.stdout)["id"]) == (0, installation_id)
    assert json.loads(as_json.stdout)["workspaceId"] in table.stdout
    for secret in (API_TOKEN, BOT_TOKEN, PENDING.link):
        assert secret not in table.output + as_json.output


@pytest.mark.parametrize("installation_id", ["no-such-id", "ü", "no-text-\udcff"])
@pytest.mark.parametrize("command", ["show", "delete"])
def test_one_that_is_not_there_is_an_error(
    runner: FlaskCliRunner, command: str, installation_id: str
) -> None:
    result = runner.invoke(args=["installations", command, installation_id])

    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == "Error: There is no such installation.\n"


# Deleting


@pytest.mark.usefixtures("two")
def test_a_deletion_asks_first_and_does_nothing_without_a_yes(
    runner: FlaskCliRunner, services: Services
) -> None:
    refused = runner.invoke(args=["installations", "delete", ID], input="n\n")
    without_anybody = runner.invoke(args=["installations", "delete", ID])

    assert (refused.exit_code, without_anybody.exit_code) == (1, 1)
    assert services.installs.find(ID) == INSTALLED


@pytest.mark.usefixtures("two")
@pytest.mark.parametrize("how", [["--yes"], []])
def test_a_deletion_forgets_it_and_revokes_its_token(
    runner: FlaskCliRunner, services: Services, slack: FakeSlackClient, how: list[str]
) -> None:
    result = runner.invoke(args=["installations", "delete", ID, *how], input=None if how else "y\n")

    assert (result.exit_code, result.stdout) == (0, f"{ID} is deleted.\n")
    assert services.installs.find(ID) is None
    assert slack.revoked == [BOT_TOKEN]
    assert services.installs.find(PENDING_ID) == PENDING


@pytest.mark.usefixtures("two")
def test_a_revocation_that_is_not_done_is_said(runner: FlaskCliRunner, slack: FakeSlackClient) -> None:
    slack.revocations.then(SlackBusy("ratelimited"))

    result = runner.invoke(args=["installations", "delete", ID, "--yes"])

    assert result.exit_code == 0
    assert "still to be revoked" in result.stderr


@pytest.mark.usefixtures("two")
@pytest.mark.parametrize(
    ("installation_id", "fault", "revocation"),
    [(ID, None, "done"), (ID, SlackBusy("ratelimited"), "waiting"), (PENDING_ID, None, "none")],
)
def test_a_script_reads_what_became_of_the_token(
    runner: FlaskCliRunner,
    slack: FakeSlackClient,
    installation_id: str,
    fault: Exception | None,
    revocation: str,
) -> None:
    slack.revocations.then(fault)

    result = runner.invoke(args=["installations", "delete", installation_id, "--yes", "--json"])

    assert json.loads(result.stdout) == {"id": installation_id, "deleted": True, "revocation": revocation}


@pytest.mark.usefixtures("lost")
def test_one_whose_secrets_are_lost_is_deleted_all_the_same(
    runner: FlaskCliRunner, services: Services, slack: FakeSlackClient, store: redis.Redis
) -> None:
    result = runner.invoke(args=["installations", "delete", ID, "--yes"])

    assert result.exit_code == 0
    assert "is not revoked" in result.stderr
    assert services.installs.find(ID) is None
    assert not store.exists(PLACE)
    assert slack.revoked == []


@pytest.mark.usefixtures("two")
@pytest.mark.parametrize(
    ("lost", "fault", "revocation", "tried"),
    [
        ("api_token", None, "done", [BOT_TOKEN]),
        ("api_token", SlackBusy("ratelimited"), "waiting", [BOT_TOKEN]),
        ("bot_token", None, "impossible", []),
    ],
)
def test_whether_the_bot_token_itself_is_lost_says_what_becomes_of_it(
    runner: FlaskCliRunner,
    slack: FakeSlackClient,
    store: redis.Redis,
    lost: str,
    fault: Exception | None,
    revocation: str,
    tried: list[str],
) -> None:
    lose(store, PLACE, lost)
    slack.revocations.then(fault)

    result = runner.invoke(args=["installations", "delete", ID, "--yes", "--json"])

    assert json.loads(result.stdout)["revocation"] == revocation
    assert slack.revoked == tried
    assert bool(list(store.scan_iter("revocation:*"))) is (revocation == "waiting")


# Export and import


def test_installations_go_to_a_file_of_their_owners_and_come_back(
    runner: FlaskCliRunner, services: Services, store: redis.Redis, tmp_path: Path
) -> None:
    services.consent.installations.save(INSTALLED, None, None)
    file = tmp_path / "installations.backup"
    file.write_text("an older one")
    file.chmod(0o644)

    exported = runner.invoke(args=["installations", "export", str(file)])
    store.flushdb()
    imported = runner.invoke(args=["installations", "import", str(file)])

    assert (exported.exit_code, imported.output) == (0, "1 installations put back.\n")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert services.installs.find(ID) == INSTALLED


@pytest.mark.usefixtures("two")
def test_a_script_reads_how_many_were_kept_and_put_back(runner: FlaskCliRunner, tmp_path: Path) -> None:
    file = tmp_path / "backup"

    exported = runner.invoke(args=["installations", "export", str(file), "--json"])
    imported = runner.invoke(args=["installations", "import", str(file), "--json"])

    assert json.loads(exported.stdout) == {"file": str(file), "installations": 1}
    assert json.loads(imported.stdout) == {"file": str(file), "installations": 0}


@pytest.mark.usefixtures("two", "terminal")
def test_on_a_terminal_both_show_how_far_they_are(runner: FlaskCliRunner, tmp_path: Path) -> None:
    file = str(tmp_path / "backup")

    exported = runner.invoke(args=["installations", "export", file])
    imported = runner.invoke(args=["installations", "import", file])
    as_json = runner.invoke(args=["installations", "import", file, "--json"])

    assert "Reading" in exported.stderr
    assert "Putting back" in imported.stderr
    assert "100%" in exported.stderr
    assert "100%" in imported.stderr
    assert as_json.stderr == ""


@pytest.mark.parametrize("content", [b"something else", b"\xff\xfe", b""])
def test_a_file_that_is_no_backup_is_an_error_without_a_trace(
    runner: FlaskCliRunner, tmp_path: Path, content: bytes
) -> None:
    file = tmp_path / "other"
    file.write_bytes(content)

    result = runner.invoke(args=["installations", "import", str(file)])

    assert result.exit_code == 1
    assert "no backup" in result.output


def test_a_folder_that_is_not_there_is_an_error_without_a_trace(
    runner: FlaskCliRunner, tmp_path: Path
) -> None:
    result = runner.invoke(args=["installations", "export", str(tmp_path / "nowhere" / "backup")])

    assert result.exit_code == 1
    assert "cannot be written: No such file or directory." in result.stderr
