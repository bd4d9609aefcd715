import time

import pytest

from sectorflow_slack.domain.questions import ModelAnswer
from sectorflow_slack.formatting.actions import ActionValue
from sectorflow_slack.formatting.plain import plainer
from sectorflow_slack.formatting.separated import separated
from sectorflow_slack.formatting.words import ENGLISH
from tests.formatting.drawing import (
    ANSWER_ID,
    elements,
    headings,
    kinds,
    labels,
    make_answer,
    model,
    quotes,
    small_texts,
    values,
)
from tests.formatting.example_answers import ARABIC_AND_JAPANESE, JOKES, TUTORIAL
from tests.formatting.slack_rules import assert_accepted, markdown_of, table_sizes


def test_five_answers_stand_apart_in_one_message() -> None:
    (message,) = separated(make_answer(*JOKES))

    buttons = ["actions", "context_actions"]
    assert kinds(message) == [
        *["header", "context", "markdown", *buttons, "divider"] * 3,
        *["header", "context", "context", "actions", "divider"],
        *["header", "markdown", *buttons],
        *["divider", "actions"],
    ]
    assert headings((message,)) == [joke.name for joke in JOKES]
    assert_accepted(message)


def test_a_models_heading_has_its_base_model_small_beside_it() -> None:
    (message,) = separated(make_answer(model("Hello.", base_model="gpt-4o")))

    assert message.blocks[:3] == (
        {"type": "header", "text": {"type": "plain_text", "text": "GPT-4o", "emoji": False}},
        {"type": "context", "elements": [{"type": "plain_text", "text": "gpt-4o", "emoji": False}]},
        {"type": "markdown", "text": "Hello."},
    )


@pytest.mark.parametrize("failed", [ModelAnswer("m", "A", failed=True), ModelAnswer("m", "A", text=" \n")])
def test_a_model_without_an_answer_is_marked_in_its_place(failed: ModelAnswer) -> None:
    (message,) = separated(make_answer(failed, model("Hello.", "B")))

    assert kinds(message)[:5] == ["header", "context", "actions", "divider", "header"]
    assert small_texts([message])[0] == "⚠ This model did not answer this time."


@pytest.mark.parametrize("text", [TUTORIAL, ARABIC_AND_JAPANESE])
def test_an_answer_that_fits_is_shown_as_it_was_written(text: str) -> None:
    (message,) = separated(make_answer(model(text)))

    assert markdown_of([message]) == [
        text.rstrip("\n").replace("<https://docs.python.org/3/>", "https://docs.python.org/3/")
    ]
    assert_accepted(message)


def test_no_answers_make_no_message() -> None:
    assert separated(make_answer()) == ()


def test_a_long_answer_goes_on_under_its_heading_in_the_next_message() -> None:
    paragraphs = [f"Paragraph {number}. " + "All good. " * 60 for number in range(40)]

    messages = separated(make_answer(model("\n\n".join(paragraphs)), model("Short.", "Llama")))

    assert headings(messages) == ["GPT-4o", "GPT-4o (continued)", "GPT-4o (continued)", "Llama"]
    assert "\n\n".join(markdown_of(messages)[:-1]) == "\n\n".join(text for text in paragraphs)


def test_an_answer_that_does_not_fit_behind_another_begins_a_message() -> None:
    messages = separated(make_answer(model("a " * 5_000, "A"), model("b " * 3_000, "B")))

    assert [kinds(message)[:3] for message in messages] == [
        ["header", "markdown", "actions"],
        ["divider", "header", "markdown"],
    ]


def test_a_long_fence_is_opened_again_with_its_language() -> None:
    code = "\n".join(f"print({number})  # <b>" for number in range(1_000))

    messages = separated(make_answer(model(f"# Code\n\n~~~python\n{code}\n~~~\n\nDone.")))

    first, *others = markdown_of(messages)
    assert first.startswith("# Code\n\n~~~python\nprint(0)")
    assert all(text.startswith("~~~python\nprint(") for text in others)
    bare = "\n".join(markdown_of(messages)).replace("~~~python\n", "").replace("\n~~~", "")
    assert bare == f"# Code\n\n{code}\n\nDone."


def test_a_long_table_has_its_head_over_each_part() -> None:
    rows = "\n".join(f"| {number} | x |" for number in range(250))

    messages = separated(make_answer(model(f"| n | v |\n|---|---|\n{rows}")))

    parts = markdown_of(messages)
    assert [table_sizes(part) for part in parts] == [[(100, 2)], [(100, 2)], [(53, 2)]]
    assert "\n".join(part.split("\n", 2)[2] for part in parts) == rows


def test_two_tables_stand_in_two_messages() -> None:
    table = "| a |\n|---|\n| b |"

    messages = separated(make_answer(model(f"{table}\n\nand\n\n{table}")))

    assert [len(table_sizes(text)) for text in markdown_of(messages)] == [1, 1]


def test_a_long_list_is_split_between_its_items() -> None:
    items = [f"{number}. Item\n    - inner " + "word " * 30 for number in range(1, 120)]

    messages = separated(make_answer(model("\n".join(items))))

    assert len(messages) == 2
    assert "\n".join(markdown_of(messages)) == "\n".join(items)
    assert all(text[0].isdigit() for text in markdown_of(messages))


def test_blocks_without_a_blank_line_between_them_are_posted_without_one() -> None:
    text = "Steps:\n1. one\n   - a\n10. ten\n   - b\n# Title\n---"

    messages = separated(make_answer(model(text)))

    assert markdown_of(messages) == [text]


def test_code_in_a_list_item_too_long_for_a_message_stays_code() -> None:
    code = "\n".join(f"   line {number} <b>" for number in range(1_500))

    messages = separated(make_answer(model(f"1. Run this:\n   ```sh\n{code}\n   ```\n2. Done.")))

    texts = markdown_of(messages)
    assert texts[0].startswith("1. Run this:")
    assert all(text.count("```") % 2 == 0 for text in texts)
    assert texts[-1].endswith("2. Done.")
    assert "&lt;" not in "".join(texts)


def test_a_long_quote_stays_quoted_in_each_part() -> None:
    quote = "\n>\n".join("> " + "word " * 100 for _ in range(50))

    messages = separated(make_answer(model(quote)))

    assert len(messages) == 3
    assert all(line.startswith(">") for text in markdown_of(messages) for line in text.split("\n"))


def test_a_paragraph_is_cut_between_sentences_and_begins_nothing_else_behind_the_cut() -> None:
    text = "A sentence of words. - " * 800

    messages = separated(make_answer(model(text)))

    assert all(part.rstrip().endswith((".", "-")) for part in markdown_of(messages))
    assert all(not part.startswith("-") for part in markdown_of(messages))


def test_a_heading_stays_with_what_follows_it() -> None:
    filler = "\n\n".join("word " * 200 for _ in range(10))

    messages = separated(make_answer(model(f"{filler}\n\n## Next\n\n" + "word " * 400)))

    assert markdown_of(messages)[1].startswith("## Next\n\nword")


def test_a_long_name_keeps_within_slacks_heading() -> None:
    messages = separated(make_answer(model("word " * 5_000, "🙂 model " * 40)))

    assert headings(messages)[1].endswith(" (continued)")
    for message in messages:
        assert_accepted(message)


N = 100_000
HOSTILE = {
    "quote marks": ">" * N,
    "brackets": "[" * N,
    "images": "![" * (N // 2),
    "stars": "*" * N,
    "backticks": "`" * N,
    "runs of backticks": " ".join("`" * length for length in range(440)),
    "less than": "<" * N,
    "pings": "<!channel>" * (N // 10),
    "one word": "x" * N,
    "one line": "word " * (N // 5),
    "emoji": "🙂" * N,
    "accents": "e" + "\u0301" * N,
    "list in list": "- " * (N // 2),
    "deep list": "".join(" " * (2 * depth) + "- a\n" for depth in range(300)),
    "deep quotes": "".join(">" * depth + "\n" for depth in range(440)),
    "items": "- a\n" * (N // 4),
    "loose items": "1) a\n\n" * (N // 6),
    "paragraphs": "a\n\n" * (N // 3),
    "headings": "# a\n" * (N // 4),
    "fences": "```\n" * (N // 4),
    "rows": "|a|\n|-|\n" + "|b\n" * (N // 3),
    "columns": "|a" * (N // 4) + "|\n" + "|-" * (N // 4) + "|",
    "white space": "x" + " \t\n\u2028" * (N // 4),
    "control characters": "\0\r\x0b\ud800" * (N // 4),
    "open spans": "`a\n" * (N // 3),
    "tokens and backticks": "<`" * (N // 2),
    "short lines": "- aaaaaaaaaa <\n" * (N // 15),
    "cells with pipes": "|a\\|b`<`" * (N // 8) + "\n" + "|-" * (N // 8),
    "links": "[a](b" * (N // 5),
    "nested labels": "[[a]" * (N // 4),
    "references": "[a] " * (N // 4) + "\n\n[a]: http://a",
    "addresses": "https://a.example/" + "a/" * (N // 2) + "<@here",
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
def test_a_hostile_answer_is_shown_in_time_and_within_limits(text: str) -> None:
    begun = time.process_time()

    messages = separated(make_answer(model(text)))

    # Takes half a second at most; coverage and a busy machine make it more, quadratic work minutes.
    assert time.process_time() - begun < 5
    assert 1 <= len(messages) <= 60
    for message in messages[:3]:
        assert_accepted(message)


def test_each_models_buttons_stand_behind_the_end_of_its_answer() -> None:
    first, second, third = separated(make_answer(model("a " * 8_000, "A"), model("b " * 5_000, "B")))

    assert kinds(first) == ["header", "markdown"]
    assert kinds(second) == ["divider", "header", "markdown", "actions", "context_actions"]
    assert kinds(third) == [
        *["divider", "header", "markdown", "actions", "context_actions"],
        *["divider", "actions"],
    ]
    models = [[value.split(".")[1] for value in values([message])] for message in (second, third)]
    assert models == [["0"] * 5, [*["1"] * 5, "0"]]


def test_a_model_that_is_asked_again_says_so_in_place_of_its_buttons() -> None:
    answer = make_answer(model("a", "A"), model("", "B"), busy=("id of A", "id of B"))

    (message,) = separated(answer)

    assert kinds(message) == [
        *["header", "markdown", "context", "divider"],
        *["header", "context", "context", "divider", "actions"],
    ]
    assert small_texts([message]) == ["Asking again…", ENGLISH.model_failed, "Asking again…"]
    assert labels(message) == ["Show as tabs"]


def test_a_failed_model_can_be_tried_again() -> None:
    (message,) = separated(make_answer(model("a", "A"), model("", "B", failed=True)))

    assert labels(message) == ["Follow up", "Try again", "Show as tabs"]
    again = next(each for each in elements([message]) if each["action_id"] == "regenerate")
    assert ActionValue.decode(again["value"]) == ActionValue(ANSWER_ID, 1)


def test_one_model_is_not_shown_as_tabs() -> None:
    (message,) = separated(make_answer(model("a")))

    assert labels(message) == ["Follow up"]


@pytest.mark.parametrize(
    ("seconds", "credits", "told"),
    [
        (None, None, []),
        (12.2, 3.0, ["12 s · 3 credits"]),
        (0.1, None, ["1 s"]),
        (125.0, 1.0, ["2 min 5 s · 1 credit"]),
        (None, 0.0, ["0 credits"]),
        (None, 0.001, ["< 0.01 credits"]),
        (None, 2.506, ["2.51 credits"]),
        (float("nan"), float("inf"), []),
        (-1.0, -1.0, []),
    ],
)
def test_the_footer_says_what_is_known(seconds: float | None, credits: float | None, told: list[str]) -> None:
    messages = separated(make_answer(model("a " * 8_000), seconds=seconds, credits=credits))

    assert small_texts(messages) == told


def test_the_footer_says_that_files_were_not_read() -> None:
    (message,) = separated(make_answer(model("a"), has_files=True, seconds=3))

    assert small_texts([message]) == ["3 s", ENGLISH.file_not_read]


def test_a_question_that_others_did_not_see_stands_above_the_answer() -> None:
    asked = "<!here> {x}\n why? " + "y" * 2_980

    messages = separated(make_answer(model("a " * 8_000), model("b"), asked=asked))

    assert quotes(messages) == [asked]
    assert messages[0].blocks[0]["type"] == "rich_text"
    for message in messages:
        assert_accepted(message)


def test_a_quoted_question_is_whole_in_plain_text_too() -> None:
    (message,) = separated(make_answer(model("a"), asked="<!here> Why?\nAnd how?"))

    (plain,) = plainer(message)

    assert plain.text.startswith("Follow-up question:\n&lt;!here&gt; Why?\nAnd how?\n*GPT-4o*")


def test_a_quoted_question_longer_than_slack_lets_anybody_type_is_cut() -> None:
    (message,) = separated(make_answer(model("a"), asked="🙂" * 3_000))

    assert quotes([message]) == ["🙂" * 1_499 + "…"]
    assert_accepted(message)


def test_twenty_answers_keep_within_every_limit() -> None:
    answers = [model(f"Answer {n}. " * 30, f"Model {n}", "base") for n in range(20)]

    messages = separated(make_answer(*answers))

    assert headings(messages) == [each.name for each in answers]
    assert len(messages) <= 4
    for message in messages:
        assert_accepted(message)


def test_a_heading_never_ends_a_message_before_a_big_block() -> None:
    code = "x = 1  # what it is\n" * 490
    table = "| a | b |\n|---|---|\n" + "| some words | more words |\n" * 98

    messages = separated(make_answer(model(f"word\n\n# The code\n\n```py\n{code}```\n\n## T\n\n{table}")))

    for text in markdown_of(messages):
        assert not text.split("\n")[-1].startswith("#")
