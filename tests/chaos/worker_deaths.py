"""One worker is killed and one told to stop, each with questions under way."""

from __future__ import annotations

import signal
import time
from dataclasses import dataclass
from pathlib import Path

from tests.chaos.site import Site, running_site
from tests.chaos.verdicts import Asked
from tests.waiting import until

#: How long a worker that is told to stop waits for its questions; 25 s in the Procfile.
GRACE_SECONDS = 4.0
#: SectorFlow's delays: longer than the grace, and longer than until another worker takes over.
LONG_ASKING = 45.0
HANGING = 30.0
NEW_QUESTIONS = 4
#: Time for one more step that has no visible effect.
SETTLING = 0.5


@dataclass(frozen=True)
class Deaths:
    """The observations while one worker was killed and the next one told to stop."""

    #: By what the worker did at its end: ``asking``, ``posting``, ``stopping``.
    verdicts: dict[str, str]
    times_posting_asked: int
    #: Whether the thread of ``asking`` showed a status at the death, and in the end.
    is_shown: bool
    is_left: bool
    seconds_until_asked_again: float
    seconds_to_stop: float
    #: Whether the worker that was told to stop gave up its question by itself.
    is_handed_over: bool
    #: Verdicts of the questions that came after SIGTERM.
    new_work: list[str]


def kill_and_stop(home: Path) -> Deaths:
    """Kill the first worker and stop the second, each with questions under way; the third remains."""
    grace = ("--stop-seconds", str(GRACE_SECONDS))
    with running_site(home, worker_options=grace) as site:
        asking, posting = hold_two(site)
        is_shown = site.is_processing(asking)
        killed, stopped = site.workers[0], site.start_worker()
        killed.kill()
        died_at = time.monotonic()
        stopping = hold_long(site)
        site.start_worker()
        stopped.signal(signal.SIGTERM)
        signalled_at = time.monotonic()
        new = [site.ask(f"new {number}") for number in range(NEW_QUESTIONS)]
        site.await_answers("worker told to stop: what comes meanwhile", *new, seconds=10)
        until(lambda: not stopped.is_running, 40, "the worker that was told to stop has stopped")
        seconds_to_stop = time.monotonic() - signalled_at
        until(lambda: site.times_asked("isasked") == 2, 40, "SectorFlow is asked again")
        asked_again = time.monotonic() - died_at
        site.await_answers("worker killed while SectorFlow is asked", asking, seconds=20, since=died_at)
        site.await_answers("worker killed between two posts", posting, seconds=20, since=died_at)
        name = "worker told to stop with a question under way"
        site.await_answers(name, stopping, seconds=30, since=signalled_at)
        time.sleep(SETTLING)
        verdicts = site.verdicts([asking, posting, stopping])
        return Deaths(
            dict(zip(("asking", "posting", "stopping"), verdicts, strict=True)),
            site.times_asked("long isposted"),
            is_shown,
            bool(site.stuck([asking, posting, stopping])),
            asked_again,
            seconds_to_stop,
            '"question handed over"' in stopped.log.read_text(),
            site.verdicts(new),
        )


def hold_two(site: Site) -> tuple[Asked, Asked]:
    """Let the only worker wait for SectorFlow with one question, and stop within the answer of another."""
    site.fault("sectorflow", target="completions", containing="isasked", delay=HANGING)
    channel = site.channel("long")
    # The second message of the answer is never accepted.
    site.fault("slack", target="chat.postMessage", containing=channel, skip=1, delay=HANGING, drop="before")
    asking, posting = site.ask("isasked"), site.ask("long isposted", channel)
    until(lambda: site.times_asked("isasked") == 1 and len(site.answers(posting)) == 1, 10, "both under way")
    time.sleep(SETTLING)
    return asking, posting


def hold_long(site: Site) -> Asked:
    """Let the only worker wait for SectorFlow for longer than its grace."""
    site.fault("sectorflow", target="completions", containing="isstopped", delay=LONG_ASKING)
    stopping = site.ask("isstopped")
    until(lambda: site.times_asked("isstopped") == 1, 10, "SectorFlow is asked")
    return stopping
