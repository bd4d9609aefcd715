"""The doctor looks at everything the service needs, also where much of it is away."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from email.utils import formatdate
from typing import Literal

import pytest
import redis
import requests
import responses
from cryptography.fernet import Fernet
from flask import Flask
from flask.testing import FlaskCliRunner
from redis.backoff import NoBackoff
from redis.retry import Retry

from sectorflow_slack.app import create_app
from sectorflow_slack.bootstrap import Connections, build_services, make_connections
from sectorflow_slack.commands import make_first_aid
from sectorflow_slack.config import Settings
from sectorflow_slack.domain.checkup import SealedFigures, StoreFigures, Watch
from sectorflow_slack.domain.errors import SectorFlowBusy, SlackBusy
from sectorflow_slack.domain.installations import InstallationKey
from sectorflow_slack.domain.metrics import Snapshot
from sectorflow_slack.services import Services
from sectorflow_slack.storage.crypto import Cipher
from tests.commands.conftest import FakeDesk, FakeProbe

DOCTOR = ["doctor", "--json", "--seconds", "0.1"]
GOOD_FIGURES = StoreFigures(
    round_trip_ms=0.4,
    version="7.2.4",
    used_bytes=2**20,
    limit_bytes=None,
    policy="noeviction",
    kept="aof",
)
GOOD_SEALED = SealedFigures(records=7, outdated=0, lost=(), revocations=0, is_complete=True)
QUIET = Snapshot(
    counters={}, histograms={}, waiting=0, later=0, underway=0, oldest_seconds=0.0, dead_letters=0
)


@dataclass
class FakeCheckup:
    """A Redis that does well, until a test says otherwise."""

    good: StoreFigures = GOOD_FIGURES
    found: SealedFigures = GOOD_SEALED
    alive: int = 1

    def figures(self) -> StoreFigures:
        return self.good

    def sealed(self, most: int, watch: Watch = iter) -> SealedFigures:
        assert list(watch(["app:A1", "app:A2"])) == ["app:A1", "app:A2"]
        return self.found

    def awaits_revocation(self, key: InstallationKey) -> bool:
        return False

    def workers(self, seconds: float) -> int:
        return self.alive


@pytest.fixture
def checkup() -> FakeCheckup:
    return FakeCheckup()


@pytest.fixture
def public_site() -> Iterator[responses.RequestsMock]:
    """The service as the world sees it."""
    with responses.RequestsMock(assert_all_requests_are_fired=False) as site:
        site.get("https://slack.example.com/healthz", json={"status": "ok"})
        yield site


@pytest.fixture
def healthy(
    settings: Settings, services: Services, checkup: FakeCheckup, public_site: responses.RequestsMock
) -> Services:
    return replace(services, checkup=checkup, read_metrics=lambda: QUIET, missing=list, warnings=list)


def examine(settings: Settings, services: Services) -> tuple[int, dict[str, dict[str, str]]]:
    """Run the doctor; give its exit code and its findings by check."""
    app: Flask = create_app(settings, services)
    result = app.test_cli_runner().invoke(args=DOCTOR)
    findings = [json.loads(line) for line in result.stdout.splitlines()]
    return result.exit_code, {finding["check"]: finding for finding in findings}


def test_where_all_is_well_every_check_is_ok(settings: Settings, healthy: Services) -> None:
    exit_code, found = examine(settings, healthy)

    assert exit_code == 0
    assert {finding["status"] for finding in found.values()} == {"ok"}, found
    assert found.keys() >= {
        "settings",
        "redis",
        "redis memory",
        "redis persistence",
        "encryption",
        "revocations",
        "workers",
        "failed questions",
        "slack",
        "clock",
        "sectorflow",
        "public address",
    }


def test_people_read_a_line_for_each_and_what_to_do(settings: Settings, healthy: Services) -> None:
    services = replace(healthy, warnings=lambda: ["Redis keeps nothing on disk."])

    result = create_app(settings, services).test_cli_runner().invoke(args=["doctor", "--seconds", "0.1"])

    assert "ok    redis: Redis 7.2.4 answers, 0.4 ms a round trip.\n" in result.stdout
    assert "warn  redis settings: Redis keeps nothing on disk.\n      See docs/operations.md" in result.stdout
    assert result.exit_code == 0


@pytest.mark.parametrize(
    ("change", "check", "status", "said"),
    [
        ({"good": replace(GOOD_FIGURES, round_trip_ms=80.0)}, "redis", "warn", "80.0 ms"),
        (
            {"good": replace(GOOD_FIGURES, used_bytes=90 * 2**20, limit_bytes=100 * 2**20)},
            "redis memory",
            "warn",
            "90 MiB used of 100",
        ),
        ({"good": replace(GOOD_FIGURES, kept=None)}, "redis persistence", "warn", "cannot be told"),
        ({"good": replace(GOOD_FIGURES, policy=None)}, "redis settings", "warn", "cannot be told"),
        ({"found": replace(GOOD_SEALED, outdated=3)}, "encryption", "warn", "3 values in 7 records"),
        ({"found": replace(GOOD_SEALED, lost=("app:A1 client_secret",))}, "encryption", "fail", "app:A1"),
        ({"found": replace(GOOD_SEALED, revocations=2)}, "revocations", "warn", "2 bot tokens"),
        ({"alive": 0}, "workers", "fail", "No worker asks for questions"),
    ],
)
def test_what_ails_the_store_is_said(
    settings: Settings,
    healthy: Services,
    checkup: FakeCheckup,
    change: dict[str, object],
    check: str,
    status: str,
    said: str,
) -> None:
    exit_code, found = examine(settings, replace(healthy, checkup=replace(checkup, **change)))

    assert found[check]["status"] == status
    assert said in found[check]["message"]
    assert found[check]["remedy"]
    assert exit_code == (1 if status == "fail" else 0)


@pytest.mark.parametrize(("kept", "how"), [("aof", "AOF"), ("rdb", "RDB")])
def test_how_redis_keeps_its_data_is_named(
    settings: Settings, healthy: Services, checkup: FakeCheckup, kept: Literal["aof", "rdb"], how: str
) -> None:
    checkup.good = replace(GOOD_FIGURES, kept=kept)

    _, found = examine(settings, healthy)

    assert found["redis persistence"]["status"] == "ok"
    assert how in found["redis persistence"]["message"]


def test_a_redis_that_keeps_nothing_is_warned_of_once(
    settings: Settings, healthy: Services, checkup: FakeCheckup
) -> None:
    checkup.good = replace(GOOD_FIGURES, kept="nothing")

    _, found = examine(settings, replace(healthy, warnings=lambda: ["Redis keeps nothing on disk."]))

    assert found["redis settings"]["status"] == "warn"
    assert "redis persistence" not in found


def test_on_a_terminal_it_shows_how_far_it_is(settings: Settings, healthy: Services, terminal: None) -> None:
    runner = create_app(settings, healthy).test_cli_runner()

    for_people = runner.invoke(args=["doctor", "--seconds", "0.1"])
    as_json = runner.invoke(args=DOCTOR)

    assert "Opening records" in for_people.stderr
    assert "100%" in for_people.stderr
    assert as_json.stderr == ""


@pytest.mark.parametrize(
    ("skew", "status"),
    [
        (0.0, "ok"),
        (-59.0, "ok"),
        (61.0, "warn"),
        (-299.0, "warn"),
        (301.0, "fail"),
        (-9e4, "fail"),
        (None, "warn"),
    ],
)
def test_a_clock_that_is_wrong_is_told_from_one_that_will_do(
    settings: Settings, healthy: Services, probe: FakeProbe, skew: float | None, status: str
) -> None:
    probe.skew = skew

    exit_code, found = examine(settings, healthy)

    assert (found["clock"]["status"], exit_code) == (status, 1 if status == "fail" else 0)


@pytest.mark.parametrize(("skew", "said"), [(90.0, "90 s behind Slack's"), (-90.0, "90 s ahead of Slack's")])
def test_which_clock_is_ahead_is_said(
    settings: Settings, healthy: Services, probe: FakeProbe, skew: float, said: str
) -> None:
    probe.skew = skew

    _, found = examine(settings, healthy)

    assert said in found["clock"]["message"]


def test_slack_that_is_away_is_said(settings: Settings, healthy: Services, probe: FakeProbe) -> None:
    probe.probes.then(SlackBusy("ConnectTimeout"))

    exit_code, found = examine(settings, healthy)

    assert (found["slack"]["status"], exit_code) == ("fail", 1)
    assert "clock" not in found
    assert found["sectorflow"]["status"] == "ok"


def test_sectorflow_that_is_away_is_said(settings: Settings, healthy: Services, desk: FakeDesk) -> None:
    desk.calls.then(SectorFlowBusy("no connection"))

    exit_code, found = examine(settings, healthy)

    assert (found["sectorflow"]["status"], exit_code) == ("fail", 1)


@pytest.mark.parametrize(
    ("status", "verdict"), [(200, "ok"), (401, "ok"), (403, "ok"), (404, "warn"), (503, "warn")]
)
def test_any_answer_of_sectorflows_is_one(
    settings: Settings, healthy: Services, desk: FakeDesk, status: int, verdict: str
) -> None:
    desk.status = status

    _, found = examine(settings, healthy)

    assert found["sectorflow"]["status"] == verdict


def test_a_public_address_that_does_not_answer_is_a_warning(
    settings: Settings, healthy: Services, public_site: responses.RequestsMock
) -> None:
    public_site.replace("GET", "https://slack.example.com/healthz", status=502)
    refused = examine(settings, healthy)
    public_site.replace("GET", "https://slack.example.com/healthz", body=requests.ConnectionError())
    away = examine(settings, healthy)

    assert refused[0] == away[0] == 0
    assert "status 502" in refused[1]["public address"]["message"]
    assert "does not answer" in away[1]["public address"]["message"]


def test_http_on_this_machine_is_a_warning(
    settings: Settings, healthy: Services, public_site: responses.RequestsMock
) -> None:
    public_site.get("http://localhost:8000/healthz", json={})

    _, found = examine(replace(settings, public_url="http://localhost:8000"), healthy)

    assert found["settings"]["status"] == "warn"


@pytest.mark.parametrize(
    ("figures", "check", "status"),
    [
        (replace(QUIET, waiting=3, oldest_seconds=500.0), "workers", "warn"),
        (replace(QUIET, waiting=3, oldest_seconds=5.0), "workers", "ok"),
        (replace(QUIET, dead_letters=2), "failed questions", "warn"),
    ],
)
def test_what_the_figures_tell_is_said(
    settings: Settings, healthy: Services, figures: Snapshot, check: str, status: str
) -> None:
    _, found = examine(settings, replace(healthy, read_metrics=lambda: figures))

    assert found[check]["status"] == status


@pytest.mark.usefixtures("public_site")
def test_a_real_store_is_examined(settings: Settings, services: Services, store: redis.Redis) -> None:
    place = "app:A0ACME"
    stranger = Cipher([Fernet.generate_key().decode()])
    store.hset(place, "client_secret", stranger.seal(place, "client_secret", "value"))

    exit_code, found = examine(settings, services)

    assert exit_code == 1
    assert found["redis"]["status"] == "ok"
    assert found["encryption"]["status"] == "fail"
    assert f"{place} client_secret" in found["encryption"]["message"]
    assert found["workers"]["status"] == "fail"


def test_the_real_clients_say_whether_slack_and_sectorflow_are_there(
    settings: Settings, connections: Connections, public_site: responses.RequestsMock
) -> None:
    ahead = formatdate(time.time() + 400, usegmt=True)
    public_site.post("https://slack.com/api/api.test", json={"ok": True}, headers={"Date": ahead})
    public_site.get(f"{settings.sectorflow_base_url}/models", status=401, json={})

    exit_code, found = examine(settings, build_services(settings, connections))

    assert exit_code == 1
    assert (found["slack"]["status"], found["sectorflow"]["status"]) == ("ok", "ok")
    assert found["clock"]["status"] == "fail"
    assert "behind Slack's" in found["clock"]["message"]


@pytest.mark.usefixtures("public_site")
def test_where_redis_is_away_the_rest_is_examined(
    settings: Settings, probe: FakeProbe, desk: FakeDesk
) -> None:
    away = redis.Redis(host="127.0.0.1", port=1, retry=Retry(NoBackoff(), 0), decode_responses=True)
    services = build_services(settings, make_connections(away, away))

    exit_code, found = examine(settings, replace(services, slack=probe, sectorflow=desk))

    assert exit_code == 1
    assert found["redis"]["status"] == "fail"
    assert found.keys().isdisjoint({"encryption", "workers"})
    assert (
        found["slack"]["status"] == found["sectorflow"]["status"] == found["public address"]["status"] == "ok"
    )


def test_settings_that_are_wrong_are_findings_of_their_own() -> None:
    app = make_first_aid("PUBLIC_URL: Must be set.\nREDIS_URL: Must be set.", ["/bin/flask", "doctor"])
    assert app is not None

    result = app.test_cli_runner().invoke(args=DOCTOR)

    findings = [json.loads(line) for line in result.stdout.splitlines()]
    assert [(finding["status"], finding["message"]) for finding in findings] == [
        ("fail", "PUBLIC_URL: Must be set."),
        ("fail", "REDIS_URL: Must be set."),
    ]
    assert result.exit_code == 1


@pytest.mark.parametrize(
    "arguments",
    [
        ["/bin/flask", "--app", "wsgi", "run"],
        ["/bin/flask", "--app", "wsgi", "keys", "re-encrypt"],
        ["/bin/flask", "--app", "wsgi", "keys"],
        ["/bin/flask", "--app", "wsgi", "manifest", "doctor"],
        ["/bin/flask", "--app", "wsgi", "installations", "show", "keys", "new"],
        ["/bin/flask", "--app", "doctor", "apps", "list"],
        ["/bin/gunicorn", "wsgi:app", "doctor"],
        ["/bin/flask"],
    ],
)
def test_nothing_but_first_aid_runs_with_wrong_settings(arguments: list[str]) -> None:
    assert make_first_aid("PUBLIC_URL: Must be set.", arguments) is None


@pytest.mark.parametrize(
    "arguments",
    [
        ["/bin/flask", "--app", "wsgi", "doctor", "--json"],
        ["/bin/flask", "--app=wsgi", "--debug", "keys", "new"],
        ["/lib/flask/__main__.py", "-A", "wsgi", "-e", ".env", "keys", "new", "--json"],
    ],
)
def test_first_aid_is_found_whatever_flask_itself_is_told(arguments: list[str]) -> None:
    assert make_first_aid("PUBLIC_URL: Must be set.", arguments) is not None


def test_first_aid_serves_nothing() -> None:
    app = make_first_aid("PUBLIC_URL: Must be set.", ["flask", "doctor"])

    assert app is not None
    assert list(app.url_map.iter_rules()) == []


def test_no_secret_is_on_the_screen(settings: Settings, healthy: Services, runner: FlaskCliRunner) -> None:
    result = create_app(settings, healthy).test_cli_runner().invoke(args=["doctor"])

    for secret in (*settings.encryption_keys, *settings.install_api_keys):
        assert secret not in result.output
