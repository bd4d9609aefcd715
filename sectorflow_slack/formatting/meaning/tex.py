r"""Formulas in TeX, which Slack does not render: in plain signs where these say the same, else as code."""
# ruff: noqa: RUF001  (signs that look like letters are what this is about)

from __future__ import annotations

import re
from collections.abc import Callable
from html.entities import html5
from typing import Final
from unicodedata import category, normalize

_UNSPACED: Final = "∀∂∃∅∇∏∐∑∞∠∫∬∭∮⊤⊥⋀⋁⋂⋃⨁⨂′ℓℏ⌊⌋⌈⌉⟨⟩"
_FUNCTIONS: Final = "sin cos tan cot arcsin arccos arctan log ln exp min max inf sup lim gcd det arg Pr"
_UNSEEN: Final = "! left right middle big Big bigl bigr Bigl Bigr displaystyle limits nolimits"
_INFIX: Final = {name.rstrip(";"): f" {sign} " for name, sign in html5.items() if category(sign[0]) == "Sm"}
#: Signs that neither a fraction nor a root is read together with.
_APART: Final = {*",;.-*·…\xa0", *(sign[1] for sign in _INFIX.values())} - {*_UNSPACED, *"|¬√÷"}
#: What commands without an argument are shown as. HTML and TeX name operators and Greek letters alike.
#: ``\x1f`` is a blank that is there between words only; ``\x02`` and ``\x03`` are around a fraction or root.
_SIGNS: Final = {
    **_INFIX,
    **{name.rstrip(";"): sign for name, sign in html5.items() if sign in _UNSPACED or "Α" <= sign < "Ϣ"},
    **{name: f"\x1f{name}\x1f" for name in _FUNCTIONS.split()},
    **{name: name for name in "{}%$#&_|"},
    **dict.fromkeys(_UNSEEN.split(), ""),
    "cdot": " · ", "neq": " ≠ ", "to": " → ", "implies": " ⇒ ", "land": " ∧ ", "lor": " ∨ ", "ast": " ∗ ",
    "circ": " ∘ ", "asymp": " ≍ ", "perp": " ⊥ ", "bmod": " mod ", "colon": ": ", "quad": " ", "qquad": " ",
    ",": " ", ";": " ", ":": " ", " ": " ", "varepsilon": "ε", "varphi": "φ", "infty": "∞", "partial": "∂",
    "exists": "∃", "neg": "¬", "lnot": "¬", "degree": "°", "ldots": "…\x1f", "dots": "…\x1f", "cdots": " ⋯ ",
    "triangle": "△", "lvert": "|", "rvert": "|",
}  # fmt: skip
_RAISED: Final = str.maketrans(
    "0123456789+-−=()abcdefghijklmnoprstuvwxyzABDEGHIJKLMNOPRTUVW∘°′'",
    "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁻⁼⁽⁾ᵃᵇᶜᵈᵉᶠᵍʰⁱʲᵏˡᵐⁿᵒᵖʳˢᵗᵘᵛʷˣʸᶻᴬᴮᴰᴱᴳᴴᴵᴶᴷᴸᴹᴺᴼᴾᴿᵀᵁⱽᵂ°°′'",
)
_LOWERED: Final = str.maketrans("0123456789+-−=()aehijklmnoprstuvx", "₀₁₂₃₄₅₆₇₈₉₊₋₋₌₍₎ₐₑₕᵢⱼₖₗₘₙₒₚᵣₛₜᵤᵥₓ")
#: How what has an argument shows it; "" if that takes more than plain signs.
_APPLIED: Final[dict[str, Callable[[str], str]]] = {
    "^": lambda text: _in_signs(text, _RAISED),
    "_": lambda text: _in_signs(text, _LOWERED),
    "\\not": lambda text: normalize("NFC", f" {text.strip()}\u0338 "),
    "\\sqrt": lambda text: f"\x02√{_atom(text)}\x03",
    "\\boxed": lambda text: f"\x02{text.strip()}\x03",
    "\\mathbb": lambda text: html5.get(f"{text}opf;", ""),
    **dict.fromkeys(("\\mathrm", "\\mathbf", "\\mathit", "\\mathcal"), str),
    **dict.fromkeys(("\\operatorname", "\\operatorname*"), lambda text: f"\x1f{text.strip()}\x1f"),
    # Blanks of words count everywhere.
    **dict.fromkeys(("\\text", "\\textbf", "\\textit", "\\mbox"), lambda text: text.replace(" ", "\xa0")),
}
#: Blanks behind a name are not shown. A root's degree has no plain sign: nothing knows ``\sqrt[``.
_SIGN = re.compile(r"\\sqrt ?\[|(\\(?:left|right)) ?\.|(\\[a-zA-Z]+\*?)(?: (?=[\w\\({\[]))?|\\.|.")
_WHOLE = re.compile(r"\x02([^\x02\x03]*)\x03")
_BETWEEN_WORDS = re.compile(r"(?<=[\w)\]…])\x1f+(?=[\w√∑∏∫∂∇])")
_BEFORE_END = re.compile(" (?=[⌋⌉⟩])")
_ATOM = re.compile(r"\d[\d.]*|\w")
#: What no one reads in raised signs.
_WORDS = re.compile(r"\w\s+\w|[^\W\d_]{5}")
#: Deeper nesting than this is not for plain signs.
_DEEPEST = 6


class _NotPlain(Exception):
    """The formula needs more than a line of signs."""


def in_plain_signs(tex: str) -> str:
    """Return a formula in Unicode's signs on one line; "" if that would not say the same."""
    # A stack: the next sign is the last.
    signs = ["", *(sign[sign.lastindex or 0] for sign in reversed([*_SIGN.finditer(" ".join(tex.split()))]))]
    try:
        text = _group(signs, "", 0)
        while "\x02" in text:
            text = _WHOLE.sub(_set_apart, text)
    except _NotPlain:
        return ""
    text = _BETWEEN_WORDS.sub(" ", text).replace("\x1f", "")
    return _BEFORE_END.sub("", " ".join(text.split()))


def _group(signs: list[str], end: str, depth: int) -> str:
    """Read up to the sign that ends a group."""
    text = ""
    while signs[-1] != end:
        # What is raised stands at a function's name, before its blank.
        blank = "\x1f" if text[-1:] == "\x1f" and signs[-1] in ("^", "_") else ""
        text = text.removesuffix(blank) + _part(signs, depth) + blank
    signs.pop()
    return text


def _part(signs: list[str], depth: int) -> str:
    """Read a sign, a group, or a command with its arguments."""
    sign = signs.pop()
    if depth > _DEEPEST:
        raise _NotPlain
    if sign == "{":
        return _group(signs, "}", depth + 1)
    if sign in ("\\frac", "\\tfrac", "\\dfrac"):
        return f"\x02{_atom(_argument(signs, depth))}/{_atom(_argument(signs, depth))}\x03"
    if sign in _APPLIED and (text := _APPLIED[sign](_argument(signs, depth))):
        return text
    if sign[:1] == "\\" and sign[1:] in _SIGNS:
        return _SIGNS[sign[1:]]
    # At the end a sign is empty, which is in every text.
    if sign[:1] in "\\}^_&#%~\x02\x03":
        raise _NotPlain
    return sign


def _argument(signs: list[str], depth: int) -> str:
    """Read what a command is applied to: a group, or one sign."""
    while signs[-1].isspace():
        signs.pop()
    return _part(signs, depth + 1)


def _atom(text: str) -> str:
    """Put brackets around what is more than one number or name."""
    text = text.strip()
    return text if _ATOM.fullmatch(text) else f"({text})"


def _set_apart(whole: re.Match[str]) -> str:
    """Put brackets around a fraction or root where what is beside it would seem a part of it."""
    text = whole[1]
    before = whole.string[: whole.start()].rstrip(" \x1f")[-1:] or "("
    behind = whole.string[whole.end() :].lstrip(" \x1f")[:1] or ")"
    # A number and a half is no product.
    if before.isdecimal() and text[:1].isdecimal():
        raise _NotPlain
    is_apart = before in _APART or before in "([{\x02" or text[:1] == "√"
    return text if is_apart and (behind in _APART or behind in ")]}\x03") else f"({text})"


def _in_signs(text: str, table: dict[int, int]) -> str:
    """Return a text in raised or lowered signs; "" if there are none for all of it."""
    bare = text.strip().replace(" ", "")
    return bare.translate(table) if all(ord(char) in table for char in bare) else ""


def script(text: str, mark: str) -> str:
    """Return a text raised (``^``), lowered (``_``) or neither (""), behind its mark if signs are missing."""
    if not mark or not text.strip():
        return text
    raised = "" if _WORDS.search(text) else _APPLIED[mark](text)
    return raised or (f"{mark}{text}" if len(text) == 1 else f"{mark}({text})")
