import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest
import redis

from sectorflow_slack.embedded.process import LaunchError
from sectorflow_slack.embedded.store import LONGEST_SOCKET_PATH, Server, running_store
from tests.waiting import is_alive, until

pytestmark = pytest.mark.real_redis

#: Writes, then is killed on a system that does not end children with their parent.
ORPHANING = """
import os, signal, sys
from pathlib import Path
import redis
from sectorflow_slack.embedded.store import Server
from sectorflow_slack.embedded.store import running_store
sys.platform = "another"
with running_store(Path(sys.argv[1]), Server(Path(sys.argv[2]), "")) as store:
    with redis.Redis.from_url(store.url) as client:
        client.set("key", "kept")
        print(client.info("server")["process_id"], flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture
def home(tmp_path):
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    return home


def connect(store):
    return redis.Redis.from_url(store.url, decode_responses=True)


def write(home, server):
    with running_store(home, server) as store, connect(store) as client:
        client.set("key", "kept")


def read(home, server):
    with running_store(home, server) as store, connect(store) as client:
        return client.get("key")


def orphan_store(home, server):
    """Run a store whose launcher is killed, and return the store's process id."""
    orphaning = [sys.executable, "-c", ORPHANING, str(home), str(server.path)]
    with subprocess.Popen(orphaning, stdout=subprocess.PIPE, text=True) as launcher:
        assert launcher.stdout
        return int(launcher.stdout.readline())


def make_script(folder, script):
    path = folder / "fake-server"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o700)
    return Server(path, "7.0.0")


def test_the_socket_and_all_files_are_private(home, server):
    with running_store(home, server) as store, connect(store) as client:
        client.set("key", "kept")
        mode = stat.S_IMODE(store.socket.stat().st_mode)
        settings = client.config_get("port", "maxmemory-policy", "appendfsync")

    assert mode == 0o700
    assert settings == {"port": "0", "maxmemory-policy": "noeviction", "appendfsync": "everysec"}
    assert not store.socket.exists()
    assert not [path for path in home.rglob("*") if path.stat().st_mode & 0o077]


def test_data_survive_a_sigkill_of_the_store(home, server):
    with running_store(home, server) as store:
        with connect(store) as client:
            client.set("key", "kept")
            pid = client.info("server")["process_id"]
        until(lambda: any(b"kept" in path.read_bytes() for path in home.rglob("*.aof")))
        os.kill(pid, signal.SIGKILL)

    assert read(home, server) == "kept"


def test_an_incomplete_last_command_is_ignored(home, server):
    write(home, server)
    newest = max((path for path in home.rglob("*.aof")), key=lambda path: path.stat().st_size)
    with newest.open("ab") as file:
        file.write(b"*3\r\n$3\r\nSET\r\n$3\r\nkey\r\n$9\r\nlo")

    assert read(home, server) == "kept"


def test_each_server_reads_the_data_of_the_other(tmp_path, installed_server, wheel_server):
    for first, second in ((installed_server, wheel_server), (wheel_server, installed_server)):
        home = tmp_path / first.version
        home.mkdir(mode=0o700)

        write(home, first)
        with running_store(home, first) as store, connect(store) as client:
            client.bgrewriteaof()

        assert read(home, second) == "kept"


def test_a_folder_with_a_long_path_gets_its_socket_elsewhere(tmp_path, installed_server):
    home = tmp_path / ("long" * 30)
    home.mkdir(mode=0o700)

    with running_store(home, installed_server) as store:
        place = store.socket.parent
        assert len(os.fsencode(store.socket)) <= LONGEST_SOCKET_PATH
        assert stat.S_IMODE(place.stat().st_mode) == 0o700

    assert not place.exists()


def test_a_folder_may_have_special_characters_in_its_name(tmp_path, installed_server):
    home = tmp_path / "o d?d#'\"%20"
    home.mkdir(mode=0o700)

    write(home, installed_server)

    assert read(home, installed_server) == "kept"


def test_a_store_that_outlived_its_launcher_is_stopped_first(home, server):
    orphan = orphan_store(home, server)
    assert is_alive(orphan)

    kept = read(home, server)

    assert kept == "kept"
    assert not is_alive(orphan)


def test_a_orphan_socket_folder_is_removed(tmp_path, installed_server):
    home = tmp_path / ("long" * 30)
    home.mkdir(mode=0o700)
    orphan = orphan_store(home, installed_server)
    place = Path((home / "store.lock").read_text()).parent
    os.kill(orphan, signal.SIGKILL)
    assert place.exists()

    kept = read(home, installed_server)

    assert kept == "kept"
    assert not place.exists()


def test_a_store_that_ends_at_once_is_reported_with_its_log(home):
    server = make_script(home, "exit 7")

    with pytest.raises(LaunchError, match=r"code 7: see .*/store\.log"):
        running_store(home, server).__enter__()


def test_a_store_that_is_not_ready_can_be_stopped(home):
    server = make_script(home, "exec sleep 60")
    answers = iter([True, True, False])

    with running_store(home, server, lambda: next(answers)) as store:
        assert store.child.is_running

    assert not store.child.is_running
