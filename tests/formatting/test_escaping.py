import pytest

from sectorflow_slack.formatting.escaping import JOINER, escape_mrkdwn, neutralise, restore


@pytest.mark.parametrize(
    ("source", "neutral"),
    [
        ("Hi <!channel> & <@U1>", "Hi &lt;!channel> & &lt;@U1>"),
        ("> quoted <b>", "> quoted &lt;b>"),
        ("a \\<b> \\\\<c>", "a &lt;b> \\\\&lt;c>"),
        ("<https://bank.example|label>", "&lt;https://bank.example|label>"),
        ("<javascript:alert(1)>", "&lt;javascript:alert(1)>"),
        ("&lt;!channel&gt; &amp;", "&lt;!channel&gt; &amp;"),
        ("<div>\n`<b>`\n</div>", "&lt;div>\n`<b>`\n&lt;/div>"),
        ("<!--\n```\n<!here>\n```\n-->", f"&lt;!--\n```\n<{JOINER}!here>\n```\n-->"),
    ],
)
def test_in_prose_no_angle_bracket_is_left(source: str, neutral: str) -> None:
    assert neutralise(source) == neutral


@pytest.mark.parametrize(
    ("source", "neutral"),
    [
        ("see <https://a.example/x?a=1&b=2>.", "see https://a.example/x?a=1&b=2."),
        ("to <kim@a.example>", "to kim@a.example"),
        ("<mailto:kim@a.example>", "mailto:kim@a.example"),
        ("a<https://a.example>b", "a https://a.example b"),
        ("[a](<https://a.example>)", "[a](https://a.example)"),
        ("[a](<https://a.example/(b)>)", "[a](https://a.example/%28b%29)"),
        ("<https://a.example/(b)>", "https://a.example/(b)"),
        ("<https://a.example/[b](https://c.example)>", "https://a.example/%5Bb%5D(https://c.example)"),
        ("<https://[::1]/x>", "https://[::1]/x"),
        ("<https://a.example/@here>", "https://a.example/%40here"),
        ("<https://@here>", f"&lt;https://@{JOINER}here>"),
    ],
)
def test_an_address_in_angle_brackets_becomes_bare_where_that_is_the_same(source: str, neutral: str) -> None:
    assert neutralise(source) == neutral


@pytest.mark.parametrize(
    "code",
    [
        "`a < b <div>`",
        "`` <a> ` <b> ``",
        "```html\n<!DOCTYPE html>\n<!-- a -->\n```",
        "~~~\n<a>\n~~~",
        "```\n<never closed>",
        "    <indented>",
        "\t<tab>",
        "- a\n\n  ```\n  <in a list>\n  ```",
        "> ```\n> <in a quote>\n> ```",
        "> two `lines\n> <b>`",
        "# `<b>` ##",
        "| a | b |\n|---|---|\n| `<b>` | `<c>` |",
        "| `a\\|<b>` |\n|---|\n| x\\|y `a\\|<b>` |",
    ],
)
def test_code_is_left_as_it_is(code: str) -> None:
    assert neutralise(code) == code


@pytest.mark.parametrize(
    "prose",
    [
        "`` <a> `",
        "\\`<a>`",
        "`\n\n<a>`",
        "```a`\n<b>",
        "a\n    <b>",
        "`a` <b> `c`",
        "> ```\n<a>",
        "| a\\|<b> |\n|---|\n| \\`a\\|<b>` |",
    ],
)
def test_what_only_looks_like_code_is_prose(prose: str) -> None:
    neutral = neutralise(prose)

    assert "<" not in neutral
    assert neutral.count("&lt;") == prose.count("<")


@pytest.mark.parametrize(
    "token",
    [
        "!channel>", "!here>", "!everyone|all>", "!subteam^S1|@x>", "!date^1^x|y>", "@U0123>", "@W0123|kim>",
        "#C0123>", "https://evil.example|https://bank.example>",
    ],
)  # fmt: skip
def test_a_live_token_in_code_is_broken_invisibly(token: str) -> None:
    assert neutralise(f"`<{token}`") == f"`<{JOINER}{token}`"
    assert neutralise(f"```\n<{token}\n```") == f"```\n<{JOINER}{token}\n```"


@pytest.mark.parametrize("ping", ["@here", "@Channel", "@EVERYONE"])
def test_a_plain_broadcast_is_broken_outside_code(ping: str) -> None:
    broken = f"@{JOINER}{ping[1:]}"

    assert neutralise(f"_{ping}_ ({ping}) `{ping}`") == f"_{broken}_ ({broken}) `{ping}`"


@pytest.mark.parametrize("harmless", ["@hereafter", "kim@here.example", "@channels", "@kim"])
def test_other_names_keep_their_at(harmless: str) -> None:
    assert neutralise(harmless) == harmless


def test_a_live_token_in_a_cells_code_is_broken_invisibly() -> None:
    table = "| `<!here\\|x>` |\n|---|\n| `<@U1\\|kim>` |"

    assert neutralise(table) == table.replace("<", f"<{JOINER}")


def test_a_broadcast_in_an_addresses_path_leads_to_the_same_place() -> None:
    text = "See https://a.example/@here and [b](https://b.example/x/@channel), @here."

    shown = neutralise(text)

    assert shown == (f"See https://a.example/%40here and [b](https://b.example/x/%40channel), @{JOINER}here.")


def test_restoring_gives_the_source_back() -> None:
    source = "a < b, @here, `<!here>`\n\n```\n<b>\n```"

    assert restore(neutralise(source)) == source


def test_unwritable_characters_and_line_ends_are_mended() -> None:
    assert neutralise("a\r\nb\rc\0d\ud800") == "a\nb\nc\ufffdd\ufffd"


def test_mrkdwn_escapes_three_characters_and_breaks_broadcasts() -> None:
    assert escape_mrkdwn("<!here> & @here") == f"&lt;!here&gt; &amp; @{JOINER}here"
