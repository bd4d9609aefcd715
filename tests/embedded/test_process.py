import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from sectorflow_slack.embedded.process import EARLY_DEATHS, Child, Command, LaunchError, stop_together
from tests.waiting import is_alive, until

MakeChild = Callable[[str], Child]
RECORD_START = "echo $$ >> starts; "


@pytest.fixture
def make_child(tmp_path, monkeypatch):
    """Make children that run a shell script in the test's folder."""
    monkeypatch.chdir(tmp_path)
    made = []

    def make(script):
        made.append(Child(Command("script", ("/bin/sh", "-c", script)), os.environ))
        return made[-1]

    yield make
    for child in made:
        child.kill()


def pids(name):
    return [int(line) for line in Path(name).read_text().splitlines()] if Path(name).exists() else []


def test_a_process_that_dies_is_restarted(make_child, capsys):
    child = make_child(f"{RECORD_START} exec sleep 60")
    child.supervise()
    until(lambda: pids("starts"))

    os.kill(pids("starts")[0], signal.SIGKILL)
    until(lambda: child.supervise() or len(pids("starts")) == 2)

    assert child.is_running
    assert "script ended with code -9, restarting it in 0.5 s" in capsys.readouterr().err


def test_a_process_that_keeps_dying_early_is_given_up(make_child, monkeypatch):
    monkeypatch.setattr("sectorflow_slack.embedded.process._PAUSE_SECONDS", 0.01)
    child = make_child(f"{RECORD_START} exit 3")

    with pytest.raises(LaunchError, match="script does not stay up \\(code 3\\)"):
        until(child.supervise)

    assert len(pids("starts")) == EARLY_DEATHS


def test_the_children_of_a_dead_process_are_killed(make_child):
    child = make_child("sleep 60 & echo $! > orphan; exit 1")
    child.supervise()
    until(lambda: pids("orphan") and not child.is_running)
    (orphan,) = pids("orphan")
    assert is_alive(orphan)

    child.supervise()

    until(lambda: not is_alive(orphan))


def test_all_processes_get_sigterm_at_once(make_child):
    # Each waits until the others have got SIGTERM too.
    wait = "while [ $(wc -l < terminated) -lt 3 ]; do sleep 0.02; done"
    stop = f"echo 1 >> terminated; {wait}; echo 1 >> stopped; exit 0"
    children = [
        make_child(f"trap '{stop}' TERM; echo 1 >> ready; while :; do sleep 0.02; done") for _ in range(3)
    ]
    for child in children:
        child.start()
    until(lambda: len(pids("ready")) == 3)

    stop_together(children, seconds=20)

    assert len(pids("stopped")) == 3


@pytest.mark.parametrize(
    ("seconds", "keep_waiting"), [(0.2, True), (600.0, False)], ids=["in time", "before the wait is over"]
)
def test_a_process_that_does_not_stop_is_killed(make_child, seconds, keep_waiting):
    child = make_child(f"trap '' TERM; {RECORD_START} while :; do sleep 0.02; done")
    child.start()
    until(lambda: pids("starts"))

    stop_together([child], seconds, lambda: keep_waiting)

    assert not is_alive(pids("starts")[0])


def test_a_process_that_was_never_started_can_be_stopped(make_child):
    child = make_child("exit 0")

    stop_together([child], seconds=5)

    assert child.exit_code is None
