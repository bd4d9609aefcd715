"""The commands of the docs do what they say."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

from sandbox.sectorflow.models import TOKEN
from sandbox.stage import ROOT, Stage

pytestmark = pytest.mark.processes


def bash_blocks(page: str) -> list[str]:
    return re.findall(r"^```bash\n(.*?)^```", (ROOT / page).read_text(), re.DOTALL | re.MULTILINE)


def test_the_install_apis_examples_run_as_they_stand(stage: Stage, tmp_path: Path) -> None:
    environ = {
        **os.environ,
        "SERVICE": stage.service_url,
        "KEY": stage.install_api_key,
        "SECTORFLOW_TOKEN": TOKEN,
    }
    script = "\necho ---\n".join(bash_blocks("docs/install-api.md"))

    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        env=environ,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )

    *answers, deleted, manifest = (part.replace(" ", "") for part in done.stdout.split("---"))
    registered, shown, listed, changed, feedback, replaced = answers
    assert '"status":"pending"' in registered
    assert '"status":"pending"' in shown
    assert '"customerId":"customer-4711"' in listed
    assert '"display":"tabs"' in changed
    assert '"code":404' in feedback  # nobody has consented yet
    assert '"code":422' in replaced
    assert "replaces" in replaced
    assert deleted.strip() == "204"
    assert '"name":"AcmeAssistant"' in manifest


@pytest.mark.parametrize("command", ["demo", "test"])
def test_the_readmes_commands_are_targets_of_make(command: str) -> None:
    assert f"make {command}\n" in bash_blocks("README.md")

    done = subprocess.run(
        ["make", "--dry-run", command], cwd=ROOT, capture_output=True, text=True, check=False
    )

    assert done.returncode == 0
