"""``python -m sectorflow_slack``: the whole service, or one of the operator's commands by its name."""

from __future__ import annotations

import importlib
import os
import sys

from sectorflow_slack.embedded.launcher import command_environ, main
from sectorflow_slack.embedded.process import LaunchError, echo

#: Shells set this, and give no argument, when they complete a command.
COMPLETION = "_SECTORFLOW_SLACK_COMPLETE"


def run() -> int:
    """Run the service, or the command that the arguments name, and return the exit code."""
    if len(sys.argv) == 1 and COMPLETION not in os.environ:
        return main()
    try:
        os.environ.update(command_environ(os.environ))
    except LaunchError as error:
        echo(str(error))
        return 1
    # Imported only for a command: the launcher, which runs for days, stays small without the service.
    commands = importlib.import_module("sectorflow_slack.commands")
    return int(commands.operator(prog_name="sectorflow-slack") or 0)


if __name__ == "__main__":
    sys.exit(run())
