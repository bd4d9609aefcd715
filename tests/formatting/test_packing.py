"""How parts are split and packed: as few messages as the limits ask for, and nothing parted without need."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sectorflow_slack.formatting import limits
from sectorflow_slack.formatting.block_kit import texts_of
from sectorflow_slack.formatting.notices import simpler, text_of
from sectorflow_slack.formatting.packing import (
    Page,
    Portion,
    Room,
    Section,
    cut_text,
    pack,
    split,
    with_parts,
)
from sectorflow_slack.formatting.tree import BOLD, Code, Prose, Table, Text, joined
from sectorflow_slack.formatting.writing import as_blocks, chars_of
from tests.formatting.drawing import (
    drawn,
    elements_of,
    inlines,
    make_answer,
    model,
    pages,
    separated,
    words,
)
from tests.formatting.slack_rules import assert_accepted, texts_in, utf16
from tests.formatting.test_properties import quick


def text(chars: int, sign: str = "x") -> Prose:
    return Prose("text", (Text(sign * chars),))


def section(*sizes: int, heading: int = 0, again: int = 0, ending: int = 0) -> Section:
    units = tuple((text(size),) for size in sizes)
    made = (
        [{"type": "section", "text": {"text": "h" * chars}}] if chars else []
        for chars in (heading, again, ending)
    )
    return Section(units, *made)


def sizes(page: Page) -> list[list[int]]:
    return [[chars_of(part) for part in portion.parts] for portion in page]


@pytest.mark.parametrize(
    ("sections", "packed"),
    [
        # Two texts have two line ends between them.
        ([section(49, 49)], [[[49, 49]]]),
        ([section(49, 50)], [[[49]], [[50]]]),
        ([section(100)], [[[100]]]),
        # What fits one page alone is not parted.
        ([section(60), section(20, 20)], [[[60]], [[20, 20]]]),
        ([section(50), section(24, 24)], [[[50], [24, 24]]]),
        # What does not, begins where there is room for its beginning.
        ([section(50), section(40, 70)], [[[50], [40]], [[70]]]),
        ([section(50), section(60, 70)], [[[50]], [[60]], [[70]]]),
        ([section(50), section(60, 30, 70)], [[[50]], [[60, 30]], [[70]]]),
        # Headings and endings count, the second heading on later pages only.
        ([section(90, heading=10)], [[[90]]]),
        ([section(40, 40, heading=10, ending=8)], [[[40, 40]]]),
        ([section(40, 40, heading=10, ending=9)], [[[40]], [[40]]]),
        ([section(60, 60, 30, heading=40, again=8)], [[[60]], [[60, 30]]]),
        ([section(60, 60, 31, heading=40, again=8)], [[[60]], [[60]], [[31]]]),
        # The ending stays with the last unit.
        ([section(50, 50, ending=30)], [[[50]], [[50]]]),
        ([], []),
    ],
)
def test_sections_are_packed_on_few_pages(sections, packed):
    room = Room(100, 10, 100)

    assert [sizes(page) for page in pack(sections, room)] == packed


def test_a_page_has_no_more_blocks_than_there_may_be():
    sections = [section(1, heading=1, ending=1) for _ in range(5)]

    assert [len(page) for page in pack(sections, Room(100, 6, 100))] == [2, 2, 1]


def test_what_no_page_holds_has_one_of_its_own():
    assert [sizes(page) for page in pack([section(50, 150, 20)], Room(100, 10, 100))] == [
        [[50]],
        [[150]],
        [[20]],
    ]


def test_a_unit_goes_on_behind_the_last_part_of_the_one_before():
    units = ((text(1), Table((row(1),))), (text(1),), ())
    section = Section(units)

    assert len(pack([section], Room(100, 3, 100))) == 1
    assert len(pack([section], Room(100, 2, 100))) == 2


def test_a_line_end_below_an_introduction_is_of_the_last_part_of_it():
    intro, heading = Prose("text", (Text("x:"),)), Prose("heading", (Text("h"),))

    # Two line ends above the heading, one below; a run counts three characters at least.
    assert len(split([intro, heading, text(10_491)], Room())) == 1
    assert len(split([intro, heading, text(10_492)], Room())) == 2


@pytest.mark.parametrize(("limit", "first"), [(59, 20), (60, 60)])
def test_a_character_of_more_than_forty_signs_is_cut(limit, first):
    parts = list(cut_text("a" * 20 + "e" + "\u0301" * 90, limit))

    assert len(parts[0]) == first


def test_code_below_a_heading_has_the_room_that_is_left():
    units = split([Prose("heading", (Text("h" * 3_000),)), Code("x" * 20_000)], Room())

    assert [[chars_of(part) for part in unit] for unit in units] == [[3_000, 7_500], [10_500], [2_000]]


def test_a_cut_leaves_no_blanks_and_no_empty_runs():
    styled = [Text("x" * 6_000), Text(" y" * 2_240, BOLD), Text("  "), Text("z" * 900, BOLD), Text(" ")]

    units = split([Prose("text", tuple(styled))], Room())

    shown = [[run.text for run in part.runs] for (part,) in units]
    assert shown == [["x" * 6_000, " y" * 2_240], ["z" * 900, " "]]


def test_what_goes_on_from_the_page_before_counts_without_what_is_there():
    units = split([Prose("text", (Text("x" * 15_000), Text("y" * 6_000, BOLD)))], Room())

    assert [sum(map(chars_of, unit)) for unit in units] == [10_500, 10_500]


def test_a_cut_between_two_runs_leaves_no_blank():
    units = split([Prose("text", (Text("x" * 10_400 + ". "), Text("z" * 900, BOLD)))], Room())

    assert [[run.text for run in part.runs] for (part,) in units] == [["x" * 10_400 + "."], ["z" * 900]]


@pytest.mark.parametrize(("chars", "parts"), [(7_000, 2), (7_001, 1)])
def test_a_heading_that_leaves_too_little_room_stands_alone(chars, parts):
    units = split([Prose("heading", (Text("h" * chars),)), text(3_000)], Room())

    assert len(units[0]) == parts


def test_portions_know_whether_they_begin_and_end():
    first, second = pack([section(80, 80), section(10)], Room(100, 10, 100))

    assert first == (Portion(0, (text(80),), continued=False, ends=False),)
    assert second[0] == Portion(0, (text(80),), continued=True, ends=True)
    assert second[1] == Portion(1, (text(10),))


def test_an_answer_without_parts_is_one_empty_unit():
    assert split([], Room()) == ((),)


def row(*cells: int) -> tuple[tuple[Text, ...], ...]:
    return tuple((Text("x" * chars),) for chars in cells)


def test_a_table_takes_of_the_room_for_text_for_blocks_and_for_tables():
    parts = [Table((row(30), row(10))), text(20), Table((row(5, 5),))]

    assert with_parts(Room(100, 10, 60, 3), None, parts) == Room(30, 7, 10, 1)


@pytest.mark.parametrize(("table_chars", "tables", "pages"), [(80, 2, 1), (79, 2, 2), (80, 1, 2)])
def test_tables_that_are_too_much_for_one_page_part_it(table_chars, tables, pages):
    section = Section(((Table((row(40),)),), (Table((row(40),)),)))

    assert len(pack([section], Room(1_000, 10, table_chars, tables))) == pages


def test_the_blocks_in_a_container_count_beside_it():
    container = {"type": "container", "title": {"text": "12"}, "child_blocks": [{"text": "3"}, {"text": "4"}]}

    assert Room(100, 10).less_blocks([container, {"type": "divider"}]) == Room(96, 6)


def test_a_section_has_no_more_blocks_on_its_first_page_than_it_may():
    tables = tuple((Table((row(1),)),) for _ in range(9))

    assert [len(portion.parts) for (portion,) in pack([Section(tables, most=4)], Room())] == [4, 5]


def test_a_heading_stays_with_the_content_that_follows_it():
    heading = Prose("heading", (Text("h"),))
    room = Room(4_000, 10, 4_000)

    units = split([text(3_990), heading, heading, text(3_999), heading], room)

    assert [len(unit) for unit in units] == [1, 3, 1, 1]
    assert [sum(map(chars_of, unit)) for unit in units][2] < 20 or units[1][-1] != units[2][0]
    assert "".join(run.text for unit in units for part in unit for run in part.runs).count("x") == 7_989


@pytest.mark.parametrize(
    "part",
    [
        text(10),
        Prose("text", (Text("x", BOLD), Text("y"))),
        Prose("text", (Text("x:", BOLD), Text("y"))),
        Prose("item", (Text("x", BOLD),)),
        Prose("item", (Text(" "),)),
        Table((row(1),)),
        Code("x:"),
    ],
)
def test_other_parts_stand_alone(part):
    assert split([part, part], Room()) == ((part,), (part,))


@pytest.mark.parametrize(
    "intro",
    [
        "## The file",
        "**The file**",
        "**The** *~~**file**~~*",
        "Here is the whole file:",
        "这是文件：",  # noqa: RUF001
    ],
)
def test_what_introduces_content_stays_with_it(intro):
    code = "```py\n" + "x = 1\n" * 2_200 + "```"

    first, *_ = pages(f"{intro}\n\n{code}")
    before, second, *_ = pages(f"{'word ' * 2_000}\n\n{intro}\n\n{code}")

    assert [len(list(elements_of(blocks))) for blocks in (first, before, second)] == [2, 1, 2]


@pytest.mark.parametrize("left", range(2_500, 3_600, 50))
def test_an_address_fits_below_a_long_heading_or_stands_on_the_next_page(left):
    heading = Prose("heading", (Text("h" * (10_500 - left)),))
    link = Prose("text", (Text("label", url="https://a.example/" + "y" * 2_982),))

    units = split([heading, link], Room())

    assert all(with_parts(Room(), None, unit).holds for unit in units)
    assert [run.text for unit in units for part in unit for run in part.runs if run.url] == ["label"]


@pytest.mark.parametrize("kind", ["text", "item", "quote"])
@pytest.mark.parametrize("url", ["", "https://a.example/" + "y" * 2_982])
@pytest.mark.parametrize("heading", [(), (Prose("heading", (Text("h" * 10),)),)])
def test_a_word_without_end_fills_each_page_to_its_limit_and_no_further(kind, url, heading):
    units = split([*heading, Prose(kind, (Text("x" * 40_000, url=url),))], Room())

    left = [with_parts(Room(), None, unit).chars for unit in units]
    assert all(0 <= chars <= 3 for chars in left[:-1])
    assert left[-1] >= 0


@pytest.mark.parametrize("chars", range(10_485, 10_495))
def test_the_line_end_below_a_heading_counts(chars):
    units = split([Prose("heading", (Text("h" * 10),)), text(chars)], Room())

    assert all(with_parts(Room(), None, unit).holds for unit in units)
    assert len(units) == (1 if chars + 11 <= 10_500 else 2)


def test_a_table_that_fills_its_room_to_the_last_character_is_one():
    for rows in ((row(5_000, 5_000),), (row(1_000), row(4_000), row(5_000))):
        assert split([Table(rows)], Room()) == ((Table(rows),),)


def test_a_table_keeps_to_the_room_of_tables():
    room = Room(5_000, 50, 1_000)

    units = split([Table((row(10), *[row(300)] * 9))], room)

    assert [len(part.rows) for (part,) in units if isinstance(part, Table)] == [4, 4, 4]
    assert all(with_parts(room, None, unit).holds for unit in units)


def test_runs_of_many_styles_are_cut_without_loss_and_none_begins_where_it_does_not_fit():
    runs = tuple(Text(f"{number} 🙂🙂🙂🙂🙂", number % 4) for number in range(3_000))
    units = split([Prose("text", runs)], Room())

    shown = [run for (part,) in units for run in part.runs]
    assert "".join(run.text for run in shown).replace(" ", "") == "".join(run.text for run in runs).replace(
        " ", ""
    )
    assert all(with_parts(Room(), None, unit).holds for unit in units)
    for chars in range(10_494, 10_500):
        units = split([Prose("text", (Text("x" * chars), Text("🙂" * 9, 1)))], Room())
        assert all(with_parts(Room(), None, unit).holds for unit in units)


@pytest.mark.parametrize("chars", [9_000, 10_000])
def test_a_heading_never_ends_a_message(chars):
    code = ("x = 1  # what it is\n" * 600)[:chars]

    for blocks in pages(
        f"word\n\n{'word ' * 1_200}\n\n## The code\n\n```py\n{code}\n```\n\n# T\n\n{'w ' * 4_000}"
    ):
        last = list(elements_of(blocks))[-1]
        assert "bold" not in str(last["elements"][-1].get("style", {}))


def counted(blocks: list[dict[str, Any]]) -> int:
    return sum(utf16(text) for text in texts_in(blocks, "text", "url"))


_runs = st.builds(
    Text,
    st.sampled_from(["word ", "xyz", "🙂🙂", "漢字。", "one. two\n", "  \n ", "é" * 40, "a" * 90]),
    st.integers(0, 15),
    st.sampled_from(["", "", "https://a.example/" + "y" * 30]),
)
_prose = st.builds(
    Prose,
    st.sampled_from(["text", "heading", "item", "quote"]),
    st.lists(_runs, min_size=1, max_size=12).map(joined),
    st.integers(0, 8),
    st.one_of(st.none(), st.integers(1, 3)),
    st.booleans(),
)
_parts = st.lists(st.one_of(_prose, st.builds(Code, st.text("ab \n", min_size=1, max_size=400))), max_size=8)


@quick
@given(_parts)
def test_what_parts_cost_is_what_their_blocks_take(parts):
    left = with_parts(Room(100_000, 100, 100_000), None, parts)

    blocks = as_blocks(parts)
    assert 100_000 - left.chars == counted(blocks)
    assert 100 - left.blocks == len(blocks)


@quick
@given(_parts, st.integers(3_600, 4_000))
def test_units_fit_and_say_all_in_order(parts, chars):
    many = [part for part in parts for _ in range(30) if "".join(texts_in(as_blocks([part]))).strip()]
    room = Room(chars, 10, chars)

    units = split(many, room)

    assert all(with_parts(room, None, unit).holds for unit in units)
    whole = "".join(texts_in(as_blocks(many))).split()
    split_up = (
        "".join(texts_in(as_blocks([part for unit in units for part in unit]))).replace("… ", "").split()
    )
    assert "".join(split_up) == "".join(whole)


@given(st.text("ab.!\n \t🙂é\u0301漢。", max_size=300), st.integers(2, 40))
def test_a_cut_loses_blanks_only_and_keeps_the_limit(text, limit):
    parts = list(cut_text(text, limit))

    assert "".join("".join(parts).split()) == "".join(text.split())
    assert all(0 < utf16(part) <= limit for part in parts)


@pytest.mark.parametrize("text", ["  a  ", "a\n", "\n\n  a \n b "])
def test_a_text_that_fits_is_not_changed(text):
    assert list(cut_text(text, 12)) == [text]


def test_runs_of_one_letter_count_as_what_they_take_of_json():
    letters = Prose("text", tuple(Text("x", style % 2) for style in range(3_000)))

    units = split([letters], Room(3_600))

    assert [sum(map(chars_of, unit)) for unit in units] == [3_600, 3_600, 1_800]


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("one two three four", ["one two", "three four"]),
        (" " * 30 + "a", ["a"]),
        ("a" + " " * 30 + "b", ["a", "b"]),
        ("One. Two three. Four", ["One. Two", "three. Four"]),
        *(
            (blank.join(words), [blank.join(words[:3]), "ddd"])
            for blank in " \t\n"
            for words in (["aaa", "bb", "cc", "ddd"], ["aaaa", "bb", "ccc", "ddd"])
        ),
        *(
            (blank.join(["aaaa", "bb", "cccc", "dd"]), [f"aaaa{blank}bb", f"cccc{blank}dd"])
            for blank in " \t\n"
        ),
        ("aaa bbb\n  ccc ddd", ["aaa bbb", "  ccc ddd"]),
        ("aaaa bbbbb\n\n\n\n  ccc", ["aaaa bbbbb", "  ccc"]),
        ("👩‍👩‍👧" * 3, ["👩‍👩‍👧", "👩‍👩‍👧", "👩‍👩‍👧"]),
        ("e\u0301" * 8, ["e\u0301" * 5, "e\u0301" * 3]),
        ("e" + "\u0301" * 43, ["e" + "\u0301" * 10, *["\u0301" * 11] * 3]),
        *(("a" * 10 + f"e{mark}bb", ["a" * 10, f"e{mark}bb"]) for mark in "\u0301\u0903\u20dd"),
        *(("a" * 9 + pair + "bb", ["a" * 9, f"{pair}bb"]) for pair in ("🇦🇿", "🇿🇦")),
        ("aaaaaa🇦🇿🇩🇪", ["aaaaaa🇦🇿", "🇩🇪"]),
        *(("a" * 8 + f"👍{tone}bb", ["a" * 8, f"👍{tone}bb"]) for tone in ("\U0001f3fb", "\U0001f3ff")),
        ("漢字。" * 5, ["漢字。" * 3, "漢字。" * 2]),
    ],
)
def test_a_cut_stands_where_it_hurts_least(text, parts):
    assert list(cut_text(text, 11)) == parts


# Whole answers


def test_an_answer_that_fits_one_message_is_not_parted():
    first, second = pages("word " * 1_200, "\n\n".join(["other " * 100] * 12))

    assert {text.strip()[:5] for text in texts_in(first)} == {"word "}
    assert "".join(texts_in(second)).count("other") == 1_200


def test_many_paragraphs_lists_and_quotes_are_one_block():
    (blocks,) = pages("# A\n\na\n\n- b\n- c\n\n> d\n\n```\ne\n```\n\n---\n\n" + "\n\n".join(["f"] * 200))

    assert [block["type"] for block in blocks] == ["rich_text"]


def test_a_long_paragraph_is_cut_between_sentences_and_keeps_its_styles():
    first, second = pages("**" + "All is good. " * 900 + "Bye.**")

    assert all(run["style"] == {"bold": True} for run in inlines([*first, *second]))
    assert list(inlines(first))[-1]["text"].endswith("good.")
    assert next(inlines(second))["text"].startswith("All is")


def test_a_link_that_is_cut_leads_there_from_both_parts():
    first, second = pages("word " * 1_000 + "[" + "label " * 1_500 + "](https://a.example)")

    assert [run["url"] for run in inlines([*first, *second]) if "url" in run] == ["https://a.example"] * 2


@pytest.mark.parametrize("words_before", range(1_990, 2_090, 9))
def test_a_link_begins_on_the_page_that_has_room_for_its_address(words_before):
    address = f"https://a.example/{'y' * 2_900}"

    shown = pages("word " * words_before + f"[label]({address})")

    assert [run["text"] for blocks in shown for run in inlines(blocks) if "url" in run] == ["label"]
    assert all(counted(blocks) <= 10_500 for blocks in shown)


def test_long_code_keeps_its_language_and_every_line():
    lines = [f"    print({number})  # <b>" for number in range(1_000)]

    shown = pages("# Code\n\n~~~python\n" + "\n".join(lines) + "\n~~~\n\nDone.")

    codes = [
        each for blocks in shown for each in elements_of(blocks) if each["type"] == "rich_text_preformatted"
    ]
    assert {code["language"] for code in codes} == {"python"}
    assert "\n".join(code["elements"][0]["text"] for code in codes) == "\n".join(lines)


def test_a_long_list_goes_on_with_its_numbers_on_every_level():
    items = "\n".join(
        f"1. step {n} {'word ' * 30}\n   - bullet\n   - other\n     5. deep" for n in range(1, 150)
    )

    shown = pages(items)

    lists = [element for blocks in shown for element in elements_of(blocks)]
    outer = [each for each in lists if "indent" not in each]
    assert len(shown) > 2
    assert [each.get("offset", 0) for each in outer] == list(range(149))
    assert all(each["offset"] == 4 for each in lists if each.get("indent") == 2)
    assert all("offset" not in each for each in lists if each.get("indent") == 1)


def test_code_and_tables_within_an_item_do_not_end_its_numbers():
    source = "1. a\n   ```sh\n   b\n   ```\n2. c\n\n   | d |\n   |---|\n   | e |\n\n   f\n3. g"
    blocks = drawn(source)

    lists = [each for each in elements_of(blocks) if each["type"] == "rich_text_list"]
    assert [each.get("offset", 0) for each in lists] == [0, 1, 2]
    assert words(source) == "1. a\nb\n2. c\nd\ne\nf\n3. g"


def test_an_item_too_long_for_a_message_goes_on_under_its_number():
    *_, last = pages("7. " + "word " * 3_000 + "\n8. end")

    (listing,) = elements_of(last)
    assert (listing["offset"], len(listing["elements"])) == (6, 2)
    assert next(inlines(last))["text"].startswith("… word")


def test_a_long_table_has_its_head_over_each_part():
    rows = "\n".join(f"| {number} | x |" for number in range(250))

    (blocks,) = pages(f"| n | v |\n|--:|---|\n{rows}")

    assert [len(block["rows"]) for block in blocks] == [100, 100, 53]
    assert {block["rows"][0][0]["text"] for block in blocks} == {"n"}
    assert [row[0]["text"] for block in blocks for row in block["rows"][1:]] == [str(n) for n in range(250)]
    assert {block["column_settings"][0]["align"] for block in blocks} == {"right"}


def test_tables_of_a_message_have_no_more_text_than_slack_takes():
    table = "| a |\n|---|\n" + "| " + "word " * 600 + "|\n"

    shown = pages("\n\nand\n\n".join([table] * 4))

    assert [[block["type"] for block in blocks].count("table") for blocks in shown] == [3, 1]


def test_a_row_too_long_for_a_table_stands_apart_in_its_place():
    source = (
        f"| n | name | z |\n|---|---|---|\n| 1 | short | |\n| 2 | {'many words ' * 1_200}| |\n| 3 | `a` | |"
    )

    shown = pages(source)

    kinds = [block["type"] for blocks in shown for block in blocks]
    assert kinds == ["table", "rich_text", "rich_text", "table"]
    fields = [run["text"] for run in inlines(shown[0][1])]
    assert fields[:3] == ["n: ", "2", "\n\n"]
    assert words(source).count("many words") == 1_200


def test_only_the_first_cell_of_a_row_apart_is_cut_for_the_heading_above_it():
    heading = Prose("heading", (Text("h" * 5_900),))

    units = split([heading, Table((row(5_001, 5_001),))], Room())

    assert [[chars_of(part) for part in unit] for unit in units] == [[5_900, 4_600], [401], [5_001]]


def test_below_a_row_apart_a_table_has_the_room_of_a_page():
    heading = Prose("heading", (Text("h" * 7_000),))

    units = split([heading, Table((row(10), *[row(4_000)] * 3))], Room())

    assert units[-1] == (Table((row(10), row(4_000), row(4_000))),)
    assert len(units[0]) == 2


def test_a_row_too_long_for_a_table_leaves_no_table_with_a_head_alone():
    long_row = f"| {'many words ' * 1_200}|"

    kinds = [[block["type"] for block in blocks] for blocks in pages(f"| a |\n|---|\n{long_row}\n{long_row}")]

    assert {kind for page in kinds for kind in page} == {"rich_text"}


@pytest.mark.parametrize(("chars", "times"), [(500, 3), (501, 1)])
def test_a_head_of_at_most_500_characters_is_repeated(chars, times):
    (blocks,) = pages(f"| {'h' * chars} |\n|---|\n" + "| x |\n" * 250)

    assert [run["text"] for run in inlines(blocks)].count("h" * chars) == times


@pytest.mark.parametrize("head", ["h" * 600, "h" * 20_000])
def test_a_very_long_head_is_not_repeated(head):
    shown = pages(f"| {head} |\n|---|\n" + "| some cell |\n" * 300)

    assert sum(run["text"].count("h") for blocks in shown for run in inlines(blocks)) == len(head)
    assert sum(run["text"].count("cell") for blocks in shown for run in inlines(blocks)) == 300


def test_a_table_with_too_many_columns_is_code_with_its_columns_below_each_other():
    more = "|x" * 19
    (code,) = elements_of(
        drawn(f"|a|b{more}|\n|-:|-{more.replace('x', '-')}|\n|漢字|`x\\|y`{more}|\n|wide one|{more}|")
    )

    lines = code["elements"][0]["text"].split("\n")
    assert [line[:17] for line in lines[:2]] == ["        a | b   |", "----------+-----+"]
    assert lines[2].startswith("       漢字 | x|y | x")
    assert lines[3].startswith(" wide one |")


@pytest.mark.parametrize("columns", [2, 21])
def test_text_and_code_name_the_address_of_a_link_in_a_table(columns):
    more = "|x" * (columns - 1)
    source = f"|a{more}|\n|-{more.replace('x', '-')}|\n|[label](https://a.example/x){more}|"
    (message,) = separated(make_answer(model(source)))

    for form in (message, simpler(message), simpler(simpler(message))):
        assert "label (https://a.example/x)" in text_of(form.blocks)


def test_a_wide_table_does_not_grow_out_of_proportion():
    wide = "|" + "h|" * 500 + "\n|" + "-|" * 500 + "\n" + "| b |\n" * 120

    assert sum(utf16(text) for text in texts_in(drawn(wide))) < 4 * len(wide)


def test_five_answers_of_several_paragraphs_stand_in_one_message():
    text = (
        "## Why\n\nBecause.\n\n- a\n- b\n\n---\n\n## How\n\nDo y.\n\n```py\nx\n```\n\n|a|\n|-|\n|b|\n\nDone."
    )
    answer = make_answer(
        *[model(text, f"M{n}", "base", model_id=str(n)) for n in range(5)], seconds=3, credits=5
    )

    (message,) = separated(answer)

    assert_accepted(message)
    assert sum(map(limits.count, texts_of(message.blocks))) < limits.MESSAGE_CHARS
