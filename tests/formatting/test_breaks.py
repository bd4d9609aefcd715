import pytest

from sectorflow_slack.formatting.links import show_links


@pytest.mark.parametrize(
    ("source", "shown"),
    [
        ("one<br>two <BR/> three<br />four", "one  \ntwo  \nthree  \nfour"),
        ("one<br>\ntwo", "one  \ntwo"),
        ("one<br><br>two", "one  \n\u2060  \ntwo"),
        ("one\n<br>\ntwo", "one\n\u2060  \ntwo"),
        ("<br>one<br>", "one"),
        ("<br>[a]: b<br>", "\u2060[a]: b"),
        ("<br>\n[a]: b", "\u2060\n[a]: b"),
        ("[a]: b<br>c d", "\u2060[a]: b  \nc d"),
        ("a\n```<br>b`", "a\n\u2060```  \nb`"),
        ("a | b\n|--|--|<br>b", "a | b\n\u2060|--|--|  \nb"),
        ("- [ ] a<br>b", "- [ ] a  \n  b"),
        ("a\n    b<br>c", "a\n    b  \nc"),
        ("- one<br>two", "- one  \n  two"),
        ("> 1. one<br>two\n> 2. three", "> 1. one  \n>    two\n> 2. three"),
        ("> one\ntwo<br>three", "> one\ntwo  \n> three"),
        ("a<br>- b<br># c<br>===<br>**d**", "a  \n\u2060- b  \n\u2060# c  \n\u2060===  \n**d**"),
    ],
)  # fmt: skip
def test_in_prose_a_line_ends_where_br_says_so(source: str, shown: str) -> None:
    assert show_links(source) == shown


@pytest.mark.parametrize(
    ("source", "shown"),
    [
        ("| a<br>b |\n|---|\n| c <br/> d<br> |", "| a / b |\n|---|\n| c / d |"),
        ("| a |\n|---|\n| <br> |", "| a |\n|---|\n| \u2060 |"),
        ("# a<br>b", "# a b"),
        ("[a<br>b](https://a.example)", "[a b](https://a.example)"),
    ],
)
def test_where_there_is_one_line_only_something_stands_in_for_br(source: str, shown: str) -> None:
    assert show_links(source) == shown


@pytest.mark.parametrize("text", ["`<br>`", "```\n<br>\n```", "\\<br>", "<brr>", "<b>", "<br class=x>"])
def test_code_and_other_html_stay_as_they_are(text: str) -> None:
    assert show_links(text) == text
