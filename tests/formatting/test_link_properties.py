"""However a link is written and wherever it stands: what Slack draws of it says where it leads."""

import unicodedata

from hypothesis import given, settings
from hypothesis import strategies as st

from sectorflow_slack.formatting.separated import separated
from tests.formatting.drawing import make_answer, model
from tests.formatting.links_drawn import links_drawn
from tests.formatting.markdown_strategies import words
from tests.formatting.slack_rules import markdown_of
from tests.formatting.test_formatting_properties import quick

_hosts = st.sampled_from(
    [
        "bank.com",
        "Bank.COM",
        "www.bank.com",
        "https://bank.com",
        "ftp://bank.com/x",
        "kim@bank.com",
        "bank&#46;com",
    ]
)
_labels = st.builds(
    lambda before, host, behind: f"{before}{host}{behind}",
    st.sampled_from(
        ["", "Log in at ", "🔒", "(", "**", "`", "[", "[[", "a\n", "_", "\u202e", "<br>", "$x$ ", "![i](j) "]
    ),
    _hosts,
    st.sampled_from(["", ", log in", ")", "**", "`", "]", "]]", "\nb", "_", ".", "\\", " $y$", "\u200b"]),
)
_links = st.builds(
    lambda shape, label: shape.format(label),
    st.sampled_from(
        [
            "[{}](https://evil.example)",
            "[{}](<https://evil.example/a (b)>)",
            "[{}]( //evil.example 'title' )",
            "[{}](\nhttps://bank.com@evil.example\n)",
            "[{}][e]",
            "[{}][]",
            "[{}]: x",
            "![{}](https://evil.example)",
            "[{}](https://evil.example)(x)",
            '[{}](https:evil.example "t") [x](y z)',
            "<https://a.example/[{}](https://evil.example)>",
            "<ftp://a.example/`[{}](https://evil.example)> `",
            "[x [{}](https://evil.example) y](https://evil.example)",
            "![x [{}](https://evil.example) y](https://evil.example)",
        ]
    ),
    _labels,
)
_places = st.sampled_from(
    [
        "{}", "> {}", "- {}\n- x", "1. - {}", "# {}", "| a | b |\n|---|---|\n| x | {} |", "x {} y", "**{}**",
        "| a |\n|---|\n| x | {} |", "a | b\n--|--\nx{}",
        "`x` {} `y`", "`{}", "`` {} ` ``", "\\{}", "\\\\{}", "[{}", "[x]({}", "> > - {}", "    {}",
        "word\n{}", "$a_1$ {} \\(b\\)", "\\[ {}", "<!here> {} <@U1>",
        "{} " * 3,
    ]
)  # fmt: skip
_hostile = st.builds(lambda place, link: place.replace("{}", link), _places, _links)
_texts = st.lists(st.one_of(_hostile, words), min_size=1, max_size=5).map("\n\n".join)
_definitions = (
    "\n\n[e]: https://evil.example\n[bank.com]: <https://evil.example>\n[Log in at bank.com]: //evil.example"
)


def hides_its_host(label: str, target: str) -> bool:
    """Say whether a link that leads to evil.example names the bank only."""
    plain = "".join(
        char for char in unicodedata.normalize("NFKC", label) if unicodedata.category(char) != "Cf"
    )
    return "bank.com" in plain.lower() and "evil.example" in target and "evil.example" not in label


@settings(quick, max_examples=200)
@given(_texts, st.sampled_from(["", " x" * 5_200, "\n" * 4_100]))
def test_no_link_names_another_host_only(text: str, filler: str) -> None:
    messages = separated(make_answer(model(text + filler + _definitions)))

    for shown in markdown_of(messages):
        assert not [link for link in links_drawn(shown) if hides_its_host(*link)]
