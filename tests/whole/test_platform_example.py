"""SectorFlow's platform as the docs tell it to be: in curl, and with the client that it may copy."""

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

PAGE = (ROOT / "docs" / "platform.md").read_text()
BODY = {
    "appName": "Acme",
    "apiToken": TOKEN,
    "workspaceId": WORKSPACE_ID,
    "modelIds": [MODELS[0].id],
}
SHOWN = {"id": "one", "status": "pending"}


@pytest.fixture
def stage(bare_stage: Stage) -> Stage:
    return bare_stage


@pytest.fixture
def api(stage: Stage) -> Iterator[InstallApi]:
    """The client; what it has registered is taken away."""
    made = InstallApi(stage.service_url, stage.install_api_key)
    yield made
    for each in made.list():
        made.delete(each["id"])


@pytest.fixture
def server() -> Iterator[LocalServer]:
    with running_server() as running:
        yield running


def blocks(language: str) -> str:
    return "\n".join(re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE))


def consent(install_url: str) -> str:
    """Consent as a browser does; gives the address that it is sent to in the end."""
    browser = requests.Session()
    asked = browser.get(install_url, timeout=10)
    wish = dict(parse_qsl(urlsplit(asked.url).query))
    back = browser.post(asked.url, data={**wish, "decision": "allow"}, timeout=10, allow_redirects=False)
    ended = browser.get(back.headers["Location"], timeout=20, allow_redirects=False)
    return ended.headers["Location"]


@contextmanager
def started(stage: Stage, folder: Path, *command: str) -> Iterator[subprocess.Popen[str]]:
    """Run an example of the page as the platform would, with what the page says is set."""
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


def link_in(file: Path) -> str:
    """Wait until an example has written down the link to follow."""
    link = r'"installUrl": ?"(http[^"]+)"'
    until(lambda: file.exists() and re.search(link, file.read_text()))
    return re.findall(link, file.read_text())[0]


# The page


@pytest.mark.processes
def test_the_pages_curl_takes_an_installation_through_its_whole_life(stage: Stage, tmp_path: Path) -> None:
    with started(stage, tmp_path, "bash", "-euo", "pipefail", "-c", blocks("bash")) as example:
        ended_at = urlsplit(consent(link_in(tmp_path / "pending.json")))
        said, _ = example.communicate(timeout=60)

    assert example.returncode == 0, said
    assert (ended_at.netloc, ended_at.path) == ("platform.example.com", "/slack")
    assert parse_qs(ended_at.query).keys() == {"form", "status", "id"}
    assert parse_qs(ended_at.query)["status"] == ["installed"]
    flat = said.replace(" ", "")
    found = [
        flat.index(each)
        for each in (
            "installed\n",
            '"customerId":"customer-4711"',
            '"display":"tabs"',
            '"code":412',
            '"code":422',
            "204\n404",
        )
    ]
    assert found == sorted(found)
    assert all(field in flat[found[4] :] for field in ("appName", "display", "modelIds"))


@pytest.mark.processes
def test_the_pages_python_makes_an_app_and_takes_it_through_its_whole_life(
    stage: Stage, tmp_path: Path
) -> None:
    with started(stage, tmp_path, sys.executable, "-c", blocks("python")) as example:
        assert example.stdout is not None
        words, _, link = example.stdout.readline().rpartition(" ")
        ended_at = consent(link.strip())
        said, _ = example.communicate(timeout=60)

    assert example.returncode == 0, said
    assert words == "Add to Slack:"
    assert ended_at.startswith("https://platform.example.com/slack?status=installed&id=")
    assert said.splitlines() == ["installed in Acme", "['Acme Research']"]
    made = [each for each in stage.control("apps")["apps"] if each["name"] == "Acme Research"]
    assert [each["home_team_id"] for each in made] == [seed.TEAM_ID]


def test_the_client_is_as_short_as_the_page_says() -> None:
    lines = (ROOT / "examples" / "platform_client.py").read_text().splitlines()

    assert len(lines) <= 150


# The client with the service


@pytest.mark.processes
def test_every_wrong_field_is_named_with_its_place(api: InstallApi) -> None:
    wrong = {**BODY, "appName": "", "slackApp": {"configToken": ""}}

    with pytest.raises(InstallApiError) as refused:
        api.register(wrong, "wrong-fields")

    assert refused.value.status == 422
    assert refused.value.errors.keys() == {"appName", "slackApp.configToken"}


@pytest.mark.processes
def test_what_slack_says_of_the_manifest_is_passed_on(api: InstallApi, stage: Stage) -> None:
    said = {"errors": [{"message": "No.", "pointer": "/settings"}], "ok": False, "error": "invalid_manifest"}
    asked = {"service": "slack", "target": "apps.manifest.create", "body": json.dumps(said)}
    stage.control("faults", {**asked, "content_type": "application/json"})

    with pytest.raises(InstallApiError) as refused:
        api.register({**BODY, "slackApp": {"configToken": SEEDED_TOKEN}}, "manifest-refused")

    assert refused.value.status == 502
    assert refused.value.errors == {"/settings": ["No."]}


@pytest.mark.processes
def test_waiting_ends_where_nobody_consents(api: InstallApi) -> None:
    seen = api.register(BODY, "nobody-consents")

    waited = api.wait(seen.installation["id"], seconds=0.3, pause=0.1)

    assert waited.installation["status"] == "pending"


# The client while the service, or the way to it, is in trouble


def one_after_the_other(*answers: Answer) -> Answer:
    left = list(answers)
    return lambda handler: left.pop(0)(handler)


def hang_up(handler: Handler) -> None:
    handler.close_connection = True


registered = says(SHOWN, 201, ETag='"1"')


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
def test_a_request_that_was_not_taken_is_sent_again_with_its_key(
    server: LocalServer, monkeypatch: pytest.MonkeyPatch, trouble: Answer
) -> None:
    monkeypatch.setattr(time, "sleep", lambda seconds: None)
    server.answers(one_after_the_other(trouble, trouble, registered))

    seen = InstallApi(server.url, "a-key").register(BODY, "attempt-1")

    assert seen.installation == SHOWN
    assert [request.headers["Idempotency-Key"] for request in server.seen] == ["attempt-1"] * 3
    assert len({request.body for request in server.seen}) == 1


def test_a_wait_that_is_asked_for_is_kept(server: LocalServer, monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []
    monkeypatch.setattr(time, "sleep", waits.append)
    server.answers(one_after_the_other(says({}, 429, Retry_After="17"), registered))

    InstallApi(server.url, "a-key").register(BODY, "attempt-1")

    assert waits == [17.0]


def test_retries_end(server: LocalServer) -> None:
    server.answers(says({}, 503, Retry_After="60"))

    with pytest.raises(TryLater) as given_up:
        InstallApi(server.url, "a-key", retry_seconds=5).register(BODY, "attempt-1")

    assert given_up.value.status == 503
    assert len(server.seen) == 1


def test_nobody_is_sent_elsewhere_with_the_key(server: LocalServer) -> None:
    server.answers(says({}, 302, Location=f"{server.url}/elsewhere"))

    with pytest.raises(InstallApiError) as refused:
        InstallApi(server.url, "a-key").find("one")

    assert refused.value.status == 302
    assert len(server.seen) == 1
    assert "a-key" not in repr(InstallApi(server.url, "a-key"))
