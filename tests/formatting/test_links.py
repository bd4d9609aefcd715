import time

import pytest

from sectorflow_slack.formatting.escaping import restore
from sectorflow_slack.formatting.links import show_links
from sectorflow_slack.formatting.separated import separated
from tests.formatting.drawing import make_answer, model
from tests.formatting.links_drawn import links_drawn
from tests.formatting.slack_rules import markdown_of

EVIL = "https://evil.example"


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
        ("[b\u0430nk.example](https://b\u0430nk.example)", "[b\u0430nk.example (xn--bnk-6cd.example)]"),
        ("\\\\[bank.example](https://evil.example)", "\\\\[bank.example (evil.example)]"),
        ("![bank.example](https://evil.example)", "![bank.example (evil.example)]"),
        ("[bank.example](https://%65vil.example)", "[bank.example (evil.example)]"),
        ("[bank.example](https:evil.example)", "[bank.example (evil.example)]"),
        ("[bank.example](//evil.example)", "[bank.example (evil.example)]"),
        ("[bank.example](evil.example/login)", "[bank.example (evil.example)]"),
        ("[bank.example](slack://channel?id=C1)", "[bank.example (slack:)]"),
        ("[bank.example](https://bank.example.evil.example)", "[bank.example (bank.example.evil.example)]"),
        ("[login.bank.example](https://bank.example)", "[login.bank.example (bank.example)]"),
        ("[bank.example](https://[::1]/x)", "[bank.example (::1)]"),
        ("[bank.example](https://[bank.example)", "[bank.example (?)]"),
        ("[bank.example](https://evil..example)", "[bank.example (?)]"),
        (f"[a.example](https://{'b.' * 60}example)", f"[a.example (….{'b.' * 26}example)]"),
    ],
)  # fmt: skip
def test_a_link_names_the_host_that_its_label_hides(source: str, shown: str) -> None:
    assert show_links(source).startswith(shown)


@pytest.mark.parametrize(
    "label",
    [
        "Log in at bank.com", "bank.com, log in", "Official site (bank.com)", "🔒bank.com", "Bank.COM.",
        "Log in: bank.com", "Bank.Com", "bank.com/a?b=1 c", "bank.com:443", "bank.international",
        "//bank.com", "ftp://bank.com", "http://localhost:3000", "192.168.1.1", "at 192.168.1.1:80",
        "банк.рф", "例え.テスト", "bank.xn--p1ai", "bücher.example", "docs.rs", "Node.js at bank.com",
        "README.md at bank.md", "bank\ufe0f.com", "bank\u3002com", "bank\u0336.com", "bank\u3164.com",
        "bank.com" + "\u200b" * 2_100, "billing@bank.com", "bank.com@here", "https://bank.com@evil.example",
        "bank.com~~~1", "_bank.com_", "[[bank.com]]", "a [b] bank.com", "`bank.com]`", "~~bank.com~~",
        "bank.com\nlog in", "![bank.com](https://bank.com/i.png)", "![x](/i.png) bank.com",
    ],
)  # fmt: skip
def test_wherever_a_host_stands_in_a_label_it_is_found(label: str) -> None:
    assert show_links(f"[{label}]({EVIL})").startswith(f"[{label} (evil.example)]({EVIL})")


@pytest.mark.parametrize(
    "label",
    [
        "the bank", "Node.js", "Vue.js 3", "README.md", "CONTRIBUTING.md", "src/lib.rs", "main.py",
        "index.html", "package.json", "console.log", "e.g. this", "i.e.", "U.S.A.", "Ph.D.", "10 a.m.",
        "v1.2.3", "1.2.3-rc.1", "Python 3.12", "2.0", "ASP.NET Core", "Math.max()", "fs.readFile",
        "tf.keras.Model", "`asyncio.run`",
        "Dr.Smith", "1.Introduction", "and/or", "TCP/IP", "10:30", "R&D", "etc...", "react@18.2.0", "C#",
        "#12",        "中文。文档", "שלום", "[1]", "",
    ],
)  # fmt: skip
def test_an_ordinary_label_stays_as_it_is(label: str) -> None:
    assert show_links(f"[{label}]({EVIL})") == f"[{label}]({EVIL})"


@pytest.mark.parametrize(
    "source",
    [
        "[bank.example](https://bank.example/login)",
        "[bank.example](https://www.bank.example)",
        "[www.bank.example](https://bank.example)",
        "[bank.example](https://online.bank.example)",
        "[Bank.Example, log in](https://bank.example)",
        "[https://bank.example:8080/index.io](https://bank.example:8080/index.io)",
        "[bücher.example](https://bücher.example)",
        "[bücher.example](https://xn--bcher-kva.example)",
        "[банк.рф](https://xn--80ab2al.xn--p1ai)",
        "[192.168.1.1](http://192.168.1.1/x)",
        "[utils.py](https://code.example/src/utils.py)",
        "[guide.md](guide.md)",
        "[kim@bank.example](mailto:Kim@bank.example?subject=x)",
        "[write to bank.example](mailto:kim@bank.example)",
        "[bank.example](#bank)",
        "`[bank.example](https://evil.example)`",
        "```\n[bank.example](https://evil.example)\n```",
        "\\[bank.example\\]",
        "- [ ] to do\n- [x] done",
        "a[0] = b[1]",
    ],
)
def test_a_link_that_says_where_it_leads_stays_as_it_is(source: str) -> None:
    assert show_links(source) == source


@pytest.mark.parametrize(
    ("source", "shown"),
    [
        ("[billing@bank.com](mailto:thief@evil)", "[billing@bank.com (thief@evil)](mailto:thief@evil)"),
        ("[kim@bank.com](mailto:jo@bank.com)", "[kim@bank.com (jo@bank.com)](mailto:jo@bank.com)"),
        ("[kim@b.com](mailto:kim@b.com?cc=x@evil)", "[kim@b.com (x@evil)](mailto:kim@b.com?cc=x@evil)"),
        ("[kim@b.com](mailto:kim@b.com,x@evil)", "[kim@b.com (x@evil)](mailto:kim@b.com,x@evil)"),
    ],
)
def test_a_mail_address_names_who_gets_the_mail(source: str, shown: str) -> None:
    assert show_links(source) == shown


@pytest.mark.parametrize(
    "label", ["@Tom", "ask @Tom", "@here", "#general", "(#2024-plans)", "\uff20Tom", "**@Tom**"]
)
def test_a_label_that_looks_like_a_mention_names_the_host(label: str) -> None:
    assert show_links(f"[{label}]({EVIL})") == f"[{label} (evil.example)]({EVIL})"


def test_what_turns_a_label_around_is_taken_away() -> None:
    turned = "\u202e\u2066moc.knab\u2069\u202c"

    assert restore(show_links(f"[{turned}]({EVIL})")) == f"[moc.knab (evil.example)]({EVIL})"
    assert (
        restore(show_links("\u202e[moc.liam](https://a.example)"))
        == "[moc.liam (a.example)](https://a.example)"
    )


def test_text_from_right_to_left_stays_as_it_is() -> None:
    text = "\u202bשלום\u202c [\u200fمرحبا\u200f](https://a.example) \u2066x\u2069 \u202dno link"  # noqa: RUF001

    assert show_links(text) == text.replace("\u202d", "\u2060")
    assert show_links("\u202dno link") == "\u202dno link"


@pytest.mark.parametrize(
    "source",
    [
        "> quoted [bank.com](https://evil.example)\n> more",
        "> lazy\n[bank.com](https://evil.example)",
        "- 1. [bank.com](https://evil.example)",
        "# [bank.com](https://evil.example) #",
        "[bank.com](https://evil.example)\n===",
        "| a | b |\n|---|---|\n| `x\\|y` | x \\| [bank.com](https://evil.example) |",
        "**[bank.com](https://evil.example)**",
        "| a |\n|---|\n| x | [bank.com](https://evil.example) |",
        "> a | b\n> --|--\n> x | " + "word " * 2_500 + "| [bank.com](https://evil.example)",
        "\t- x\n\n\t\t[bank.com](https://evil.example)\n\n- [bank.com](https://evil.example)",
        "`a` [bank.com](https://evil.example) `b`",
        "`[bank.com](https://evil.example)",
        "[bank.com](\nhttps://evil.example\n'title'\n)",
        "[bank.com][e], [bank.com][], Go: [bank.com]: now\n\n[bank.com]: <//evil.example> 'T'\n[e]: //evil",
        "[bank.com][q]\n\n> - [q]: https://evil.example",
        "[bank.com][q\\]]\n\n[q\\]]: https://evil.example",
        "[x][a]\n\n[a]: https://a.example/" + "a" * 30_000 + "\n\n[bank.com](https://evil.example)",
        "[bank.com][r] " * 400 + "[x][r] " * 100 + "\n\n[r]: https://evil.example/" + "a" * 2_000,
        "[" * 40 + "bank.com" + "]" * 40 + "(https://evil.example)",
        "> " * 40 + "[bank.com](https://evil.example)",
        "<https://a.example/[bank.com](https://evil.example)>",
        "`" + "x " * 4_990 + "[bank.com](https://evil.example) " + "x " * 5_000 + "`",
        "word " * 2_100 + "[bank.com]: https://evil.example " + "word " * 100 + "[bank.com]",
        "[bank.com](https://evil.example)\n" + "a\n" * 4_100,
        "[bank.com][e]\n\n[e]: https://evil.example\n" + "a\n" * 4_100,
        "[bank.com](https://evil.example)\n" + "<<\n" * 4_100,
    ],
    ids=range(26),
)  # fmt: skip
def test_in_no_place_a_link_hides_its_host(source: str) -> None:
    for text in markdown_of(separated(make_answer(model(source)))):
        for label, target in links_drawn(text):
            assert "bank.com" not in label or "evil" in label, (label, target)


@pytest.mark.parametrize(
    "source", ["[x](y z)", "[bank.com](https://evil.example foo)", "[x](javascript:alert(1))", "[x](<a\nb>)"]
)
def test_what_is_no_link_can_not_be_taken_for_one(source: str) -> None:
    assert show_links(source) == source.replace("](", "]\u2060(")


@pytest.mark.parametrize(
    "text",
    [
        "[bank.com](https://evil.example) " * 3_000,
        "[a.b](c) " * 11_000,
        "[" * 50_000 + "]" * 50_000,
        "![" * 30_000 + "](x)" * 10_000,
        "[a]" * 33_000 + "\n\n[a]: x",
        "[a.b](" + "c" * 100_000 + ")",
        "[" + "a.b " * 25_000 + "](https://evil.example)",
        "[\u202ea](b)" * 12_000,
        "<https://a.example/]>" * 4_700,
        "[" + "a.norm " * 14_000 + "](https://evil.example)",
        "[" + "`evil.norm` " * 8_000 + "](https://evil.norm)",
        "[" + "evil.py " * 12_000 + "](https://evil.example/evil.py)",
        "[" + "![a.b](c) " * 10_000 + "](https://evil.example)",
        "| a |\n|---|\n" + "| x | [bank.com] |\n" * 5_000,
    ],
    ids=range(14),
)
def test_many_links_are_read_in_time(text: str) -> None:
    begun = time.process_time()

    show_links(text)

    # Takes half a second; coverage and a busy machine make it more, quadratic work minutes.
    assert time.process_time() - begun < 5
