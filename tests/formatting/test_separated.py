import time
from typing import Any

import pytest

from sectorflow_slack.domain.models import Message, ModelAnswer
from sectorflow_slack.formatting.separated import separated
from tests.formatting.example_answers import ARABIC_AND_JAPANESE, JOKES, TUTORIAL
from tests.formatting.slack_rules import assert_accepted, markdown_of, table_sizes


def answer(text: str, name: str = "GPT-4o", base_model: str = "") -> ModelAnswer:
    return ModelAnswer("m", name, base_model, text)


def kinds(message: Message) -> list[object]:
    return [block["type"] for block in message.blocks]


def headings(messages: tuple[Message, ...]) -> list[str]:
    blocks: list[dict[str, Any]] = [block for message in messages for block in message.blocks]
    return [block["text"]["text"] for block in blocks if block["type"] == "header"]


def test_five_answers_stand_apart_in_one_message() -> None:
    (message,) = separated(JOKES)

    assert kinds(message) == [
        *["header", "context", "markdown", "divider"] * 3,
        *["header", "context", "context", "divider"],
        *["header", "markdown"],
    ]
    assert headings((message,)) == [joke.name for joke in JOKES]
    assert_accepted(message)


def test_a_models_heading_has_its_base_model_small_beside_it() -> None:
    (message,) = separated([answer("Hello.", base_model="gpt-4o")])

    assert message.blocks == (
        {"type": "header", "text": {"type": "plain_text", "text": "GPT-4o", "emoji": False}},
        {"type": "context", "elements": [{"type": "plain_text", "text": "gpt-4o", "emoji": False}]},
        {"type": "markdown", "text": "Hello."},
    )


@pytest.mark.parametrize("failed", [ModelAnswer("m", "A", failed=True), ModelAnswer("m", "A", text=" \n")])
def test_a_model_without_an_answer_is_marked_in_its_place(failed: ModelAnswer) -> None:
    (message,) = separated([failed, answer("Hello.", "B")])

    assert kinds(message) == ["header", "context", "divider", "header", "markdown"]
    assert "This model did not answer this time." in str(message.blocks[1])


@pytest.mark.parametrize("text", [TUTORIAL, ARABIC_AND_JAPANESE])
def test_an_answer_that_fits_is_shown_as_it_was_written(text: str) -> None:
    (message,) = separated([answer(text)])

    assert markdown_of([message]) == [
        text.rstrip("\n").replace("<https://docs.python.org/3/>", "https://docs.python.org/3/")
    ]
    assert_accepted(message)


def test_no_answers_make_no_message() -> None:
    assert separated([]) == ()


def test_a_long_answer_goes_on_under_its_heading_in_the_next_message() -> None:
    paragraphs = [f"Paragraph {number}. " + "All good. " * 60 for number in range(40)]

    messages = separated([answer("\n\n".join(paragraphs)), answer("Short.", "Llama")])

    assert headings(messages) == ["GPT-4o", "GPT-4o (continued)", "GPT-4o (continued)", "Llama"]
    assert "\n\n".join(markdown_of(messages)[:-1]) == "\n\n".join(text for text in paragraphs)


def test_an_answer_that_does_not_fit_behind_another_begins_a_message() -> None:
    messages = separated([answer("a " * 5_000, "A"), answer("b " * 3_000, "B")])

    assert [kinds(message) for message in messages] == [["header", "markdown"]] * 2


def test_a_long_fence_is_opened_again_with_its_language() -> None:
    code = "\n".join(f"print({number})  # <b>" for number in range(1_000))

    messages = separated([answer(f"# Code\n\n~~~python\n{code}\n~~~\n\nDone.")])

    first, *others = markdown_of(messages)
    assert first.startswith("# Code\n\n~~~python\nprint(0)")
    assert all(text.startswith("~~~python\nprint(") for text in others)
    bare = "\n".join(markdown_of(messages)).replace("~~~python\n", "").replace("\n~~~", "")
    assert bare == f"# Code\n\n{code}\n\nDone."


def test_a_long_table_has_its_head_over_each_part() -> None:
    rows = "\n".join(f"| {number} | x |" for number in range(250))

    messages = separated([answer(f"| n | v |\n|---|---|\n{rows}")])

    parts = markdown_of(messages)
    assert [table_sizes(part) for part in parts] == [[(100, 2)], [(100, 2)], [(53, 2)]]
    assert "\n".join(part.split("\n", 2)[2] for part in parts) == rows


def test_two_tables_stand_in_two_messages() -> None:
    table = "| a |\n|---|\n| b |"

    messages = separated([answer(f"{table}\n\nand\n\n{table}")])

    assert [len(table_sizes(text)) for text in markdown_of(messages)] == [1, 1]


@pytest.mark.parametrize(("columns", "rows"), [(21, 3), (2, 3_000)])
def test_a_table_that_slack_would_refuse_is_shown_as_code(columns: int, rows: int) -> None:
    row = "|" + " <b> |" * columns
    table = "\n".join([row, "|" + "---|" * columns, *[row] * rows])

    messages = separated([answer(table)])

    texts = markdown_of(messages)
    assert all(text.startswith("```\n") and text.endswith("\n```") for text in texts)
    assert "\n".join(text[4:-4] for text in texts) == table


def test_a_long_list_is_split_between_its_items() -> None:
    items = [f"{number}. Item\n    - inner " + "word " * 30 for number in range(1, 120)]

    messages = separated([answer("\n".join(items))])

    assert len(messages) == 3
    assert "\n".join(markdown_of(messages)) == "\n".join(items)
    assert all(text[0].isdigit() for text in markdown_of(messages))


def test_blocks_without_a_blank_line_between_them_are_posted_without_one() -> None:
    text = "Steps:\n1. one\n   - a\n10. ten\n   - b\n# Title\n---"

    messages = separated([answer(text)])

    assert markdown_of(messages) == [text]


def test_code_in_a_list_item_too_long_for_a_message_stays_code() -> None:
    code = "\n".join(f"   line {number} <b>" for number in range(1_500))

    messages = separated([answer(f"1. Run this:\n   ```sh\n{code}\n   ```\n2. Done.")])

    texts = markdown_of(messages)
    assert texts[0].startswith("1. Run this:")
    assert all(text.count("```") % 2 == 0 for text in texts)
    assert texts[-1].endswith("2. Done.")
    assert "&lt;" not in "".join(texts)


def test_a_long_quote_stays_quoted_in_each_part() -> None:
    quote = "\n>\n".join("> " + "word " * 100 for _ in range(50))

    messages = separated([answer(quote)])

    assert len(messages) == 3
    assert all(line.startswith(">") for text in markdown_of(messages) for line in text.split("\n"))


def test_a_paragraph_is_cut_between_sentences_and_begins_nothing_else_behind_the_cut() -> None:
    text = "A sentence of words. - " * 800

    messages = separated([answer(text)])

    assert all(part.rstrip().endswith((".", "-")) for part in markdown_of(messages))
    assert all(not part.startswith("-") for part in markdown_of(messages))


def test_a_heading_stays_with_what_follows_it() -> None:
    filler = "\n\n".join("word " * 200 for _ in range(10))

    messages = separated([answer(f"{filler}\n\n## Next\n\n" + "word " * 400)])

    assert markdown_of(messages)[1].startswith("## Next\n\nword")


def test_a_long_name_keeps_within_slacks_heading() -> None:
    messages = separated([answer("word " * 5_000, "🙂 model " * 40)])

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
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
def test_a_hostile_answer_is_shown_in_time_and_within_limits(text: str) -> None:
    begun = time.process_time()

    messages = separated([answer(text)])

    # Takes about a second; coverage and a busy machine make it several, quadratic work minutes.
    assert time.process_time() - begun < 20
    assert 1 <= len(messages) <= 60
    for message in messages[:3]:
        assert_accepted(message)
