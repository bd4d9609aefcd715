r"""Formulas in TeX, which Slack does not render: in plain signs where these say the same, else as code."""
# ruff: noqa: RUF001  (signs that look like letters are what this is about)

from __future__ import annotations

import re
from collections.abc import Callable
from html.entities import html5
from typing import Final
from unicodedata import category, normalize

_UNSPACED: Final = "∀∂∃∅∇∏∐∑∞∠∫∬∭∮⊤⊥⋀⋁⋂⋃⨁⨂′ℓℏ⌊⌋⌈⌉⟨⟩"
_UNCHANGED: Final = "sin cos tan log ln exp min max inf sup lim gcd det Pr { } % $ # & _ |"
#: What commands without an argument are shown as. HTML and TeX name operators and Greek letters alike.
_SIGNS: Final = {
    **{name.rstrip(";"): f" {sign} " for name, sign in html5.items() if category(sign[0]) == "Sm"},
    **{name.rstrip(";"): sign for name, sign in html5.items() if sign in _UNSPACED or "Α" <= sign < "Ϣ"},
    **{name: name for name in _UNCHANGED.split()},
    "cdot": " · ", "neq": " ≠ ", "to": " → ", "implies": " ⇒ ", "land": " ∧ ", "lor": " ∨ ", "ast": " ∗ ",
    "circ": " ∘ ", "asymp": " ≍ ", "bmod": " mod ", "quad": " ", "qquad": " ", ",": " ", ";": " ", ":": " ",
    " ": " ", "!": "", "left": "", "right": "", "big": "", "Big": "", "varepsilon": "ε", "varphi": "φ",
    "infty": "∞", "partial": "∂", "exists": "∃", "neg": "¬", "lnot": "¬", "degree": "°", "ldots": "…",
    "dots": "…", "cdots": "⋯", "triangle": "△", "lvert": "|", "rvert": "|",
}  # fmt: skip
_RAISED: Final = str.maketrans(
    "0123456789+-−=()abcdefghijklmnoprstuvwxyzABDEGHIJKLMNOPRTUVW∘°′'",
    "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁻⁼⁽⁾ᵃᵇᶜᵈᵉᶠᵍʰⁱʲᵏˡᵐⁿᵒᵖʳˢᵗᵘᵛʷˣʸᶻᴬᴮᴰᴱᴳᴴᴵᴶᴷᴸᴹᴺᴼᴾᴿᵀᵁⱽᵂ°°′'",
)
_LOWERED: Final = str.maketrans("0123456789+-−=()aehijklmnoprstuvx", "₀₁₂₃₄₅₆₇₈₉₊₋₋₌₍₎ₐₑₕᵢⱼₖₗₘₙₒₚᵣₛₜᵤᵥₓ")
_UPRIGHT: Final = "text mathrm mathbf mathit operatorname textbf textit mbox mathcal"
#: How what has an argument shows it; "" if that takes more than plain signs.
_APPLIED: Final[dict[str, Callable[[str], str]]] = {
    "^": lambda text: _in_signs(text, _RAISED),
    "_": lambda text: _in_signs(text, _LOWERED),
    "\\not": lambda text: normalize("NFC", f" {text.strip()}\u0338 "),
    "\\sqrt": lambda text: f"√{_atom(text)}",
    "\\mathbb": lambda text: html5.get(f"{text}opf;", ""),
    **{f"\\{name}": str for name in _UPRIGHT.split()},
}
#: A root's degree has no plain sign: nothing knows ``\sqrt[``.
_SIGN = re.compile(r"\\sqrt\[|\\[a-zA-Z]+\*?|\\.|\s+|.", re.DOTALL)
_ATOM = re.compile(r"\d[\d.]*|\w")
#: Deeper nesting than this is not for plain signs.
_DEEPEST = 6


class _NotPlain(Exception):
    """The formula needs more than a line of signs."""


def in_plain_signs(tex: str) -> str:
    """Return a formula in Unicode's signs on one line; "" if that would not say the same."""
    # A stack: the next sign is the last.
    signs = ["", *reversed(_SIGN.findall(tex))]
    try:
        return " ".join(_group(signs, "", 0).split())
    except _NotPlain:
        return ""


def _group(signs: list[str], end: str, depth: int) -> str:
    """Read up to the sign that ends a group."""
    text = ""
    while signs[-1] != end:
        text += _part(signs, depth)
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
        return f"{_atom(_argument(signs, depth))}/{_atom(_argument(signs, depth))}"
    if sign in _APPLIED and (text := _APPLIED[sign](_argument(signs, depth))):
        return text
    if sign[:1] == "\\" and sign[1:] in _SIGNS:
        return _SIGNS[sign[1:]]
    # At the end a sign is empty, which is in every text.
    if sign[:1] in "\\}^_&#%~":
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


def _in_signs(text: str, table: dict[int, int]) -> str:
    """Return a text in raised or lowered signs; "" if there are none for all of it."""
    bare = text.replace(" ", "")
    return bare.translate(table) if all(ord(char) in table for char in bare) else ""


def script(text: str, mark: str) -> str:
    """Return a text raised (``^``), lowered (``_``) or neither (""), behind its mark if signs are missing."""
    if not mark or not text.strip():
        return text
    return _APPLIED[mark](text) or (f"{mark}{text}" if len(text) == 1 else f"{mark}({text})")
