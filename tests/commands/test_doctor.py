"""The doctor looks at everything the service needs, also where much of it is away."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from email.utils import formatdate

import pytest
import redis
import requests
import responses
from cryptography.fernet import Fernet
from redis.backoff import NoBackoff
from redis.retry import Retry

from sectorflow_slack.app import create_app
from sectorflow_slack.bootstrap import build_services, make_connections
from sectorflow_slack.commands import make_app_without_settings
from sectorflow_slack.commands.doctor import Context, run_checks
from sectorflow_slack.domain.checkup import SealedFigures, StoreFigures
from sectorflow_slack.domain.errors import SectorFlowBusy, SlackBusy
from sectorflow_slack.domain.metrics import Snapshot
from sectorflow_slack.storage.crypto import Cipher
from tests.commands.conftest import FakeDesk, FakeProbe, documents, running

GOOD_FIGURES = StoreFigures(
    round_trip_ms=0.4, version="7.2.4", used_bytes=2**20, limit_bytes=None, policy="noeviction", kept="aof"
)
GOOD_SEALED = SealedFigures(records=7, outdated=0, lost=(), revocations=0, is_complete=True)
QUIET = Snapshot(
    counters={}, histograms={}, waiting=0, later=0, underway=0, oldest_seconds=0.0, failed_questions=0
)


@dataclass
class FakeCheckup:
    """A Redis that does well, until a test says otherwise."""

    good: StoreFigures = GOOD_FIGURES
    found: SealedFigures = GOOD_SEALED
    alive: int = 1

    def figures(self):
        return self.good

    def sealed(self, most, watch=iter):
        assert list(watch(["app:A1", "app:A2"])) == ["app:A1", "app:A2"]
        return self.found

    def workers(self, seconds):
        return self.alive


@pytest.fixture
def public_site():
    """The service as the world sees it."""
    with responses.RequestsMock(assert_all_requests_are_fired=False) as site:
        site.get("https://slack.example.com/healthz", json={"status": "ok"})
        yield site


@pytest.fixture
def healthy(services, public_site):
    return replace(services, checkup=FakeCheckup(), read_metrics=lambda: QUIET, missing=list, warnings=list)


def examined(settings, services):
    """The findings of an examination, by check."""
    findings = list(run_checks(Context(settings, services, records=10_000, seconds=0.1)))
    assert all(finding.message for finding in findings)
    assert all(finding.remedy for finding in findings if finding.status != "ok")
    return {finding.check: finding for finding in findings}


# The command


def test_where_all_is_well_every_check_is_ok(settings, healthy):
    run = running(create_app(settings, healthy))

    for_people = run("doctor", "--seconds", "0.1")
    as_json = run("doctor", "--json", "--seconds", "0.1")

    found = {finding["check"]: finding["status"] for finding in documents(as_json)}
    assert found == dict.fromkeys(
        (
            *("settings", "redis", "redis memory", "redis persistence", "encryption", "revocations"),
            *("workers", "failed questions", "slack", "clock", "sectorflow", "public address"),
        ),
        "ok",
    )
    assert (for_people.exit_code, as_json.exit_code) == (0, 0)
    assert "ok    redis: Redis 7.2.4 answers, 0.4 ms a round trip.\n" in for_people.stdout
    for secret in (*settings.encryption_keys, *settings.install_api_keys):
        assert secret not in for_people.output + as_json.output


@pytest.mark.usefixtures("terminal")
def test_people_read_what_to_do_and_how_far_it_is_and_a_failure_ends_with_1(settings, healthy):
    ill = replace(healthy, checkup=FakeCheckup(alive=0), warnings=lambda: ["Redis keeps nothing on disk."])
    run = running(create_app(settings, ill))

    for_people = run("doctor", "--seconds", "0.1")
    as_json = run("doctor", "--json", "--seconds", "0.1")

    assert "redis settings: Redis keeps nothing on disk.\n      See docs/operations.md" in for_people.stdout
    assert "Opening records" in for_people.stderr
    assert as_json.stderr == ""
    assert (for_people.exit_code, as_json.exit_code) == (1, 1)


def test_settings_that_are_wrong_are_findings_of_their_own():
    app = make_app_without_settings(
        "PUBLIC_URL: Must be set.\nREDIS_URL: Must be set.", ["/bin/flask", "doctor"]
    )
    assert app is not None

    result = running(app)("doctor", "--json")

    assert [(finding["status"], finding["message"]) for finding in documents(result)] == [
        ("fail", "PUBLIC_URL: Must be set."),
        ("fail", "REDIS_URL: Must be set."),
    ]
    assert result.exit_code == 1


# The checks


def figures(**changes):
    return {"checkup": FakeCheckup(good=replace(GOOD_FIGURES, **changes))}


def sealed(**changes):
    return {"checkup": FakeCheckup(found=replace(GOOD_SEALED, **changes))}


def metrics(**changes):
    return {"read_metrics": lambda: replace(QUIET, **changes)}


def slack(**changes):
    return {"slack": FakeProbe(**changes)}


@pytest.mark.parametrize(
    ("changes", "check", "status", "said"),
    [
        (figures(round_trip_ms=80.0), "redis", "warn", "80.0 ms"),
        ({"missing": lambda: ["redis"]}, "redis", "fail", "takes no writes"),
        (
            figures(used_bytes=90 * 2**20, limit_bytes=100 * 2**20),
            "redis memory",
            "warn",
            "90 MiB used of 100",
        ),
        (figures(kept="rdb"), "redis persistence", "ok", "RDB"),
        (figures(kept=None), "redis persistence", "warn", "does not report"),
        (figures(policy=None), "redis settings", "warn", "does not report"),
        (sealed(outdated=3), "encryption", "warn", "3 values in 7 records"),
        (sealed(lost=("app:A1 client_secret",)), "encryption", "fail", "app:A1"),
        (sealed(revocations=2), "revocations", "warn", "2 bot tokens"),
        ({"checkup": FakeCheckup(alive=0)}, "workers", "fail", "No worker is running"),
        (metrics(waiting=3, oldest_seconds=500.0), "workers", "warn", "500 s old"),
        (metrics(waiting=3, oldest_seconds=5.0), "workers", "ok", "3 open questions"),
        (metrics(failed_questions=2), "failed questions", "warn", "2 questions failed"),
        *[(slack(skew=skew), "clock", "ok", "") for skew in (0.0, -59.0)],
        *[(slack(skew=skew), "clock", "warn", "") for skew in (None, -299.0)],
        (slack(skew=61.0), "clock", "warn", "61 s behind Slack's"),
        (slack(skew=301.0), "clock", "fail", "301 s behind Slack's"),
        (slack(skew=-9e4), "clock", "fail", "90000 s ahead of Slack's"),
        *[({"sectorflow": FakeDesk(status=status)}, "sectorflow", "ok", "") for status in (200, 401, 403)],
        *[({"sectorflow": FakeDesk(status=status)}, "sectorflow", "warn", "") for status in (404, 503)],
    ],
)
def test_each_check_says_what_it_finds(settings, healthy, changes, check, status, said):
    found = examined(settings, replace(healthy, **changes))

    assert found[check].status == status
    assert said in found[check].message


def test_a_redis_that_keeps_nothing_is_warned_of_once(settings, healthy):
    ill = replace(healthy, **figures(kept="nothing"), warnings=lambda: ["Redis keeps nothing on disk."])

    found = examined(settings, ill)

    assert found["redis settings"].status == "warn"
    assert "redis persistence" not in found


def test_what_is_away_is_said_and_the_rest_looked_at(settings, probe, desk, services, public_site):
    probe.probes.then(SlackBusy("ConnectTimeout"))
    desk.calls.then(SectorFlowBusy("no connection"))
    away = redis.Redis(host="127.0.0.1", port=1, retry=Retry(NoBackoff(), 0), decode_responses=True)
    without_redis = build_services(settings, make_connections(away, away))

    found = examined(settings, replace(without_redis, slack=probe, sectorflow=desk))

    assert {name: finding.status for name, finding in found.items()} == {
        "settings": "ok",
        "redis": "fail",
        "slack": "fail",
        "sectorflow": "fail",
        "public address": "ok",
    }


@pytest.mark.parametrize(
    ("answer", "said"),
    [({"status": 502}, "status 502"), ({"body": requests.ConnectionError()}, "does not answer")],
)
def test_a_public_address_that_does_not_answer_is_a_warning(settings, healthy, public_site, answer, said):
    public_site.replace("GET", "https://slack.example.com/healthz", **answer)

    found = examined(settings, healthy)

    assert found["public address"].status == "warn"
    assert said in found["public address"].message


def test_http_on_this_machine_is_a_warning(settings, healthy, public_site):
    public_site.get("http://localhost:8000/healthz", json={})

    found = examined(replace(settings, public_url="http://localhost:8000"), healthy)

    assert found["settings"].status == "warn"


def test_the_real_stores_and_clients_are_examined(settings, connections, store, public_site):
    place = "app:A0ACME"
    stranger = Cipher([Fernet.generate_key().decode()])
    store.hset(place, "client_secret", stranger.seal(place, "client_secret", "value"))
    ahead = formatdate(time.time() + 400, usegmt=True)
    public_site.post("https://slack.com/api/api.test", json={"ok": True}, headers={"Date": ahead})
    public_site.get(f"{settings.sectorflow_base_url}/models", status=401, json={})

    found = examined(settings, build_services(settings, connections))

    statuses = {name: finding.status for name, finding in found.items()}
    assert (statuses["redis"], statuses["slack"], statuses["sectorflow"]) == ("ok", "ok", "ok")
    assert (statuses["encryption"], statuses["workers"], statuses["clock"]) == ("fail", "fail", "fail")
    assert f"{place} client_secret" in found["encryption"].message
    assert "behind Slack's" in found["clock"].message
