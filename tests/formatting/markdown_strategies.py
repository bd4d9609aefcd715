"""Markdown as models write it, and as an attacker would, for property-based tests."""

from hypothesis import strategies as st

LIVE = (
    "<!channel>", "<!here>", "<!everyone>", "<!here|here>", "<!subteam^S0123456|@team>",
    "<!date^1392734382^{date}|then>", "<@U0123456>", "<@W0123456|kim>", "<#C0123456>",
    "<#C0123456|general>", "@here", "@Channel", "@everyone",
)  # fmt: skip

_WORDS = (
    "word", "Why", "a < b", "x > y", "&amp;", "&lt;", "<div>", "</b>", "<!DOCTYPE html>", "<!-- c -->",
    "**bold**", "*it*", "~~no~~", "`code`", "`a <b> c`", "``a ` b``", "`open", "\\<", "\\`", "\\\\",
    "[link](https://a.example/x?a=1&b=2)", "![image](https://a.example/i.png)", "<https://a.example/x>",
    "<kim@a.example>", "https://a.example", "$a<b$", "| pipe", "🙂", "👩‍👩‍👧", "🇩🇪", "e\u0301", "שלום",
    "مرحبا", "漢字仮名交じり文。", "ไทย", "\u2028", "\x0b", "\t", "#", "-", "1.", ">", "```", "~~~", "===",
)  # fmt: skip

_long_words = st.builds(
    lambda unit, times: unit * times, st.sampled_from("a<`>*[|漢🙂"), st.integers(1, 4_000)
)
words = st.one_of(
    st.sampled_from(_WORDS),
    st.sampled_from(LIVE),
    st.builds("`{}`".format, st.sampled_from(LIVE)),
    st.text(max_size=8),
)
lines = st.lists(words, min_size=1, max_size=8).map(" ".join)
paragraphs = st.lists(lines, min_size=1, max_size=4).map("\n".join)
headings = st.builds(lambda level, line: f"{'#' * level} {line}", st.integers(1, 6), lines)
fences = st.builds(
    lambda mark, info, body, closed, times: f"{mark}{info}\n" + f"{body}\n" * times + mark * closed,
    st.sampled_from(["```", "~~~", "````", " ```"]),
    st.sampled_from(["", "python", "html", "<!here>"]),
    paragraphs,
    st.booleans(),
    st.sampled_from([1, 2, 300]),
)
tables = st.builds(
    lambda columns, row, times: "\n".join(
        ["|" + "|".join("h" * columns) + "|", "|" + "-|" * columns, *[f"| {row} |"] * times]
    ),
    st.sampled_from([1, 2, 5, 20, 21, 40]),
    lines,
    st.sampled_from([0, 1, 3, 98, 99, 100, 250, 1_500]),
)


def _indented(text: str, first: str, others: str) -> str:
    return first + text.replace("\n", f"\n{others}")


def _containers(children: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    inside = st.lists(children, min_size=1, max_size=3).map("\n\n".join)
    items = st.lists(inside, min_size=1, max_size=3)
    return st.one_of(
        inside.map(lambda text: _indented(text, "> ", "> ")),
        st.builds(
            lambda texts, times: "\n".join(_indented(text, "- ", "  ") for text in texts * times),
            items,
            st.sampled_from([1, 1, 80]),
        ),
        items.map(lambda texts: "\n".join(_indented(text, "1. ", "   ") for text in texts)),
    )


_leaves = st.one_of(
    paragraphs,
    headings,
    fences,
    tables,
    paragraphs.map(lambda text: _indented(text, "    ", "    ")),
    paragraphs.map(lambda text: f"<div>\n{text}\n</div>"),
    st.sampled_from(
        ["---", "- [ ] to do\n- [x] done", "[1]: <https://a.example>", "$$\na < b\n$$", "Title\n==="]
    ),
    _long_words,
    st.builds(lambda line, times: " ".join([line] * times), lines, st.sampled_from([50, 400])),
    st.builds(lambda line, times: "\n\n".join([line] * times), lines, st.sampled_from([50, 120])),
)

documents = st.lists(st.one_of(_leaves, st.recursive(_leaves, _containers, max_leaves=4)), max_size=6).map(
    "\n\n".join
)
