"""The doctor checks everything that the service needs, even if much of it is down."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from email.utils import formatdate
from types import SimpleNamespace

import pytest
import redis
import requests
import responses
from cryptography.fernet import Fernet
from redis.backoff import NoBackoff
from redis.retry import Retry

from sectorflow_slack.app import create_app
from sectorflow_slack.bootstrap import build_services
from sectorflow_slack.commands import make_app_without_settings
from sectorflow_slack.commands.doctor import Context, run_checks
from sectorflow_slack.domain.checkup import SealedFigures, StoreFigures
from sectorflow_slack.domain.errors import SectorFlowBusy, SlackBusy
from sectorflow_slack.domain.installations import Workspace
from sectorflow_slack.domain.metrics import Memory, Snapshot
from sectorflow_slack.domain.questions import FailedQuestion
from sectorflow_slack.storage.crypto import Cipher
from tests.commands.conftest import FakeSectorFlow, FakeSlack, documents, runner
from tests.values import MODEL_IDS, NOW, make_installation, make_question

DAY = 24 * 3600
HEALTHY = StoreFigures(
    round_trip_ms=0.4,
    version="7.2.4",
    memory=Memory(2**20),
    policy="noeviction",
    persistence="aof",
)
CURRENT = SealedFigures(records=7, outdated=0, lost=(), revocations=0, is_complete=True)
QUIET = Snapshot(
    counters={}, histograms={}, waiting=0, later=0, underway=0, oldest_seconds=0.0, failed_questions=0
)


@dataclass
class FakeCheckup:
    """The figures of a healthy Redis, unless a test changes them."""

    store: StoreFigures = HEALTHY
    records: SealedFigures = CURRENT
    alive: int = 1

    def figures(self):
        return self.store

    def sealed(self, most, watch=iter):
        assert list(watch(["app:A1", "app:A2"])) == ["app:A1", "app:A2"]
        return self.records

    def workers(self):
        return self.alive


@pytest.fixture
def public_site():
    """The service at its public URL."""
    with responses.RequestsMock(assert_all_requests_are_fired=False) as site:
        site.get("https://slack.example.com/healthz", json={"status": "ok"})
        yield site


@pytest.fixture
def healthy(services, public_site):
    return replace(services, checkup=FakeCheckup(), read_metrics=lambda: QUIET, missing=list, warnings=list)


def findings(settings, services):
    """Run all checks and return the findings by name."""
    found = list(run_checks(Context(settings, services, records=10_000)))
    assert all(finding.message for finding in found)
    assert all(finding.remedy for finding in found if finding.status != "ok")
    return {finding.check: finding for finding in found}


# The command


def test_every_check_of_a_healthy_service_is_ok(settings, healthy):
    run = runner(create_app(settings, healthy))

    for_people = run("doctor")
    as_json = run("doctor", "--json")

    assert [(finding["check"], finding["status"]) for finding in documents(as_json)] == [
        (check, "ok")
        for check in (
            *("settings", "redis", "redis commands", "redis memory", "redis persistence"),
            *("encryption", "revocations", "workers", "failed questions"),
            *("slack", "clock", "sectorflow", "installations", "public address"),
        )
    ]
    assert (for_people.exit_code, as_json.exit_code) == (0, 0)
    assert "ok    redis: Redis 7.2.4 answers, 0.4 ms a round trip.\n" in for_people.stdout
    for secret in (*settings.encryption_keys, *settings.install_api_keys):
        assert secret not in for_people.output + as_json.output


@pytest.mark.usefixtures("terminal")
def test_a_terminal_shows_remedies_and_progress_and_a_failure_exits_with_1(settings, healthy):
    ill = replace(healthy, checkup=FakeCheckup(alive=0), warnings=lambda: ["Redis keeps nothing on disk."])
    run = runner(create_app(settings, ill))

    for_people = run("doctor")
    as_json = run("doctor", "--json")

    assert "redis settings: Redis keeps nothing on disk.\n      See docs/operations.md" in for_people.stdout
    assert "Opening records" in for_people.stderr
    assert as_json.stderr == ""
    assert (for_people.exit_code, as_json.exit_code) == (1, 1)


def test_each_fault_of_the_settings_is_a_finding():
    faults = ["PUBLIC_URL: Must be set.", "REDIS_URL: Must be set."]
    app = make_app_without_settings("\n".join(faults), ["/bin/flask", "doctor"])

    result = runner(app)("doctor", "--json")

    found = [(finding["status"], finding["message"]) for finding in documents(result)]
    assert found == [("fail", fault) for fault in faults]
    assert result.exit_code == 1


@pytest.mark.parametrize(
    ("has_app", "teams", "alive", "next_step"),
    [
        (True, (), 0, "correct what is marked fail"),
        (False, (), 1, "create a Slack app (sectorflow-slack manifest"),
        (True, (), 1, "register an installation (sectorflow-slack installations register)"),
        (True, ("T1",), 1, "mention the app in Slack"),
    ],
)
def test_it_ends_with_what_to_do_next(settings, healthy, has_app, teams, alive, next_step):
    apps = SimpleNamespace(list=lambda: [SimpleNamespace(tenant_ids=teams)] if has_app else [])
    run = runner(create_app(settings, replace(healthy, apps=apps, checkup=FakeCheckup(alive=alive))))

    result = run("doctor")

    assert result.stdout.splitlines()[-1].startswith(f"Next: {next_step}")


# The checks


def store(**changes):
    return {"checkup": FakeCheckup(store=replace(HEALTHY, **changes))}


def records(**changes):
    return {"checkup": FakeCheckup(records=replace(CURRENT, **changes))}


def metrics(**changes):
    return {"read_metrics": lambda: replace(QUIET, **changes)}


def skew(seconds):
    return {"slack": FakeSlack(skew=seconds)}


@pytest.mark.parametrize(
    ("changes", "check", "status", "text"),
    [
        (store(round_trip_ms=80.0), "redis", "warn", "80.0 ms"),
        ({"missing": lambda: ["redis"]}, "redis", "fail", "takes no writes"),
        (store(memory=Memory(90 * 2**20, 100 * 2**20)), "redis memory", "warn", "90 MiB used of 100"),
        (store(memory=Memory(2**20, 2**30, 13 * DAY)), "redis memory", "warn", "full in about 13 days"),
        (store(memory=Memory(2**20, 2**30, 99 * DAY)), "redis memory", "ok", "full in about 99 days"),
        (store(memory=Memory()), "redis memory", "warn", "does not report how full"),
        (store(refused=("KEY", "LOCK")), "redis commands", "fail", "Redis refuses KEY, LOCK."),
        (store(persistence="rdb"), "redis persistence", "ok", "RDB"),
        (store(persistence=None), "redis persistence", "warn", "does not report"),
        (store(policy=None), "redis settings", "warn", "does not report"),
        (records(outdated=3), "encryption", "warn", "3 values in 7 records"),
        (records(lost=("app:A1 client_secret",)), "encryption", "fail", "app:A1"),
        (records(revocations=2), "revocations", "warn", "2 bot tokens"),
        ({"checkup": FakeCheckup(alive=0)}, "workers", "fail", "No worker is running"),
        (metrics(waiting=3, oldest_seconds=500.0), "workers", "warn", "500 s old"),
        (metrics(waiting=3, oldest_seconds=5.0), "workers", "ok", "3 open questions"),
        (metrics(failed_questions=2), "failed questions", "warn", "2 questions failed"),
        *[(skew(seconds), "clock", "ok", "") for seconds in (0.0, -59.0)],
        *[(skew(seconds), "clock", "warn", "") for seconds in (None, -299.0)],
        (skew(61.0), "clock", "warn", "61 s behind Slack's"),
        (skew(301.0), "clock", "fail", "301 s behind Slack's"),
        (skew(-9e4), "clock", "fail", "90000 s ahead of Slack's"),
        *[({"sectorflow": FakeSectorFlow(status=status)}, "sectorflow", "ok", "") for status in (200, 401)],
        *[({"sectorflow": FakeSectorFlow(status=status)}, "sectorflow", "warn", "") for status in (404, 503)],
    ],
)
def test_each_check_has_a_status_and_a_message(settings, healthy, changes, check, status, text):
    finding = findings(settings, replace(healthy, **changes))[check]

    assert finding.status == status
    assert text in finding.message


def test_installations_whose_settings_sectorflow_refuses_are_named(settings, healthy, sectorflow):
    installation = make_installation()
    healthy.registration.installations.save(installation, None, None)
    assert findings(settings, healthy)["installations"].status == "ok"
    sectorflow.workspace = Workspace("", model_ids=frozenset(MODEL_IDS[1:]))
    sectorflow.expert_ids = ()

    finding = findings(settings, healthy)["installations"]

    assert finding.status == "warn"
    assert f"1 of 1 installations: {installation.settings.id} (" in finding.message
    assert "plusId" in finding.message


def test_the_reasons_of_failed_questions_are_named(settings, healthy):
    class FailedQuestions:
        def list(self):
            reasons = ("token_refused", "answer_lost", "token_refused")
            return tuple(FailedQuestion(make_question(), reason, NOW) for reason in reasons)

    ill = replace(healthy, failed_questions=FailedQuestions(), **metrics(failed_questions=3))

    message = findings(settings, ill)["failed questions"].message
    assert message == "3 questions failed for good this week: 2 token_refused, 1 answer_lost."


def test_missing_persistence_is_one_warning(settings, healthy):
    ill = replace(healthy, **store(persistence="nothing"), warnings=lambda: ["Redis keeps nothing on disk."])

    found = findings(settings, ill)

    assert found["redis settings"].status == "warn"
    assert "redis persistence" not in found


def test_a_service_that_is_down_does_not_stop_the_other_checks(settings, slack, sectorflow, public_site):
    slack.probes.then(SlackBusy("ConnectTimeout"))
    sectorflow.probes.then(SectorFlowBusy("no connection"))
    down = redis.Redis(host="127.0.0.1", port=1, retry=Retry(NoBackoff(), 0), decode_responses=True)
    without_redis = build_services(settings, down)

    found = findings(settings, replace(without_redis, slack=slack, sectorflow=sectorflow))

    assert {name: finding.status for name, finding in found.items()} == {
        "settings": "ok",
        "redis": "fail",
        "slack": "fail",
        "sectorflow": "fail",
        "public address": "ok",
    }


@pytest.mark.parametrize(
    ("answer", "text"),
    [({"status": 502}, "status 502"), ({"body": requests.ConnectionError()}, "does not answer")],
)
def test_a_public_url_that_fails_is_a_warning(settings, healthy, public_site, answer, text):
    public_site.replace("GET", "https://slack.example.com/healthz", **answer)

    finding = findings(settings, healthy)["public address"]

    assert finding.status == "warn"
    assert text in finding.message


def test_a_public_url_without_https_is_a_warning(settings, healthy, public_site):
    public_site.get("http://localhost:8000/healthz", json={})

    found = findings(replace(settings, public_url="http://localhost:8000"), healthy)

    assert found["settings"].status == "warn"


def test_the_checks_work_with_the_real_stores_and_clients(settings, store, public_site):
    record = "app:A0ACME"
    other_key = Cipher([Fernet.generate_key().decode()])
    store.hset(record, "client_secret", other_key.seal(record, "client_secret", "value"))
    ahead = formatdate(time.time() + 400, usegmt=True)
    public_site.post("https://slack.com/api/api.test", json={"ok": True}, headers={"Date": ahead})
    public_site.get(f"{settings.sectorflow_base_url}/models", status=401, json={})

    found = findings(settings, build_services(settings, store))

    failed = {name for name, finding in found.items() if finding.status == "fail"}
    assert failed == {"encryption", "workers", "clock"}
    assert {found[name].status for name in ("redis", "slack", "sectorflow")} == {"ok"}
    assert f"{record} client_secret" in found["encryption"].message
    assert "behind Slack's" in found["clock"].message
