"""Reading what SectorFlow calls its experts, and the prompts that it suggests.

Nothing says what the reply with the prompts looks like, so a list of texts is taken wherever one is
likely; what is none is passed over. People read both: each is one line.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from typing import Any

#: As many as Slack shows.
MAX_PROMPTS = 4
MAX_PROMPT_LENGTH = 300
MAX_TITLE_LENGTH = 100

_LISTS = ("samplePrompts", "prompts", "items", "content")
_TEXTS = ("prompt", "content", "text", "message", "title")

Json = Any


def read_sample_prompts(found: Json) -> tuple[str, ...]:
    """Give the first few prompts, each once; those that are too long to be one line are passed over."""
    prompts = {prompt: None for prompt in _prompts(found) if 0 < len(prompt) <= MAX_PROMPT_LENGTH}
    return tuple(prompts)[:MAX_PROMPTS]


def read_title(found: Json) -> str:
    """Give what an expert is called; "" where the reply names nothing."""
    title = found.get("title") if isinstance(found, dict) else None
    return _one_line(title)[:MAX_TITLE_LENGTH].rstrip()


def _prompts(found: Json) -> Iterator[str]:
    for item in _list(found):
        if isinstance(item, dict):
            yield next(filter(None, (_one_line(item.get(name)) for name in _TEXTS)), "")
        else:
            yield _one_line(item)


def _list(found: Json) -> list[Json]:
    if isinstance(found, dict):
        found = next((found[name] for name in _LISTS if isinstance(found.get(name), list)), None)
    return found if isinstance(found, list) else []


def _one_line(value: Json) -> str:
    """Put a text on one line, without control characters and halves of characters."""
    if not isinstance(value, str):
        return ""
    seen = (sign for sign in value if sign.isspace() or unicodedata.category(sign) not in {"Cc", "Cs"})
    return " ".join("".join(seen).split())
