"""Links by reference, and targets that are written another way."""

import pytest

from sectorflow_slack.formatting.escaping import restore
from sectorflow_slack.formatting.links import show_links
from sectorflow_slack.formatting.places import find_places
from sectorflow_slack.formatting.separated import separated
from tests.formatting.drawing import make_answer, model
from tests.formatting.links_drawn import links_drawn
from tests.formatting.slack_rules import markdown_of


def test_a_target_in_angle_brackets_needs_none() -> None:
    source = "[a](<https://en.wiki.example/Foo_(bar)>) [b](<https://x.example/a b.pdf> 'T') [c](<x|y>)"

    assert show_links(source) == (
        "[a](https://en.wiki.example/Foo_%28bar%29) [b](https://x.example/a%20b.pdf 'T') [c](x%7Cy)"
    )


def test_a_link_by_reference_is_written_out_wherever_its_definition_stands() -> None:
    filler = "word " * 4_000
    definitions = "[1]: https://a.example/(b)\n[two]: <https://b.example/a b>"
    source = f"[one][1], [Two][] and [two], `[one][1]`\n\n{filler}\n\n{definitions}"

    first, *_, last = map(restore, markdown_of(separated(make_answer(model(source)))))

    assert first.startswith(
        "[one](https://a.example/%28b%29), [Two](https://b.example/a%20b) and "
        "[two](https://b.example/a%20b), `[one][1]`"
    )
    assert last.endswith("[1]: https://a.example/(b)\n[two]: https://b.example/a%20b")


def test_an_image_by_reference_is_written_out_too() -> None:
    assert show_links("![flow][1]\n\n[1]: https://a.example").startswith("![flow](https://a.example)")


def test_a_reference_can_not_hide_a_host_either() -> None:
    assert show_links("[bank.example][1]\n\n[1]: https://evil.example").startswith(
        "[bank.example (evil.example)](https://evil.example)"
    )


def test_a_formula_in_an_images_label_does_not_hide_its_end() -> None:
    assert show_links("![a \\(b](x) c\\) d](y)") == "![a `b](x) c` d](y)"


def test_a_long_address_is_not_repeated_without_end() -> None:
    source = "[a] " * 5_000 + "[bank.com][a]\n\n[a]: https://a.example/" + "x" * 1_000

    shown = show_links(source)

    assert len(source) < len(shown) <= len(source) + 20_010
    assert [label for label, _ in links_drawn(shown)] == ["a"] * 19


@pytest.mark.parametrize(
    "label", ["bank.com\u2060", "bank.com\u2060\u2060", "<br>bank.com", "\u202dbank.com", "bank.com"]
)
def test_a_definition_makes_no_link_that_is_not_written_out(label: str) -> None:
    source = f"`[{label}` [x](y) [{label}][nope] [{label}]\n\n[bank.com]: https://evil.example"

    drawn = [target for _, target in links_drawn(show_links(source))]

    assert drawn == (["y", "https://evil.example"] if label == "bank.com" else ["y"])


def test_a_link_that_parsers_read_in_different_ways_is_none() -> None:
    source = "[bank.com](x y[bar] z\n\n[bank.com]: https://evil.example\n[bar]: https://a.example"

    shown = show_links(source)

    assert shown.startswith("\\[bank.com\\](x y\\[bar\\] z\n")
    assert list(links_drawn(shown)) == []


def test_a_content_that_is_not_in_a_text_has_no_place_there() -> None:
    assert find_places("a\nb", "a\nc", 0, 3) is None
