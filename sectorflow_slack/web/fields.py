"""Kinds of fields and rules for them, as the install API's schemas use them."""

from __future__ import annotations

import re
from typing import Any

from marshmallow import ValidationError, fields, validate

UUID = r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
#: Controls, which no text that people read has.
_CONTROLS = r"\x00-\x1f\x7f-\x9f"
#: Line breaks of Unicode's, and what turns the direction of the text around it: a name with these shows other
#: letters than it has (https://www.unicode.org/reports/tr36/, section 2.5).
_MISLEADING = r"\u2028\u2029\u202a-\u202e\u2066-\u2069"
#: What takes no room, or shows nothing in it: joiners, marks and fillers.
_UNSEEN = (
    r"\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180e\u200b-\u200f\u2060-\u2065"
    r"\u206a-\u206f\u2800\u3164\ufe00-\ufe0f\ufeff\uffa0"
)
#: Nothing that breaks or misleads, and something to see. Each character can be read in one way only, so that
#: a long text takes no longer than its length.
READABLE = rf"[ {_UNSEEN}]*[^\s{_CONTROLS}{_MISLEADING}{_UNSEEN}][^{_CONTROLS}{_MISLEADING}]*"
#: Any text in one piece, also none.
UNBROKEN = rf"[^{_CONTROLS}]*"

#: The cursor of a page: a place in the list. Whatever fits is one, so that nobody who makes up requests from
#: the OpenAPI document takes just any text for one.
CURSOR = rf"[0-9]{{15}}:{UUID}"

Json = Any


class Whole(validate.Regexp):
    """The whole of a value fits a pattern.

    The pattern is shown in the OpenAPI document, so it is anchored as JSON Schema wants it; there, unlike
    in Python, ``$`` lets no line break follow.
    """

    def __init__(self, pattern: str, *, error: str) -> None:
        super().__init__(f"^({pattern})$", error=error)
        self._pattern = re.compile(pattern)

    def __call__(self, value: Json) -> Json:
        """Refuse a value of which only a part fits."""
        if self._pattern.fullmatch(value) is None:
            raise ValidationError(self._format_error(value))
        return value


class StrictBoolean(fields.Boolean):
    """``true`` or ``false``; not 1, which equals true in Python."""

    def _deserialize(self, value: Json, attr: str | None, data: Json, **kwargs: Json) -> bool:
        if not isinstance(value, bool):
            raise self.make_error("invalid", input=value)
        return value


class StrictInteger(fields.Integer):
    """An integer of a query, in digits of ASCII; Python's own reading takes ``2_0``, too."""

    def _deserialize(self, value: Json, attr: str | None, data: Json, **kwargs: Json) -> int:
        if not isinstance(value, str) or re.fullmatch("[0-9]{1,9}", value) is None:
            raise self.make_error("invalid", input=value)
        return int(value)


class UuidField(fields.String):
    """A UUID in its usual form, in lower case from here on."""

    def __init__(self, **options: Json) -> None:
        super().__init__(
            validate=Whole(UUID, error="Not a valid UUID."),
            metadata={"format": "uuid", **options.pop("metadata", {})},
            **options,
        )

    def _deserialize(self, value: Json, attr: str | None, data: Json, **kwargs: Json) -> str:
        return str(super()._deserialize(value, attr, data, **kwargs)).lower()


def check_whole_characters(value: str) -> None:
    """Refuse half of a character: JSON can carry it, but no store and no page can."""
    if not value.isascii() and re.search("[\ud800-\udfff]", value):
        raise ValidationError("Must be readable text.")


def check_different(values: list[str]) -> None:
    """Refuse a list that names something twice."""
    if len(set(values)) != len(values):
        raise ValidationError("Must be different from each other.")
