"""Tables as Markdown, and their place in the docs."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import statistics
import subprocess
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from sandbox.stage import ROOT
from sectorflow_slack.embedded.store import find_server

DOCS = ROOT / "docs" / "performance.md"


def table(headings: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Return a table as Markdown."""
    lines = [headings, ["---"] * len(headings), *rows]
    return "\n".join(f"| {' | '.join(str(cell) for cell in line)} |" for line in lines)


def spread(values: Sequence[float], digits: int = 0) -> str:
    """Return the median of some runs with their range."""
    median = f"{statistics.median(values):,.{digits}f}"
    return f"{median} ({min(values):,.{digits}f} to {max(values):,.{digits}f})" if len(values) > 1 else median


def conditions(command: str) -> str:
    """Return where, when and by which command the figures were measured."""
    cpu = next(
        (line.partition(":")[2].strip() for line in _lines("/proc/cpuinfo") if line.startswith("model name")),
        platform.machine(),
    )
    memory = next(int(line.split()[1]) for line in _lines("/proc/meminfo") if line.startswith("MemTotal"))
    versions = [f"{name} {importlib.metadata.version(name)}" for name in ("gunicorn", "redis", "slack-bolt")]
    server = subprocess.run([find_server().path, "--version"], capture_output=True, text=True, check=True)
    system = f"{platform.system()} {platform.release().split('-')[0]}, Python {platform.python_version()}"
    return (
        f"{datetime.now(UTC):%Y-%m-%d}, `{command}`: {os.cpu_count()} cores of {cpu}, "
        f"{memory / 2**20:.0f} GiB, {', '.join([system, *versions])}; {' '.join(server.stdout.split()[:3])}. "
        "All processes ran on this one machine, load generator included; its load average was "
        f"{os.getloadavg()[1]:.0f} in the last five minutes."
    )


def write(section: str, text: str) -> None:
    """Put the text of a section into the docs, between its marks."""
    begin, end = f"<!-- {section} -->\n", f"<!-- /{section} -->\n"
    docs = DOCS.read_text()
    if begin not in docs:
        sys.exit(f"{DOCS} has no place for {section}")
    head, _, rest = docs.partition(begin)
    DOCS.write_text(f"{head}{begin}{text}\n{end}{rest.partition(end)[2]}")


def _lines(path: str) -> list[str]:
    return Path(path).read_text().splitlines()
