"""CommonMark's own examples (spec.commonmark.org, 0.31.2, CC BY-SA 4.0): every word there, in its structure.

So are all of GFM's extensions (github/cmark-gfm, test/spec.txt at b4e9a0e, CC BY-SA 4.0), numbered by
section. What differs is meant: HTML is shown, a definition that nothing refers to is shown, only addresses
lead somewhere, and a row keeps the cells that its head has no column for.
"""

import html
import json
import re
from urllib.parse import unquote

import pytest

from tests.formatting.drawing import FOLDER, drawn, elements_of, inlines

GFM = json.loads((FOLDER / "gfm.json").read_text())
EXAMPLES = [*json.loads((FOLDER / "commonmark.json").read_text()), *GFM]
#: The targets of the examples, as addresses: others lead nowhere in Slack.
_TARGET = re.compile(r"(?<![\w/.-])(?=/ur[il]|train\.jpg|/train)")
#: By number: definitions that nothing refers to or that have no address, odd addresses, and a list from 0.
OTHER = {
    267,
    *(23, 32, 33, 203, 204, 206, 217),
    *(194, 195, 200, 201, 207, 208, 210, 317, 544, 545, 563, 565, 567, 571, 592),
    *(507, 520, 536, 537, 538, 581),
    "Tables 8",
}


def text_of(page: str) -> str:
    """The text of a page, each link that is none in Slack with its target."""
    live = re.compile(r"(https?://|mailto:)\S", re.IGNORECASE)

    def named(label: str, target: str) -> str:
        is_said = not target or target.startswith("#") or target in label or bool(live.match(target))
        return label if is_said else f"{label} ({target})"

    page = re.sub(r'<img src="([^"]*)" alt="([^"]*)"[^>]*>', lambda each: named(each[2], each[1]), page)
    page = re.sub(
        r'<a href="([^"]*)"[^>]*>(.*?)</a>', lambda each: named(each[2], each[1]), page, flags=re.DOTALL
    )
    return unquote(html.unescape(re.sub("<[^>]*>", "", page)))


def signs(text: str) -> str:
    """The letters and digits of a text."""
    return "".join(re.findall(r"[^\W_]", unquote(text)))


@pytest.mark.parametrize(("number", "section", "source", "page"), EXAMPLES, ids=lambda value: str(value)[:12])
def test_every_word_of_an_example_is_shown_in_order(number, section, source, page):
    source, page = (_TARGET.sub("https://a.example/q", text) for text in (source, page))
    blocks = drawn(source)
    shown = signs("".join(run["text"] for run in inlines(blocks)))

    if number in OTHER or "<" in source or "HTML" in section:
        assert sorted(set(signs(text_of(page))) - set(shown)) == []
    else:
        assert shown.replace("1", "") == signs(text_of(page)).replace("1", "")


@pytest.mark.parametrize(("number", "section", "source", "page"), EXAMPLES, ids=lambda value: str(value)[:12])
def test_code_lists_and_quotes_keep_their_structure(number, section, source, page):
    elements = list(elements_of(drawn(source)))
    codes = [
        element["elements"][0]["text"] for element in elements if element["type"] == "rich_text_preformatted"
    ]
    wanted = [
        html.unescape(code) for code in re.findall(r"<pre><code[^>]*>(.*?)</code></pre>", page, re.DOTALL)
    ]

    assert codes == [code.removesuffix("\n") for code in wanted if code.strip()]
    if "<blockquote>" not in page:
        items = sum(len(element["elements"]) for element in elements if element["type"] == "rich_text_list")
        empty = len(re.findall(r"<li>\s*<[ou]l", page))
        assert items == page.count("<li>") - empty


@pytest.mark.parametrize(("number", "section", "source", "page"), GFM, ids=lambda value: str(value)[:12])
def test_tables_and_marks_of_githubs_markdown_keep_their_structure(number, section, source, page):
    blocks = drawn(source)
    rows = [
        ["".join(run["text"] for run in inlines(cell)).strip() for cell in row]
        for block in blocks
        if block["type"] == "table"
        for row in block["rows"]
    ]
    styles = {
        name: [run["text"] for run in inlines(blocks) if name in run.get("style", ())]
        for name in ("strike", "code", "bold")
    }

    wanted = [
        re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row)
        for row in re.findall(r"<tr>(.*?)</tr>", page, flags=re.DOTALL)
    ]
    kept = [[re.sub("<[^>]*>", "", cell) for cell in row] for row in wanted]
    assert [row[: len(kept[0])] for row in rows] == kept
    for name, tag in (("strike", "del"), ("code", "code"), ("bold", "strong")):
        assert styles[name] == re.findall(f"<{tag}>(.*?)</{tag}>", page)
    marks = [run["text"][0] for run in inlines(blocks) if run["text"][:1] in "☐☑"]
    assert marks == ["☑" if "checked" in box else "☐" for box in re.findall("<input[^>]*>", page)]
    # Slack gets the addresses that are written out: mailboxes and names stay text.
    links = re.findall('<a href="(http[^"]*)">(.*?)</a>', page)
    assert [run["url"] for run in inlines(blocks) if "url" in run] == [
        target for target, label in links if target == label
    ]
