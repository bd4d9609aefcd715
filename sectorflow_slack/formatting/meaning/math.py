r"""Formulas in TeX, which Slack does not render: in plain signs where these say the same, else as code."""
# ruff: noqa: RUF001  (signs that look like letters are what this is about)

from __future__ import annotations

import re
from collections.abc import Iterator
from html.entities import html5
from typing import Final

from sectorflow_slack.formatting.tree import CODE, Formula, Inline, Inlines, Link, Text

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
_UNCHANGED: Final = "sin cos tan log ln exp min max lim gcd det"
_OPERATORS: Final = {name: html5[f"{name};"] for name in _OPERATOR_NAMES.split()} | {
    "cdot": "·", "neq": "≠", "to": "→", "implies": "⇒", "land": "∧", "lor": "∨", "ast": "∗", "circ": "∘",
}  # fmt: skip
_SIGNS: Final = {name: html5[f"{name};"] for name in _SIGN_NAMES.split()} | {
    **{name: name for name in _UNCHANGED.split()},
    "varepsilon": "ε", "varphi": "φ", "infty": "∞", "partial": "∂", "exists": "∃", "neg": "¬", "lnot": "¬",
    "degree": "°", "ldots": "…", "dots": "…", "cdots": "⋯", "left": "", "right": "", "big": "", "Big": "",
    "quad": " ", "qquad": " ", "bmod": " mod ",
}  # fmt: skip
_ESCAPES = {",": " ", ";": " ", ":": " ", " ": " ", "!": "", **{char: char for char in "{}%$#&_|"}}
_UPRIGHT = frozenset(
    ("text", "mathrm", "mathbf", "mathit", "operatorname", "textbf", "textit", "mbox", "mathcal")
)
_BLACKBOARD = dict(zip("NZQRCP", "ℕℤℚℝℂℙ", strict=True))
_ATOM = re.compile(r"\d[\d.]*|\w")


class _NotPlain(Exception):
    """The formula needs more than a line of signs."""


def as_text(content: Inlines) -> Inlines:
    """Return running text with its formulas as text."""
    if not any(isinstance(each, Formula | Link) for each in content):
        return content
    return tuple(map(_as_text, content))


def _as_text(each: Inline) -> Inline:
    match each:
        case Formula(tex=tex, style=style):
            text = in_plain_signs(tex)
            return Text(text, style) if text else Text(" ".join(tex.split()), style | CODE)
        case Link(label=label):
            return Link(each.target, as_text(label), each.reference)
    return each


def in_plain_signs(tex: str) -> str:
    """Return a formula in Unicode's signs on one line; "" if that would not say the same."""
    try:
        text = _Plain(tex).read()
    except _NotPlain:
        return ""
    return " ".join(text.split())


class _Plain:
    def __init__(self, tex: str) -> None:
        self._tokens = _TOKEN.findall(tex)
        self._at = 0
        self._depth = 0

    def read(self) -> str:
        """Read all of the formula."""
        text = "".join(self._parts())
        if self._at < len(self._tokens):
            raise _NotPlain
        return text

    def _parts(self) -> Iterator[str]:
        while self._at < len(self._tokens) and self._tokens[self._at] != "}":
            yield self._part()

    def _part(self) -> str:
        sign = self._next()
        if sign in ("^", "_"):
            return self._script(sign)
        if sign == "{":
            self._at -= 1
            return self._argument()
        if sign in ("&", "#", "%", "~"):
            raise _NotPlain
        return self._command(sign[1:]) if sign.startswith("\\") else sign

    def _next(self) -> str:
        if self._at >= len(self._tokens):
            raise _NotPlain
        self._at += 1
        return str(self._tokens[self._at - 1])

    def _argument(self) -> str:
        """Read what a command is applied to: a group, or one sign."""
        if self._at < len(self._tokens) and self._tokens[self._at] != "{":
            return self._part()
        self._next()
        self._depth += 1
        if self._depth > _DEEPEST:
            raise _NotPlain
        text = "".join(self._parts())
        self._depth -= 1
        if self._next() != "}":
            raise _NotPlain
        return text

    def _script(self, mark: str) -> str:
        text = self._argument().strip()
        if mark == "^" and text in ("∘", "°", "′", "'"):
            return {"∘": "°"}.get(text, text)
        signs = in_signs(text, mark)
        if not signs:
            raise _NotPlain
        return signs

    def _command(self, name: str) -> str:
        if name in _OPERATORS:
            return f" {_OPERATORS[name]} "
        if name in _SIGNS:
            return _SIGNS[name]
        if name in _ESCAPES:
            return _ESCAPES[name]
        if name in _UPRIGHT:
            return self._argument()
        if name == "mathbb" and (letter := self._argument()) in _BLACKBOARD:
            return _BLACKBOARD[letter]
        if name in ("frac", "tfrac", "dfrac"):
            return f"{_atom(self._argument())}/{_atom(self._argument())}"
        if name == "sqrt":
            return f"√{_atom(self._argument())}"
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
    """Return a text raised (``^``) or lowered (``_``), behind its mark if signs are missing."""
    if not text.strip():
        return text
    return in_signs(text, mark) or (f"{mark}{text}" if len(text) == 1 else f"{mark}({text})")


def in_signs(text: str, mark: str) -> str:
    """Return a text in raised or lowered signs; "" if there are none for all of it."""
    signs = _SUPERSCRIPT if mark == "^" else _SUBSCRIPT
    bare = text.replace(" ", "")
    return bare.translate(signs) if all(ord(char) in signs for char in bare) else ""
