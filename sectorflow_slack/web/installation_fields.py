"""The fields that an installation is registered with and changed by, each with its one set of rules.

A function each: a field belongs to the schema that it is made for.
"""

from __future__ import annotations

from typing import Any

from marshmallow import fields, validate

from sectorflow_slack.domain.slack import APP_ID, TEAM_ID, VISIBLE_ASCII
from sectorflow_slack.web.fields import (
    READABLE,
    UNBROKEN,
    UUID,
    StrictBoolean,
    UuidField,
    Whole,
    check_different,
    check_whole_characters,
)

MAX_MODELS = 20
#: Slack's limit for the name of an app (docs.slack.dev, app manifest reference).
APP_NAME_MAX_LENGTH = 35
DISPLAYS = ("separated", "tabs")


def secret(max_length: int, description: str, **options: Any) -> fields.String:
    """Make a field for what is never given back."""
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
    """Make the field of an app's name."""
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
    """Make the field of the SectorFlow user's bearer token."""
    return secret(4096, "The SectorFlow user's bearer token.", **options)


def workspace_id(**options: Any) -> UuidField:
    """Make the field of the SectorFlow workspace."""
    return UuidField(metadata={"description": "The SectorFlow workspace to ask in."}, **options)


def model_ids(**options: Any) -> fields.List[str]:
    """Make the field of the models."""
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
    """Make the field of the SectorPlus expert."""
    return fields.String(
        validate=Whole(rf"|{UUID}", error="Not a valid UUID."),
        metadata={"description": "The SectorPlus expert, or an empty string for none."},
        **options,
    )


def display(**options: Any) -> fields.String:
    """Make the field of the layout."""
    return fields.String(
        validate=validate.OneOf(DISPLAYS),
        metadata={"description": "How the answers are laid out in Slack."},
        **options,
    )


def allow_external_users(**options: Any) -> StrictBoolean:
    """Make the field that lets people of other organisations in."""
    return StrictBoolean(
        metadata={"description": "Whether people of other organisations in a shared channel get answers."},
        **options,
    )


def customer_id(**options: Any) -> fields.String:
    """Make the field of the platform's own id of a customer."""
    return fields.String(
        validate=[
            validate.Length(max=255),
            Whole(UNBROKEN, error="Must have no control characters."),
            check_whole_characters,
        ],
        metadata={"description": "The platform's own id of the customer; kept and given back."},
        **options,
    )


def app_id(**options: Any) -> fields.String:
    """Make the field of a Slack app's id."""
    return fields.String(
        validate=Whole(APP_ID, error="Not a Slack app id."),
        metadata={"description": "The Slack app's id, as its settings page shows it."},
        **options,
    )


def team_id(description: str, **options: Any) -> fields.String:
    """Make the field of a Slack workspace's, or an organisation's, id."""
    return fields.String(
        validate=Whole(TEAM_ID, error="Not a Slack team id."),
        metadata={"description": description},
        **options,
    )
