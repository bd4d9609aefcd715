"""The service's lock file installs with the oldest pip of Python 3.11, even after newer releases."""

import hashlib
import importlib.metadata
import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from tests.conftest import skip_or_fail

ROOT = Path(__file__).parent.parent
#: The pip of CPython 3.11.0 (Lib/ensurepip/_bundled), by its wheel's digest.
OLDEST_PIP = "pip==22.3 --hash=sha256:1daab4b8d3b97d1d763caeb01a4640a2250a0ea899e257b1e44b9eded91e15ab"
RUN_PIP = "import runpy, sys; sys.path.insert(0, {!r}); runpy.run_module('pip', run_name='__main__')"
LOCKED = re.compile(r"^(?P<pin>[a-z0-9][^\s\\]*(?: ; [^\\]+)?) \\$", re.MULTILINE)
EXTRAS = re.compile(r"\[[^]]*\]")


@pytest.fixture(scope="module")
def pip(tmp_path_factory):
    """The command of the oldest pip."""
    home = tmp_path_factory.mktemp("pip")
    wanted = home / "wanted.txt"
    wanted.write_text(OLDEST_PIP)
    install = ["-m", "uv", "pip", "install", "--quiet", "--target", str(home / "lib"), "--require-hashes"]
    done = run([sys.executable, *install, "-r", str(wanted)])
    if done.returncode:
        skip_or_fail(f"the oldest pip cannot be installed: {done.stderr}")
    return [sys.executable, "-c", RUN_PIP.format(str(home / "lib"))]


# uv installs the other lock files, but for requirements-setup.txt, which is installed without dependencies.
def test_newer_releases_break_no_installation(pip, tmp_path):
    pins = read_pins("requirements.txt")

    done = install_with_newer_releases(pip, pins, tmp_path)

    assert done.returncode == 0, done.stdout + done.stderr
    wanted = {(each.name.replace("-", "_"), version_of(each)) for each in pins if applies(each)}
    assert {name_and_version(path) for path in (tmp_path / "lib").glob("*.dist-info")} == wanted


def test_the_same_installation_breaks_if_the_lock_forgets_extras(pip, tmp_path):
    pins = [Requirement(EXTRAS.sub("", str(each))) for each in read_pins("requirements.txt")]

    done = install_with_newer_releases(pip, pins, tmp_path)

    assert "all requirements must have their versions pinned" in done.stderr


def test_each_lock_holds_all_of_the_smaller_one():
    production, demo, setup, dev = (
        set(map(str, read_pins(f"requirements{name}.txt"))) for name in ("", "-demo", "-setup", "-dev")
    )

    assert production < demo < dev
    assert setup < dev


def read_pins(name):
    """Return the pins of a lock file, with extras and markers."""
    return [Requirement(found["pin"]) for found in LOCKED.finditer((ROOT / name).read_text())]


def install_with_newer_releases(pip, pins, home):
    """Install the pins, with hashes, from an index that also has a newer release of each package."""
    index, lines = home / "index", list[str]()
    index.mkdir()
    for pin in pins:
        locked = Version(version_of(pin))
        write_wheel(index, pin, f"{locked.base_version}.post{(locked.post or 0) + 1}")
        digest = hashlib.sha256(write_wheel(index, pin, version_of(pin)).read_bytes()).hexdigest()
        lines.append(f"{pin} --hash=sha256:{digest}")
    lock = home / "lock.txt"
    lock.write_text("\n".join(lines))
    options = ["--quiet", "--no-index", "--find-links", str(index), "--target", str(home / "lib")]
    return run([*pip, "install", *options, "--require-hashes", "-r", str(lock)])


def write_wheel(index, pin, version):
    """Write a wheel without code, with the requirements of the real release."""
    stem = f"{pin.name.replace('-', '_')}-{version}"
    metadata = [f"Metadata-Version: 2.1\nName: {pin.name}\nVersion: {version}"]
    if applies(pin):
        real = importlib.metadata.metadata(pin.name)
        metadata += [f"Provides-Extra: {extra}" for extra in real.get_all("Provides-Extra") or []]
        metadata += [f"Requires-Dist: {needed}" for needed in importlib.metadata.requires(pin.name) or []]
    contents = {
        "METADATA": "\n".join(metadata) + "\n",
        "WHEEL": "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        "RECORD": "",
    }
    path = index / f"{stem}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as wheel:
        for name, text in contents.items():
            wheel.writestr(f"{stem}.dist-info/{name}", text)
    return path


def applies(pin):
    return pin.marker is None or pin.marker.evaluate()


def version_of(pin):
    return str(pin.specifier).removeprefix("==")


def name_and_version(path):
    name, version = path.name.removesuffix(".dist-info").rsplit("-", 1)
    return canonicalize_name(name).replace("-", "_"), version


def run(command):
    """Run a command without this machine's pip settings."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith("PIP_")}
    return subprocess.run(
        command,
        env={**environ, "PIP_CONFIG_FILE": os.devnull, "PIP_DISABLE_PIP_VERSION_CHECK": "1"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
