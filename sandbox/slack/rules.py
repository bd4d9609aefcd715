"""Validation rules, from which the schemas of Block Kit's objects are composed.

A rule checks a JSON value at a JSON pointer in the message and appends its faults.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, TypedDict
from urllib.parse import urlsplit


class Fault(TypedDict):
    """One fault that Slack would refuse: its error, its JSON pointer, and a message."""

    error: str
    pointer: str
    code: str
    message: str


Faults = list[Fault]
Rule = Callable[[Any, str, Faults], None]


def fault(pointer: str, code: str, message: str, error: str = "invalid_blocks") -> Fault:
    """Build a fault."""
    return {"error": error, "pointer": pointer, "code": code, "message": message}


def string(most: int, least: int = 1) -> Rule:
    """Accept a string of ``least`` to ``most`` characters."""

    def rule(value: Any, pointer: str, faults: Faults) -> None:
        if not isinstance(value, str):
            faults.append(fault(pointer, "invalid_type", "must be a string"))
        elif len(value) > most:
            faults.append(fault(pointer, "max_length", f"must be less than {most + 1} characters"))
        elif len(value) < least:
            faults.append(fault(pointer, "min_length", f"must be more than {least - 1} characters"))

    return rule


def matching(pattern: str, message: str) -> Rule:
    """Accept a string that matches a pattern in full."""

    def rule(value: Any, pointer: str, faults: Faults) -> None:
        if not isinstance(value, str) or not re.fullmatch(pattern, value):
            faults.append(fault(pointer, "invalid_value", message))

    return rule


def url(most: int = 3_000, schemes: tuple[str, ...] = ("http", "https")) -> Rule:
    """Accept a URL with one of the schemes."""
    length = string(most)

    def rule(value: Any, pointer: str, faults: Faults) -> None:
        length(value, pointer, faults)
        if isinstance(value, str) and _scheme(value) not in schemes:
            faults.append(fault(pointer, "invalid_url", "must be a valid URL"))

    return rule


def _scheme(address: str) -> str:
    try:
        return urlsplit(address).scheme.lower()
    except ValueError:
        return ""


def boolean(value: Any, pointer: str, faults: Faults) -> None:
    """Accept a boolean."""
    if not isinstance(value, bool):
        faults.append(fault(pointer, "invalid_type", "must be a boolean"))


def number(least: int, most: int) -> Rule:
    """Accept an integer in a range."""

    def rule(value: Any, pointer: str, faults: Faults) -> None:
        if not isinstance(value, int) or isinstance(value, bool):
            faults.append(fault(pointer, "invalid_type", "must be an integer"))
        elif not least <= value <= most:
            faults.append(fault(pointer, "out_of_range", f"must be from {least} to {most}"))

    return rule


def one_of(*values: str) -> Rule:
    """Accept one of the values."""

    def rule(value: Any, pointer: str, faults: Faults) -> None:
        if value not in values:
            faults.append(fault(pointer, "invalid_value", f"must be one of {', '.join(values)}"))

    return rule


def items(item: Rule, most: int, least: int = 1) -> Rule:
    """Accept a list of ``least`` to ``most`` items, each of which the rule accepts."""

    def rule(value: Any, pointer: str, faults: Faults) -> None:
        if not isinstance(value, list):
            faults.append(fault(pointer, "invalid_type", "must be an array"))
            return
        if len(value) > most:
            faults.append(fault(pointer, "max_items", f"no more than {most} items allowed"))
        if len(value) < least:
            faults.append(fault(pointer, "min_items", f"no less than {least} items allowed"))
        for index, each in enumerate(value):
            item(each, f"{pointer}/{index}", faults)

    return rule


def shape(required: dict[str, Rule], optional: dict[str, Rule] | None = None) -> Rule:
    """Accept an object with these fields and no other; ``typed`` checks ``type``."""
    known = {**required, **(optional or {})}

    def rule(value: Any, pointer: str, faults: Faults) -> None:
        if not isinstance(value, dict):
            faults.append(fault(pointer, "invalid_type", "must be an object"))
            return
        for name in required.keys() - value.keys():
            faults.append(fault(pointer, "missing_field", f"missing required field: {name}"))
        for name in sorted(value.keys() - known.keys() - {"type"}):
            faults.append(fault(f"{pointer}/{name}", "unknown_field", f"no more fields allowed: {name}"))
        for name in value.keys() & known.keys():
            known[name](value[name], f"{pointer}/{name}", faults)

    return rule


def typed(rules: dict[str, Rule]) -> Rule:
    """Accept an object whose ``type`` is one of the rules', and which that rule accepts."""

    def rule(value: Any, pointer: str, faults: Faults) -> None:
        kind = value.get("type") if isinstance(value, dict) else None
        if kind is None:
            faults.append(fault(pointer, "missing_field", "missing required field: type"))
        elif not isinstance(kind, str) or kind not in rules:
            faults.append(fault(f"{pointer}/type", "unsupported_type", f"unsupported type: {kind}"))
        else:
            rules[kind](value, pointer, faults)

    return rule


def both(*rules: Rule) -> Rule:
    """Accept a value that all rules accept."""

    def rule(value: Any, pointer: str, faults: Faults) -> None:
        for each in rules:
            each(value, pointer, faults)

    return rule


def plain_text(most: int) -> Rule:
    """Accept a ``plain_text`` object."""
    return typed({"plain_text": shape({"text": string(most)}, {"emoji": boolean})})


def text_object(most: int) -> Rule:
    """Accept a ``plain_text`` or a ``mrkdwn`` object."""
    words = string(most)
    plain = shape({"text": words}, {"emoji": boolean})
    return typed({"plain_text": plain, "mrkdwn": shape({"text": words}, {"verbatim": boolean})})
