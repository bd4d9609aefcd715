from dataclasses import replace

import pytest

from sectorflow_slack.domain.questions import Answer
from sectorflow_slack.formatting.block_kit import ActionValue
from sectorflow_slack.formatting.displays import render
from sectorflow_slack.formatting.words import ENGLISH
from tests.formatting.drawing import (
    ANSWER_ID,
    bodies,
    carried,
    elements,
    headings,
    inlines,
    kinds,
    labels,
    make_answer,
    model,
    quotes,
    separated,
    small_texts,
    tab_pages,
    tabs,
)
from tests.formatting.slack_rules import assert_accepted

THREE = (model("Hello.", "GPT-4o", "gpt-4o"), model("", "Claude", failed=True), model("Hi.", "Gemini"))
LONG = model("\n\n".join(f"Paragraph {n}. " + "All good. " * 59 + "End." for n in range(60)), "Long")


def shown(answer: Answer) -> str:
    """What is read of the open answer."""
    return "".join(run["text"] for run in inlines(bodies(tabs(answer))))


def test_one_message_shows_a_button_for_each_model_and_the_open_answer():
    (message,) = tabs(make_answer(*THREE))

    assert kinds(message) == ["actions", "rich_text", "divider", "section"]
    assert labels(message) == ["● GPT-4o", "⚠ Claude", "Gemini", "Show all", "Show folded"]
    assert shown(make_answer(*THREE)) == "Hello."
    assert [element.get("style") for element in elements([message])][:3] == ["primary", None, None]
    assert [element["type"] for element in elements([message])][3] == "overflow"


def test_a_tab_shows_how_long_its_model_took_unless_something_else_matters_more():
    models = (model("a", "A", seconds=3.2), model("", "B", seconds=5), model("c", "C", seconds=61))

    (message,) = tabs(make_answer(*models, busy=("id of C",)))

    assert labels(message)[:3] == ["● A · 3 s", "⚠ B", "↻ C"]


def test_each_tab_names_its_model():
    (message,) = tabs(make_answer(*THREE))

    assert carried([message], "show_tab") == [ActionValue(ANSWER_ID, at) for at in range(3)]


def test_an_open_tab_of_a_failed_model_offers_to_try_again():
    (message,) = tabs(make_answer(*THREE, tab=1))

    assert labels(message) == ["GPT-4o", "● ⚠ Claude", "Gemini", "Try again", "Show all", "Show folded"]
    assert kinds(message) == ["actions", "rich_text", "context", "divider", "section"]
    assert small_texts([message]) == ["⚠ This model did not answer this time."]


TABLE = model("| a |\n|---|\n" + f"| {'b ' * 60}|\n" * 300, "Table")


@pytest.mark.parametrize("models", [(model("a", "A"), TABLE), (TABLE,), (model("a", "A"), model("", "B"))])
@pytest.mark.parametrize("asked", ["", "Why?"])
def test_no_tab_and_no_page_is_without_rich_text_as_slack_would_refuse_the_change(models, asked):
    answer = make_answer(*models, asked=asked)

    for tab in range(len(models)):
        for page in range(tab_pages(answer, tab)):
            (message,) = tabs(replace(answer, tab=tab, page=page))
            assert "rich_text" in kinds(message)
            assert_accepted(message)


def test_a_single_models_table_needs_no_rich_text():
    assert kinds(tabs(make_answer(model("| a |\n|---|\n| b |")))[0]) == ["section", "table", "context"]


def test_an_open_tab_names_a_base_model_that_tells_something():
    (message,) = tabs(make_answer(model("a", "Claude", "claude-3-opus"), model("b")))

    assert small_texts([message]) == ["claude-3-opus"]


def test_a_model_that_is_asked_again_is_marked_and_has_no_menu():
    (message,) = tabs(make_answer(*THREE, busy=("id of GPT-4o",)))

    assert labels(message) == ["● ↻ GPT-4o", "⚠ Claude", "Gemini", "Show all", "Show folded"]
    assert small_texts([message]) == ["Asking again…"]
    assert "more" not in [element["action_id"] for element in elements([message])]


def test_a_long_answer_has_pages_of_which_none_is_left_out():
    answer = make_answer(LONG, model("Short.", "Short"))
    count = tab_pages(answer, 0)

    messages = [tabs(replace(answer, page=page))[0] for page in range(count)]

    assert count > 3
    texts = "".join(shown(replace(answer, page=page)) for page in range(count))
    assert "".join(texts.split()) == "".join(LONG.text.split())
    assert [message.blocks[2]["type"] for message in messages] == ["context"] * count
    assert small_texts(messages) == [f"Page {page + 1} of {count}" for page in range(count)]
    assert_accepted(*messages)


def test_the_first_page_leads_on_the_last_one_back_and_the_others_both_ways():
    answer = make_answer(LONG)
    last = tab_pages(answer, 0) - 1

    turns = [labels(tabs(replace(answer, page=page))[0]) for page in (0, 1, last)]

    assert turns == [["Page 2 ▶"], ["◀ Page 1", "Page 3 ▶"], [f"◀ Page {last}"]]


def test_turning_a_page_names_the_tab_and_the_page():
    (message,) = tabs(make_answer(model("a", "A"), LONG, tab=1, page=1))

    assert carried([message], "turn_page") == [ActionValue(ANSWER_ID, 1, page) for page in (0, 2)]


@pytest.mark.parametrize(("tab", "page"), [(-1, -5), (0, 0), (7, 0), (2, 10**9), (-(10**9), 3)])
def test_a_tab_or_a_page_that_is_not_there_is_the_nearest_one(tab, page):
    (message,) = tabs(make_answer(*THREE, tab=tab, page=page))

    assert labels(message)[0 if tab <= 0 else 2] == ("● GPT-4o" if tab <= 0 else "● Gemini")
    assert tab_pages(make_answer(*THREE), tab) == 1


def test_asking_again_moves_no_page():
    answer = make_answer(LONG, model("a", "B"))
    busy = replace(answer, busy=("id of Long", "id of B"))

    pages = [[shown(replace(each, page=page)) for page in range(4)] for each in (answer, busy)]

    assert pages[0] == pages[1]


def test_twenty_models_with_long_names_keep_within_every_limit():
    answers = [model(LONG.text, f"{n} " + "🙂 model " * 40, "base " * 60) for n in range(20)]

    answer = make_answer(*answers, asked="Why? " * 200, has_files=True, seconds=7_000, credits=12.5)

    assert tab_pages(answer, 19) > 3
    for tab in (0, 19):
        (message,) = tabs(replace(answer, tab=tab, page=2, busy=tuple(each.model_id for each in answers)))
        assert len(labels(message)[:20]) == 20
        assert_accepted(message)


def test_a_single_model_needs_no_tabs():
    (message,) = tabs(make_answer(model("Hello.")))

    assert kinds(message) == ["section", "rich_text", "context"]
    assert headings([message]) == ["GPT-4o"]
    assert small_texts([message]) == [ENGLISH.may_be_wrong]


def test_no_models_make_no_message():
    assert tabs(make_answer()) == separated(make_answer()) == ()


def test_the_question_of_a_dialog_stands_above_the_tabs():
    (message,) = tabs(make_answer(*THREE, asked="And why?"))

    assert quotes([message]) == ["And why?"]
    assert kinds(message)[:2] == ["rich_text", "actions"]


@pytest.mark.parametrize(
    ("display", "named", "others"),
    [
        ("separated", ["GPT-4o", "Claude", "Gemini"], ["tabs", "folded"]),
        ("tabs", [], ["separated", "folded"]),
        ("folded", [], ["separated", "tabs"]),
    ],
)
def test_answers_are_rendered_as_their_display_says_and_can_be_shown_as_the_others(display, named, others):
    messages = render(make_answer(*THREE, display=display))

    assert headings(messages) == named
    assert carried(messages, "switch_display") == [ActionValue(ANSWER_ID, choice=other) for other in others]
