"""The Home tab, the dialog and the welcome (docs.slack.dev, ``views.publish`` and ``views.open``)."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from sectorflow_slack.domain.installations import Display

from . import block_kit, limits
from .block_kit import DIVIDER, ActionValue, Block, actions, button, header, one_line, plain_text, section
from .reading import tidy
from .words import ENGLISH, Words

#: An installation's models by id, in their order; "" for a name that is not known.
ModelNames: TypeAlias = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class HomeFacts:
    """What is known of an installation, by names that people know; "" for each that is not known."""

    app_name: str = ""
    workspace_name: str = ""
    expert_name: str = ""
    model_names: tuple[str, ...] = ()
    display: Display = "separated"
    #: Pages for people; "" if there is none.
    support_url: str = ""
    privacy_url: str = ""


def home(facts: HomeFacts, words: Words = ENGLISH, *, ask_in: str = "") -> Block:
    """Show what answers here, how to ask, and who can change it.

    A button opens a dialog, too, for a question ``ask_in`` the DM of this id.
    """
    blocks = [
        header(one_line(facts.app_name) or words.nameless_app),
        section(words.home_intro_one if len(facts.model_names) == 1 else words.home_intro),
        DIVIDER,
        header(words.home_models),
        section(_models(facts, words)),
        *([section(manner)] if (manner := _manner(facts, words)) else []),
        header(words.home_how),
        section(words.home_asking),
        *([actions(button(block_kit.ASK, words.ask_models, ask_in))] if ask_in else []),
        header(words.home_change),
        section(words.home_changing),
        *_links(facts, words),
    ]
    return {"type": "home", "blocks": blocks}


def _models(facts: HomeFacts, words: Words) -> str:
    names = [_shortened(name) for name in facts.model_names if name]
    unknown = len(facts.model_names) - len(names)
    if not names:
        return words.home_model_unknown if unknown == 1 else words.home_models_unknown
    others = [words.name_others(unknown)] if unknown else []
    return "\n".join(words.home_model.format(name=name) for name in names + others)


def _manner(facts: HomeFacts, words: Words) -> str:
    manners = {"separated": words.home_separated, "tabs": words.home_tabs, "folded": words.home_folded}
    names = {words.home_expert: facts.expert_name, words.home_workspace: facts.workspace_name}
    told = [] if len(facts.model_names) == 1 else [manners[facts.display]]
    told += [sentence.format(name=_shortened(name)) for sentence, name in names.items() if one_line(name)]
    return " ".join(told)


def _shortened(name: str) -> str:
    return limits.shorten(one_line(name), limits.NAME_CHARS)


def _links(facts: HomeFacts, words: Words) -> list[Block]:
    pages = ((facts.support_url, words.home_support), (facts.privacy_url, words.home_privacy))
    links = [f"<{url}|{label}>" for url, label in pages if url]
    element = {"type": "mrkdwn", "text": " · ".join(links), "verbatim": True}
    return [{"type": "context", "elements": [element]}] if links else []


def follow_up_dialog(answer_id: str, model: int, name: str, words: Words = ENGLISH) -> Block:
    """Ask for a question to one model, whose place in the answer and name these are."""
    label = words.follow_up_label.format(name=_shortened(name) or words.nameless_model)
    field = _question_field(label, words.follow_up_hint)
    texts = (words.follow_up_title, words.send, words.cancel)
    return _dialog(block_kit.FOLLOW_UP_DIALOG, texts, [field], ActionValue(answer_id, model).encode())


def compare_dialog(answer_id: str, models: ModelNames, last: str = "", words: Words = ENGLISH) -> Block:
    """Ask which model is to compare the answers; ``last``, which did so before, comes first."""
    ordered = sorted(models.items(), key=lambda item: item[0] != last)
    options = block_kit.options_of(_named(ordered, words))[: limits.MENU_OPTIONS]
    menu: Block = {"type": "static_select", "action_id": block_kit.MODEL_INPUT, "options": options}
    menu["initial_option"] = options[0]
    field = _field(block_kit.MODEL_BLOCK, words.compare_label, menu)
    field["hint"] = plain_text(words.compare_hint, limits.HEADER_CHARS)
    texts = (words.compare_title, words.compare, words.cancel)
    return _dialog(block_kit.COMPARE_DIALOG, texts, [field], ActionValue(answer_id).encode())


def models_dialog(
    answer_id: str, models: ModelNames, chosen: Collection[str] = (), words: Words = ENGLISH
) -> Block:
    """Show which models answer in a thread, all where none is chosen, and let one or some be chosen."""
    blocks = [*_checkboxes(models, chosen, words.models_label, words), DIVIDER]
    for model_id, name in models.items():
        ((label, value),) = _named([(model_id, name)], words)
        blocks.append(section(label, button(block_kit.GO_ON, words.go_on, value)))
    texts = (words.models_title, words.save, words.cancel)
    return _dialog(block_kit.MODELS_DIALOG, texts, blocks, ActionValue(answer_id).encode())


def chosen_dialog(sentence: str, words: Words = ENGLISH) -> Block:
    """Show in the dialog of models which of them answer from now on."""
    title, close = (plain_text(text, limits.DIALOG_TITLE_CHARS) for text in (words.models_title, words.close))
    return {"type": "modal", "title": title, "close": close, "blocks": [section(sentence)]}


def ask_dialog(channel_id: str, models: ModelNames, words: Words = ENGLISH) -> Block:
    """Ask for a question and the models that are to answer it, in a DM."""
    boxes = _checkboxes(models, (), words.ask_models_label, words)
    question = _question_field(words.ask_label, words.ask_hint)
    return _dialog(
        block_kit.ASK_DIALOG, (words.ask_title, words.send, words.cancel), [question, *boxes], channel_id
    )


def _dialog(
    callback_id: str, texts: tuple[str, str, str], blocks: Sequence[Block], metadata: str = ""
) -> Block:
    title, submit, close = (plain_text(text, limits.DIALOG_TITLE_CHARS) for text in texts)
    frame: Block = {"type": "modal", "callback_id": callback_id, "private_metadata": metadata}
    return {**frame, "title": title, "submit": submit, "close": close, "blocks": list(blocks)}


def _field(block_id: str, label: str, element: Block) -> Block:
    text = plain_text(label, limits.HEADER_CHARS)
    return {"type": "input", "block_id": block_id, "label": text, "element": element}


def _question_field(label: str, hint: str) -> Block:
    field: Block = {
        "type": "plain_text_input",
        "action_id": block_kit.FOLLOW_UP_INPUT,
        "multiline": True,
        "max_length": limits.INPUT_CHARS,
        "focus_on_load": True,
        "placeholder": plain_text(hint, limits.HEADER_CHARS),
    }
    return _field(block_kit.FOLLOW_UP_BLOCK, label, field)


def _checkboxes(models: ModelNames, chosen: Collection[str], label: str, words: Words) -> Iterator[Block]:
    """Make a box for each model, in as many groups as needed; all are ticked where none is chosen."""
    items = list(models.items())
    for number, start in enumerate(range(0, len(items), limits.CHECKBOXES)):
        options = block_kit.options_of(_named(items[start : start + limits.CHECKBOXES], words))
        ticked = [option for option in options if not chosen or option["value"] in chosen]
        boxes: Block = {"type": "checkboxes", "action_id": block_kit.MODEL_INPUT, "options": options}
        # Slack refuses an empty list.
        boxes |= {"initial_options": ticked} if ticked else {}
        yield {**_field(f"{block_kit.MODELS_BLOCK}:{number}", label, boxes), "optional": True}


def _named(models: Iterable[tuple[str, str]], words: Words) -> list[tuple[str, str]]:
    return [(one_line(name) or words.nameless_model, model_id) for model_id, name in models]


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
