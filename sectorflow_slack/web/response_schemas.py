"""Schemas of the install API's responses. None contains a token or a secret."""

from __future__ import annotations

from functools import partial

from marshmallow import Schema, fields, validate

from sectorflow_slack.domain.installations import DISPLAYS
from sectorflow_slack.web.fields import STATUSES, UuidField

_nullable_string = partial(fields.String, required=True, allow_none=True)


class InstallationSchema(Schema):
    """An installation in any state."""

    id = UuidField(required=True)
    status = fields.String(required=True, validate=validate.OneOf(STATUSES))
    appName = fields.String(required=True)
    appId = fields.String(required=True)
    teamId = _nullable_string()
    teamName = _nullable_string()
    customerId = _nullable_string()
    allowExternalUsers = fields.Boolean(required=True)
    workspaceId = UuidField(required=True)
    modelIds = fields.List(UuidField(), required=True)
    plusId = fields.String(required=True)
    display = fields.String(required=True, validate=validate.OneOf(DISPLAYS))
    botUserId = _nullable_string()
    createdAt = fields.DateTime(required=True, format="iso")
    installedAt = fields.DateTime(required=True, allow_none=True, format="iso")
    installUrl = _nullable_string(
        metadata={"description": "The link for the customer's admin; a secret. While pending only."}
    )
    expiresAt = fields.DateTime(
        required=True,
        allow_none=True,
        format="iso",
        metadata={"description": "When the link expires. While pending only."},
    )
    failure = _nullable_string(
        metadata={"description": "Why it failed, as a short word; null unless it failed."}
    )


class InstallationPageSchema(Schema):
    """One page of a list of installations."""

    items = fields.List(fields.Nested(InstallationSchema), required=True)
    nextCursor = _nullable_string(
        metadata={"description": "The `cursor` of the next page; null on the last one."}
    )


class ModelFeedbackSchema(Schema):
    """The current votes on one model's answers, and what these took in the last 30 days."""

    modelId = UuidField(required=True)
    modelName = _nullable_string(metadata={"description": "Null if SectorFlow did not name it."})
    up = fields.Integer(required=True, validate=validate.Range(min=0))
    down = fields.Integer(required=True, validate=validate.Range(min=0))
    asked = fields.Integer(required=True, validate=validate.Range(min=0))
    failed = fields.Integer(required=True, validate=validate.Range(min=0))
    p50Seconds = fields.Float(
        required=True,
        allow_none=True,
        metadata={"description": "Half of the answers took at most this time, about. Null if unknown."},
    )
    credits = fields.Float(required=True, validate=validate.Range(min=0))


class FeedbackSchema(Schema):
    """Votes and figures by model: those of `modelIds` in their order, then models that answered earlier."""

    items = fields.List(fields.Nested(ModelFeedbackSchema), required=True)


class ErrorSchema(Schema):
    """The shape of every error."""

    code = fields.Integer(required=True, metadata={"description": "The HTTP status."})
    status = fields.String(required=True, metadata={"description": "The name of the HTTP status."})
    message = fields.String(required=True, metadata={"description": "What went wrong, in a sentence."})
    errors = fields.Dict(
        keys=fields.String(),
        values=fields.Dict(keys=fields.String()),
        metadata={
            "description": "With 422: the faults of each field, by its part of the request (`json`, `query`, "
            "`headers`). With 502: Slack's own messages under `slack`, by JSON pointer into the manifest."
        },
    )
