r"""Formulas come out as code, letter by letter; what only has dollars in it stays text."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from sectorflow_slack.formatting.links import show_links
from sectorflow_slack.formatting.separated import separated
from tests.formatting.drawing import make_answer, model
from tests.formatting.slack_rules import markdown_of
from tests.formatting.test_formatting_properties import quick

_PARSER = MarkdownIt("commonmark", {"html": False}).enable("table")


@pytest.mark.parametrize(
    ("source", "shown"),
    [
        (r"with \(\alpha_1 + \{x\}\) in it", r"with `\alpha_1 + \{x\}` in it"),
        ("so $x*y*z$ and $a_1$, $a_2$.", "so `x*y*z` and `a_1`, `a_2`."),
        ("the $n$th, $x$-axis, ($k$)", "the `n`th, `x`-axis, (`k`)"),
        (r"$\$5$ and $5 \times 3$ and $2^5$", r"`\$5` and `5 \times 3` and `2^5`"),
        ("$a <\nb$", "`a < b`"),
        ("> $a\n> b$ [c](d)", "> `a b` [c](d)"),
        (r"\(a `b` c\) \(`\)", "``a `b` c`` `` ` ``"),
        ("a ` key $x_1$ and ``$x_2$", "a ` key ```x_1``` and ``\u2060```x_2```"),
        (r"# Why \[x_1\]", "# Why `x_1`"),
        ("a | b\n--|--\n$x \\| y$ | \\[z_1\\]", "a | b\n--|--\n`x \\| y` | `z_1`"),
        ("[$a_1$](https://a.example)", "[`a_1`](https://a.example)"),
        (r"[\[a_1\]](https://a.example)", "[`a_1`](https://a.example)"),
        (r"\\(a\\) \(b\)", r"\\(a\\) `b`"),
    ],
)  # fmt: skip
def test_a_formula_in_a_line_becomes_a_code_span(source: str, shown: str) -> None:
    assert show_links(source) == shown


@pytest.mark.parametrize(
    "text",
    [
        "$5 and $6", "$5, $6 and US$7.", "from $5 to 6$", "$100-$200", "**$5**/**$6**", "$1,000 (US$)",
        "CA$5 and A$", "$5-10 per month (US$)", "$HOME/bin:$PATH", "${a}/${b}", "$ a $", "a$b$c", "\\$x\\$",
        "$5 for `a$b`", "`$x$`", "$`x`$", "($$) or ($$$)", "cheap ($$), dear ($$)", "$$$x$$$", "$$ - $$",
        "\\(", "\\( \\)", "\\\\(x\\\\)", "as in \\[1\\] and \\[2-3\\]", "\\[sic\\]", "\\[x\\](https://a.example)",
        "\\[ ] to do", "```\n$x_1$\n```", "    \\(x\\)", "$$\nnever closed", "$$\na\n\nb\n$$", "\\[x \\\\]",
        "a $" + "x" * 2_000 + "$",
    ],
)  # fmt: skip
def test_what_is_no_formula_stays_as_it_is(text: str) -> None:
    assert show_links(text) == text


@pytest.mark.parametrize(
    ("source", "shown"),
    [
        ("$$\nx_1 \\\\\n- y\n$$", "```latex\nx_1 \\\\\n- y\n```"),
        ("\\[ \\frac{a}{b} \\]", "```latex\n\\frac{a}{b}\n```"),
        ("\\[\n  a\n= b\\\\[2pt]\n\\]\nso", "```latex\n  a\n= b\\\\[2pt]\n```\nso"),
        ("$$E$$", "```latex\nE\n```"),
        ("so\n$$x\n+ y$$\nand", "so\n```latex\nx\n+ y\n```\nand"),
        ("\\begin{cases}\nx&y\\\\\n\\end{cases}", "```latex\n\\begin{cases}\nx&y\\\\\n\\end{cases}\n```"),
        ("1. so\n   $$\n   x\n   $$\n2. b", "1. so\n   ```latex\n   x\n   ```\n2. b"),
        ("- $$x_1$$\n- b", "- ```latex\n  x_1\n  ```\n- b"),
        ("- so\n$$\nx\n$$\nb", "- so\n```latex\nx\n```\nb"),
        ("> - \\[ x_1 \\]", "> - ```latex\n>   x_1\n>   ```"),
        ("$$\na\n```\nb\n$$", "````latex\na\n```\nb\n````"),
        ("We know \\[ a_1 \\] too", "We know\n```latex\na_1\n```\ntoo"),
        ("- we know $$a_1$$ - b", "- we know\n  ```latex\n  a_1\n  ```\n  \u2060- b"),
        ("We know $$a_1$$\n[x]: y", "We know\n```latex\na_1\n```\n\u2060[x]: y"),
        ("> lazy\nline $$a_1$$ b", "> lazy\nline\n> ```latex\n> a_1\n> ```\n> b"),
        ("> we \\[a_1\n> = b\\]\n> too", "> we\n> ```latex\n> a_1\n> = b\n> ```\n> too"),
    ],
)  # fmt: skip
def test_a_formula_that_stands_apart_becomes_a_fence(source: str, shown: str) -> None:
    assert show_links(source) == shown


def test_an_answer_with_formulas_shows_every_sign_of_them() -> None:
    source = "Thus \\(\\{a_1 \\% b\\}\\).\n\n\\[\n<!here> \\\\ x*y*z\n\\]\n\nIt costs $5 and $6."

    (text,) = markdown_of(separated(make_answer(model(source))))

    assert text == (
        "Thus `\\{a_1 \\% b\\}`.\n\n```latex\n<\u2060!here> \\\\ x*y*z\n```\n\nIt costs $5 and $6."
    )


_tex = st.lists(
    st.sampled_from(
        ["\\alpha", "\\{", "\\}", "\\\\", "\\%", "x_1", "*y*", "_z_", "^2", "<b", "a>", "&", "#", "-"]
    ),
    min_size=1,
    max_size=6,
).map(" ".join)
_ways = st.sampled_from(
    [
        "so \\({}\\) is",
        "so $({})$ is",
        "$$\n{}\n$$",
        "\\[\n{}\n\\]",
        "> 1. so\n>    \\[ x_0 {} \\]",
        "- so \\[ x_0 {} \\] is",
        "| so | is |\n|---|---|\n| \\({}\\) | x |",
    ]
)


@quick
@given(st.lists(st.tuples(_ways, _tex), min_size=1, max_size=6))
def test_no_sign_of_a_formula_is_lost_or_drawn_as_markdown(formulas: list[tuple[str, str]]) -> None:
    shown = show_links("\n\n".join(way.format(body) for way, body in formulas))

    tokens = [each for token in _PARSER.parse(shown) for each in (token, *(token.children or []))]
    codes = [token.content for token in tokens if token.type in ("code_inline", "fence")]
    assert all(body in code for (_, body), code in zip(formulas, codes, strict=True))
    assert not {"$", "em_open"} & {token.content or token.type for token in tokens}


@pytest.mark.parametrize(
    "text",
    [
        "\\( " * 33_000, "\\(" * 50_000 + "\\)", "\\[ aaaaaaaaaaaa\n" * 6_000 + "\\]", "$a " * 33_000,
        "$$a\n\n" * 20_000, "$" * 100_000, "$a" * 50_000, "\\begin{align}\n" * 7_000, "$x_1$ " * 16_000,
        "\\\\" * 50_000, "- $$\n" * 20_000, "$$x$$ y " * 12_000,
    ],
    ids=range(12),
)  # fmt: skip
def test_many_formulas_are_read_in_time(text: str) -> None:
    begun = time.process_time()

    show_links(text)

    # Takes half a second; coverage and a busy machine make it more, quadratic work minutes.
    assert time.process_time() - begun < 5
