"""SectorFlow's platform as the docs describe it: in curl, and with the client in ``examples``."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import parse_qs, parse_qsl, urlsplit

import pytest
import requests

from examples.platform_client import InstallApi, InstallApiError, TryLater
from sandbox.sectorflow.models import MODELS, TOKEN, WORKSPACE_ID
from sandbox.slack import seed
from sandbox.slack.config_tokens import SEEDED_TOKEN
from sandbox.stage import ROOT, Stage
from tests.clients.local_server import Answer, Handler, LocalServer, reply, running_server, says
from tests.waiting import until

BODY = {"appName": "Acme", "apiToken": TOKEN, "workspaceId": WORKSPACE_ID, "modelIds": [MODELS[0].id]}
INSTALLATION = {"id": "one", "status": "pending"}


@pytest.fixture
def api(bare_stage: Stage) -> Iterator[InstallApi]:
    """The client; its installations are deleted afterwards."""
    client = InstallApi(bare_stage.service_url, bare_stage.install_api_key)
    yield client
    for each in client.list():
        client.delete(each["id"])


@pytest.fixture
def server() -> Iterator[LocalServer]:
    with running_server() as running:
        yield running


def blocks(language: str) -> str:
    page = (ROOT / "docs" / "platform.md").read_text()
    return "\n".join(re.findall(rf"^```{language}\n(.*?)^```", page, re.DOTALL | re.MULTILINE))


def consent(install_url: str) -> str:
    """Consent as a browser does; return the address of the last redirect."""
    browser = requests.Session()
    asked = browser.get(f"{install_url}/continue", timeout=10)
    query = dict(parse_qsl(urlsplit(asked.url).query))
    back = browser.post(asked.url, data={**query, "decision": "allow"}, timeout=10, allow_redirects=False)
    return browser.get(back.headers["Location"], timeout=20, allow_redirects=False).headers["Location"]


@contextmanager
def started(stage: Stage, folder: Path, *command: str) -> Iterator[subprocess.Popen[str]]:
    """Run an example of the page with the variables that it requires."""
    environ = {
        **os.environ,
        "SERVICE": stage.service_url,
        "KEY": stage.install_api_key,
        "SECTORFLOW_TOKEN": TOKEN,
        "CONFIG_TOKEN": SEEDED_TOKEN,
        "PYTHONPATH": str(ROOT / "examples"),
    }
    process = subprocess.Popen(
        command, env=environ, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


@pytest.mark.processes
def test_the_pages_curl_takes_an_installation_through_its_whole_life(
    bare_stage: Stage, tmp_path: Path
) -> None:
    file, link = tmp_path / "pending.json", r'"installUrl": ?"(http[^"]+)"'
    with started(bare_stage, tmp_path, "bash", "-euo", "pipefail", "-c", blocks("bash")) as example:
        until(lambda: file.exists() and re.search(link, file.read_text()))
        ended_at = urlsplit(consent(re.findall(link, file.read_text())[0]))
        output, _ = example.communicate(timeout=60)

    assert example.returncode == 0, output
    assert (ended_at.netloc, ended_at.path) == ("platform.example.com", "/slack")
    assert parse_qs(ended_at.query).keys() == {"form", "status", "id"}
    assert parse_qs(ended_at.query)["status"] == ["installed"]
    steps = ("installed\n", '"customerId":"customer-4711"', '"display":"tabs"', '"code":412', '"code":422')
    flat = output.replace(" ", "")
    found = [flat.index(each) for each in (*steps, "204\n404")]
    assert found == sorted(found)
    assert all(field in flat[found[4] :] for field in ("appName", "display", "modelIds"))


@pytest.mark.processes
def test_the_pages_python_makes_an_app_and_takes_it_through_its_whole_life(
    bare_stage: Stage, tmp_path: Path
) -> None:
    with started(bare_stage, tmp_path, sys.executable, "-c", blocks("python")) as example:
        assert example.stdout is not None
        words, _, link = example.stdout.readline().rpartition(" ")
        ended_at = consent(link.strip())
        output, _ = example.communicate(timeout=60)

    assert example.returncode == 0, output
    assert words == "Add to Slack:"
    assert ended_at.startswith("https://platform.example.com/slack?status=installed&id=")
    # Other tests may have installed apps before.
    installed, listed = output.splitlines()
    assert installed == "installed in Acme"
    assert "'Acme Research'" in listed
    created = [each for each in bare_stage.control("apps")["apps"] if each["name"] == "Acme Research"]
    assert [each["home_team_id"] for each in created] == [seed.TEAM_ID]


def test_the_client_is_as_short_as_the_page_says() -> None:
    assert len((ROOT / "examples" / "platform_client.py").read_text().splitlines()) <= 150


# The client with the service


@pytest.mark.processes
def test_every_wrong_field_is_named_by_its_path(api: InstallApi) -> None:
    with pytest.raises(InstallApiError) as refused:
        api.register({**BODY, "appName": "", "slackApp": {"configToken": ""}}, "wrong-fields")

    assert refused.value.status == 422
    assert refused.value.errors.keys() == {"appName", "slackApp.configToken"}


@pytest.mark.processes
def test_slacks_errors_of_the_manifest_are_passed_on(api: InstallApi, bare_stage: Stage) -> None:
    answer = {
        "errors": [{"message": "No.", "pointer": "/settings"}],
        "ok": False,
        "error": "invalid_manifest",
    }
    fault = {"service": "slack", "target": "apps.manifest.create", "body": json.dumps(answer)}
    bare_stage.control("faults", {**fault, "content_type": "application/json"})

    with pytest.raises(InstallApiError) as refused:
        api.register({**BODY, "slackApp": {"configToken": SEEDED_TOKEN}}, "manifest-refused")

    assert refused.value.status == 502
    assert refused.value.errors == {"/settings": ["No."]}


@pytest.mark.processes
def test_waiting_ends_without_a_consent(api: InstallApi) -> None:
    seen = api.register(BODY, "no-consent")

    waited = api.wait(seen.installation["id"], seconds=0.3, pause=0.1)

    assert waited.installation["status"] == "pending"


# The client while the service, or the connection to it, fails


def in_turn(*answers: Answer) -> Answer:
    left = list(answers)
    return lambda handler: left.pop(0)(handler)


def hang_up(handler: Handler) -> None:
    handler.close_connection = True


registered = says(INSTALLATION, 201, ETag='"1"')


@pytest.mark.parametrize(
    "trouble",
    [
        says({"code": 429}, 429, Retry_After="0"),
        says({"code": 503}, 503, Retry_After="0"),
        says({"code": 503}, 503, Retry_After="Wed, 21 Oct 2037 07:28:00 GMT"),
        reply(502, "<html>", Content_Type="text/html"),
        hang_up,
    ],
    ids=["too often", "Redis is away", "a date to wait for", "a proxy's page", "no answer"],
)
def test_a_request_that_was_not_accepted_is_sent_again_with_its_key(
    server: LocalServer, monkeypatch: pytest.MonkeyPatch, trouble: Answer
) -> None:
    monkeypatch.setattr(time, "sleep", lambda seconds: None)
    server.answers(in_turn(trouble, trouble, registered))

    seen = InstallApi(server.url, "a-key").register(BODY, "attempt-1")

    assert seen.installation == INSTALLATION
    assert [request.headers["Idempotency-Key"] for request in server.seen] == ["attempt-1"] * 3
    assert len({request.body for request in server.seen}) == 1


def test_the_client_waits_as_long_as_retry_after_and_no_longer_than_its_limit(
    server: LocalServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits: list[float] = []
    monkeypatch.setattr(time, "sleep", waits.append)
    server.answers(in_turn(says({}, 429, Retry_After="17"), registered, says({}, 503, Retry_After="60")))

    InstallApi(server.url, "a-key").register(BODY, "attempt-1")
    with pytest.raises(TryLater) as given_up:
        InstallApi(server.url, "a-key", retry_seconds=5).register(BODY, "attempt-2")

    assert waits == [17.0]
    assert given_up.value.status == 503
    assert len(server.seen) == 3


def test_no_redirect_is_followed_with_the_key(server: LocalServer) -> None:
    server.answers(says({}, 302, Location=f"{server.url}/elsewhere"))

    with pytest.raises(InstallApiError) as refused:
        InstallApi(server.url, "a-key").find("one")

    assert refused.value.status == 302
    assert len(server.seen) == 1
    assert "a-key" not in repr(InstallApi(server.url, "a-key"))
