"""Generated answers of known structure: every word once, in order and in its place, however many pages."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import count
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from sectorflow_slack.domain.installations import DISPLAYS, REFUSALS
from sectorflow_slack.formatting.displays import render
from sectorflow_slack.formatting.words import ENGLISH
from tests.formatting.drawing import bodies, drawn, inlines, make_answer, model
from tests.formatting.slack_rules import assert_accepted
from tests.formatting.test_properties import every_page, quick


@dataclass(frozen=True)
class Written:
    """Markdown in which each ``~`` is a word, and its elements: kind, depth, number or columns, words."""

    markdown: str
    elements: tuple[tuple[str, int, int | None, int], ...]


def indented(text: str, indent: str) -> str:
    return text.replace("\n", f"\n{indent}").replace(f"\n{indent}\n", "\n\n")


def paragraph(words: int) -> Written:
    return Written(" ".join("~" * words), (("text", 0, None, words),))


def heading(level: int, words: int) -> Written:
    return Written(f"{'#' * level} {' '.join('~' * words)}", (("heading", 0, None, words),))


def code(lines: int) -> Written:
    return Written("```py\n" + "~ = ~\n" * lines + "```", (("code", 0, None, 2 * lines),))


def table(rows: int, columns: int) -> Written:
    cells = "|" + " ~ |" * columns
    return Written(
        "\n".join([cells, "|" + "-|" * columns, *[cells] * rows]),
        (("table", 0, columns, columns * (rows + 1)),),
    )


def quote(inner: Written) -> Written:
    return Written(f"> {indented(inner.markdown, '> ')}", (("quote", 0, None, inner.elements[0][3]),))


def listing(items: list[tuple[int, Written | None]], start: int | None) -> Written:
    """A list whose items have so many words, each perhaps with a list in it."""
    lines, elements = [], []
    for at, (words, inner) in enumerate(items):
        number = None if start is None else start + at
        mark = "- " if number is None else f"{number}. "
        below = f"\n\n{inner.markdown}" if inner else ""
        lines.append(mark + " ".join("~" * words) + indented(below, " " * len(mark)))
        elements.append(("item", 0, number, words))
        elements += [
            (kind, depth + 1, n, words) for kind, depth, n, words in (inner.elements if inner else ())
        ]
    return Written("\n".join(lines), tuple(elements))


paragraphs = st.builds(paragraph, st.sampled_from([1, 5, 60, 3_000]))
lists = st.recursive(
    st.builds(
        listing,
        st.lists(st.tuples(st.sampled_from([1, 4, 40, 2_500]), st.none()), min_size=1, max_size=4),
        st.sampled_from([None, 1, 7]),
    ),
    lambda inner: st.builds(
        listing,
        st.lists(st.tuples(st.integers(1, 5), st.one_of(st.none(), inner)), min_size=1, max_size=3),
        st.sampled_from([None, 1, 98]),
    ),
    max_leaves=4,
)
blocks = st.one_of(
    paragraphs,
    st.builds(heading, st.integers(1, 6), st.integers(1, 9)),
    st.builds(code, st.sampled_from([1, 30, 1_200])),
    st.builds(table, st.sampled_from([0, 1, 12, 99, 300]), st.sampled_from([1, 3, 20])),
    paragraphs.map(quote),
    lists,
)
answers = st.lists(blocks, min_size=1, max_size=7)


def write(written: list[Written]) -> str:
    """Number the words; a line apart keeps lists and quotes next to each other apart."""
    numbers = count()
    text = "\n\n---\n\n".join(each.markdown for each in written)
    return re.sub("~", lambda _: f"w{next(numbers)}w", text)


def numbers_in(value: object) -> list[int]:
    return [int(each) for run in inlines(value) for each in re.findall(r"w(\d+)w", run["text"])]


def elements_in(value: list[dict[str, Any]]) -> Iterator[tuple[str, int, int | None, int]]:
    """Yield what blocks have, as ``Written`` says it."""
    for block in value:
        if block["type"] == "table":
            yield "table", 0, len(block["rows"][0]), len(numbers_in(block))
            continue
        for each in block["elements"]:
            kind, words = each["type"].removeprefix("rich_text_"), len(numbers_in(each))
            if kind == "list":
                for at, item in enumerate(each["elements"]):
                    number = each.get("offset", 0) + at + 1 if each["style"] == "ordered" else None
                    yield "item", each.get("indent", 0), number, len(numbers_in(item))
            elif kind != "section":
                yield {"preformatted": "code"}.get(kind, kind), 0, None, words
            else:
                yield from sections_in(each)


def sections_in(section: dict[str, Any]) -> Iterator[tuple[str, int, int | None, int]]:
    """Yield the paragraphs and headings of a section, without the lines between them."""
    for line in re.split(
        "———", "".join(f"{run.get('style', '')}{run['text']}" for run in section["elements"])
    ):
        words = len(re.findall(r"w\d+w", line))
        if words:
            yield "heading" if "'bold'" in line else "text", 0, None, words


@quick
@given(answers)
def test_an_answer_keeps_its_structure(written):
    expected = [element for each in written for element in each.elements]

    assert list(elements_in(drawn(write(written)))) == [
        (kind, min(depth, 8), number, words) for kind, depth, number, words in expected
    ]


@quick
@given(
    answers,
    st.sampled_from(DISPLAYS),
    st.sets(st.sampled_from(REFUSALS)),
    st.sampled_from(["x ", "y " * 2_000]),
)
def test_every_word_is_shown_once_in_order_within_the_limits(written, display, refused, before):
    answer = make_answer(model(before, "A"), model(write(written), "B"), display=display)
    messages = every_page(answer) if display == "tabs" else render(answer, ENGLISH, frozenset(refused))

    shown = numbers_in(bodies(messages))

    # The head of a table stands over each part of it.
    once = list(dict.fromkeys(shown))
    assert once == list(range(sum(words for each in written for *_, words in each.elements)))
    assert len(shown) == len(once) or any(kind == "table" for each in written for kind, *_ in each.elements)
    assert_accepted(*messages)


def test_the_generated_answers_are_long_enough_to_be_parted():
    answer = make_answer(model(write([paragraph(3_000), table(300, 3), code(1_200)]), "A"))

    assert len(render(replace(answer, display="folded"))) > 3
