"""Run the measurements: ``python -m bench [--write] [section …]``."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from bench import acknowledging, answering, capacity, parts, upkeep
from bench.report import conditions, write

FIGURES = Path(__file__).with_name("figures.json")
Section = Callable[[Path, argparse.Namespace], tuple[str, dict[str, float]]]

#: In the order of the docs.
SECTIONS: dict[str, Section] = {
    "acknowledgement": lambda home, given: acknowledging.compare(
        home, given.rounds, given.seconds, given.rate
    ),
    "parts": lambda home, _: parts.explain(home),
    "latency": lambda home, given: answering.add_latency(home, given.questions),
    "many": lambda home, _: answering.carry_many(home),
    "web-width": lambda home, given: acknowledging.widen(home, given.seconds),
    "worker-width": lambda home, given: answering.widen(home, 10 * given.questions),
    "fairness": lambda home, given: answering.share(home, given.flood, given.questions),
    "upkeep": lambda home, _: upkeep.live(home),
    "growth": lambda home, given: upkeep.grow(home, given.installations, given.rate),
    "capacity": lambda *_: (capacity.model(json.loads(FIGURES.read_text())), {}),
}


def main() -> None:
    """Run the sections that are named, or all; print them, and write them into the docs if asked."""
    given = _parse()
    for name in given.sections or SECTIONS:
        with tempfile.TemporaryDirectory(prefix="bench-") as home:
            text, figures = SECTIONS[name](Path(home), given)
        print(f"\n## {name}\n\n{text}\n", flush=True)
        known = json.loads(FIGURES.read_text()) if FIGURES.exists() else {}
        if given.write:
            write(name, text)
            FIGURES.write_text(json.dumps(dict(sorted((known | figures).items())), indent=2) + "\n")
    where = conditions(" ".join(["python -m bench", *sys.argv[1:]]))
    print(where)
    if given.write:
        write("conditions", where)


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench")
    parser.add_argument("sections", nargs="*", metavar="section", help=f"of: {', '.join(SECTIONS)}")
    parser.add_argument("--write", action="store_true", help="put the tables into docs/performance.md")
    parser.add_argument("--rounds", type=int, default=5, help="how often each server is measured")
    parser.add_argument("--seconds", type=float, default=5.0, help="the duration of one measurement")
    parser.add_argument("--rate", type=float, default=50.0, help="events a second at the fixed rate")
    parser.add_argument("--questions", type=int, default=100, help="how many questions are timed")
    parser.add_argument("--flood", type=int, default=1000, help="questions of the loud customer")
    parser.add_argument("--installations", type=int, default=100_000, help="installations to store")
    given = parser.parse_args()
    if unknown := set(given.sections) - SECTIONS.keys():
        parser.error(f"unknown: {', '.join(sorted(unknown))}")
    return given


if __name__ == "__main__":
    main()
