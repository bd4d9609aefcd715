r"""Formulas in TeX, which Slack does not render: in plain signs where these say the same, else as code."""
# ruff: noqa: RUF001  (signs that look like letters are what this is about)

from __future__ import annotations

import re
from html.entities import html5
from typing import Final

#: Deeper nesting than this is not for plain signs.
_DEEPEST = 6
_TOKEN = re.compile(r"\\[a-zA-Z]+\*?|\\.|\s+|.", re.DOTALL)

#: Names that HTML has for the same signs: those with blanks around them, and the others.
_OPERATOR_NAMES: Final = """
    times div pm mp leq le geq ge ne approx equiv sim propto ll gg in notin subset subseteq supset cup cap
    rightarrow leftarrow Rightarrow iff Leftrightarrow leftrightarrow mapsto wedge vee mid perp parallel oplus
    otimes lt gt setminus cong therefore
"""
_SIGN_NAMES: Final = """
    alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi pi rho sigma tau phi chi psi
    omega Gamma Delta Theta Lambda Xi Pi Sigma Phi Psi Omega nabla forall emptyset varnothing angle prime ell
    hbar langle rangle lfloor rfloor lceil rceil sum prod int
"""
_UNCHANGED: Final = "sin cos tan log ln exp min max lim gcd det { } % $ # & _ |"
#: What commands without an argument are shown as.
_SIGNS: Final = {
    **{name: f" {html5[f'{name};']} " for name in _OPERATOR_NAMES.split()},
    **{name: html5[f"{name};"] for name in _SIGN_NAMES.split()},
    **{name: name for name in _UNCHANGED.split()},
    "cdot": " · ", "neq": " ≠ ", "to": " → ", "implies": " ⇒ ", "land": " ∧ ", "lor": " ∨ ", "ast": " ∗ ",
    "circ": " ∘ ", "bmod": " mod ", "quad": " ", "qquad": " ", ",": " ", ";": " ", ":": " ", " ": " ",
    "!": "", "left": "", "right": "", "big": "", "Big": "", "varepsilon": "ε", "varphi": "φ", "infty": "∞",
    "partial": "∂", "exists": "∃", "neg": "¬", "lnot": "¬", "degree": "°", "ldots": "…", "dots": "…",
    "cdots": "⋯",
}  # fmt: skip
#: Commands whose argument is shown as it is.
_UPRIGHT = frozenset(
    ("text", "mathrm", "mathbf", "mathit", "operatorname", "textbf", "textit", "mbox", "mathcal")
)
_BLACKBOARD = dict(zip("NZQRCP", "ℕℤℚℝℂℙ", strict=True))
_ATOM = re.compile(r"\d[\d.]*|\w")


class _NotPlain(Exception):
    """The formula needs more than a line of signs."""


def in_plain_signs(tex: str) -> str:
    """Return a formula in Unicode's signs on one line; "" if that would not say the same."""
    # A stack: the next sign is the last.
    signs = ["", *reversed(_TOKEN.findall(tex))]
    try:
        return " ".join(_group(signs, "", 0).split())
    except _NotPlain:
        return ""


def _group(signs: list[str], end: str, depth: int) -> str:
    """Read up to the sign that ends a group."""
    text = ""
    while (sign := signs.pop()) != end:
        text += _part(sign, signs, depth)
    return text


def _part(sign: str, signs: list[str], depth: int) -> str:
    """Read a sign, a group, or a command with its arguments."""
    if sign in ("", "}", "&", "#", "%", "~") or depth > _DEEPEST:
        raise _NotPlain
    if sign == "{":
        return _group(signs, "}", depth + 1)
    if sign in ("^", "_"):
        return _script(_argument(signs, depth).strip(), sign)
    return _command(sign[1:], signs, depth) if sign.startswith("\\") else sign


def _argument(signs: list[str], depth: int) -> str:
    """Read what a command is applied to: a group, or one sign."""
    return _part(signs.pop(), signs, depth + 1)


def _script(text: str, mark: str) -> str:
    if mark == "^" and text in ("∘", "°", "′", "'"):
        return text.replace("∘", "°")
    if signs := in_signs(text, mark):
        return signs
    raise _NotPlain


def _command(name: str, signs: list[str], depth: int) -> str:
    if name in _SIGNS:
        return _SIGNS[name]
    argument = _argument(signs, depth)
    if name in _UPRIGHT:
        return argument
    if name == "mathbb" and argument in _BLACKBOARD:
        return _BLACKBOARD[argument]
    if name in ("frac", "tfrac", "dfrac"):
        return f"{_atom(argument)}/{_atom(_argument(signs, depth))}"
    if name == "sqrt":
        return f"√{_atom(argument)}"
    raise _NotPlain


def _atom(text: str) -> str:
    """Put brackets around what is more than one number or name."""
    text = text.strip()
    return text if _ATOM.fullmatch(text) else f"({text})"


# Raised and lowered text

_SUPERSCRIPT: Final = str.maketrans(
    "0123456789+-−=()abcdefghijklmnoprstuvwxyzABDEGHIJKLMNOPRTUVW",
    "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁻⁼⁽⁾ᵃᵇᶜᵈᵉᶠᵍʰⁱʲᵏˡᵐⁿᵒᵖʳˢᵗᵘᵛʷˣʸᶻᴬᴮᴰᴱᴳᴴᴵᴶᴷᴸᴹᴺᴼᴾᴿᵀᵁⱽᵂ",
)
_SUBSCRIPT: Final = str.maketrans("0123456789+-−=()aehijklmnoprstuvx", "₀₁₂₃₄₅₆₇₈₉₊₋₋₌₍₎ₐₑₕᵢⱼₖₗₘₙₒₚᵣₛₜᵤᵥₓ")


def script(text: str, mark: str) -> str:
    """Return a text raised (``^``), lowered (``_``) or neither (""), behind its mark if signs are missing."""
    if not mark or not text.strip():
        return text
    return in_signs(text, mark) or (f"{mark}{text}" if len(text) == 1 else f"{mark}({text})")


def in_signs(text: str, mark: str) -> str:
    """Return a text in raised or lowered signs; "" if there are none for all of it."""
    signs = _SUPERSCRIPT if mark == "^" else _SUBSCRIPT
    bare = text.replace(" ", "")
    return bare.translate(signs) if all(ord(char) in signs for char in bare) else ""
