"""A client that is generated from the OpenAPI document works as it is generated."""

from __future__ import annotations

import importlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import fakeredis
import pytest
import redis
import responses
from flask import Flask

from tests.values import INSTALL_API_KEY, MODEL_IDS, WORKSPACE_ID
from tests.web.serving import serving

PACKAGE = "generated_install_api_client"


@pytest.fixture
def store() -> redis.Redis:
    """One store is enough: this is about the document."""
    return fakeredis.FakeRedis(server=fakeredis.FakeServer(), decode_responses=True)


@pytest.fixture
def served(app: Flask, sectorflow: responses.RequestsMock) -> Iterator[str]:
    with serving(app) as url:
        yield url


@pytest.fixture
def generated(app: Flask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Generate the package; gives what the generator said, and takes the package away again."""
    document = tmp_path / "openapi.json"
    document.write_bytes(app.test_client().get("/openapi.json").data)
    # What would run formatters over the code, which need not be there.
    config = tmp_path / "config.yaml"
    config.write_text("post_hooks: []\n")
    generator, made = Path(sys.executable).parent / "openapi-python-client", tmp_path / PACKAGE
    done = subprocess.run(
        [
            generator,
            "generate",
            "--path",
            document,
            "--meta",
            "none",
            "--config",
            config,
            "--output-path",
            made,
        ],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    monkeypatch.syspath_prepend(tmp_path)
    yield done.stdout + done.stderr
    for name in [name for name in sys.modules if name.startswith(PACKAGE)]:
        del sys.modules[name]


def module(name: str) -> ModuleType:
    return importlib.import_module(f"{PACKAGE}.{name}")


def call(operation: str) -> Any:
    return module(f"api.installations.{operation}").sync_detailed


def test_the_generator_has_nothing_to_complain_about(generated: str) -> None:
    assert "warning" not in generated.lower()
    assert "unable" not in generated.lower()


def test_an_installation_is_registered_listed_shown_changed_and_deleted(generated: str, served: str) -> None:
    models = module("models")
    client = module("client").AuthenticatedClient(base_url=served, token=INSTALL_API_KEY)
    request = models.InstallationRequest(
        app_name="Acme Assistant",
        api_token="sf-token",
        workspace_id=WORKSPACE_ID,
        model_ids=list(MODEL_IDS),
        slack_app=models.ExistingSlackApp("A0CUSTOMER", "333.444", "client-secret", "signing-secret"),
    )

    registered = call("register_installation")(client=client, body=request, idempotency_key="a-key")
    listed = call("list_installations")(client=client, limit=5, app_id="A0CUSTOMER")
    shown = call("get_installation")(registered.parsed.id, client=client)
    changed = call("change_installation")(
        shown.parsed.id,
        client=client,
        body=models.SettingsChange(display=models.SettingsChangeDisplay.TABS),
        if_match=shown.headers["ETag"],
    )
    stale = call("delete_installation")(shown.parsed.id, client=client, if_match=shown.headers["ETag"])
    deleted = call("delete_installation")(shown.parsed.id, client=client)
    gone = call("get_installation")(shown.parsed.id, client=client)

    assert (registered.status_code, registered.parsed.app_id) == (201, "A0CUSTOMER")
    assert registered.parsed.install_url.startswith("https://slack.example.com/slack/install/")
    assert listed.parsed.items == [registered.parsed] == [shown.parsed]
    assert listed.parsed.next_cursor is None
    assert changed.parsed.display == models.InstallationDisplay.TABS
    assert (stale.status_code, deleted.status_code, gone.status_code) == (412, 204, 404)
    assert gone.parsed.message == "There is no such installation."


def test_a_wrong_field_is_named_in_the_parsed_error(generated: str, served: str) -> None:
    models = module("models")
    client = module("client").AuthenticatedClient(base_url=served, token=INSTALL_API_KEY)
    request = models.InstallationRequest(
        app_name="A" * 36, api_token="sf-token", workspace_id=WORKSPACE_ID, model_ids=list(MODEL_IDS)
    )

    refused = call("register_installation")(client=client, body=request)

    assert refused.status_code == 422
    assert refused.parsed.errors["json"].to_dict().keys() == {"appName"}


def test_the_manifest_is_asked_for(generated: str, served: str) -> None:
    client = module("client").AuthenticatedClient(base_url=served, token=INSTALL_API_KEY)

    manifest = module("api.manifest.get_manifest").sync(client=client, app_name="Acme")

    assert manifest.to_dict()["display_information"]["name"] == "Acme"
