"""What goes out of the install API, as marshmallow schemas. No answer holds a token or a secret."""

from __future__ import annotations

from marshmallow import Schema, fields, validate

from sectorflow_slack.web.fields import UuidField
from sectorflow_slack.web.installation_fields import DISPLAYS
from sectorflow_slack.web.request_schemas import STATUSES


class InstallationSchema(Schema):
    """An installation, in whatever state it is."""

    id = UuidField(required=True)
    status = fields.String(required=True, validate=validate.OneOf(STATUSES))
    appName = fields.String(required=True)
    appId = fields.String(required=True)
    teamId = fields.String(required=True, allow_none=True)
    teamName = fields.String(required=True, allow_none=True)
    customerId = fields.String(required=True, allow_none=True)
    allowExternalUsers = fields.Boolean(required=True)
    workspaceId = UuidField(required=True)
    modelIds = fields.List(UuidField(), required=True)
    plusId = fields.String(required=True)
    display = fields.String(required=True, validate=validate.OneOf(DISPLAYS))
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


class InstallationPageSchema(Schema):
    """One page of a list of installations."""

    items = fields.List(fields.Nested(InstallationSchema), required=True)
    nextCursor = fields.String(
        required=True,
        allow_none=True,
        metadata={"description": "What the next page is asked for with; null on the last one."},
    )


class ModelFeedbackSchema(Schema):
    """What people think of one model's answers, as their votes stand."""

    modelId = UuidField(required=True)
    modelName = fields.String(
        required=True, allow_none=True, metadata={"description": "Null where SectorFlow did not tell it."}
    )
    up = fields.Integer(required=True, validate=validate.Range(min=0))
    down = fields.Integer(required=True, validate=validate.Range(min=0))


class FeedbackSchema(Schema):
    """Votes by model: first those of `modelIds`, in their order, then models that answered earlier."""

    items = fields.List(fields.Nested(ModelFeedbackSchema), required=True)


class ErrorSchema(Schema):
    """What went wrong; every error has this shape."""

    code = fields.Integer(required=True, metadata={"description": "The HTTP status."})
    status = fields.String(required=True, metadata={"description": "The name of the HTTP status."})
    message = fields.String(required=True, metadata={"description": "What went wrong, in a sentence."})
    errors = fields.Dict(
        keys=fields.String(),
        values=fields.Dict(keys=fields.String()),
        metadata={
            "description": "With 422: what is wrong with each field, by where it came (`json`, `query`, "
            "`headers`). With 502: Slack's own messages under `slack`, by JSON pointer into the manifest."
        },
    )
