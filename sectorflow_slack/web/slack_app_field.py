"""The Slack app that comes with a request: one that exists already, or a token that makes a new one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, cast

from apispec.ext.marshmallow.openapi import OpenAPIConverter
from marshmallow import Schema, ValidationError, fields, post_load

from sectorflow_slack.domain.installations import SlackApp
from sectorflow_slack.domain.slack import CLIENT_ID, SECRET_MAX_LENGTH
from sectorflow_slack.web import settings_fields
from sectorflow_slack.web.fields import Whole
from sectorflow_slack.web.settings_fields import secret

Json = Any


class ExistingSlackAppSchema(Schema):
    """The credentials of a Slack app that exists already; its settings page shows them."""

    appId = settings_fields.app_id(required=True)
    clientId = fields.String(required=True, validate=Whole(CLIENT_ID, error="Not a client id."))
    clientSecret = secret(SECRET_MAX_LENGTH, "The app's client secret.", required=True)
    signingSecret = secret(SECRET_MAX_LENGTH, "The app's signing secret.", required=True)

    @post_load
    def _make(self, data: Mapping[str, str], **_: Json) -> SlackApp:
        return SlackApp(data["appId"], data["clientId"], data["clientSecret"], data["signingSecret"])


class NewSlackAppSchema(Schema):
    """Makes a Slack app by manifest, in the token's workspace."""

    configToken = secret(4096, "An app configuration token; used once and not kept.", required=True)

    @post_load
    def _make(self, data: Mapping[str, str], **_: Json) -> str:
        return data["configToken"]


class SlackAppField(fields.Field[SlackApp | str]):
    """Either of the two: loads an app that exists as ``SlackApp``, the token for a new one as ``str``."""

    def _deserialize(self, value: Json, attr: str | None, data: Json, **_: Json) -> SlackApp | str:
        if not isinstance(value, dict):
            raise ValidationError("Must be an object.")
        existing = ExistingSlackAppSchema()
        if "configToken" in value and not value.keys() & existing.fields.keys():
            return _load(NewSlackAppSchema(), value)
        try:
            return _load(existing, value)
        except ValidationError as error:
            found = cast("dict[str, Json]", error.messages)
            raise ValidationError({**found, **_about_the_token(value)}) from None


def _load(schema: Schema, value: dict[str, Json]) -> SlackApp | str:
    loaded: SlackApp | str = schema.load(value)
    return loaded


def _about_the_token(value: dict[str, Json]) -> dict[str, list[str]]:
    if "configToken" in value:
        return {"configToken": ["Must be left out beside the credentials of an app that exists."]}
    if value:
        return {}
    return {"configToken": ["Missing data for required field, unless all the others are given."]}


def describe_slack_app(
    converter: OpenAPIConverter, field: fields.Field[Any], **_: Json
) -> dict[str, list[Json]]:
    """Say in the OpenAPI document that the field is one of two objects, or null."""
    if not isinstance(field, SlackAppField):
        return {}
    resolve: Callable[[type[Schema]], Json] = converter.resolve_nested_schema
    kinds = [resolve(kind) for kind in (ExistingSlackAppSchema, NewSlackAppSchema)]
    return {"oneOf": [*kinds, {"type": "null"}]}
