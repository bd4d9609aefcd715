"""Links: only live ones lead somewhere, and none hides where."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.formatting.drawing import FOLDER, drawn, inlines, runs, words
from tests.formatting.slack_rules import OF_ANSWERS, types_in
from tests.formatting.test_properties import quick

EVIL = "https://evil.example/x"


def lines(name: str) -> list[str]:
    """The lines of a file of what hostile answers have, with escapes as Python has them."""
    written = (FOLDER / "attack" / name).read_text().splitlines()
    escaped = [line.replace("\\u", "\0u").replace("\\x", "\0x").replace("\\U", "\0U") for line in written]
    return [line.replace("\\\\", "\\").encode().replace(b"\0", b"\\").decode("unicode_escape")
            if "\0" in line else line for line in escaped]  # fmt: skip


#: Of the hostile labels, those that no reader takes for a host or a mention.
ORDINARY = {"my_bank.sh", "README.md", "intranet", "bank.insure()", "node.js", "bank.c0m", "evil.example"}


@pytest.mark.parametrize("label", lines("labels.txt"))
def test_a_label_that_names_another_place_says_where_it_leads(label):
    *_, last = [run for run in inlines(drawn(f"[{label}]({EVIL})")) if run["type"] == "link"]

    assert last["text"].endswith(" (evil.example)") is (label not in ORDINARY)


@pytest.mark.parametrize("target", lines("targets.txt"))
def test_only_web_and_mail_addresses_are_live(target):
    for source in (
        f"[click]({target})",
        f"<{target}>",
        f"![click](<{target}>)",
        f"[a]\n\n[a]: {target}",
        target,
    ):
        links = [run["url"] for run in inlines(drawn(source)) if run["type"] == "link"]
        assert all(url.lower().startswith(("https://", "http://", "mailto:")) for url in links)
    is_live = target.startswith(("mailto:", "https://"))
    assert runs(f"[click]({target})")[0].startswith("click|" if is_live else "click (")


@pytest.mark.parametrize(
    "label",
    [
        "Log in at bank.com", "bank.com, log in", "Official site (bank.com)", "🔒bank.com", "bank.com:443",
        "//bank.com", "ftp://bank.com", "http://localhost:3000", "at 192.168.1.1:80", "банк.рф",
        "bücher.example", "docs.rs", "Node.js at bank.com", "README.md at bank.md", "billing@bank.com",
        "bank.com@here", "https://bank.com@evil.example", "`bank.com`", "~~bank.com~~", "bank.com\nlog in",
        "see www.bank.example", "ask @Tom", "(#2024-plans)", "**@Tom**",
        "![bank.com](https://bank.com/i.png)", "<b>bank</b>.com", "$bank.com$", "bank.com" + "\u200b" * 200,
        "Official/bank.com", "Node.js/bank.com", "Node.js//bank", "Site:10.0.0.1", "10.0.0.1@here",
        "\\[10.0.0.1\\]", "https://[::1]/x", "bank.localhost", "\u0130bank.com", "bank.\ufb01",
        "bank\u2027socket.io", "main.py/login", "bank \u3164.com", "dot .com", "b a n k dot c o m",
        "@dana", "\u2027@here", "@\u2060h\xadere", "https://bank.md", "www.bank.example()",
        "Of nothing. " * 26,
    ],
)  # fmt: skip
def test_wherever_a_host_stands_in_a_label_it_is_found(label):
    (*_, shown) = [run for run in inlines(drawn(f"[{label}]({EVIL})")) if run["type"] == "link"]

    assert shown["text"].endswith(" (evil.example)")


@pytest.mark.parametrize(
    "label",
    [
        "the bank", "Node.js", "Vue.js 3", "README.md", "CONTRIBUTING.md", "src/lib.rs", "main.py",
        "index.html", "package.json", "console.log", "e.g. this", "i.e.", "U.S.A.", "Ph.D.", "10 a.m.",
        "v1.2.3", "1.2.3-rc.1", "Python 3.12", "2.0", "ASP.NET Core", "Math.max()", "fs.readFile",
        "tf.keras.Model", "Dr.Smith", "1.Introduction", "and/or", "TCP/IP", "10:30", "R&D", "etc...",
        "react@18.2.0", "C#", "#12", "中文。文档", "שלום", "[1]", "Stop. It works", "a dot b",
        "README.md#usage", "README.md:12", "docs/README.md", "./run.sh", "main.py:42", "setup.py", "save()",
        "logger.info()", "M.Sc. thesis", "Acme · Support", "Home • Online", "@", "C++ // comment", "anecdote",
    ],
)  # fmt: skip
def test_an_ordinary_label_stays_as_it_is(label):
    assert not [run for run in inlines(drawn(f"[{label}]({EVIL})")) if "evil" in run["text"]]


@pytest.mark.parametrize(
    "source",
    [
        "[bank.example](https://bank.example/login)", "[bank.example](https://www.bank.example)",
        "[www.bank.example](https://bank.example)", "[bank.example](https://online.bank.example)",
        "[Bank.Example, log in](https://bank.example)", "[bücher.example](https://bücher.example)",
        "[bücher.example](https://xn--bcher-kva.example)", "[банк.рф](https://xn--80ab2al.xn--p1ai)",
        "[192.168.1.1](http://192.168.1.1/x)", "[utils.py](https://code.example/src/utils.py)",
        "[kim@bank.example](mailto:Kim@bank.example?subject=x)", "[@dana](https://github.com/dana/)",
        "[write to bank.example](mailto:kim@bank.example)", "[http://localhost:80](http://localhost:80/x)",
        "[http://[::1]:80](http://[::1]:80)", "[bank.example](https://\uff42\uff41\uff4e\uff4b.example)",
        "[a.example/b.md, l. 2](https://a.example/b.md)",
        "[b.md](https://a.example/b.md#c)", "[git@a.example:b](https://a.example/b)", "[www.com](https://www.com)",
        "[@dana@a.example](https://a.example/@dana)", "[see @dana.b](https://a.example/dana.b)", "[a.example/@dana](https://a.example/@dana)",
        "[@Dana](https://a.example/@dana?x=1)",
    ],
)  # fmt: skip
def test_a_link_that_says_where_it_leads_stays_as_it_is(source):
    label, _, target = source.removeprefix("[").partition("](")

    assert runs(source) == [f"{label}|{target[:-1]}"]


@pytest.mark.parametrize(
    ("source", "shown"),
    [
        ("[a.com](https://a.com@evil.example)", "a.com (evil.example)"),
        ("[a.com](https:\\\\evil.example)", "a.com (https:\\evil.example)"),
        ("[a.com](https://a.com.evil.example)", "a.com (a.com.evil.example)"),
        ("[a.com](https://%65vil.example)", "a.com (evil.example)"),
        ("[login.bank.com](https://bank.com)", "login.bank.com (bank.com)"),
        ("[bank.com](https://b\u0430nk.com)", "bank.com (xn--bnk-6cd.com)"),
        ("[b\u0430nk.com](https://b\u0430nk.com)", "b\u0430nk.com (xn--bnk-6cd.com)"),
        ("[a.com](https://[::1]/x)", "a.com (::1)"),
        (f"[a.com](https://{'b.' * 60}example)", f"a.com (….{'b.' * 26}example)"),
        ("[strasse.example](https://straße.example)", "strasse.example (xn--strae-oqa.example)"),
        ("[bank.com](https://ban\u0338k.com)", "bank.com (xn--bank-s3c.com)"),
        ("[bank.com](https://bank.com%2fevil.example)", "bank.com (bank.com?evil.example)"),
        ("[bank.com](https://i❤.example)", "bank.com (i?.example)"),
        ("[www.com](https://evil.com)", "www.com (evil.com)"),
        ("[a.py/b](https://evil.example/a.py)", "a.py/b (evil.example)"),
        ("[kim@a.com](mailto:jo@a.com)", "kim@a.com (jo@a.com)"),
        ("[kim@a.com](mailto:kim@a.com;x@b.com)", "kim@a.com (x@b.com)"),
        ("[kim@a.com](mailto:kim@a.com?CC=Kim%20%3Cx@b.com%3E)", "kim@a.com (x@b.com)"),
        ("[kim@a.com](mailto:x@kim@a.com)", "kim@a.com (mailto:x@kim@a.com)"),
        ("[@dana and @kim](https://a.example/dana)", "@dana and @kim (a.example)"),
        ("[@dana](https://dana)", "@dana (dana)"),
        ("[kim@a.com](mailto:kim@a.com?cc=x@b.com)", "kim@a.com (x@b.com)"),
        ("[@here](https://a.example/here)", "@here (a.example)"),
        ("[#dana](https://a.example/dana)", "#dana (a.example)"),
        ("<https://evil.example|https://bank.com>", "https://bank.com (evil.example)"),
        ("<https://evil.example\\@bank.com|bank.com>", "bank.com (evil.example)"),
        ('<a href="https://evil.example\\@bank.com">bank.com</a>', "bank.com (evil.example)"),
        ('<a href="https://evil.example">bank.com</a>', "bank.com (evil.example)"),
        ("[bank.com][e]\n\n[e]: https://evil.example", "bank.com (evil.example)"),
        ("[https://bank](https://evil.example)", "https://bank (evil.example)"),
    ],
)  # fmt: skip
def test_the_place_is_named_as_a_browser_reads_it(source, shown):
    assert [run["text"] for run in inlines(drawn(source))] == [shown]


@pytest.mark.parametrize(
    ("source", "shown"),
    [
        ("See https://a.example/x_y_z?a=1&b=2.", ["See ", "https://a.example/x_y_z?a=1&b=2|*", "."]),
        ("(https://a.example/(b)) **http://b.example**", ["(", "https://a.example/(b)|*", ") ", "http://b.example|*"]),
        ("见https://a.example/x。好", ["见", "https://a.example/x|*", "。好"]),
        ("见 https://a.example/x。好", ["见 ", "https://a.example/x|*", "。好"]),
        ("https://a.example/x。https://b.example", ["https://a.example/x|*", "。", "https://b.example|*"]),
        ("https://a.example/?q=b(c(d)).", ["https://a.example/?q=b(c(d))|*", "."]),
        ("(at https://a.example/b)c, https://a.example/(", ["(at ", "https://a.example/b|*", ")c, ", "https://a.example/(|*"]),
        ("`https://a.example` xhttps://b.example https://", ["https://a.example|code", " xhttps://b.example https://"]),
        ("README.md, a.com and kim@a.example", ["README.md, a.com and kim@a.example"]),
        ("<https://a.example>, <kim@a.example>", ["https://a.example|*", ", ", "kim@a.example|*"]),
        ("[](https://a.example) ![](https://b.example)", ["https://a.example|*", " ", "https://b.example|*"]),
        ("[Top](#top), [guide](docs/a.md) [x]()", ["Top, guide (docs/a.md) x"]),
        ("[![a](https://b.example)](https://c.example)", ["a|*"]),
    ],
)  # fmt: skip
def test_addresses_are_links_and_other_targets_are_text(source, shown):
    found = [
        run.replace("|bold,", "|")
        if run.partition("|")[0] not in run.partition("|")[2]
        else run.partition("|")[0] + "|*"
        for run in runs(source)
    ]

    assert found == shown


@pytest.mark.parametrize(
    "source",
    [
        "[bank](https://evil.example).com", "[https://](https://evil.example)bank.com", "bank.[com](https://evil.example)",
        "[bank](https://evil.example)[.com](https://evil.example)", "**[bank](https://evil.example)**.com",
        "@[here](https://evil.example)", "bank.com/[log-in](https://evil.example)",
        "[bank.com](https://evil.example)x", "[bank.com](https://evil.example)`a`", "go-to-[bank.com](https://evil.example)-now",
    ],
)  # fmt: skip
def test_what_touches_a_label_is_read_with_it(source):
    assert "(evil.example)" in words(source)


def test_text_apart_from_a_label_is_not():
    assert runs("At bank.com: [log in](https://evil.example). Or so.")[1] == "log in|https://evil.example"


def test_an_address_far_too_long_is_text():
    far = "https://a.example/" + "x" * 3_000

    assert runs(f"[a]({far})") == [f"a ({far})"]
    assert words(f"[a]\n\n[a]: {far}") == f"[a]\n\n[a]: {far}"


def test_a_definition_used_a_thousand_times_is_not_repeated_without_end():
    source = "[a] " * 5_000 + "[b]\n\n[a]: https://a.example/" + "x" * 1_000 + "\n[b]: https://b.example"

    shown = list(inlines(drawn(source)))

    assert sum("url" in run for run in shown) == 39 + 1
    assert words(source).count("a ") >= 4_900


_words = st.sampled_from(
    ["<!channel>", "<@U0123456>", "<!subteam^S1|@x>", "@here", "<#C1|general>", "&lt;!here&gt;"]
)
_places = st.sampled_from(
    [
        "{}", "`{}`", "**{}**", "[{}](https://a.example)", "# {}", "> {}", "- {}", "|{}|\n|-|\n|{}|",
        "```\n{}\n```", "<b>{}</b>", "<think>\n{}\n</think>", "<https://a.example|{}>", "$x_{}$",
    ]
)  # fmt: skip


@quick
@given(st.lists(st.builds(lambda place, word: place.replace("{}", word), _places, _words), min_size=1))
def test_nothing_is_made_that_could_ping(texts):
    blocks = drawn("\n\n".join(texts))

    assert types_in(blocks) <= OF_ANSWERS
