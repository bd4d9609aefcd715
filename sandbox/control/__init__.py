"""The control API under ``/_control``: other processes act as users, inject faults and read the state."""

from __future__ import annotations

from sandbox.control import behaviour, reports, user_actions, workspaces
from sandbox.control.base import control

__all__ = ["behaviour", "control", "reports", "user_actions", "workspaces"]
