import os
import stat

import pytest
from cryptography.fernet import Fernet

from sectorflow_slack.embedded.home import provide_secrets
from sectorflow_slack.embedded.process import LaunchError

FILES = ["encryption-key", "install-api-key"]


@pytest.mark.parametrize("environ", [{}, {"ENCRYPTION_KEYS": "", "INSTALL_API_KEYS": ""}])
def test_new_keys_are_valid(tmp_path, environ):
    secrets = provide_secrets(tmp_path, environ)

    assert Fernet(secrets["ENCRYPTION_KEYS"])
    assert len(secrets["INSTALL_API_KEYS"]) >= 43


def test_only_their_owner_can_read_the_files(tmp_path):
    before = os.umask(0)
    try:
        provide_secrets(tmp_path, {})
    finally:
        os.umask(before)

    assert sorted(path.name for path in tmp_path.iterdir()) == FILES
    assert {stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()} == {0o600}


def test_a_folder_keeps_its_keys_and_another_has_others(tmp_path):
    (tmp_path / "other").mkdir()

    first, second = provide_secrets(tmp_path, {}), provide_secrets(tmp_path, {})
    other = provide_secrets(tmp_path / "other", {})

    assert first == second
    assert not set(first.values()) & set(other.values())


def test_with_keys_of_the_environment_no_files_are_made(tmp_path):
    given = {"ENCRYPTION_KEYS": "one,two", "INSTALL_API_KEYS": "three"}

    assert provide_secrets(tmp_path, given) == given
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", FILES)
def test_a_key_file_that_others_can_read_is_refused_without_showing_the_key(tmp_path, name):
    secrets = provide_secrets(tmp_path, {})
    (tmp_path / name).chmod(0o640)

    with pytest.raises(LaunchError, match=name) as refusal:
        provide_secrets(tmp_path, {})

    assert not any(secret in str(refusal.value) for secret in secrets.values())


def test_an_empty_key_file_is_refused(tmp_path):
    provide_secrets(tmp_path, {})
    os.truncate(tmp_path / "encryption-key", 0)

    with pytest.raises(LaunchError, match="encryption-key is empty"):
        provide_secrets(tmp_path, {})


def test_a_crash_while_making_a_key_does_no_harm(tmp_path):
    (tmp_path / "encryption-key.new").write_text("half a ke")

    secrets = provide_secrets(tmp_path, {})

    assert Fernet(secrets["ENCRYPTION_KEYS"])
    assert sorted(path.name for path in tmp_path.iterdir()) == FILES
