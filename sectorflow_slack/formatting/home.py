"""The app's Home tab (docs.slack.dev, ``views.publish``)."""

from __future__ import annotations

from dataclasses import dataclass

from sectorflow_slack.domain.installations import Display

from . import limits
from .blocks import DIVIDER, Block, header, one_line, section
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
    """Return the Home tab: which models answer, how to ask, and who can change it."""
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
    told = [] if len(facts.model_names) == 1 else [_display(facts, words)]
    for sentence, name in (
        (words.home_expert, facts.expert_name),
        (words.home_workspace, facts.workspace_name),
    ):
        if known := one_line(name):
            told.append(sentence.format(name=limits.shorten(known, limits.NAME_CHARS)))
    return " ".join(told)


def _display(facts: HomeFacts, words: Words) -> str:
    return words.home_tabs if facts.display == "tabs" else words.home_separated
