from sectorflow_slack.formatting.separated import separated
from tests.formatting.drawing import make_answer, model
from tests.formatting.slack_rules import assert_accepted, markdown_of


def parts_of(markdown: str) -> list[str]:
    messages = separated(make_answer(model(markdown)))
    for message in messages:
        assert_accepted(message)
    return markdown_of(messages)


def test_items_that_are_all_numbered_one_go_on_with_their_numbers_in_the_next_message() -> None:
    items = [f"1. step {number} {'word ' * 60}\n   - inner" for number in range(3, 120)]

    parts = parts_of("3. step 2\n" + "\n".join(items))

    lines = [line for part in parts for line in part.split("\n")]
    numbered = [line for line in lines if line[0].isdigit()]
    assert len(parts) > 2
    assert [line.split(" ")[0] for line in numbered] == [f"{number}." for number in range(3, 121)]
    assert all(line.split(" ")[2] == str(int(line.split(".")[0]) - 1) for line in numbered)
    assert lines[lines.index(numbered[-1]) + 1] == "     - inner"


def test_a_short_list_keeps_the_numbers_that_are_written() -> None:
    assert parts_of("1. a\n1. b\n7. c") == ["1. a\n1. b\n7. c"]


def test_a_lists_numbers_go_on_behind_an_item_too_long_for_a_message() -> None:
    code = "\n".join(f"   line {number}" for number in range(1_500))

    parts = parts_of(f"1. a\n1. Run this:\n   ```sh\n{code}\n   ```\n1. c\n1. d")

    assert parts[0].startswith("1. a\n\n2. Run this:")
    assert parts[-1].endswith("```\n\n3. c\n4. d")


def test_what_is_nested_in_an_item_too_long_for_a_message_stays_nested() -> None:
    children = "\n".join(f"  - child {number} {'word ' * 40}\n    1. grandchild" for number in range(120))

    parts = parts_of(f"- Parent A\n{children}\n- Parent B\n  - child of B")

    assert parts[0].startswith("- Parent A\n\n  - child 0 word")
    assert all(part.startswith("- …\n  - child ") for part in parts[1:])
    assert parts[-1].endswith("    1. grandchild\n\n- Parent B\n  - child of B")
    outer = [line for part in parts for line in part.split("\n") if line[:1] not in ("", " ")]
    assert outer == ["- Parent A", *["- …"] * (len(parts) - 1), "- Parent B"]


def test_a_numbered_item_that_goes_on_keeps_its_number() -> None:
    children = "\n".join(f"    - child {number} {'word ' * 40}" for number in range(120))

    parts = parts_of(f"10. Parent\n{children}\n10. Next")

    assert all(part.startswith("10. …\n    - child ") for part in parts[1:])
    assert parts[-1].endswith("\n\n11. Next")


def test_an_item_that_begins_on_the_line_below_its_marker_stays_an_item() -> None:
    parts = parts_of("-\n  one\n\n  " + "word " * 4_000)

    assert parts[0].startswith("- one\n\n  word")
