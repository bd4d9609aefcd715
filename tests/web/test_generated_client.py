"""A client that openapi-python-client generates from the OpenAPI document works without changes."""

import importlib
import subprocess
import sys
from pathlib import Path

import pytest

from tests.values import INSTALL_API_KEY, MODEL_IDS, WORKSPACE_ID
from tests.web.flows import serving

PACKAGE = "generated_install_api_client"


@pytest.fixture
def generator_output(app, tmp_path, monkeypatch):
    """Generate the package and make it importable; yield the generator's output."""
    document, config = tmp_path / "openapi.json", tmp_path / "config.yaml"
    document.write_bytes(app.test_client().get("/openapi.json").data)
    config.write_text("post_hooks: []\n")  # the default ones run formatters
    generator = Path(sys.executable).parent / "openapi-python-client"
    options = ["--path", document, "--meta", "none", "--config", config, "--output-path", tmp_path / PACKAGE]
    done = subprocess.run(
        [generator, "generate", *options], capture_output=True, text=True, timeout=300, check=True
    )
    monkeypatch.syspath_prepend(tmp_path)
    yield done.stdout + done.stderr
    for name in [name for name in sys.modules if name.startswith(PACKAGE)]:
        del sys.modules[name]


def call(operation, *args, **options):
    return importlib.import_module(f"{PACKAGE}.api.{operation}").sync_detailed(*args, **options)


def test_every_operation_works_with_the_generated_client(app, sectorflow, generator_output):
    models = importlib.import_module(f"{PACKAGE}.models")
    make_client = importlib.import_module(f"{PACKAGE}.client").AuthenticatedClient
    request = models.InstallationRequest(
        app_name="Acme Assistant",
        api_token="sf-token",
        workspace_id=WORKSPACE_ID,
        model_ids=list(MODEL_IDS),
        slack_app=models.ExistingSlackApp("A0CUSTOMER", "333.444", "client-secret", "signing-secret"),
    )
    change = models.SettingsChange(display=models.SettingsChangeDisplay.TABS)
    with serving(app) as url:
        api = make_client(base_url=url, token=INSTALL_API_KEY)

        registered = call(
            "installations.register_installation", client=api, body=request, idempotency_key="a-key"
        )
        listed = call("installations.list_installations", client=api, limit=5, app_id="A0CUSTOMER")
        shown = call("installations.get_installation", registered.parsed.id, client=api)
        id_, tag = shown.parsed.id, shown.headers["ETag"]
        changed = call("installations.change_installation", id_, client=api, body=change, if_match=tag)
        stale = call("installations.delete_installation", id_, client=api, if_match=tag)
        deleted = call("installations.delete_installation", id_, client=api)
        gone = call("installations.get_installation", id_, client=api)
        request.app_name = "A" * 36
        refused = call("installations.register_installation", client=api, body=request)
        manifest = call("manifest.get_manifest", client=api, app_name="Acme")

    assert "warning" not in generator_output.lower()
    assert "unable" not in generator_output.lower()
    assert (registered.status_code, registered.parsed.app_id) == (201, "A0CUSTOMER")
    assert registered.parsed.install_url.startswith("https://slack.example.com/slack/install/")
    assert listed.parsed.items == [registered.parsed] == [shown.parsed]
    assert listed.parsed.next_cursor is None
    assert changed.parsed.display == models.InstallationDisplay.TABS
    assert (stale.status_code, deleted.status_code, gone.status_code) == (412, 204, 404)
    assert gone.parsed.message == "There is no such installation."
    assert refused.parsed.errors["json"].to_dict().keys() == {"appName"}
    assert manifest.parsed.to_dict()["display_information"]["name"] == "Acme"
