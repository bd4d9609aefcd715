"""What models write that is easily misread, each with its kind around it."""

# ruff: noqa: RUF001  (signs that look alike are what models write)

from dataclasses import replace

import pytest

from sectorflow_slack.formatting.displays import render
from sectorflow_slack.formatting.notices import text_of
from tests.formatting.drawing import (
    READING,
    bodies,
    drawn,
    elements_of,
    inlines,
    make_answer,
    model,
    runs,
    separated,
    tabs,
    words,
)
from tests.formatting.slack_rules import assert_accepted

SHOWN = {
    "bold_before_chinese": "提示：先保存文件，再关闭窗口。请看“设置”页面。",
    "bold_label_without_blank": "Owner:Dana\nDue:Friday",
    "details": "Why this works\n\nThe cache is warm by then.",
    "escaped_parentheses": "Call save() and then load(name); (optional) arguments come last.",
    "handle_link": "Follow @dana (https://github.com/dana) for more.",
    "math_of_plain_signs": "With n = 12 and r = 0.5 we get n × r = 6 ≤ 10.",
    "notification": "Plan\nFirst look at a.txt.\na · b\n1 · 2",
    "padded_table": "Part · Meaning\nHinge · Turns the door\nLatch · Keeps it shut",
    "slack_link": "The form is here: leave form (https://example.org/forms/leave).",
    "small_html": "Water is H₂O; press Esc, which is safe.",
    "tag_after_bracket_label": "[Note]: Important\n\nKeep the receipt.",
    "terminal_colours": "The output was failed and retry.",
    "thinking": "The answer is 42.\n\nReasoning\nThe person wants one number. 6 times 7 is 42.",
}
#: Shown letter by letter.
AS_WRITTEN = {
    "br_in_html_without_fence", "br_named_in_prose", "json_with_dollar_keys", "log_lines",
    "sed_in_a_sentence", "shell_without_fence", "speakers_in_brackets", "unused_definitions",
}  # fmt: skip


def test_every_input_is_tested():
    assert set(READING) == {*SHOWN, *AS_WRITTEN, "nested_numbers_over_messages"}


@pytest.mark.parametrize("name", sorted({*SHOWN, *AS_WRITTEN}))
def test_an_input_reads_as_it_was_meant_in_all_displays(name):
    answer = make_answer(model(READING[name]), model("Short."))
    expected = SHOWN.get(name, READING[name].rstrip("\n"))

    assert words(READING[name]) == expected
    blocks = drawn(READING[name])
    for (message,) in (separated(answer), tabs(replace(answer, models=answer.models[:1]))):
        assert_accepted(message)
        assert blocks == bodies([message])[: len(blocks)]
    (message,) = render(replace(answer, display="folded"))
    assert_accepted(message)
    assert blocks == message.blocks[0]["child_blocks"][: len(blocks)]


def test_nested_numbers_go_on_in_the_next_message_one_level_below():
    first, second = separated(make_answer(model(READING["nested_numbers_over_messages"])))

    before, below, *_ = elements_of(bodies([first]))
    goes_on, after = elements_of(bodies([second]))
    assert (before.get("indent", 0), below["indent"], below.get("offset", 0)) == (0, 1, 0)
    assert (goes_on["style"], goes_on["indent"]) == ("ordered", 1)
    assert goes_on["offset"] == len(below["elements"])
    assert len(goes_on["elements"]) + goes_on["offset"] == 14
    assert after["offset"] == 1


@pytest.mark.parametrize(
    ("source", "shown"),
    [
        ("**注意：**请", ["注意：|bold", "请"]),
        ("看**《书》**吧", ["看", "《书》|bold", "吧"]),
        ("これは**「重要」**です", ["これは", "「重要」|bold", "です"]),
        ("**설정(옵션)**을", ["설정(옵션)|bold", "을"]),
        ("**Done!**Next, **why?**So", ["Done!|bold", "Next, ", "why?|bold", "So"]),
        ("**a (b)**c", ["a (b)|bold", "c"]),
        ("*重点：*先", ["重点：|italic", "先"]),
        ("x*(a+b)*c", ["x*(a+b)*c"]),
        ("2**(n-1)**2", ["2**(n-1)**2"]),
        ("f(**kwargs) and g(**options)", ["f(**kwargs) and g(**options)"]),
        ("f(*args, **kwargs), f(*a, **b)", ["f(*args, **kwargs), f(*a, **b)"]),
        ("2 ** 3 ** 4", ["2 ** 3 ** 4"]),
        ("snake_case_name and __Init__", ["snake_case_name and ", "Init|bold"]),
    ],
)
def test_bold_beside_punctuation_and_cjk(source, shown):
    assert runs(source) == shown


@pytest.mark.parametrize(
    "line",
    [
        "[Anna]: Yes", "[2024-01-02 10:00]: started", "[x]: y", "[Note]: see_below", "[^1]: Smith, 2020",
        "[a]: <b>", "[todo]: /path/to", "[ERROR]: https://bad url here",
    ],
)  # fmt: skip
@pytest.mark.parametrize("around", ["{}", "Log:\n\n{}\n{}", "> {}", "- a\n\n  {}", "{}\n\nThe end."])
def test_a_line_that_begins_like_a_definition_is_there(line, around):
    source = around.replace("{}", line)

    assert words(source).count(words(line)) == source.count(line)
    assert words(line) == (line if "<b>" not in line else "[a]: <b>")


def test_a_definition_is_hidden_only_where_a_link_has_its_address():
    text = "See [one][1] and [2].\n\n[1]: https://a.example/1\n[2]: https://a.example/2\n[3]: https://a.example/3"

    assert runs(text) == [
        *["See ", "one|https://a.example/1", " and ", "[2]|https://a.example/2", "."],
        *["\n\n[3]: ", "https://a.example/3|https://a.example/3"],
    ]
    assert words("[a]: https://a.example\n[a]: https://b.example\n\n[a]").startswith("[a]: https://b.example")


@pytest.mark.parametrize(
    "text",
    [
        "echo $HOME and $PATH.", "cp $a $b; rm $a", 'if [ "$x" = "$y" ]; then echo $x; fi', "${a}/${b}",
        "s/$from/$to/g", "grep '^$' and '$HOME'", "$ npm install\n$ npm test", "$5 and $6", "from $5 to 6$",
        "CA$5 and A$", "$1,000 (US$)", "$100-$200", "$x = $y + 1; print $x", "$_ and $@ and $$",
        "$key is $", "'$a' and '$b'",
        "awk '{print $1, $2}'", "R$ 10 e R$ 20", "$GOPATH/bin:$PATH", "a$b$c", "jq '.[] | $v'",
        "The price ($5) is not ($6).", "${{ secrets.A }} ${{ secrets.B }}", "`$x$`", "```\n$x_1$\n```",
        "$('#a').hide(); $('#b').show();", "$(a)/$(b) and $(pwd)/$DIR", "价格$5到$6", "$name$ and $END$",
        "$VAR_1$ and $name_2$",
        r"(^$|^#.*$) or ^\d+$|^\w+$", 'a = "$x", b = "$y"', "($b = $a; $c) = $d",
    ],
)  # fmt: skip
def test_dollars_that_are_no_formulas_stay(text):
    shown = words(text)

    assert shown == text.strip("`\n")


@pytest.mark.parametrize(
    ("source", "shown"),
    [
        ("so $x_1$ and $a^2 + b^2 = c^2$.", ["so x₁ and a² + b² = c²."]),
        ("the $n$th, $x$-axis, ($k$)", ["the nth, x-axis, (k)"]),
        ("so $(x+1)^2$, ${x}_1$ and $a$,$b$", ["so (x+1)², x₁ and a,b"]),
        ("设$x=1$，则$f(x)$的值", ["设x=1，则f(x)的值"]),
        (r"\(\alpha \cdot \beta \neq 0\)", ["α · β ≠ 0"]),
        (r"$\frac{1}{2}$ and \(\sqrt{x + 1}\)", ["1/2 and √(x + 1)"]),
        (r"$\text{area} = \pi r^2$", ["area = πr²"]),
        (r"\(A \in \mathbb{R}^{10}\)", ["A ∈ ℝ¹⁰"]),
        (r"\( \{x\} \)", ["{x}"]),
        (r"$\sqrt 2$, $90^\circ$ and $p \Longrightarrow q$", ["√2, 90° and p ⟹ q"]),
        (r"$x \not\in A$, $a \not= b$, $\nabla f \models g$", ["x ∉ A, a ≠ b, ∇f ⊧ g"]),
        (r"$\sum_{i=1}^{n} i$ and $\triangle ABC$", ["∑ᵢ₌₁ⁿ i and △ABC"]),
        (r"so $\sqrt[3]{8}$", ["so ", r"\sqrt[3]{8}|code"]),
        (r"$\hat{y}_i$ is *so*", [r"\hat{y}_i|code", " is ", "so|italic"]),
        (r"$x^{\alpha}$ **and $x*y*z$**", [r"x^{\alpha}|code", " ", "and x*y*z|bold"]),
        ("We know \\[ a_1 = 2 \\] too", ["We know a₁ = 2 too"]),
        ("\\[\n\\frac{a + b}{2} \\geq \\sqrt{ab}\n\\]", ["(a + b)/2 ≥ √(ab)"]),
        ("$$\n\\begin{x}a & b\\\\\nc\\end{x}\n$$", ["\\begin{x}a & b\\\\\nc\\end{x}"]),
        ("| a |\n|---|\n| $x_2$ |", ["a", "x₂"]),
        ("> $$\n> x_1 = 2\n\n$$\nb", ["$$\nx_1 = 2", "$$\nb"]),
        ("- $$\n  x_1 = 2\n  $$\n- b", ["x₁ = 2", "b"]),
        ("> $$\n> x_1\n> = 2\n> $$\n> b", ["x₁ = 2", "\n\nb"]),
        ("a\n$$\n- b\n+ c\n$$\nd", ["a", "\n\n- b + c", "\n\nd"]),
        ("\\begin{x}\na & b\n\\end{x}", ["\\begin{x}\na & b\n\\end{x}"]),
        ("\\[ x = 1 \\] and so", ["x = 1 and so"]),
        ("\\[Note\\]", ["[Note]"]),
        (r"\(optional\) and \(see below\), sum\(a, b\)", ["(optional) and (see below), sum(a, b)"]),
        (r"as in \[1\] and \[sic\], \(2024\)", ["as in [1] and [sic], (2024)"]),
        (r"sum\( a \), \( \), \( see below \), \(n - 1 \)", ["sum( a ), ( ), ( see below ), (n - 1 )"]),
        (r"find \( -name a -o -type f \) -print", ["find ( -name a -o -type f ) -print"]),
        (r"so \( f(x) \), \( n - 1 \) and \( 12 \)", ["so f(x), n - 1 and 12"]),
        ("$CO_2$, $CH_4$, $Fe_2O_3$ and $HNO_3$", ["CO₂, CH₄, Fe₂O₃ and HNO₃"]),
        ("never \\( closed", ["never ( closed"]),
    ],
)  # fmt: skip
def test_formulas_are_plain_signs_or_code(source, shown):
    assert runs(source) == shown


@pytest.mark.parametrize(
    ("tex", "shown"),
    [
        (r"\frac{1}{2} + \frac{1}{3}", "1/2 + 1/3"), (r"x = \frac{a+b}{2}.", "x = (a+b)/2."),
        (r"-\frac{1}{2} \cdot \frac34", "-1/2 · 3/4"), (r"\left(\frac{a}{b}\right)^n", "(a/b)ⁿ"),
        (r"\frac{3}{4}\frac{1}{2}", "(3/4)(1/2)"), (r"\frac{a}{b}^2", "(a/b)²"), (r"\frac{a}{b}^-", "(a/b)⁻"),
        (r"{\frac{a}{b}} c", "(a/b) c"), (r"\frac{\frac{a}{b}c}{2}", "((a/b)c)/2"),
        (r"\frac{n}{2}!", "(n/2)!"),
        (r"a/\frac{b}{c}", "a/(b/c)"), (r"a \div \frac{b}{c}", "a ÷ (b/c)"), (r"\frac{a}{b}|x|", "(a/b)|x|"),
        (r"n\frac{a}{b}", "n(a/b)"), (r"x^2\frac{1}{2}", "x²(1/2)"), (r"f(x)\frac{1}{2}", "f(x)(1/2)"),
        (r"\frac{4}{3} \pi r^3", "(4/3) πr³"), (r"\frac{a}{b}\sqrt{c}", "(a/b)√c"),
        (r"\frac{a}{b}\sin x", "(a/b) sin x"),
        (r"\frac{1}{2}\text{ if } x", "1/2 if x"), (r"\frac{1}{2}\text{kg}", "(1/2)kg"),
        (r"\sqrt{16} = 4", "√16 = 4"), (r"2\sqrt{3}", "2√3"), (r"\sqrt{\frac{a}{b}}", "√(a/b)"),
        (r"\sqrt{x}y", "(√x)y"), (r"\sqrt{2}^3", "(√2)³"), (r"\sqrt{x} (y)", "(√x) (y)"),
        (r"\sqrt2/2", "(√2)/2"), (r"\boxed{42}", "42"),
        (r"x = \boxed{\frac{3}{4}}", "x = 3/4"), (r"\boxed{a+b}c", "(a+b)c"),
    ],
)  # fmt: skip
def test_fractions_and_roots_have_brackets_where_they_touch_something(tex, shown):
    assert runs(f"so \\({tex}\\)") == [f"so {shown}"]


@pytest.mark.parametrize(
    "tex",
    [
        r"2\frac{1}{2}", r"5 \frac{3}{4}", r"\sqrt{2\frac14}", r"2\boxed{3}", r"\boxed{}", r"\sqrt [3]{x}",
        r"x^{\text{10 MB}}", r"e^{\sin x}", r"x^{\frac{1}{2}}",
    ],
)  # fmt: skip
def test_what_would_say_something_else_in_plain_signs_is_code(tex):
    assert runs(f"so \\({tex}\\)") == ["so ", f"{tex}|code"]


@pytest.mark.parametrize(
    ("tex", "shown"),
    [
        (r"\sin x", "sin x"), (r"\sin\theta", "sin θ"), (r"2\sin x\cos x", "2 sin x cos x"),
        (r"\sin(x)", "sin(x)"),
        (r"(\sin x)+\cos", "(sin x)+cos"), (r"\sin^2\theta + \cos^2 \theta", "sin² θ + cos² θ"),
        (r"\log_{10}100", "log₁₀ 100"), (r"\ln\frac{a}{b}", "ln(a/b)"), (r"\ln\sqrt{x}", "ln √x"),
        (r"\sin\frac{x}{2}\cos\frac{x}{2}", "sin(x/2) cos(x/2)"), (r"\max\{a, b\}", "max{a, b}"),
        (r"\operatorname{Var}X", "Var X"), (r"a\operatorname*{argmax}_x f", "a argmaxₓ f"),
        (r"x_{\max}", "xₘₐₓ"), (r"\Delta G", "ΔG"), (r"\alpha x + \beta \gamma", "αx + βγ"),
        (r"2\pi r", "2πr"), (r"\partial f/\partial x", "∂f/∂x"),
        (r"\forall x \in A", "∀x ∈ A"), (r"a \perp b", "a ⊥ b"), (r"\lfloor x \rfloor", "⌊x⌋"),
        (r"x_1, \ldots, x_n", "x₁, …, xₙ"), (r"x_1 \dots x_n \cdots y", "x₁ … xₙ ⋯ y"),
        (r"\left. x \right|_1", "x |₁"), (r"\left.x\right .", "x"), (r"a \leftarrow. b", "a ← . b"),
        (r"\displaystyle\sum\limits_{i=1}^n i", "∑ᵢ₌₁ⁿ i"), (r"f\colon A\to B", "f: A → B"),
        (r"a_{n + 1}^{k t}", "aₙ₊₁ᵏᵗ"),
    ],
)  # fmt: skip
def test_names_and_signs_have_the_blanks_that_tex_gives_them(tex, shown):
    assert runs(f"so \\({tex}\\)") == [f"so {shown}"]


@pytest.mark.parametrize(
    "tex", [r"x^{\frac{1}{2}}", r"\matrix{a}", "a & b", r"\sum_{i\in A}", "{" * 9, "}", "^"]
)
def test_what_plain_signs_do_not_say_is_code_letter_by_letter(tex):
    assert runs(f"so $${tex}+\\hat x$$ is")[1] == f"{tex}+\\hat x|code"


@pytest.mark.parametrize(
    "tex", ["x" + "^" * 900 + "a", "\\sqrt" * 150 + " x", "{" * 400 + "x" + "}" * 400, "\\frac" * 190]
)
@pytest.mark.parametrize("source", ["so ${}$ is", "$$\n{}\n$$", "| ${}$ |\n|---|"])
def test_a_formula_nested_without_end_is_code_letter_by_letter(tex, source):
    text = source.replace("{}", tex)

    assert tex in words(text)


@pytest.mark.parametrize(
    ("source", "shown"),
    [
        ("one<br>two<BR/>three<br />\nfour", ["one\ntwo\nthree\nfour"]),
        ("one<br><br>two", ["one\n\ntwo"]),
        ("**A:** x<br>**B:** y", ["A:|bold", " x\n", "B:|bold", " y"]),
        ("| a<br>b |\n|---|\n| c <br/> d<br> |\n| <br> |", ["a\nb", "c \n d\n", "<br>"]),
        ("# a<br>b", ["a b|bold"]),
        ("one\n\n<br>\n\ntwo<br>  \nthree", ["one", "\n\ntwo\nthree"]),
        ("<br>one <br><br> two", ["one \n\n two"]),
        ("| `a`<br>`b` |\n|---|", ["a|code", "\n", "b|code"]),
        ("Use <br>, not <br/>.", ["Use <br>, not <br/>."]),
        ("The **<br>** tag", ["The ", "<br>|bold", " tag"]),
        ('Write "<br>" or (<br>).', ['Write "<br>" or (<br>).']),
        ("`<br>` and \\<br>", ["<br>|code", " and <br>"]),
        ("Use <b> and </b>.", ["Use <b> and </b>."]),
        ("<b>Bold</b> <div> <i>x</i>", ["<b>Bold</b> <div> <i>x</i>"]),
        ("<b>a <i>b</i></b> <del>c</del>", ["a |bold", "b|bold,italic", " ", "c|strike"]),
        ("x<sup>2</sup>, 10<sup>n+1</sup>, x<sup>α,β</sup>, 9<sup>°</sup>", ["x², 10ⁿ⁺¹, x^(α,β), 9°"]),
        ("a<sub>q</sub>", ["a_q"]),
        ("10<sup>th</sup>, 5<sup>10 MB</sup>, x<sup>n + 1</sup>", ["10ᵗʰ, 5^(10 MB), xⁿ⁺¹"]),
        ("a<sub>max</sub>, a<sub>sales</sub>", ["aₘₐₓ, a_(sales)"]),
        ("<code>a *b* c</code>", ["a |code", "b|italic,code", " c|code"]),
        ('<a href="https://a.example">here</a>', ["here|https://a.example"]),
        ("Hello <user@host>, <your name>", ["Hello ", "user@host|mailto:user@host", ", <your name>"]),
        ("vector<int> and List<String>", ["vector<int> and List<String>"]),
        ("<details>\n<summary>A **b**</summary>\nText\n</details>", ["A b|bold", "\nText"]),
        ("- x\n\n  <details><summary>S</summary>\n\n  y\n\n  </details>", ["x\n", "S|bold", "\ny"]),
        ("<details>\n  <summary>A</summary>\n\nText", ["  ", "A|bold", "\n\nText"]),
        ("<details><summary>A</summary>Text</details>", ["A|bold", "\nText"]),
        ("The <details> and <summary> tags", ["The <details> and <summary> tags"]),
        ("# Using <details>", ["Using <details>|bold"]),
        ("<b></b> and <b> b</b>", ["<b></b> and <b> b</b>"]),
        ("<b>\na\n</b>", ["a|bold"]),
        ("<b>a [b</b>](https://a.example)", ["a |bold", "b|bold,https://a.example"]),
        ("<!-- a --> b", ["<!-- a --> b"]),
        ("Write <!-- a -->, <b>so</b>.", ["Write <!-- a -->, ", "so|bold", "."]),
        ("<b>a</b><!-- b -->c<!--\nd -->", ["a|bold", "c"]),
        ("a\n\n<!-- end list -->\n\nb", ["a", "\n\nb"]),
        ("<c>\n<!-- d -->\n</c>", ["<c>\n<!-- d -->\n</c>"]),
        ("<b>a</b> <!x>", ["<b>a</b> <!x>"]),
        ("H<sub>2</sub>O <small>tiny</small> <font color='red'>red</font>", ["H₂O tiny red"]),
        ("<center>\n**a** <big>b</big>\n</center>", ["a|bold", " b"]),
        ('<span style="x">\na\n</span>', ["a"]),
        ("List<Font>, use <span> and </span>.", ["List<Font>, use <span> and </span>."]),
        ("<b>Name:</b> <your name>", ["<b>Name:</b> <your name>"]),
        ("<answer>\n**Yes.**\n</answer>", ["<answer>\n", "Yes.|bold", "\n</answer>"]),
        ("<answer>\n- a\n\n</answer>\n**b**", ["<answer>", "a", "\n</answer>\n", "b|bold"]),
        ("<div>\n**a**\n</div>", ["<div>\n**a**\n</div>"]),
        ("a\n<div>\n**b**", ["a", "\n\n<div>\n**b**"]),
        ("<pre>\n**a**\n\n**b**\n</pre>", ["<pre>\n**a**\n\n**b**\n</pre>"]),
    ],
)  # fmt: skip
def test_html_is_drawn_where_it_is_meant_and_else_shown(source, shown):
    assert runs(source) == shown


@pytest.mark.parametrize(
    "source", ["# Why **this** *and* that", "Why **this** *and* that\n===", "- # a **b** c"]
)
def test_a_heading_is_bold_to_its_end_whatever_is_bold_in_it(source):
    assert all("bold" in run["style"] for run in inlines(drawn(source)))


@pytest.mark.parametrize("name", ["think", "thinking", "thought", "reasoning", "THINK"])
@pytest.mark.parametrize(
    "source",
    [
        "<{}>a\n\n```\nb</{}>c",
        "<{}>\na\n\n```\nb\n</{}>\n\nc",
        "a\n\n```\nb\n</{}>\nc",
        "\n<{}>a\n\n```\nb</{}>\n\nc",
    ],
)  # fmt: skip
def test_reasoning_stands_apart_below_the_answer(name, source):
    elements = list(elements_of(drawn(source.replace("{}", name))))

    assert [run["text"] for run in elements[0]["elements"]] == ["c", "\n\n", "Reasoning"]
    assert [element["type"] for element in elements[1:]] == ["rich_text_quote", "rich_text_preformatted"]


@pytest.mark.parametrize(
    "source", ["[THINK]a[/THINK]c", "\n[think]\na\n[/think]\nc", "◁think▷a◁/think▷\n\nc"]
)
def test_reasoning_has_other_tags_too(source):
    assert words(source) == "c\n\nReasoning\na"


@pytest.mark.parametrize(
    "source",
    [
        "```\na\n</think>\n```\nc",
        "[THINK about it] c",
        "a [THINK]b[/THINK]",
        "~~~xml\n</think>\n~~~\n\n```\nb\n```",
    ],
)
def test_a_tag_that_an_answer_speaks_of_is_no_reasoning(source):
    assert "Reasoning" not in words(source)
    assert "think" in words(source).lower()


def test_reasoning_that_never_ends_is_all_there_is():
    assert words("<think>\nHm.\n\n- a") == "Reasoning\nHm.\n• a"
    assert words("The <think> tag.\n\n<think>\nis odd") == "The <think> tag.\n\n<think>\nis odd"


@pytest.mark.parametrize(
    ("source", "shown"),
    [
        ("\x1b[1;31mred\x1b[0m", "red"), ("\x1b]0;title\x07x", "x"), ("a\x1b[2Kb\x1b[3A", "ab"),
        ("a\x00b\x07c", "abc"), ("a\u202eb\u202c\u2066c\u2069", "abc"), ("a\ud800", "a\ufffd"),
        ("a\r\nb\rc\x0bd", "a\nb\nc\nd"), ("\u200fשלום", "\u200fשלום"),
    ],
)  # fmt: skip
def test_controls_and_what_turns_text_around_go(source, shown):
    assert words(source) == shown


@pytest.mark.parametrize(
    ("source", "shown"),
    [
        ("10. a\n9. b\n8. c", "10. a\n9. b\n8. c"),
        ("1. a\n3. c\n7. g", "1. a\n3. c\n7. g"),
        ("1. a\n1. b\n1. c", "1. a\n2. b\n3. c"),
        ("5) a\n5) b", "5. a\n6. b"),
        ("0. a\n1. b", "• 0. a\n1. b"),
        ("2. a\n   7. b\n   6. c\n3. d", "2. a\n7. b\n6. c\n3. d"),
        ("> 3. a\n> 2. b", "3. a\n2. b"),
    ],
)  # fmt: skip
def test_items_keep_the_numbers_that_they_were_written_with(source, shown):
    assert words(source) == shown


@pytest.mark.parametrize(
    ("source", "shown"),
    [
        ("> [!NOTE]\n> Mind **this**.", ["Note|bold", "\nMind ", "this|bold", "."]),
        ("> [!WARNING]\n>\n> Mind this.", ["Warning|bold", "\n\nMind this."]),
        ("> [!TIP]", ["Tip|bold"]),
        ("> a\n> [!NOTE]", ["a\n[!NOTE]"]),
        ("> [!OTHER]\n> a", ["[!OTHER]\na"]),
    ],
)
def test_an_alert_has_its_name_in_bold(source, shown):
    assert runs(source) == shown


@pytest.mark.parametrize(
    ("source", "shown"),
    [
        ("Sales rose 5[1](https://a.example)[2](https://b.example).", ["[1]", "[2]"]),
        ("So [^3](https://a.example) and [2026](https://a.example).", ["[^3]", "2026"]),
    ],
)
def test_a_citation_keeps_its_brackets(source, shown):
    assert [run["text"] for run in inlines(drawn(source)) if "url" in run] == shown


@pytest.mark.parametrize(
    "source",
    [
        "2**10 = 1024 and 3**2 = 9", "5*3=15 and 2*4=8", "10*10*10 cm", "3*x + 4*y = 7", "width*height*depth",
        '{"a": "b*c*d"}', "char*a, int*b", "(*.py, *.js) and src/**/*.py, **/*.py", "COUNT(*), SUM(*)",
        "src/*.ts and test/*.ts", "the __init__ of __main__, return __name__", "a__init__b and __x__",
        "test_*.py and data_*.csv",
    ],
)  # fmt: skip
def test_signs_of_programs_are_no_marks(source):
    assert runs(source) == [source]


@pytest.mark.parametrize(
    ("source", "shown"),
    [
        ("un**frigging**believable", ["un", "frigging|bold", "believable"]),
        ("**a**b **2**x **(a)**.", ["a|bold", "b ", "2|bold", "x ", "(a)|bold", "."]),
        ("*a*, __Two words__, (**a**)", ["a|italic", ", ", "Two words|bold", ", (", "a|bold", ")"]),
        ("**and/or**, *a/b*/c", ["and/or|bold", ", ", "a/b|italic", "/c"]),
    ],
)
def test_marks_beside_words_and_punctuation_stay_marks(source, shown):
    assert runs(source) == shown


@pytest.mark.parametrize(
    "address",
    [
        "https://github.com/a/b/blob/main/pkg/__init__.py", "https://x.example/__tests__/y", "https://x.example/_a_/b",
        "https://api.example.com/v1/*/items", "HTTP://x.example/~~a~~/b", "https://x.example/?q=2*3*4",
    ],
)  # fmt: skip
@pytest.mark.parametrize(
    "around", ["{}", "see {}.", "**{}**", "- {} *x*", "请看{}。", "| {} |\n|---|", "({})"]
)
def test_marks_within_an_address_are_characters_of_it(address, around):
    links = [run for run in inlines(drawn(around.format(address))) if "url" in run]

    assert [(run["text"], run["url"]) for run in links] == [(address, address)]


def test_an_entity_in_an_address_is_its_character():
    (run,) = inlines(drawn("https://x.example/?a=1&amp;b=2&copy=3"))

    assert run["url"] == run["text"] == "https://x.example/?a=1&b=2&copy=3"


@pytest.mark.parametrize(
    ("source", "shown"),
    [
        (
            "[1][2] parts.\n\n[1]: https://a.example\n[2]: https://b.example",
            ["[1]|https://a.example", "[2]|https://b.example", " parts."],
        ),
        ("It[1][2].\n\n[2]: https://b.example", ["It[1]", "[2]|https://b.example", "."]),
        (
            "[1][2][1]\n\n[1]: https://a.example\n[2]: https://b.example",
            ["[1]|https://a.example", "[2]|https://b.example", "[1]|https://a.example"],
        ),
        ("[^1][^2]", ["[^1][^2]"]),
        (
            "[a][1] [2024][1]\n\n[1]: https://a.example",
            ["a|https://a.example", " ", "2024|https://a.example"],
        ),
    ],
)
def test_each_citation_leads_to_its_own_source(source, shown):
    assert runs(source) == shown


@pytest.mark.parametrize(
    "source", [">90%: Excellent", ">= 5 and more", ">$5", "- >90%: a\n- >= 5", "a\n>3 b"]
)
def test_a_comparison_is_no_quote(source):
    assert words(source) == source.replace("- ", "• ")


@pytest.mark.parametrize("source", ["> 90% of it", "> a\n>5 b", ">a", "> > 5"])
def test_a_quote_may_begin_with_a_number(source):
    assert {element["type"] for element in elements_of(drawn(source))} == {"rich_text_quote"}


def test_a_pipe_in_the_code_of_a_cell_parts_no_cell():
    (table,) = drawn("| op | is |\n|---|---|\n| `||` | or |\n| `a|b` | `c|d` |\n| x | y`z |")

    cells = [["".join(run["text"] for run in inlines(cell)) for cell in row] for row in table["rows"]]
    assert cells == [["op", "is"], ["||", "or"], ["a|b", "c|d"], ["x", "y`z"]]


@pytest.mark.parametrize(
    ("source", "shown"),
    [
        ("10. **Ten**\n   - c\n   - d\n11. e", "10. Ten\n    • c\n    • d\n11. e"),
        ("1. Foo\n  - bar\n2. x", "1. Foo\n    • bar\n2. x"),
        ("* a\n- b", "• a\n• b"),
        ("1. a\n\nb\n\n  - c", "1. a\n\nb\n• c"),
        ("> 10. a\n>    - b", "10. a\n    • b"),
    ],
)
def test_a_list_further_to_the_right_is_in_the_item_before_it(source, shown):
    assert text_of(drawn(source)) == shown


@pytest.mark.parametrize(
    ("source", "codes"),
    [
        ("```markdown\n# T\n```bash\nls\n```\nend\n```\nAfter", ["# T\n```bash\nls\n```\nend"]),
        ("- a\n  ````md\n  ```\n  b\n  ````", ["```\nb"]),
        ("```md\na\n```\n\n```py\nb\n```", ["a", "b"]),
        ("```md\n```x\n```\nafter", ["```x"]),
        ("```MD\n```a\n```b\n```\n```\n```", ["```a\n```b\n```\n```"]),
        ("```md\nnever\n```x", ["never\n```x"]),
    ],
)
def test_a_fence_of_markdown_may_have_fences_in_it(source, codes):
    shown = [each for each in elements_of(drawn(source)) if each["type"] == "rich_text_preformatted"]

    assert [each["elements"][0]["text"] for each in shown] == codes


def test_marks_beyond_twenty_thousand_stay_as_written():
    shown = words("\n\n".join(["**a** " * 10] * 600))

    assert shown.count("a") == 6_000
    assert shown.count("**a**") == 1_000


def test_indents_of_lines_stay_where_no_list_gave_them():
    assert words("for a in b:\n  print(a)\n      c") == "for a in b:\n  print(a)\n      c"
    assert words("- a\n  b\n> c\n   d") == "• a\nb\nc\nd"


def test_a_table_keeps_the_cells_that_its_head_has_no_column_for():
    (table,) = drawn("| a |\n|:-:|\n| b | c |\n| d | e | f |")

    assert [[cell["text"] for cell in row] for row in table["rows"]] == [
        *[["a", " ", " "], ["b", "c", " "], ["d", "e", "f"]]
    ]
    assert [column["align"] for column in table["column_settings"]] == ["center", "left", "left"]


def test_what_draws_nothing_is_shown_as_it_is_written():
    (message,) = separated(make_answer(model("```\n```"), model("<br>"), model("***"), model("\u202e")))

    assert [element["elements"][0]["text"] for element in elements_of(bodies([message]))] == [
        *["```\n```", "<br>", "———"]
    ]
