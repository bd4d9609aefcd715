"""The launcher on real processes: shell scripts replace web and worker."""

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

from sectorflow_slack.embedded.launcher import STOP_SECONDS, check_port, command_environ, service_commands
from tests.waiting import is_alive, until

pytestmark = [pytest.mark.real_redis, pytest.mark.processes]

ROOT = Path(__file__).parents[2]

#: Runs the launcher as the real command does, with these scripts instead of web and worker.
LAUNCH = """
import os, sys
from sectorflow_slack.embedded import launcher
from sectorflow_slack.embedded.launcher import Launcher
from sectorflow_slack.embedded.process import Command
launcher.STORE_AWAY_SECONDS = 0.5
commands = [Command(f"script {i}", ("/bin/sh", "-c", script)) for i, script in enumerate(sys.argv[1:])]
sys.exit(Launcher(commands, os.environ).run())
"""
RECORD_START = 'env -0 > "$NOTES/$$.draft" && mv "$NOTES/$$.draft" "$NOTES/$$.started"; '
#: Records its process id and environment, then waits.
WAIT = f"{RECORD_START} exec sleep 60"
#: On SIGTERM, records whether the store still answers.
PING = "import os, redis; print(redis.Redis.from_url(os.environ.get('REDIS_URL')).ping())"
PING_AT_STOP = f"""
trap '"$PYTHON" -c "$PING" > "$NOTES/answer"; exit 0' TERM
{RECORD_START} while :; do sleep 0.05; done
"""
#: Records SIGTERM, and runs on.
STAY = f"trap ': > \"$NOTES/sigterm\"' TERM; {RECORD_START} while :; do sleep 0.05; done"
FAIL = "exit 3"


class Run:
    """A running launcher in a folder of its own."""

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
    def stderr(self):
        return (self.folder / "stderr").read_text()

    @property
    def pids(self):
        """The process ids of the started scripts."""
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
def shared(tmp_path_factory):
    """A launcher with two scripts that wait, for tests that do not change it."""
    with launching(tmp_path_factory.mktemp("shared")) as start:
        yield start(WAIT, WAIT)


def test_one_line_shows_the_store_the_url_and_the_place_of_the_key(shared):
    line, *_ = shared.stderr.splitlines()

    assert line.startswith("sectorflow-slack: embedded store (")
    assert line.endswith(
        ") in .local, service at http://localhost:8000, install API key in .local/install-api-key"
    )
    assert (shared.folder / ".local" / "install-api-key").read_text().strip() not in shared.stderr


def test_the_children_get_all_required_settings(shared):
    environ = shared.environ_of(shared.pids[0])

    assert environ["REDIS_URL"] == f"unix://{shared.folder}/.local/store.sock?db=0"
    assert environ["PUBLIC_URL"] == "http://localhost:8000"
    assert environ["PORT"] == "8000"
    assert environ["INSTALL_PAGE"] == "on"
    assert environ["INSTALL_API_KEYS"] == (shared.folder / ".local" / "install-api-key").read_text().strip()
    assert environ["ENCRYPTION_KEYS"]
    with redis.Redis.from_url(environ["REDIS_URL"]) as client:
        assert client.ping()


def test_a_command_gets_the_settings_of_the_service_in_its_folder(shared, tmp_path):
    here = {"SECTORFLOW_SLACK_HOME": str(shared.folder / ".local")}
    elsewhere = {"SECTORFLOW_SLACK_HOME": str(tmp_path)}
    other_redis = {**here, "REDIS_URL": "redis://redis.example.com"}

    found = command_environ(here)

    running = shared.environ_of(shared.pids[0])
    names = ("REDIS_URL", "PUBLIC_URL", "ENCRYPTION_KEYS", "INSTALL_API_KEYS")
    assert {name: found[name] for name in names} == {name: running[name] for name in names}
    assert command_environ(elsewhere) == elsewhere
    assert command_environ(other_redis) == other_redis


def test_a_second_launcher_in_the_same_folder_is_refused(shared):
    second = Run(shared.folder, (WAIT,), {})

    assert second.process.wait(timeout=60) == 1
    assert "another sectorflow-slack runs in .local" in second.stderr
    assert shared.process.poll() is None
    assert shared.store_pid()


def test_a_store_that_dies_is_restarted_while_the_others_run(shared):
    first = shared.store_pid()

    os.kill(first, signal.SIGKILL)
    until(lambda: "store ended with code -9" in shared.stderr)
    until(lambda: answers(shared))

    assert shared.store_pid() != first
    assert len(shared.pids) == 2


def test_a_signal_keeps_the_store_away_for_a_while_and_loses_nothing(shared):
    first = shared.store_pid()
    with shared.store() as client:
        client.set("kept", "yes")

    shared.process.send_signal(signal.SIGUSR2)
    until(lambda: not is_alive(first))
    until(lambda: answers(shared))

    with shared.store() as client:
        assert client.get("kept") == "yes"
    assert shared.store_pid() != first
    assert len(shared.pids) == 2


def test_a_signal_kills_the_last_command_which_is_started_again(launch):
    run = launch(STAY, STAY)
    before = set(run.pids)

    run.process.send_signal(signal.SIGUSR1)
    until(lambda: len(run.pids) == 3)

    assert [is_alive(pid) for pid in before].count(False) == 1
    assert not (run.notes / "sigterm").exists()
    run.process.send_signal(signal.SIGQUIT)  # at SIGTERM, the launcher would wait for those that stay


def answers(run):
    try:
        with run.store() as client:
            return bool(client.ping())
    except redis.ConnectionError:
        return False


def test_settings_of_the_environment_take_precedence(launch):
    given = {"PORT": "9000", "INSTALL_PAGE": "off", "ENCRYPTION_KEYS": "a", "INSTALL_API_KEYS": "b"}

    run = launch(WAIT, SECTORFLOW_SLACK_HOME="elsewhere/home", **given)

    environ = run.environ_of(run.pids[0])
    assert environ.items() >= {**given, "PUBLIC_URL": "http://localhost:9000"}.items()
    assert run.stderr.endswith(
        "in elsewhere/home, service at http://localhost:9000, install API key in INSTALL_API_KEYS\n"
    )
    assert stat.S_IMODE((run.folder / "elsewhere" / "home").stat().st_mode) == 0o700


def test_with_redis_url_it_starts_no_store_and_makes_no_secrets(launch):
    run = launch(WAIT, REDIS_URL="redis://:not-shown@127.0.0.1:1/0")

    environ = run.environ_of(run.pids[0])
    assert environ["REDIS_URL"] == "redis://:not-shown@127.0.0.1:1/0"
    assert not {"ENCRYPTION_KEYS", "INSTALL_API_KEYS", "PUBLIC_URL", "INSTALL_PAGE"} & set(environ)
    assert not (run.folder / ".local").exists()
    assert run.stderr == "sectorflow-slack: web and worker on the Redis of REDIS_URL\n"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_stops_the_services_before_the_store(launch, number):
    run = launch(PING_AT_STOP, WAIT)
    store = run.store_pid()

    run.process.send_signal(number)

    assert run.process.wait(timeout=60) == 0
    assert not [pid for pid in (*run.pids, store) if is_alive(pid)]
    assert (run.notes / "answer").read_text() == "True\n"


def test_sigquit_kills_even_a_child_that_is_stopping(launch):
    run = launch(STAY)
    store = run.store_pid()

    run.process.send_signal(signal.SIGTERM)
    until(lambda: (run.notes / "sigterm").exists())
    run.process.send_signal(signal.SIGQUIT)

    # Sooner than a child may take to stop.
    assert run.process.wait(timeout=STOP_SECONDS - 5) == 0
    assert not [pid for pid in (*run.pids, store) if is_alive(pid)]


def test_a_killed_launcher_leaves_no_process(launch):
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


def test_a_service_that_keeps_dying_ends_the_launcher(launch):
    run = launch(WAIT, FAIL, ready=1)

    assert run.process.wait(timeout=60) == 1
    assert run.stderr.endswith("script 1 does not stay up (code 3), see above\n")
    assert not [pid for pid in run.pids if is_alive(pid)]


def test_a_port_in_use_is_an_error_at_once(tmp_path):
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
def test_an_invalid_port_is_left_to_the_settings(port):
    check_port(port)


def test_the_commands_are_those_of_the_procfile_run_by_this_interpreter():
    lines = (ROOT / "Procfile").read_text().splitlines()
    procfile = dict(line.split(": ", 1) for line in lines if line and not line.startswith("#"))

    commands = {command.name: command.argv for command in service_commands()}

    modules = {name: line.removeprefix("python -m ").split() for name, line in procfile.items()}
    assert commands == {name: (sys.executable, "-m", *module) for name, module in modules.items()}
