import os
import signal
import socket
import stat
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest
import redis

from sectorflow_slack.embedded.launcher import STOP_SECONDS, check_port, service_commands
from tests.waiting import is_alive, until

pytestmark = [pytest.mark.real_redis, pytest.mark.processes]

ROOT = Path(__file__).parents[2]

#: Runs the launcher as the real command does, with the scripts it is given in the place of web and worker.
LAUNCH = """
import os, sys
from sectorflow_slack.embedded.launcher import Launcher
from sectorflow_slack.embedded.process import Command
commands = [Command(f"stand-in {i}", ("/bin/sh", "-c", script)) for i, script in enumerate(sys.argv[1:])]
sys.exit(Launcher(commands, os.environ).run())
"""
NOTE_START = 'env -0 > "$NOTES/$$.draft" && mv "$NOTES/$$.draft" "$NOTES/$$.started"; '
#: Notes its process id and environment, then waits.
WAIT = f"{NOTE_START} exec sleep 60"
#: Asks the store when it is asked to stop itself, and notes whether the store was there still.
PING = "import os, redis; print(redis.Redis.from_url(os.environ.get('REDIS_URL')).ping())"
ASK_AT_STOP = f"""
trap '"$PYTHON" -c "$PING" > "$NOTES/answer"; exit 0' TERM
{NOTE_START} while :; do sleep 0.05; done
"""
#: Notes that it was asked to stop, and goes on.
STAY = f"trap ': > \"$NOTES/asked\"' TERM; {NOTE_START} while :; do sleep 0.05; done"
FAIL = "exit 3"


class Run:
    """A launcher under way in a folder of its own."""

    def __init__(self, folder, scripts, environ):
        self.folder = folder
        self.notes = folder / "notes"
        self.notes.mkdir(exist_ok=True)
        unset = {"REDIS_URL", "PORT", "PUBLIC_URL", "ENCRYPTION_KEYS", "INSTALL_API_KEYS", "INSTALL_PAGE"}
        inherited = {name: value for name, value in os.environ.items() if name not in unset}
        paths = {"PYTHONPATH": str(ROOT), "NOTES": str(self.notes), "PYTHON": sys.executable, "PING": PING}
        with (folder / "stderr").open("a") as stderr:
            self.process = subprocess.Popen(
                [sys.executable, "-c", LAUNCH, *scripts],
                cwd=folder,
                env={**inherited, **paths, **environ},
                stderr=stderr,
            )

    @property
    def said(self):
        return (self.folder / "stderr").read_text()

    @property
    def pids(self):
        """The stand-ins started so far."""
        return [int(path.stem) for path in self.notes.glob("*.started")]

    def environ_of(self, pid):
        lines = (self.notes / f"{pid}.started").read_text().split("\0")
        return dict(line.split("=", 1) for line in lines if line)

    def wait_for_scripts(self, count):
        until(lambda: len(self.pids) >= count or self.process.poll() is not None)

    def store(self):
        socket = self.folder / ".local" / "store.sock"
        return redis.Redis(unix_socket_path=str(socket), decode_responses=True)

    def store_pid(self):
        with self.store() as client:
            return int(client.info("server")["process_id"])


@contextmanager
def launching(folder):
    """Start launchers with scripts, and wait until the scripts run; end them all with the block."""
    # Under nohup SIGHUP is ignored, and whatever is started from there ignores it too.
    inherited = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    runs = []

    def start(*scripts, ready=None, **environ):
        runs.append(Run(folder, scripts, environ))
        runs[-1].wait_for_scripts(len(scripts) if ready is None else ready)
        return runs[-1]

    yield start
    for run in runs:
        run.process.terminate()
        run.process.wait(timeout=60)
    signal.signal(signal.SIGHUP, inherited)


@pytest.fixture
def launch(tmp_path):
    with launching(tmp_path) as start:
        yield start


@pytest.fixture(scope="module")
def held(tmp_path_factory):
    """A launcher with two stand-ins that wait, shared by the tests that leave it as it is."""
    with launching(tmp_path_factory.mktemp("held")) as start:
        yield start(WAIT, WAIT)


def test_it_says_in_one_line_what_runs_and_where_the_key_is(held):
    line, *_ = held.said.splitlines()

    assert line.startswith("sectorflow-slack: embedded store (")
    assert line.endswith(
        ") in .local, service at http://localhost:8000, install API key in .local/install-api-key"
    )
    assert (held.folder / ".local" / "install-api-key").read_text().strip() not in held.said


def test_the_children_get_a_whole_environment(held):
    environ = held.environ_of(held.pids[0])

    assert environ["REDIS_URL"] == f"unix://{held.folder}/.local/store.sock?db=0"
    assert environ["PUBLIC_URL"] == "http://localhost:8000"
    assert environ["PORT"] == "8000"
    assert environ["INSTALL_PAGE"] == "on"
    assert environ["INSTALL_API_KEYS"] == (held.folder / ".local" / "install-api-key").read_text().strip()
    assert environ["ENCRYPTION_KEYS"]
    with redis.Redis.from_url(environ["REDIS_URL"]) as client:
        assert client.ping()


def test_a_second_launcher_in_the_same_folder_is_refused(held):
    second = Run(held.folder, (WAIT,), {})

    assert second.process.wait(timeout=60) == 1
    assert "another sectorflow-slack runs in .local" in second.said
    assert held.process.poll() is None
    assert held.store_pid()


def test_a_store_that_dies_comes_back_while_the_others_run_on(held):
    first = held.store_pid()

    os.kill(first, signal.SIGKILL)
    until(lambda: "store ended with code -9" in held.said)
    until(lambda: answers(held))

    assert held.store_pid() != first
    assert len(held.pids) == 2


def answers(run):
    try:
        with run.store() as client:
            return bool(client.ping())
    except redis.ConnectionError:
        return False


def test_what_the_environment_says_wins(launch):
    given = {"PORT": "9000", "INSTALL_PAGE": "off", "ENCRYPTION_KEYS": "a", "INSTALL_API_KEYS": "b"}

    run = launch(WAIT, SECTORFLOW_SLACK_HOME="elsewhere/home", **given)

    environ = run.environ_of(run.pids[0])
    assert environ.items() >= {**given, "PUBLIC_URL": "http://localhost:9000"}.items()
    assert run.said.endswith(
        "in elsewhere/home, service at http://localhost:9000, install API key in INSTALL_API_KEYS\n"
    )
    assert stat.S_IMODE((run.folder / "elsewhere" / "home").stat().st_mode) == 0o700


def test_with_a_redis_named_it_makes_no_store_and_no_secrets(launch):
    run = launch(WAIT, REDIS_URL="redis://:not-shown@127.0.0.1:1/0")

    environ = run.environ_of(run.pids[0])
    assert environ["REDIS_URL"] == "redis://:not-shown@127.0.0.1:1/0"
    assert not {"ENCRYPTION_KEYS", "INSTALL_API_KEYS", "PUBLIC_URL", "INSTALL_PAGE"} & set(environ)
    assert not (run.folder / ".local").exists()
    assert run.said == "sectorflow-slack: web and worker on the Redis of REDIS_URL\n"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_ends_everything_in_order(launch, number):
    run = launch(ASK_AT_STOP, WAIT)
    store = run.store_pid()

    run.process.send_signal(number)

    assert run.process.wait(timeout=60) == 0
    assert not [pid for pid in (*run.pids, store) if is_alive(pid)]
    assert (run.notes / "answer").read_text() == "True\n"


def test_sigquit_waits_for_no_child_not_even_for_one_that_is_stopping(launch):
    run = launch(STAY)
    store = run.store_pid()

    run.process.send_signal(signal.SIGTERM)
    until(lambda: (run.notes / "asked").exists())
    run.process.send_signal(signal.SIGQUIT)

    # Sooner than what a child that is asked to stop may take.
    assert run.process.wait(timeout=STOP_SECONDS - 5) == 0
    assert not [pid for pid in (*run.pids, store) if is_alive(pid)]


def test_a_launcher_that_is_killed_leaves_no_process(launch):
    run = launch(WAIT)
    processes = [*run.pids, run.store_pid()]

    run.process.kill()

    until(lambda: not any(is_alive(pid) for pid in processes))


def test_data_survive_a_sigkill_of_everything(launch):
    run = launch(WAIT)
    key = run.environ_of(run.pids[0])["ENCRYPTION_KEYS"]
    with run.store() as client:
        client.set("key", "kept")
    processes = [run.process.pid, *run.pids, run.store_pid()]
    until(lambda: any(b"kept" in path.read_bytes() for path in run.folder.rglob("*.aof")))

    for pid in processes:
        os.kill(pid, signal.SIGKILL)
    again = launch(WAIT, ready=2)

    with again.store() as client:
        assert client.get("key") == "kept"
    assert {again.environ_of(pid)["ENCRYPTION_KEYS"] for pid in again.pids} == {key}


def test_a_service_that_does_not_stay_up_ends_everything(launch):
    run = launch(WAIT, FAIL, ready=1)

    assert run.process.wait(timeout=60) == 1
    assert run.said.endswith("stand-in 1 does not stay up (code 3), see above\n")
    assert not [pid for pid in run.pids if is_alive(pid)]


def test_a_port_that_is_taken_is_said_at_once(tmp_path):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        environ = {**os.environ, "PORT": str(other.getsockname()[1]), "SECTORFLOW_SLACK_HOME": str(tmp_path)}

        done = subprocess.run(
            [sys.executable, "-m", "sectorflow_slack"],
            cwd=ROOT,
            env=environ,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    assert done.returncode == 1
    assert "set PORT to another" in done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("port", ["0", "notaport", "99999", "-1"])
def test_a_port_that_is_none_is_left_to_the_settings(port):
    check_port(port)


def test_the_commands_are_those_of_the_procfile_run_by_this_interpreter():
    lines = (ROOT / "Procfile").read_text().splitlines()
    procfile = dict(line.split(": ", 1) for line in lines if line and not line.startswith("#"))

    commands = {command.name: command.argv for command in service_commands()}

    assert commands == {name: (sys.executable, "-m", *line.split()) for name, line in procfile.items()}
