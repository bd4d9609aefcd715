"""What comes in and goes out of the install API, as marshmallow schemas: camelCase, as SectorFlow's own API.

An unknown field is refused, and every wrong field is named at once. No answer holds a token or a secret.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from marshmallow import Schema, ValidationError, fields, post_load, validate, validates_schema

from sectorflow_slack.domain.errors import InstallRefused
from sectorflow_slack.domain.models import InstallRequest, SectorFlowSettings, SlackApp
from sectorflow_slack.web import current_services, current_settings
from sectorflow_slack.web.fields import (
    READABLE,
    UUID,
    VISIBLE_ASCII,
    StrictBoolean,
    UuidField,
    Whole,
    check_different,
    check_whole_characters,
)

MAX_MODELS = 20
#: Slack's limit for the name of an app (docs.slack.dev, app manifest reference).
APP_NAME_MAX_LENGTH = 35

Json = Any


def _secret(max_length: int, description: str) -> fields.String:
    return fields.String(
        required=True,
        load_only=True,
        validate=[
            validate.Length(1, max_length),
            Whole(VISIBLE_ASCII, error="Must be visible ASCII characters."),
        ],
        metadata={"description": description},
    )


class ExistingSlackAppSchema(Schema):
    """The credentials of a Slack app that exists already; its settings page shows them."""

    appId = fields.String(required=True, validate=Whole(r"A[A-Z0-9]{2,30}", error="Not a Slack app id."))
    clientId = fields.String(
        required=True, validate=Whole(r"[0-9]{1,30}\.[0-9]{1,30}", error="Not a client id.")
    )
    clientSecret = _secret(255, "The app's client secret.")
    signingSecret = _secret(255, "The app's signing secret.")

    @post_load
    def _make(self, data: Mapping[str, str], **_: Json) -> SlackApp:
        return SlackApp(data["appId"], data["clientId"], data["clientSecret"], data["signingSecret"])


class InstallationRequestSchema(Schema):
    """What an installation is registered with."""

    appName = fields.String(
        required=True,
        validate=[
            validate.Length(1, APP_NAME_MAX_LENGTH),
            Whole(READABLE, error="Must be readable text."),
            check_whole_characters,
        ],
        metadata={"description": "The app's name, as people see it in Slack.", "example": "Acme Assistant"},
    )
    apiToken = _secret(4096, "The SectorFlow user's bearer token.")
    workspaceId = UuidField(required=True, metadata={"description": "The SectorFlow workspace to ask in."})
    modelIds = fields.List(
        UuidField(),
        required=True,
        validate=[validate.Length(1, MAX_MODELS), check_different],
        metadata={
            "description": "The LLMs to ask; their order is the order of the answers.",
            "uniqueItems": True,
        },
    )
    plusId = fields.String(
        load_default="",
        validate=Whole(rf"|{UUID}", error="Not a valid UUID."),
        metadata={"description": "The SectorPlus expert, or an empty string for none."},
    )
    display = fields.String(
        load_default="separated",
        validate=validate.OneOf(["separated", "tabs"]),
        metadata={"description": "How the answers are laid out in Slack."},
    )
    customerId = fields.String(
        load_default=None,
        allow_none=True,
        validate=validate.Length(max=255),
        metadata={"description": "The platform's own id of the customer; kept and given back."},
    )
    allowExternalUsers = StrictBoolean(
        load_default=False,
        metadata={"description": "Whether people of other organisations in a shared channel get answers."},
    )
    teamId = fields.String(
        load_default=None,
        allow_none=True,
        validate=Whole(r"[TE][A-Z0-9]{2,30}", error="Not a Slack team id."),
        metadata={"description": "Only this Slack workspace may consent."},
    )
    replaces = UuidField(
        load_default=None,
        allow_none=True,
        metadata={"description": "The id of the installation that this one takes the place of."},
    )
    slackApp = fields.Nested(
        ExistingSlackAppSchema,
        load_default=None,
        allow_none=True,
        metadata={"description": "A Slack app that exists already; left out, the service's own."},
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
                current_services.installs.app_id_of(slack_app)
            except InstallRefused as refusal:
                errors[refusal.field] = [refusal.message]
        if errors:
            raise ValidationError(errors)

    @post_load
    def _make(self, data: Mapping[str, Json], **_: Json) -> InstallRequest:
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
            slack_app=data["slackApp"],
            return_url=data["returnUrl"],
        )


def _may_return_to(url: str) -> bool:
    """Say whether a browser may be sent to ``url``; anything a browser could read otherwise is refused."""
    if not re.fullmatch(r"https://[A-Za-z0-9.-]+(:[0-9]{1,5})?([/?][\x21\x24-\x5b\x5d-\x7e]*)?", url):
        return False
    return urlsplit(url).netloc.lower() in current_settings.return_url_hosts


class InstallationSchema(Schema):
    """An installation, in whatever state it is."""

    id = UuidField(required=True)
    status = fields.String(
        required=True, validate=validate.OneOf(["pending", "installed", "failed", "expired"])
    )
    appName = fields.String(required=True)
    appId = fields.String(required=True)
    teamId = fields.String(required=True, allow_none=True)
    teamName = fields.String(required=True, allow_none=True)
    customerId = fields.String(required=True, allow_none=True)
    allowExternalUsers = fields.Boolean(required=True)
    workspaceId = UuidField(required=True)
    modelIds = fields.List(UuidField(), required=True)
    plusId = fields.String(required=True)
    display = fields.String(required=True, validate=validate.OneOf(["separated", "tabs"]))
    botUserId = fields.String(required=True, allow_none=True)
    createdAt = fields.DateTime(required=True, format="iso")
    installedAt = fields.DateTime(required=True, allow_none=True, format="iso")
    installUrl = fields.String(
        required=True,
        allow_none=True,
        metadata={"description": "What the customer's admin follows; a secret. While pending only."},
    )
    expiresAt = fields.DateTime(
        required=True,
        allow_none=True,
        format="iso",
        metadata={"description": "When the link dies. While pending only."},
    )
    failure = fields.String(
        required=True,
        allow_none=True,
        metadata={"description": "Why it failed, as a short word; null unless it failed."},
    )
