"""Read SectorFlow's replies.

The shape of an answer changes over the years: ``choices[]`` has one element per model (``modelId``,
``modelName``, in older replies ``name``), each with ``choices[].message.content``; all other fields may be
absent, renamed or new. A model failed if it is missing, if its ``finishReason`` is "error" or its content
empty.
"""

from __future__ import annotations

import sys
import unicodedata
from collections.abc import Iterator, Mapping
from typing import Any

from sectorflow_slack.domain.errors import ReplyUnreadable
from sectorflow_slack.domain.installations import SectorFlowSettings
from sectorflow_slack.domain.questions import ModelAnswer, Reply

#: A longer value is no id. The id is sent with every later question of the thread.
THREAD_ID_MAX_LENGTH = 255
#: As many prompts as Slack shows.
MAX_PROMPTS = 4
MAX_PROMPT_LENGTH = 300
MAX_TITLE_LENGTH = 100

#: The fields that may have the list of prompts, and the text of a prompt.
_LISTS = ("samplePrompts", "prompts", "items", "content")
_TEXTS = ("prompt", "content", "text", "message", "title")

Json = Any


def read_reply(found: Json, settings: SectorFlowSettings) -> Reply:
    """Return an answer for each of ``settings.model_ids``; raise ``ReplyUnreadable`` without ``choices``."""
    choices = found.get("choices") if isinstance(found, dict) else None
    if not isinstance(choices, list):
        raise ReplyUnreadable("the reply has no choices")
    by_model: dict[str, Mapping[str, Json]] = {}
    for choice in choices:
        model_id = _model_id(choice)
        # If a model appears twice, its first answer with a text counts.
        if model_id and (model_id not in by_model or not _text(by_model[model_id])):
            by_model[model_id] = choice
    answers = (
        _answer(by_model.get(model_id.lower(), {}), model_id, position, settings)
        for position, model_id in enumerate(settings.model_ids, start=1)
    )
    return Reply(tuple(answers), _thread_id(found), _usage(found, "credits"))


def read_sample_prompts(found: Json) -> tuple[str, ...]:
    """Return the first few prompts without duplicates; skip those that are too long for one line."""
    prompts = {prompt: None for prompt in _prompts(found) if 0 < len(prompt) <= MAX_PROMPT_LENGTH}
    return tuple(prompts)[:MAX_PROMPTS]


def read_title(found: Json) -> str:
    """Return the title of an expert, or "" if there is none."""
    title = found.get("title") if isinstance(found, dict) else None
    return _one_line(title)[:MAX_TITLE_LENGTH].rstrip()


def _answer(
    choice: Mapping[str, Json], model_id: str, position: int, settings: SectorFlowSettings
) -> ModelAnswer:
    text = _text(choice)
    return ModelAnswer(
        model_id=model_id,
        name=_string(choice, "modelName")
        or _string(choice, "name")
        or settings.model_names.get(model_id.lower())
        or f"Model {position}",
        base_model=_string(choice, "baseModel"),
        text=text,
        failed=not text,
        failure="" if text else _failure(choice),
        seconds=None if (took := _usage(choice, "responseTimeMs")) is None else took / 1000,
        credits=_usage(choice, "credits"),
    )


def _failure(choice: Mapping[str, Json]) -> str:
    if not choice:
        return "missing"
    return "error" if _inner(choice).get("finishReason") == "error" else "empty"


def _model_id(choice: Json) -> str:
    if not isinstance(choice, dict):
        return ""
    return (_string(choice, "modelId") or _string(_inner(choice), "modelId")).lower()


def _text(choice: Mapping[str, Json]) -> str:
    inner = _inner(choice)
    message = inner.get("message")
    if not isinstance(message, dict) or inner.get("finishReason") == "error":
        return ""
    content = message.get("content")
    return content if isinstance(content, str) and content.strip() else ""


def _inner(choice: Mapping[str, Json]) -> Mapping[str, Json]:
    """Return the model's own choice: the active one if there are several."""
    inner = choice.get("choices")
    candidates = [item for item in inner if isinstance(item, dict)] if isinstance(inner, list) else []
    active = [item for item in candidates if item.get("active") is True]
    return next(iter(active or candidates), {})


def _string(mapping: Mapping[str, Json], name: str) -> str:
    value = mapping.get(name)
    return value.strip() if isinstance(value, str) else ""


def _thread_id(found: Mapping[str, Json]) -> str | None:
    thread_id = found.get("threadId")
    if isinstance(thread_id, str) and thread_id.isascii() and 0 < len(thread_id) <= THREAD_ID_MAX_LENGTH:
        return thread_id
    return None


def _usage(found: Mapping[str, Json], name: str) -> float | None:
    """Return a number of the usage of a reply, or of one model's part of it."""
    usage = found.get("usage")
    number = usage.get(name) if isinstance(usage, dict) else None
    if not isinstance(number, int | float) or isinstance(number, bool):
        return None
    # Also false for NaN, and for an integer that is too large for a float.
    return float(number) if 0 <= number <= sys.float_info.max else None


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
    """Return a text on one line, without control characters and surrogates."""
    if not isinstance(value, str):
        return ""
    visible = (char for char in value if char.isspace() or unicodedata.category(char) not in {"Cc", "Cs"})
    return " ".join("".join(visible).split())
