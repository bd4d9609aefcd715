"""Reading SectorFlow's reply to a question.

The shape has drifted over the years and goes on drifting: ``choices[]`` has one element per model
(``modelId``, ``modelName``, in older replies ``name``), each with ``choices[].message.content``; all else
may be absent, renamed or new. A model failed where ``finishReason`` is "error", where its content is
empty, or where it is missing.
"""

from __future__ import annotations

import sys
import unicodedata
from collections.abc import Iterator, Mapping
from typing import Any

from sectorflow_slack.domain.errors import ReplyUnreadable
from sectorflow_slack.domain.installations import SectorFlowSettings
from sectorflow_slack.domain.questions import ModelAnswer, Reply

#: Longer is no id; it would be sent back with every question of the thread.
THREAD_ID_MAX_LENGTH = 255

Json = Any


def read_reply(found: Json, settings: SectorFlowSettings) -> Reply:
    """Give an answer for each model that was asked, in the order of ``settings.model_ids``.

    Raises:
        ReplyUnreadable: the body has no ``choices``.

    """
    choices = found.get("choices") if isinstance(found, dict) else None
    if not isinstance(choices, list):
        raise ReplyUnreadable("the reply has no choices")
    by_model: dict[str, Mapping[str, Json]] = {}
    for choice in choices:
        model_id = _model_id(choice)
        # A model that is there twice: the first answer that holds something stands.
        if model_id and (model_id not in by_model or not _text(by_model[model_id])):
            by_model[model_id] = choice
    answers = (
        _answer(by_model.get(model_id.lower(), {}), model_id, position, settings)
        for position, model_id in enumerate(settings.model_ids, start=1)
    )
    return Reply(tuple(answers), _thread_id(found), _credits(found))


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
    )


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
    """Give the model's own choice: the active one where several are there."""
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


def _credits(found: Mapping[str, Json]) -> float | None:
    usage = found.get("usage")
    cost = usage.get("credits") if isinstance(usage, dict) else None
    if not isinstance(cost, int | float) or isinstance(cost, bool):
        return None
    # Also false for what is no number, and for an integer that no float holds.
    return float(cost) if 0 <= cost <= sys.float_info.max else None


#: As many as Slack shows.
MAX_PROMPTS = 4
MAX_PROMPT_LENGTH = 300
MAX_TITLE_LENGTH = 100

_LISTS = ("samplePrompts", "prompts", "items", "content")
_TEXTS = ("prompt", "content", "text", "message", "title")


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
