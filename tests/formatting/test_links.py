import pytest

from sectorflow_slack.formatting.links import show_links
from sectorflow_slack.formatting.separated import separated
from tests.formatting.drawing import make_answer, model
from tests.formatting.slack_rules import markdown_of


@pytest.mark.parametrize(
    ("source", "shown"),
    [
        ("[https://bank.example](https://evil.example/x)", "[https://bank.example (evil.example)]"),
        ("[bank.example](https://evil.example)", "[bank.example (evil.example)]"),
        ("[`bank.example`](https://evil.example)", "[`bank.example` (evil.example)]"),
        ("[**bank**.example/login](https://evil.example)", "[**bank**.example/login (evil.example)]"),
        ("[bank&#46;example](https://evil.example)", "[bank&#46;example (evil.example)]"),
        ("[bank\\.example](https://evil.example)", "[bank\\.example (evil.example)]"),
        ("[ban\u200bk.example](https://evil.example)", "[ban\u200bk.example (evil.example)]"),
        ("[bank\uff0eexample](https://evil.example)", "[bank\uff0eexample (evil.example)]"),
        ("[see www.bank.example](https://evil.example)", "[see www.bank.example (evil.example)]"),
        ("[bank.example](https://bank.example@evil.example)", "[bank.example (evil.example)]"),
        ("[bank.example](<https://bank.example)@evil.example>)", "[bank.example (evil.example)]"),
        ("[bank.example](https:\\\\evil.example\\\\@bank.example)", "[bank.example (evil.example)]"),
        ("[bank.example](https://b\u0430nk.example)", "[bank.example (xn--bnk-6cd.example)]"),
        ("\\\\[bank.example](https://evil.example)", "\\\\[bank.example (evil.example)]"),
        ("![bank.example](https://evil.example)", "![bank.example (evil.example)]"),
    ],
)  # fmt: skip
def test_a_link_names_the_host_that_its_label_hides(source: str, shown: str) -> None:
    assert show_links(source).startswith(shown)


@pytest.mark.parametrize(
    "source",
    [
        "[the bank](https://evil.example)",
        "[bank.example](https://bank.example/login)",
        "[bank.example](https://www.bank.example)",
        "[www.bank.example](https://bank.example)",
        "[bank.example](https://online.bank.example)",
        "[index.html](https://code.example/index.html)",
        "[e.g. this](https://a.example)",
        "`[bank.example](https://evil.example)`",
        "```\n[bank.example](https://evil.example)\n```",
        "- [ ] to do\n- [x] done",
        "a[0] = b[1]",
    ],
)
def test_other_links_stay_as_they_are(source: str) -> None:
    assert show_links(source) == source


def test_a_link_by_reference_is_written_out_wherever_its_definition_stands() -> None:
    filler = "word " * 4_000
    source = f"[one][1], [Two][] and [two], `[one][1]`\n\n{filler}\n\n[1]: https://a.example/(b)\n[two]: <https://b.example>"

    first, *_ = markdown_of(separated(make_answer(model(source))))

    assert first.startswith(
        "[one](https://a.example/%28b%29), [Two](https://b.example) and [two](https://b.example), `[one][1]`"
    )


def test_a_reference_can_not_hide_a_host_either() -> None:
    assert show_links("[bank.example][1]\n\n[1]: https://evil.example").startswith(
        "[bank.example (evil.example)](https://evil.example)"
    )


def test_a_long_address_is_not_repeated_without_end() -> None:
    source = "[a] " * 5_000 + "\n\n[a]: https://a.example/" + "x" * 1_000

    assert show_links(source) == source
