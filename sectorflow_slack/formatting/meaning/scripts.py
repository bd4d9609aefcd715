"""Raised and lowered text in Unicode's own signs."""
# ruff: noqa: RUF001  (signs that look like letters are what this is about)

from __future__ import annotations

from typing import Final

_SUPERSCRIPT: Final = str.maketrans(
    "0123456789+-−=()abcdefghijklmnoprstuvwxyzABDEGHIJKLMNOPRTUVW",
    "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁻⁼⁽⁾ᵃᵇᶜᵈᵉᶠᵍʰⁱʲᵏˡᵐⁿᵒᵖʳˢᵗᵘᵛʷˣʸᶻᴬᴮᴰᴱᴳᴴᴵᴶᴷᴸᴹᴺᴼᴾᴿᵀᵁⱽᵂ",
)
_SUBSCRIPT: Final = str.maketrans("0123456789+-−=()aehijklmnoprstuvx", "₀₁₂₃₄₅₆₇₈₉₊₋₋₌₍₎ₐₑₕᵢⱼₖₗₘₙₒₚᵣₛₜᵤᵥₓ")


def superscript(text: str) -> str:
    """Return a text raised; where signs are missing, behind ``^``."""
    return _raised(text, _SUPERSCRIPT) or _marked(text, "^")


def subscript(text: str) -> str:
    """Return a text lowered; where signs are missing, behind ``_``."""
    return _raised(text, _SUBSCRIPT) or _marked(text, "_")


def in_signs(text: str, mark: str) -> str:
    """Return a text behind ``^`` or ``_`` in raised or lowered signs; "" if there are none for all of it."""
    return _raised(text, _SUPERSCRIPT if mark == "^" else _SUBSCRIPT)


def _raised(text: str, signs: dict[int, int]) -> str:
    bare = text.replace(" ", "")
    return bare.translate(signs) if all(ord(char) in signs for char in bare) else ""


def _marked(text: str, mark: str) -> str:
    if not text.strip():
        return text
    return f"{mark}{text}" if len(text) == 1 else f"{mark}({text})"
