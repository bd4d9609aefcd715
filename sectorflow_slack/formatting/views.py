"""The Home tab, the dialog and the welcome (docs.slack.dev, ``views.publish`` and ``views.open``)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sectorflow_slack.domain.installations import Display

from . import limits
from .block_kit import (
    DIVIDER,
    FOLLOW_UP_BLOCK,
    FOLLOW_UP_DIALOG,
    FOLLOW_UP_INPUT,
    ActionValue,
    Block,
    header,
    one_line,
    plain_text,
    section,
)
from .reading import tidy
from .words import ENGLISH, Words


@dataclass(frozen=True, slots=True)
class HomeFacts:
    """What is known of an installation, by names that people know; "" for each that is not known."""

    app_name: str = ""
    workspace_name: str = ""
    expert_name: str = ""
    model_names: tuple[str, ...] = ()
    display: Display = "separated"


def home(facts: HomeFacts, words: Words = ENGLISH) -> Block:
    """Show what answers here, how to ask, and who can change it."""
    blocks = [
        header(one_line(facts.app_name) or words.nameless_app),
        section(words.home_intro_one if len(facts.model_names) == 1 else words.home_intro),
        DIVIDER,
        header(words.home_models),
        section(_models(facts, words)),
        section(_manner(facts, words)),
        header(words.home_how),
        section(words.home_asking),
        header(words.home_change),
        section(words.home_changing),
    ]
    return {"type": "home", "blocks": blocks}


def _models(facts: HomeFacts, words: Words) -> str:
    names = [limits.shorten(name, limits.NAME_CHARS) for name in map(one_line, facts.model_names) if name]
    unknown = len(facts.model_names) - len(names)
    if not names:
        return words.home_model_unknown if unknown == 1 else words.home_models_unknown
    others = [words.name_others(unknown)] if unknown else []
    return "\n".join(words.home_model.format(name=name) for name in names + others)


def _manner(facts: HomeFacts, words: Words) -> str:
    manner = {"tabs": words.home_tabs, "folded": words.home_folded}.get(facts.display, words.home_separated)
    told = [] if len(facts.model_names) == 1 else [manner]
    for sentence, name in (
        (words.home_expert, facts.expert_name),
        (words.home_workspace, facts.workspace_name),
    ):
        if known := one_line(name):
            told.append(sentence.format(name=limits.shorten(known, limits.NAME_CHARS)))
    return " ".join(told)


def follow_up_dialog(answer_id: str, model: int, name: str, words: Words = ENGLISH) -> Block:
    """Ask for a question to one model, whose place in the answer and name these are."""
    shown = limits.shorten(one_line(name) or words.nameless_model, limits.NAME_CHARS)
    field: Block = {
        "type": "plain_text_input",
        "action_id": FOLLOW_UP_INPUT,
        "multiline": True,
        "max_length": limits.INPUT_CHARS,
        "focus_on_load": True,
        "placeholder": plain_text(words.follow_up_hint, limits.HEADER_CHARS),
    }
    label = plain_text(words.follow_up_label.format(name=shown), limits.HEADER_CHARS)
    return {
        "type": "modal",
        "callback_id": FOLLOW_UP_DIALOG,
        "private_metadata": ActionValue(answer_id, model).encode(),
        "title": plain_text(words.follow_up_title, limits.DIALOG_TITLE_CHARS),
        "submit": plain_text(words.send, limits.DIALOG_TITLE_CHARS),
        "close": plain_text(words.cancel, limits.DIALOG_TITLE_CHARS),
        "blocks": [{"type": "input", "block_id": FOLLOW_UP_BLOCK, "label": label, "element": field}],
    }


#: ``assistant.threads.setSuggestedPrompts`` shows so many (docs.slack.dev).
_MOST_PROMPTS = 4
#: A prompt's title stands on a small button.
_TITLE_CHARS = 48


def greeting(models: int, words: Words = ENGLISH) -> str:
    """Return the welcome for this number of models."""
    return words.greeting_one if models == 1 else words.greeting


def suggested_prompts(samples: Sequence[str], words: Words = ENGLISH) -> dict[str, str]:
    """Return questions to begin with, by their titles: the samples, or general ones where there are none."""
    prompts: dict[str, str] = {}
    for sample in samples:
        message = limits.shorten(tidy(sample).strip(), limits.INPUT_CHARS)
        if message:
            prompts.setdefault(limits.shorten(one_line(message), _TITLE_CHARS), message)
    return dict(list((prompts or dict(words.prompts)).items())[:_MOST_PROMPTS])
