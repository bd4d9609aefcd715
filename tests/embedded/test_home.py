import stat
from pathlib import Path

import pytest

from sectorflow_slack.embedded.home import claimed
from sectorflow_slack.embedded.process import LaunchError


def test_the_folder_is_made_for_its_owner_only_and_given_with_its_full_path(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    with claimed(Path("deep/home")) as home:
        assert home == tmp_path / "deep" / "home"
        assert stat.S_IMODE(home.stat().st_mode) == 0o700


def test_a_folder_in_use_is_refused_until_it_is_free(tmp_path):
    with claimed(tmp_path / "home"), pytest.raises(LaunchError, match="another sectorflow-slack runs in"):
        claimed(tmp_path / "home").__enter__()

    with claimed(tmp_path / "home") as home:
        assert home.is_dir()


@pytest.mark.parametrize("mode", [0o770, 0o702])
def test_a_folder_that_others_may_write_to_is_refused(tmp_path, mode):
    tmp_path.chmod(mode)

    with pytest.raises(LaunchError, match="others may write"):
        claimed(tmp_path).__enter__()
