"""Schemas of the install API's requests: camelCase like SectorFlow's API, unknown fields refused."""

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
from sectorflow_slack.web import current_services, current_settings
from sectorflow_slack.web import fields as shared
from sectorflow_slack.web.fields import CURSOR, STATUSES, StrictInteger, UuidField, Whole

Json = Any


class ExistingSlackAppSchema(Schema):
    """The credentials of an existing Slack app, as its settings page shows them."""

    appId = shared.app_id(required=True)
    clientId = fields.String(required=True, validate=Whole(CLIENT_ID, error="Not a client id."))
    clientSecret = shared.secret(SECRET_MAX_LENGTH, "The app's client secret.", required=True)
    signingSecret = shared.secret(SECRET_MAX_LENGTH, "The app's signing secret.", required=True)

    @post_load
    def _make(self, data: Mapping[str, str], **_: Json) -> SlackApp:
        return SlackApp(data["appId"], data["clientId"], data["clientSecret"], data["signingSecret"])


class NewSlackAppSchema(Schema):
    """The token that creates a Slack app from the manifest, in the token's workspace."""

    configToken = shared.secret(4096, "An app configuration token; used once and not stored.", required=True)

    @post_load
    def _make(self, data: Mapping[str, str], **_: Json) -> str:
        return data["configToken"]


class SlackAppField(fields.Field[SlackApp | str]):
    """An existing app, loaded as ``SlackApp``, or the token for a new one, loaded as ``str``."""

    def _deserialize(self, value: Json, attr: str | None, data: Json, **_: Json) -> SlackApp | str:
        if not isinstance(value, dict):
            raise ValidationError("Must be an object.")
        existing = ExistingSlackAppSchema()
        if "configToken" in value and not value.keys() & existing.fields.keys():
            return _load(NewSlackAppSchema(), value)
        try:
            return _load(existing, value)
        except ValidationError as error:
            faults = cast("dict[str, Json]", error.messages)
            raise ValidationError({**faults, **_token_faults(value)}) from None


def _load(schema: Schema, value: dict[str, Json]) -> SlackApp | str:
    loaded: SlackApp | str = schema.load(value)
    return loaded


def _token_faults(value: dict[str, Json]) -> dict[str, list[str]]:
    if "configToken" in value:
        return {"configToken": ["Must be left out beside the credentials of an app that exists."]}
    if value:
        return {}
    return {"configToken": ["Missing data for required field, unless all the others are given."]}


def describe_slack_app(
    converter: OpenAPIConverter, field: fields.Field[Any], **_: Json
) -> dict[str, list[Json]]:
    """Describe ``SlackAppField`` in the OpenAPI document: one of two objects, or null."""
    if not isinstance(field, SlackAppField):
        return {}
    resolve: Callable[[type[Schema]], Json] = converter.resolve_nested_schema
    kinds = [resolve(kind) for kind in (ExistingSlackAppSchema, NewSlackAppSchema)]
    return {"oneOf": [*kinds, {"type": "null"}]}


class InstallationRequestSchema(Schema):
    """The body of a registration."""

    appName = shared.app_name(required=True)
    apiToken = shared.api_token(required=True)
    workspaceId = shared.workspace_id(required=True)
    modelIds = shared.model_ids(required=True)
    plusId = shared.plus_id(load_default="")
    display = shared.display(load_default="separated")
    allowExternalUsers = shared.allow_external_users(load_default=False)
    customerId = shared.customer_id(load_default=None, allow_none=True)
    teamId = shared.team_id("Only this Slack workspace may consent.", load_default=None, allow_none=True)
    replaces = UuidField(
        load_default=None,
        allow_none=True,
        metadata={"description": "The id of the installation that this one replaces."},
    )
    slackApp = SlackAppField(
        load_default=None,
        allow_none=True,
        metadata={
            "description": "The credentials of an existing Slack app, or a token that creates a new one; "
            "by default, the service's own app."
        },
    )
    returnUrl = fields.String(
        load_default=None,
        allow_none=True,
        validate=validate.Length(1, 2048),
        metadata={
            "description": "Where the browser goes after the install, with `?status=installed|failed&id=…`: "
            "an https URL of a host that the service trusts.",
            "format": "uri",
        },
    )

    @validates_schema(skip_on_field_errors=False)
    def _check_across(self, data: Mapping[str, Json], **_: Json) -> None:
        errors: dict[str, list[str]] = {}
        if data.get("returnUrl") and not _may_return_to(data["returnUrl"]):
            errors["returnUrl"] = ["Must be an https URL of a host that this service trusts."]
        slack_app = data.get("slackApp", ...)
        # With a wrong field in it, slackApp is not loaded; that field is reported already.
        if slack_app is None or isinstance(slack_app, SlackApp):
            try:
                current_services.registration.app_id_of(slack_app)
            except InstallRefused as refusal:
                errors[refusal.field] = [refusal.message]
        if errors:
            raise ValidationError(errors)

    @post_load
    def _make(self, data: Mapping[str, Json], **_: Json) -> InstallRequest:
        slack_app = data["slackApp"]
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
            slack_app=slack_app if isinstance(slack_app, SlackApp) else None,
            config_token=slack_app if isinstance(slack_app, str) else None,
            return_url=data["returnUrl"],
        )


def _may_return_to(url: str) -> bool:
    """Whether ``url`` is on a trusted host; URLs that browsers may parse differently are not."""
    if not re.fullmatch(r"https://[A-Za-z0-9.-]+(:[0-9]{1,5})?([/?][\x21\x24-\x5b\x5d-\x7e]*)?", url):
        return False
    return urlsplit(url).netloc.lower() in current_settings.return_url_hosts


class SettingsChangeSchema(Schema):
    """The settings to change; those left out stay."""

    appName = shared.app_name()
    apiToken = shared.api_token()
    workspaceId = shared.workspace_id()
    modelIds = shared.model_ids()
    plusId = shared.plus_id()
    display = shared.display()
    allowExternalUsers = shared.allow_external_users()

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
    """The filters and the page of a list."""

    limit = StrictInteger(
        load_default=20,
        validate=validate.Range(1, 100),
        metadata={"description": "The largest number of items in a page."},
    )
    cursor = fields.String(
        validate=Whole(CURSOR, error="Not the nextCursor of a page."),
        metadata={"description": "The `nextCursor` of the previous page; by default, the first page."},
    )
    status = fields.String(validate=validate.OneOf(STATUSES))
    appId = shared.app_id()
    teamId = shared.team_id("The Slack workspace, or the organisation.")
    customerId = shared.customer_id()

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
    """The query for a manifest."""

    appName = shared.app_name(required=True)

    @post_load
    def _make(self, data: Mapping[str, str], **_: Json) -> str:
        return data["appName"].strip()


class IdempotencyKeySchema(Schema):
    """The header that makes a request safe to repeat."""

    key = fields.String(
        data_key="Idempotency-Key",
        validate=[
            validate.Length(1, 255),
            Whole(VISIBLE_ASCII, error="Must be visible ASCII characters."),
        ],
        metadata={
            "description": "Any text that identifies this request. Within 24 hours, the same key and body "
            "return the same installation (as it is by then) and create nothing."
        },
    )

    @post_load
    def _make(self, data: Mapping[str, str], **_: Json) -> str | None:
        return data.get("key")
