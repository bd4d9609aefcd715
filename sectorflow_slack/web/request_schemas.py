"""What comes in to the install API, as marshmallow schemas: camelCase, as SectorFlow's own API.

An unknown field is refused, and every wrong field is named at once.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, cast
from urllib.parse import urlsplit

from apispec.ext.marshmallow.openapi import OpenAPIConverter
from marshmallow import Schema, ValidationError, fields, post_load, validate, validates_schema

from sectorflow_slack.domain.errors import InstallRefused
from sectorflow_slack.domain.installations import (
    InstallationQuery,
    InstallRequest,
    SectorFlowSettings,
    SettingsChange,
    SlackApp,
)
from sectorflow_slack.domain.slack import CLIENT_ID, SECRET_MAX_LENGTH, VISIBLE_ASCII
from sectorflow_slack.web import current_services, current_settings, installation_fields
from sectorflow_slack.web.fields import CURSOR, StrictInteger, UuidField, Whole
from sectorflow_slack.web.installation_fields import secret

Json = Any


class ExistingSlackAppSchema(Schema):
    """The credentials of a Slack app that exists already; its settings page shows them."""

    appId = installation_fields.app_id(required=True)
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


STATUSES = ("pending", "installed", "failed", "expired")


class InstallationRequestSchema(Schema):
    """What an installation is registered with."""

    appName = installation_fields.app_name(required=True)
    apiToken = installation_fields.api_token(required=True)
    workspaceId = installation_fields.workspace_id(required=True)
    modelIds = installation_fields.model_ids(required=True)
    plusId = installation_fields.plus_id(load_default="")
    display = installation_fields.display(load_default="separated")
    allowExternalUsers = installation_fields.allow_external_users(load_default=False)
    customerId = installation_fields.customer_id(load_default=None, allow_none=True)
    teamId = installation_fields.team_id(
        "Only this Slack workspace may consent.", load_default=None, allow_none=True
    )
    replaces = UuidField(
        load_default=None,
        allow_none=True,
        metadata={"description": "The id of the installation that this one takes the place of."},
    )
    slackApp = SlackAppField(
        load_default=None,
        allow_none=True,
        metadata={
            "description": "The credentials of a Slack app that exists already, or a token that makes a "
            "new one; left out, the service's own app."
        },
    )
    returnUrl = fields.String(
        load_default=None,
        allow_none=True,
        validate=validate.Length(1, 2048),
        metadata={
            "description": "Where the person's browser ends, with `?status=installed|failed&id=…`. An https "
            "URL whose host the service was told to trust.",
            "format": "uri",
        },
    )

    @validates_schema(skip_on_field_errors=False)
    def _check_across(self, data: Mapping[str, Json], **_: Json) -> None:
        errors: dict[str, list[str]] = {}
        if data.get("returnUrl") and not _may_return_to(data["returnUrl"]):
            errors["returnUrl"] = ["Must be an https URL of a host that this service was told to trust."]
        slack_app = data.get("slackApp", ...)
        # What is left of one with wrong fields is no app; its fields are named already.
        if slack_app is None or isinstance(slack_app, SlackApp):
            try:
                current_services.registration.app_id_of(slack_app)
            except InstallRefused as refusal:
                errors[refusal.field] = [refusal.message]
        if errors:
            raise ValidationError(errors)

    @post_load
    def _make(self, data: Mapping[str, Json], **_: Json) -> InstallRequest:
        given = data["slackApp"]
        return InstallRequest(
            app_name=data["appName"].strip(),
            sectorflow=SectorFlowSettings(
                api_token=data["apiToken"],
                workspace_id=data["workspaceId"],
                model_ids=tuple(data["modelIds"]),
                plus_id=data["plusId"].lower(),
            ),
            display=data["display"],
            customer_id=data["customerId"],
            allow_external_users=data["allowExternalUsers"],
            team_id=data["teamId"],
            replaces=data["replaces"],
            slack_app=given if isinstance(given, SlackApp) else None,
            config_token=given if isinstance(given, str) else None,
            return_url=data["returnUrl"],
        )


def _may_return_to(url: str) -> bool:
    """Say whether a browser may be sent to ``url``; anything a browser could read otherwise is refused."""
    if not re.fullmatch(r"https://[A-Za-z0-9.-]+(:[0-9]{1,5})?([/?][\x21\x24-\x5b\x5d-\x7e]*)?", url):
        return False
    return urlsplit(url).netloc.lower() in current_settings.return_url_hosts


class SettingsChangeSchema(Schema):
    """What changes about an installation; what is left out stays."""

    appName = installation_fields.app_name()
    apiToken = installation_fields.api_token()
    workspaceId = installation_fields.workspace_id()
    modelIds = installation_fields.model_ids()
    plusId = installation_fields.plus_id()
    display = installation_fields.display()
    allowExternalUsers = installation_fields.allow_external_users()

    @post_load
    def _make(self, data: Mapping[str, Json], **_: Json) -> SettingsChange:
        name, model_ids, plus_id = (data.get(field) for field in ("appName", "modelIds", "plusId"))
        return SettingsChange(
            app_name=None if name is None else name.strip(),
            api_token=data.get("apiToken"),
            workspace_id=data.get("workspaceId"),
            model_ids=None if model_ids is None else tuple(model_ids),
            plus_id=None if plus_id is None else plus_id.lower(),
            display=data.get("display"),
            allow_external_users=data.get("allowExternalUsers"),
        )


class InstallationQuerySchema(Schema):
    """Which installations are listed."""

    limit = StrictInteger(
        load_default=20,
        validate=validate.Range(1, 100),
        metadata={"description": "How many a page has at most."},
    )
    cursor = fields.String(
        validate=Whole(CURSOR, error="Not the nextCursor of a page."),
        metadata={"description": "The `nextCursor` of the page before; left out, the first page."},
    )
    status = fields.String(validate=validate.OneOf(STATUSES))
    appId = installation_fields.app_id()
    teamId = installation_fields.team_id("The Slack workspace, or the organisation.")
    customerId = installation_fields.customer_id()

    @post_load
    def _make(self, data: Mapping[str, Json], **_: Json) -> InstallationQuery:
        return InstallationQuery(
            limit=data["limit"],
            cursor=data.get("cursor"),
            status=data.get("status"),
            app_id=data.get("appId"),
            team_id=data.get("teamId"),
            customer_id=data.get("customerId"),
        )


class ManifestQuerySchema(Schema):
    """What a manifest is made of."""

    appName = installation_fields.app_name(required=True)

    @post_load
    def _make(self, data: Mapping[str, str], **_: Json) -> str:
        return data["appName"].strip()


class IdempotencyKeySchema(Schema):
    """The header that makes a request safe to send again."""

    key = fields.String(
        data_key="Idempotency-Key",
        validate=[
            validate.Length(1, 255),
            Whole(VISIBLE_ASCII, error="Must be visible ASCII characters."),
        ],
        metadata={
            "description": "Any text that stands for this request. The same key and body again, within 24 "
            "hours, give the same installation (as it is by then) and make nothing new."
        },
    )

    @post_load
    def _make(self, data: Mapping[str, str], **_: Json) -> str | None:
        return data.get("key")
