"""The Block Kit blocks that messages are made of (docs.slack.dev, Block Kit reference)."""

from __future__ import annotations

from sectorflow_slack.domain.models import ModelAnswer

from . import limits
from .parsing import tidy
from .words import ENGLISH

Block = dict[str, object]

DIVIDER: Block = {"type": "divider"}


def header(text: str) -> Block:
    """Make a heading."""
    return {"type": "header", "text": plain_text(text, limits.HEADER_CHARS)}


def context(text: str) -> Block:
    """Make a line of small text."""
    return {"type": "context", "elements": [plain_text(text, limits.CONTEXT_CHARS)]}


def section(text: str) -> Block:
    """Make a paragraph of text that Slack shows as it is."""
    return {"type": "section", "text": plain_text(text, limits.SECTION_CHARS)}


def markdown(text: str) -> Block:
    """Make a block of standard Markdown, which must be neutral already."""
    return {"type": "markdown", "text": text}


def button(action_id: str, label: str, value: str) -> Block:
    """Make a row of one button."""
    text = plain_text(label, limits.BUTTON_CHARS)
    element = {"type": "button", "action_id": action_id, "text": text, "value": value}
    return {"type": "actions", "elements": [element]}


def plain_text(text: str, limit: int) -> Block:
    """Make a text object in which nothing is live, not even ``:emoji:``."""
    return {"type": "plain_text", "text": limits.shorten(text, limit), "emoji": False}


def title(answer: ModelAnswer) -> str:
    """Give a model's name as one line."""
    return one_line(answer.name) or ENGLISH.nameless_model


def one_line(text: str) -> str:
    """Give a text with each run of white space as one space."""
    return " ".join(tidy(text).split())
