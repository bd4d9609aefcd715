import ast
import re
from collections.abc import Iterator
from pathlib import Path
from string import Formatter

import pytest

import sectorflow_slack
from sectorflow_slack.formatting.words import ENGLISH, Words, words_for

PACKAGE = Path(sectorflow_slack.__file__).parent
#: ``incoming`` writes for models.
FORMATTING = [
    path for path in PACKAGE.glob("formatting/**/*.py") if path.name not in ("words.py", "incoming.py")
]
#: What a model reads, and names of signs.
NOT_READ = {"_INSTRUCTION", "_FUNCTIONS", "_UNSEEN"}
#: Those that say something in Slack; what others say is for operators, for programs and for the install page.
SERVICES = [
    path
    for path in PACKAGE.glob("services/*.py")
    if "formatting" in path.read_text() and path.stem != "install_page"
]
SPEAKING = sorted(FORMATTING + SERVICES)

#: What is filled into which text.
FIELDS = {
    "help_with_models": {"names"},
    "asking": {"names"},
    "status": {"names"},
    "models_answer": {"names"},
    "status_count": {"count"},
    **{name: {"name"} for name in ("fastest", "cheapest", "compared_by")},
    "thread_models": {"names"},
    "letter": {"letter", "name"},
    "left_out": {"parts"},
    "timed_tab": {"name", "seconds"},
    "continued": {"name"},
    "on_question": {"name", "question"},
    "seconds": {"seconds"},
    "minutes": {"minutes", "seconds"},
    "credits": {"credits"},
    **{name: {"name"} for name in ("open_tab", "failed_tab", "busy_tab")},
    **{name: {"page"} for name in ("previous_page", "next_page")},
    "page_of": {"page", "pages"},
    "copy_this": {"name"},
    "follow_up_label": {"name"},
    **{name: {"name"} for name in ("home_model", "home_workspace", "home_expert")},
    "others": {"count"},
}
BUTTONS = {
    "ask_again", "try_again", "follow_up", "regenerate", "plain_text", "good_answer", "bad_answer",
    "show_as_tabs", "show_all", "show_folded", "follow_up_title", "send", "cancel",
}  # fmt: skip


def texts_of(words: Words) -> dict[str, str]:
    every = {name: getattr(words, name) for name in Words.__annotations__}
    return {name: text for name, text in every.items() if isinstance(text, str)}


def test_every_text_is_there_and_short():
    texts = texts_of(ENGLISH)

    assert {name for name, text in texts.items() if not 0 < len(text) <= 240} == set()
    assert {name for name in BUTTONS if len(texts[name]) > 24} == set()
    assert all(len(title) <= 30 and len(text) <= 120 for title, text in ENGLISH.prompts)
    assert 1 <= len(ENGLISH.prompts) <= 4


def test_every_text_takes_just_what_is_filled_in():
    wanted = {name: FIELDS.get(name, set()) for name in texts_of(ENGLISH)}

    found = {
        name: {field for _, field, _, _ in Formatter().parse(text) if field is not None}
        for name, text in texts_of(ENGLISH).items()
    }

    assert found == wanted


def test_the_texts_are_plain():
    jargon = re.compile(r"(?i)\b(token|UUID|bot|LLM|API(?! key)|JSON|error|failed|invalid|null|server)\b")

    assert {name: text for name, text in texts_of(ENGLISH).items() if jargon.search(text)} == {}


@pytest.mark.parametrize("locale", ["", "en", "en-US", "en_GB", "xx-YY", "-", "<!here>"])
def test_english_is_spoken_where_there_is_nothing_better(locale):
    assert words_for(locale) is ENGLISH


def test_no_language_may_lack_a_text():
    every = {name: getattr(ENGLISH, name) for name in Words.__annotations__}

    assert type("German", (Words,), every)().help == ENGLISH.help
    for name in every:
        with pytest.raises(TypeError, match=f"German lacks {name}"):
            type("German", (Words,), {each: text for each, text in every.items() if each != name})


def test_a_locale_is_looked_up_exactly_and_then_by_its_language(monkeypatch):
    german, swiss = Words(), Words()
    by_locale = {"en": ENGLISH, "de": german, "de-ch": swiss}
    monkeypatch.setattr("sectorflow_slack.formatting.words._BY_LOCALE", by_locale)

    assert [words_for(locale) for locale in ("de-DE", "de-CH", "DE", "fr-FR")] == [
        german,
        swiss,
        german,
        ENGLISH,
    ]


@pytest.mark.parametrize(
    ("names", "listed"),
    [
        ([], "the models"),
        (["A"], "A"),
        (["A", "B"], "A and B"),
        (list("ABCDE"), "A, B, C, D and E"),
        (list("ABCDEF"), "A, B, C, D and 2 others"),
        ([""], "the model"),
        (["", ""], "the models"),
        (["", "A"], "A and 1 other"),
        (["A", "", "B", "", ""], "A, B and 3 others"),
        ([*"ABCDE", ""], "A, B, C, D and 2 others"),
    ],
)
def test_names_are_listed_as_in_a_sentence(names, listed):
    assert ENGLISH.list_names(names) == listed


@pytest.mark.parametrize("path", SPEAKING, ids=lambda path: path.stem)
def test_nothing_that_people_read_is_written_anywhere_else(path):
    assert list(sentences(ast.parse(path.read_text()))) == []


def sentences(node: ast.AST) -> Iterator[str]:
    """Yield each literal of several words that is no docstring, no log line and no error's text."""
    if isinstance(node, ast.Raise) or (isinstance(node, ast.Call) and is_for_programmers(node)):
        return
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
        return
    if isinstance(node, ast.AnnAssign) and ast.unparse(node.target) in NOT_READ:
        return
    text = node.value if isinstance(node, ast.Constant) else None
    if isinstance(text, str) and re.search(r"[A-Za-z]{2,}[,.:]? [A-Za-z]{2,}", text):
        yield text
    for child in ast.iter_child_nodes(node):
        yield from sentences(child)


def is_for_programmers(call: ast.Call) -> bool:
    called = ast.unparse(call.func)
    logs = called.startswith(("logger.", "self._log", "re.", "best_effort"))
    return logs or called.endswith(("Error", "Refused", "Lost"))
