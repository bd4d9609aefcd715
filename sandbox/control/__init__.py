"""The switches under ``/_control``: faults on order, and what happened so far, for other processes."""

from __future__ import annotations

from sandbox.control import deeds, places, reports, switches
from sandbox.control.base import control

__all__ = ["control", "deeds", "places", "reports", "switches"]
