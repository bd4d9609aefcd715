"""The fields that the schemas of the install API share, and the rules for their values.

One function per field, because marshmallow binds a field to the schema that it is made for.
"""

from __future__ import annotations

import re
from typing import Any

from marshmallow import ValidationError, fields, validate

from sectorflow_slack.domain.installations import DISPLAYS
from sectorflow_slack.domain.slack import APP_ID, TEAM_ID, VISIBLE_ASCII

Json = Any

STATUSES = ("pending", "installed", "failed", "expired")
MAX_MODELS = 20
#: Slack's limit for the name of an app (docs.slack.dev, app manifest reference).
APP_NAME_MAX_LENGTH = 35

UUID = r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
#: The cursor of a page. Every value that matches is accepted, so that clients that generate requests from the
#: OpenAPI document do not send arbitrary text.
CURSOR = rf"[0-9]{{15}}:{UUID}"

#: Control characters, which no readable text contains.
_CONTROLS = r"\x00-\x1f\x7f-\x9f"
#: Unicode's line breaks and direction marks: a name with these shows other letters than it has
#: (https://www.unicode.org/reports/tr36/, section 2.5).
_MISLEADING = r"\u2028\u2029\u202a-\u202e\u2066-\u2069"
#: Characters without a visible glyph: joiners, marks and fillers.
_UNSEEN = (
    r"\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180e\u200b-\u200f\u2060-\u2065"
    r"\u206a-\u206f\u2800\u3164\ufe00-\ufe0f\ufeff\uffa0"
)
#: Text with at least one visible character and no control or misleading one. Each character matches in one
#: way only, so that matching takes linear time.
READABLE = rf"[ {_UNSEEN}]*[^\s{_CONTROLS}{_MISLEADING}{_UNSEEN}][^{_CONTROLS}{_MISLEADING}]*"
#: Text without control characters; may be empty.
UNBROKEN = rf"[^{_CONTROLS}]*"


# Fields of an installation


def secret(max_length: int, description: str, **options: Any) -> fields.String:
    """Return a field that no response contains."""
    return fields.String(
        load_only=True,
        validate=[
            validate.Length(1, max_length),
            Whole(VISIBLE_ASCII, error="Must be visible ASCII characters."),
        ],
        metadata={"description": description},
        **options,
    )


def app_name(**options: Any) -> fields.String:
    """Return the field of the app's name."""
    return fields.String(
        validate=[
            validate.Length(1, APP_NAME_MAX_LENGTH),
            Whole(READABLE, error="Must be readable text."),
            check_whole_characters,
        ],
        metadata={"description": "The app's name, as people see it in Slack."},
        **options,
    )


def api_token(**options: Any) -> fields.String:
    """Return the field of the SectorFlow user's bearer token."""
    return secret(4096, "The SectorFlow user's bearer token.", **options)


def workspace_id(**options: Any) -> UuidField:
    """Return the field of the SectorFlow workspace."""
    return UuidField(metadata={"description": "The SectorFlow workspace to ask in."}, **options)


def model_ids(**options: Any) -> fields.List[str]:
    """Return the field of the models."""
    return fields.List(
        UuidField(),
        validate=[validate.Length(1, MAX_MODELS), check_different],
        metadata={
            "description": "The LLMs to ask; their order is the order of the answers.",
            "uniqueItems": True,
        },
        **options,
    )


def plus_id(**options: Any) -> fields.String:
    """Return the field of the SectorPlus expert."""
    return fields.String(
        validate=Whole(rf"|{UUID}", error="Not a valid UUID."),
        metadata={"description": "The SectorPlus expert, or an empty string for none."},
        **options,
    )


def display(**options: Any) -> fields.String:
    """Return the field of the display."""
    return fields.String(
        validate=validate.OneOf(DISPLAYS),
        metadata={"description": "How the answers are laid out in Slack."},
        **options,
    )


def allow_external_users(**options: Any) -> StrictBoolean:
    """Return the field that allows people of other organisations."""
    return StrictBoolean(
        metadata={"description": "Whether people of other organisations in a shared channel get answers."},
        **options,
    )


def customer_id(**options: Any) -> fields.String:
    """Return the field of the platform's own id of a customer."""
    return fields.String(
        validate=[
            validate.Length(max=255),
            Whole(UNBROKEN, error="Must have no control characters."),
            check_whole_characters,
        ],
        metadata={"description": "The platform's own id of the customer; stored and returned."},
        **options,
    )


def app_id(**options: Any) -> fields.String:
    """Return the field of a Slack app's id."""
    return fields.String(
        validate=Whole(APP_ID, error="Not a Slack app id."),
        metadata={"description": "The Slack app's id, as its settings page shows it."},
        **options,
    )


def team_id(description: str, **options: Any) -> fields.String:
    """Return the field of a Slack workspace's or organisation's id."""
    return fields.String(
        validate=Whole(TEAM_ID, error="Not a Slack team id."),
        metadata={"description": description},
        **options,
    )


# Kinds of fields


class StrictBoolean(fields.Boolean):
    """``true`` or ``false``; not 1, which equals true in Python."""

    def _deserialize(self, value: Json, attr: str | None, data: Json, **kwargs: Json) -> bool:
        if not isinstance(value, bool):
            raise self.make_error("invalid", input=value)
        return value


class StrictInteger(fields.Integer):
    """An integer in a query string, in ASCII digits; ``int`` would accept ``2_0``, too."""

    def _deserialize(self, value: Json, attr: str | None, data: Json, **kwargs: Json) -> int:
        if not isinstance(value, str) or re.fullmatch("[0-9]{1,9}", value) is None:
            raise self.make_error("invalid", input=value)
        return int(value)


class UuidField(fields.String):
    """A UUID in its usual form, loaded in lower case."""

    def __init__(self, **options: Json) -> None:
        super().__init__(
            validate=Whole(UUID, error="Not a valid UUID."),
            metadata={"format": "uuid", **options.pop("metadata", {})},
            **options,
        )

    def _deserialize(self, value: Json, attr: str | None, data: Json, **kwargs: Json) -> str:
        return str(super()._deserialize(value, attr, data, **kwargs)).lower()


# Validators


class Whole(validate.Regexp):
    """Match a pattern against the whole value.

    The OpenAPI document shows the pattern, so it is anchored as JSON Schema expects; unlike in Python, ``$``
    does not match before a line break there.
    """

    def __init__(self, pattern: str, *, error: str) -> None:
        super().__init__(f"^({pattern})$", error=error)
        self._pattern = re.compile(pattern)

    def __call__(self, value: Json) -> Json:
        """Raise ValidationError unless the whole value matches."""
        if self._pattern.fullmatch(value) is None:
            raise ValidationError(self._format_error(value))
        return value


def check_whole_characters(value: str) -> None:
    """Raise ValidationError for a lone surrogate: JSON can carry it, but Redis and HTML can't."""
    if not value.isascii() and re.search("[\ud800-\udfff]", value):
        raise ValidationError("Must be readable text.")


def check_different(values: list[str]) -> None:
    """Raise ValidationError for a list with duplicates."""
    if len(set(values)) != len(values):
        raise ValidationError("Must be different from each other.")
