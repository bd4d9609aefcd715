"""The demo, as a person and as a script run it: it answers, and it leaves nothing behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from sandbox.demo import add_stage_actions
from sandbox.sectorflow.models import TOKEN
from sandbox.stage import ROOT, Stage, running_stage
from tests.waiting import until

pytestmark = pytest.mark.processes

#: Where the environment is made is not what the demo is about.
MAKE = (
    "make",
    "--old-file=.venv/ready-to-run",
    f"BIN={Path(sys.executable).parent}",
    "PORT=0",
    "SANDBOX_PORT=0",
    "demo",
)
#: `make test` has the commands below it hold their output back until they end; a shell does not.
ENVIRON = {name: value for name, value in os.environ.items() if name not in ("MAKEFLAGS", "MFLAGS")}


def processes_with(mark: str) -> list[str]:
    """Return the command lines of the running processes that have this in their environment."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if mark.encode() in (process / "environ").read_bytes():
                found.append((process / "cmdline").read_text().replace("\0", " "))
        except OSError:  # it has ended meanwhile, or is another user's
            continue
    return found


@pytest.fixture
def ignored_interrupts() -> Iterator[None]:
    """Ignore SIGINT and SIGQUIT, as a shell does for its background jobs."""
    before = {number: signal.signal(number, signal.SIG_IGN) for number in (signal.SIGINT, signal.SIGQUIT)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def test_it_answers_one_question_and_ends() -> None:
    done = subprocess.run(
        [*MAKE, "ASK=Tell me a joke"],
        cwd=ROOT,
        env=ENVIRON,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert "Why don't scientists trust atoms?" in done.stdout


def test_the_channel_page_installs_the_app_and_a_question_outlives_a_killed_worker(tmp_path: Path) -> None:
    with running_stage(tmp_path / "log", sandbox_inside=True) as stage:
        add_stage_actions(stage)
        act(stage, "install")
        stage.control("faults", {"service": "sectorflow", "target": "completions", "delay": 60.0})
        said = stage.ask("{bot} Tell me a joke")
        until(lambda: bool(stage.control("requests")["requests"]), 30.0)
        act(stage, "kill-worker")
        until(lambda: "killing the worker" in (tmp_path / "log").read_text())
        stage.control("release", {})

        (answer,) = stage.wait_for_answer(said, 90.0)

    assert "Why don't scientists trust atoms?" in str(answer)


def act(stage: Stage, name: str) -> None:
    answer = requests.post(f"{stage.sandbox_url}/developer/stage", json={"name": name}, timeout=60)
    answer.raise_for_status()


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="looks for processes in /proc")
@pytest.mark.usefixtures("ignored_interrupts")
def test_sigterm_ends_it_as_a_background_job_and_leaves_no_process(tmp_path: Path) -> None:
    mark = f"DEMO_MARK={uuid.uuid4()}"
    name, _, value = mark.partition("=")
    output = tmp_path / "output"
    with output.open("w") as file:
        demo = subprocess.Popen(
            MAKE, cwd=ROOT, env={**ENVIRON, name: value}, stdout=file, stderr=file, start_new_session=True
        )
    until(lambda: "Ready." in output.read_text() or demo.poll() is not None, 60.0)
    running = processes_with(mark)

    demo.terminate()
    demo.wait(30)

    assert any("gunicorn" in each for each in running), output.read_text()
    assert any("sandbox.demo" in each for each in running)
    until(lambda: not processes_with(mark))
    assert f"/install\n   SectorFlow API token to paste:    {TOKEN}\n" in output.read_text()
    assert output.read_text().endswith("\nStopped.\n")
    assert "Traceback" not in output.read_text()
