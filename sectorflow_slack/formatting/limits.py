"""Slack's limits on one message, and how characters are counted against them.

Without another source, they are from Slack's Block Kit reference (docs.slack.dev).

Slack does not say what it counts as a character. UTF-16 code units are never fewer than Python's
code points (an emoji is two), so they are what is counted here, after escaping.
"""

from __future__ import annotations

from typing import Final

#: Text of all blocks of a message. Undocumented: Slack answers ``msg_blocks_too_long`` from about
#: 12,000 to 13,200 characters (slackapi/bolt-js, issues 2509 and 2867); one report failed at 11,341.
MESSAGE_CHARS: Final = 10_500
#: Blocks per message.
BLOCKS: Final = 50
#: Blocks in a container (docs.slack.dev, container block).
CONTAINER_BLOCKS: Final = 10
#: Texts of ``header`` and ``section`` blocks.
HEADER_CHARS: Final = 150
SECTION_CHARS: Final = 3_000
#: Labels of a button and of a menu's option.
BUTTON_CHARS: Final = 75
OPTION_CHARS: Final = 75
#: A dialog's title and its buttons' labels (modals).
DIALOG_TITLE_CHARS: Final = 24
#: What can be typed into a dialog's field (docs.slack.dev, plain-text input element).
INPUT_CHARS: Final = 3_000
#: A question that is quoted above its answer: all that can be typed into a dialog.
QUOTE_CHARS: Final = INPUT_CHARS
#: The first words of a question, in a heading: enough to know it again.
FIRST_WORDS_CHARS: Final = 48
#: A name within a sentence.
NAME_CHARS: Final = 100
#: Text of an element of a ``context`` block; Slack names no limit, a line is all that is wanted.
CONTEXT_CHARS: Final = 150
#: What a run of text in one style counts at least: a message of thousands of runs of a letter each would be
#: half a megabyte of JSON, and Slack does not say what it would make of that.
RUN_CHARS: Final = 3
#: A status behind the app's name; Slack names no limit, a line is all that is wanted.
STATUS_CHARS: Final = 120
#: The title of an agent's session (docs.slack.dev, agents.sessions.setStatus).
SESSION_TITLE_CHARS: Final = 200
#: Rows of a table, its head among them, and its columns.
TABLE_ROWS: Final = 100
TABLE_COLUMNS: Final = 20
#: Text of all tables of a message (table block).
TABLE_CHARS: Final = 10_000
#: The ``indent`` of a list (docs.slack.dev, rich text block: 0 to 8).
LIST_INDENT: Final = 8
#: An address that leads somewhere; Slack names a limit for those of buttons only (docs.slack.dev, button
#: element).
LINK_CHARS: Final = 3_000
#: The name of a code's language; no real one is longer.
LANGUAGE_CHARS: Final = 40
#: Options of a group of checkboxes and of a menu (docs.slack.dev, block elements).
CHECKBOXES: Final = 10
MENU_OPTIONS: Final = 100
#: What a model is asked at most to compare, which is about 25,000 tokens.
PROMPT_CHARS: Final = 100_000
#: Of an answer: a model that runs away has posted 97 messages.
ANSWER_CHARS: Final = 200_000
#: Top-level ``text`` of ``chat.postMessage``, which cuts more off (docs.slack.dev, chat.postMessage).
TEXT_CHARS: Final = 40_000
#: Top-level ``text`` of ``chat.update``, which refuses more with ``msg_too_long`` (docs.slack.dev).
UPDATED_TEXT_CHARS: Final = 4_000
#: Top-level ``text`` where it is all that a message has: Slack advises 4,000 (docs.slack.dev,
#: chat.postMessage).
PLANNED_TEXT_CHARS: Final = 3_900


def count(text: str) -> int:
    """Count characters as Slack would at worst: in UTF-16 code units."""
    if text.isascii():
        return len(text)
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def shorten(text: str, limit: int) -> str:
    """Keep ``text`` whole if it counts at most ``limit``, else cut it and end it with an ellipsis."""
    if count(text) <= limit:
        return text
    return f"{text[: fitting(text, 0, limit - 1)].rstrip()}…"


def fitting(text: str, start: int, limit: int) -> int:
    """Return how far a text counts at most ``limit`` from ``start``; one character further at least."""
    end = min(len(text), start + limit)
    while (excess := count(text[start:end]) - limit) > 0:
        end -= (excess + 1) // 2
    return max(end, min(len(text), start + 1))
