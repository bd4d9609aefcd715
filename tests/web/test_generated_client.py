"""A client that is generated from the OpenAPI document works as it is generated."""

from __future__ import annotations

import importlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import responses
from flask import Flask

from tests.values import INSTALL_API_KEY, MODEL_IDS, WORKSPACE_ID
from tests.web.flows import serving

PACKAGE = "generated_install_api_client"


@pytest.fixture
def generated(app: Flask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Generate the package; yields the generator's output, and removes the package again."""
    document, config = tmp_path / "openapi.json", tmp_path / "config.yaml"
    document.write_bytes(app.test_client().get("/openapi.json").data)
    config.write_text("post_hooks: []\n")  # these would run formatters over the code
    generator = Path(sys.executable).parent / "openapi-python-client"
    options = ["--path", document, "--meta", "none", "--config", config, "--output-path", tmp_path / PACKAGE]
    done = subprocess.run(
        [generator, "generate", *options], capture_output=True, text=True, timeout=300, check=True
    )
    monkeypatch.syspath_prepend(tmp_path)
    yield done.stdout + done.stderr
    for name in [name for name in sys.modules if name.startswith(PACKAGE)]:
        del sys.modules[name]


def call(operation: str) -> Any:
    """The function of an operation."""
    return importlib.import_module(f"{PACKAGE}.api.{operation}").sync_detailed


def test_every_operation_can_be_called_with_what_the_generator_makes_of_the_document(
    app: Flask, sectorflow: responses.RequestsMock, generated: str
) -> None:
    models = importlib.import_module(f"{PACKAGE}.models")
    made = importlib.import_module(f"{PACKAGE}.client").AuthenticatedClient
    request = models.InstallationRequest(
        app_name="Acme Assistant",
        api_token="sf-token",
        workspace_id=WORKSPACE_ID,
        model_ids=list(MODEL_IDS),
        slack_app=models.ExistingSlackApp("A0CUSTOMER", "333.444", "client-secret", "signing-secret"),
    )
    with serving(app) as url:
        client = made(base_url=url, token=INSTALL_API_KEY)
        register = call("installations.register_installation")

        registered = register(client=client, body=request, idempotency_key="a-key")
        listed = call("installations.list_installations")(client=client, limit=5, app_id="A0CUSTOMER")
        shown = call("installations.get_installation")(registered.parsed.id, client=client)
        changed = call("installations.change_installation")(
            shown.parsed.id,
            client=client,
            body=models.SettingsChange(display=models.SettingsChangeDisplay.TABS),
            if_match=shown.headers["ETag"],
        )
        delete = call("installations.delete_installation")
        stale = delete(shown.parsed.id, client=client, if_match=shown.headers["ETag"])
        deleted = delete(shown.parsed.id, client=client)
        gone = call("installations.get_installation")(shown.parsed.id, client=client)
        request.app_name = "A" * 36
        refused = register(client=client, body=request)
        manifest = call("manifest.get_manifest")(client=client, app_name="Acme")

    assert "warning" not in generated.lower()
    assert "unable" not in generated.lower()
    assert (registered.status_code, registered.parsed.app_id) == (201, "A0CUSTOMER")
    assert registered.parsed.install_url.startswith("https://slack.example.com/slack/install/")
    assert listed.parsed.items == [registered.parsed] == [shown.parsed]
    assert listed.parsed.next_cursor is None
    assert changed.parsed.display == models.InstallationDisplay.TABS
    assert (stale.status_code, deleted.status_code, gone.status_code) == (412, 204, 404)
    assert gone.parsed.message == "There is no such installation."
    assert refused.parsed.errors["json"].to_dict().keys() == {"appName"}
    assert manifest.parsed.to_dict()["display_information"]["name"] == "Acme"
