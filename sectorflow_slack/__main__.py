"""``python -m sectorflow_slack``: the whole service from one command."""

from __future__ import annotations

import sys

from sectorflow_slack.embedded.launcher import main

if __name__ == "__main__":
    sys.exit(main())
