import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sectorflow_slack.formatting.separated import separated
from tests.formatting.drawing import make_answer, model
from tests.formatting.slack_rules import assert_accepted, markdown_of, table_sizes
from tests.formatting.test_formatting_properties import is_within, quick, signs

HEAD = "| n | name |\n|--:|---|"


def parts_of(markdown: str) -> list[str]:
    messages = separated(make_answer(model(markdown)))
    for message in messages:
        assert_accepted(message)
    return markdown_of(messages)


def code_of(part: str) -> list[str]:
    """Give the lines of a part that is all code."""
    opening, *lines, closing = part.split("\n")
    assert (opening, closing) == ("```", "```")
    return lines


def test_a_table_with_too_many_rows_is_shown_as_code_with_its_head_in_each_part() -> None:
    rows = [f"| {number} | row {number} |" for number in range(3_000)]

    parts = [code_of(part) for part in parts_of("\n".join([HEAD, *rows]))]

    assert len(parts) > 1
    assert {tuple(lines[:2]) for lines in parts} == {("|    n | name     |", "|------|----------|")}
    shown = [line for lines in parts for line in lines[2:]]
    assert shown[0] == "|    0 | row 0    |"
    assert [re.sub(" +", " ", line) for line in shown] == rows


def test_a_table_with_too_many_columns_is_shown_as_code() -> None:
    row = "|" + " <b> |" * 21

    (part,) = parts_of("\n".join([row, "|" + "---|" * 21, row]))

    assert code_of(part) == [row, "|" + "-----|" * 21, row]


def test_a_table_with_too_many_columns_and_no_rows_is_shown_as_code() -> None:
    (part,) = parts_of("|" + "h|" * 21 + "\n|" + "-|" * 21)

    assert code_of(part) == ["|" + " h |" * 21, "|" + "---|" * 21]


def test_in_code_columns_stand_below_each_other_whatever_is_in_them() -> None:
    more = "|x" * 19
    rows = f"|漢字|`x\\|y`{more}|\n|wide one||more|than|the|head{more}|"
    table = f"|a|b{more}|\n|:-:|-{more.replace('x', '-')}|\n{rows}"

    (part,) = parts_of(table)

    lines = code_of(part)
    assert [line[:17] for line in lines[:2]] == ["|    a     | b   ", "|----------|-----"]
    assert lines[2].startswith("|   漢字   | `x|y` | x ")
    assert lines[3].startswith("| wide one |       | more | than ")
    assert lines[3].split(" | ")[2:6] == ["more", "than", "the", "head"]


def test_one_long_cell_does_not_blow_up_the_other_rows() -> None:
    rows = [f"| {number} | {'long ' * 200 if number == 7 else 'x'} |" + " y |" * 20 for number in range(100)]
    table = "\n".join(["| a |" + " b |" * 21, "|" + "-|" * 22, *rows])

    parts = parts_of(table)

    assert sum(map(len, parts)) < 2 * len(table)


def test_a_row_too_long_for_a_table_stands_apart_in_its_place() -> None:
    long = "many words " * 1_200
    table = f"{HEAD}\n| 1 | short |\n| 2 | {long}|\n| 3 | \\| `a\\|b` |"

    parts = parts_of(table)

    assert parts[0].startswith(f"{HEAD}\n| 1 | short |\n\nn: 2\n\nname: many words")
    assert parts[-1].endswith(f"many words\n\n{HEAD}\n| 3 | \\| `a\\|b` |")
    assert "```" not in "".join(parts)
    assert [size for part in parts for size in table_sizes(part)] == [(2, 2), (2, 2)]


def test_a_row_that_stands_apart_begins_no_list_and_no_link_reference() -> None:
    long = "many words " * 1_200

    first, *_ = parts_of(f"|  | - b |\n|---|---|\n| - {long}| [x]: y |")

    assert first.startswith("\u2060- many words")


@quick
@given(
    st.lists(st.lists(st.text("ab \\|`<>漢", max_size=30), min_size=1, max_size=6), min_size=1, max_size=5),
    st.sampled_from([1, 1, 120]),
    st.sampled_from([1, 1, 1_000]),
    st.sampled_from([1, 2, 5, 21]),
)
def test_no_cell_of_any_table_is_lost(rows: list[list[str]], times: int, width: int, columns: int) -> None:
    lines = [f"|{'|'.join(cell * width for cell in row)}|" for row in rows]
    # A heading of no sign: where a row stands apart, headings are among its cells.
    table = "\n".join(["|~" * columns + "|", "|-" * columns + "|", *lines * (times if width == 1 else 1)])

    assert is_within(signs(table), signs("".join(parts_of(table))))


@pytest.mark.parametrize("times", [1, 400])
def test_a_quoted_table_keeps_its_head_and_its_quote_marks(times: int) -> None:
    parts = parts_of("> | a |\n> |---|\n" + "> | b |\n" * times)

    assert all(part.startswith("> | a |\n> |---|\n> | b |") for part in parts)
