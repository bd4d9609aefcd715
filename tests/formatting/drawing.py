"""Answers to draw, and what is to be seen of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from sectorflow_slack.domain.questions import Answer, Message, ModelAnswer
from tests.values import make_question

ANSWER_ID = "0123456789abcdef" * 2

#: Answers as models write them, by name.
CORPUS = {path.stem: path.read_text(encoding="utf-8") for path in Path(__file__).parent.glob("corpus/*.md")}


def model(text: str, name: str = "GPT-4o", base_model: str = "", **changes: Any) -> ModelAnswer:
    return ModelAnswer(changes.pop("model_id", f"id of {name}"), name, base_model, text, **changes)


def make_answer(*models: ModelAnswer, asked: str = "", has_files: bool = False, **changes: Any) -> Answer:
    """An answer of these models; ``asked`` is a question that was asked in a dialog."""
    question = make_question(id=ANSWER_ID, has_files=has_files)
    if asked:
        question = replace(question, text=asked, is_hidden=True)
    return Answer(question, models, **changes)


def kinds(message: Message) -> list[object]:
    return [block["type"] for block in message.blocks]


def headings(messages: Iterable[Message]) -> list[str]:
    return [block["text"]["text"] for block in blocks_of(messages) if block["type"] == "header"]


def blocks_of(messages: Iterable[Message]) -> Iterator[dict[str, Any]]:
    for message in messages:
        yield from message.blocks


def elements(messages: Iterable[Message]) -> Iterator[dict[str, Any]]:
    """Give every button, menu and pair of thumbs."""
    for block in blocks_of(messages):
        if block["type"] in ("actions", "context_actions"):
            yield from block["elements"]


def values(messages: Iterable[Message]) -> Iterator[str]:
    """Give what every button, option and thumb carries."""
    for element in elements(messages):
        for holder in (
            element,
            *element.get("options", []),
            element.get("positive_button", {}),
            element.get("negative_button", {}),
        ):
            if "value" in holder:
                yield holder["value"]


def labels(message: Message) -> list[str]:
    """Give the labels of the buttons."""
    return [element["text"]["text"] for element in elements([message]) if element["type"] == "button"]


def quotes(messages: Iterable[Message]) -> list[str]:
    """Give the questions that are quoted above answers."""
    rich = (block for block in blocks_of(messages) if block["type"] == "rich_text")
    parts = (part for block in rich for part in block["elements"] if part["type"] == "rich_text_quote")
    return [part["elements"][0]["text"] for part in parts]


def small_texts(messages: Iterable[Message]) -> list[str]:
    """Give what stands in lines of small text."""
    contexts = (block for block in blocks_of(messages) if block["type"] == "context")
    return [element["text"] for block in contexts for element in block["elements"]]
