"""Kinds of fields and rules for them, as the install API's schemas use them."""

from __future__ import annotations

import re
from typing import Any

from marshmallow import ValidationError, fields, validate

UUID = r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
VISIBLE_ASCII = r"[\x21-\x7e]+"
#: No control characters, no line breaks of Unicode's, and something to see. Each character can be read in
#: one way only, so that a long text takes no longer than its length.
READABLE = r" *[^\s\x00-\x1f\x7f-\x9f][^\x00-\x1f\x7f-\x9f\u2028\u2029]*"

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
