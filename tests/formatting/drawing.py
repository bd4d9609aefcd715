"""Answers to draw, and what is to be seen of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from sectorflow_slack.domain.questions import Answer, Message, ModelAnswer
from sectorflow_slack.formatting.block_kit import ActionValue
from sectorflow_slack.formatting.displays import render
from sectorflow_slack.formatting.notices import words_of
from sectorflow_slack.formatting.reading import read
from sectorflow_slack.formatting.writing import as_blocks
from tests.values import make_question

ANSWER_ID = "0123456789abcdef" * 2
FOLDER = Path(__file__).parent / "corpus"

#: Answers as models write them, by name; those of ``reading`` each have something that is easily misread.
READING = {path.stem: path.read_text(encoding="utf-8") for path in FOLDER.glob("reading/*.md")}
CORPUS = {path.stem: path.read_text(encoding="utf-8") for path in FOLDER.glob("*.md")} | READING


def model(text: str, name: str = "GPT-4o", base_model: str = "", **changes: Any) -> ModelAnswer:
    return ModelAnswer(changes.pop("model_id", f"id of {name}"), name, base_model, text, **changes)


def make_answer(
    *models: ModelAnswer,
    asked: str = "",
    has_files: bool = False,
    chosen: tuple[str, ...] = (),
    **changes: Any,
) -> Answer:
    """An answer of these models, ``chosen`` ones perhaps; ``asked`` is a question asked in a dialog."""
    question = make_question(id=ANSWER_ID, has_files=has_files, model_ids=chosen)
    if asked:
        question = replace(question, text=asked, is_hidden=True)
    return Answer(question, models, **changes)


def separated(answer: Answer) -> tuple[Message, ...]:
    return render(replace(answer, display="separated"))


def tabs(answer: Answer) -> tuple[Message, ...]:
    return render(replace(answer, display="tabs"))


def drawn(markdown: str) -> list[dict[str, Any]]:
    """The blocks of an answer, however long."""
    return as_blocks(read(markdown))


def words(markdown: str) -> str:
    """An answer in plain words."""
    return words_of(drawn(markdown))


def runs(markdown: str) -> list[str]:
    """The texts of an answer one by one, each with its style or address behind it."""
    return [_run(run) for run in inlines(drawn(markdown))]


def _run(run: dict[str, Any]) -> str:
    marks = [*run.get("style", {}), *([run["url"]] if "url" in run else [])]
    return f"{run['text']}|{','.join(marks)}" if marks else run["text"]


def pages(*texts: str, **changes: Any) -> list[list[dict[str, Any]]]:
    """The blocks of answers that stand one below the other, message by message, without what is around."""
    messages = separated(make_answer(*(model(text, f"M{n}") for n, text in enumerate(texts)), **changes))
    return [bodies([message]) for message in messages]


def bodies(messages: Iterable[Message]) -> list[dict[str, Any]]:
    """The blocks that show answers, in a container or not."""
    return [block for block in blocks_of(messages) if block["type"] in ("rich_text", "table")]


def elements_of(blocks: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """The lists, sections, quotes and pieces of code of rich text."""
    for block in blocks:
        if block["type"] == "rich_text":
            yield from block["elements"]


def inlines(value: object) -> Iterator[dict[str, Any]]:
    """Every text and link in blocks."""
    if isinstance(value, dict):
        if value.get("type") in ("text", "link", "raw_text"):
            yield value
        else:
            yield from (each for inner in value.values() for each in inlines(inner))
    elif isinstance(value, list | tuple):
        yield from (each for inner in value for each in inlines(inner))


def kinds(message: Message) -> list[object]:
    return [block["type"] for block in message.blocks]


def headings(messages: Iterable[Message]) -> list[str]:
    """The lines that name models, without the small text behind the names."""
    lines = (block["text"] for block in blocks_of(messages) if block["type"] == "section")
    return [line["text"].split("*")[1] for line in lines if line["type"] == "mrkdwn"]


def blocks_of(messages: Iterable[Message]) -> Iterator[dict[str, Any]]:
    """Every block, those in a container after it."""
    for message in messages:
        for block in message.blocks:
            yield from (block, *block.get("child_blocks", ()))  # type: ignore[misc]


def elements(messages: Iterable[Message]) -> Iterator[dict[str, Any]]:
    """Every button and menu."""
    for block in blocks_of(messages):
        if block["type"] == "actions":
            yield from block["elements"]
        elif "accessory" in block:
            yield block["accessory"]


def carried(messages: Iterable[Message], action: str = "") -> list[ActionValue | None]:
    """What every button and option carries, or those of one action."""
    return [
        ActionValue.decode(holder["value"])
        for element in elements(messages)
        if element["action_id"].startswith(action)
        for holder in (element, *element.get("options", []))
        if "value" in holder
    ]


def labels(message: Message) -> list[str]:
    """The labels of the buttons, and of the other displays that the footer offers."""
    found: list[str] = []
    for element in elements([message]):
        is_switch = element["action_id"] == "switch_display"
        holders = element.get("options", [element]) if is_switch else [element]
        found += [holder["text"]["text"] for holder in holders if "text" in holder]
    return found


def quotes(messages: Iterable[Message]) -> list[str]:
    """The questions that are quoted above answers."""
    parts = (part for part in elements_of(blocks_of(messages)) if part["type"] == "rich_text_quote")
    return [part["elements"][0]["text"] for part in parts]


def small_texts(messages: Iterable[Message]) -> list[str]:
    """The texts of context blocks."""
    contexts = (block for block in blocks_of(messages) if block["type"] == "context")
    return [element["text"] for block in contexts for element in block["elements"]]


def footers(messages: Iterable[Message]) -> list[str]:
    """What the last line says, beside the button for the other display or in small."""
    last = [block for block in blocks_of(messages) if block["type"] != "actions"][-1]
    return [last["text"]["text"]] if last["type"] == "section" else [last["elements"][0]["text"]]


def tab_pages(answer: Answer, tab: int) -> int:
    """The number of pages of a tab."""
    told = small_texts(tabs(replace(answer, tab=tab, page=0)))
    return next((int(text.rpartition(" ")[2]) for text in told if text.startswith("Page 1 of ")), 1)
