"""Values as the fields of a Redis hash, and back.

What is secret has a field of its own, sealed for the key it stands under; the rest is readable, so that
an operator can see what is there with ``HGETALL``. What people named is JSON, which carries any text: Redis
takes no half of a surrogate pair.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import fields
from typing import cast

from redis import Redis

from sectorflow_slack.domain.installations import (
    BotInstall,
    Installation,
    InstallationKey,
    InstallationSettings,
    SectorFlowSettings,
    SlackApp,
)
from sectorflow_slack.domain.questions import Message, Plan, Question
from sectorflow_slack.storage.crypto import Cipher

Fields = dict[str, str]


def read_fields(client: Redis, key: str, names: tuple[str, ...]) -> Fields:
    """Load some fields of a hash; those that it does not have are left out."""
    values = cast("list[str | None]", client.hmget(key, names))
    return {name: value for name, value in zip(names, values, strict=True) if value is not None}


def settings_fields(terms: InstallationSettings) -> Fields:
    """Give the readable fields of what the platform asked for."""
    return {
        "id": terms.id,
        "app_id": terms.app_id,
        "app_name": json.dumps(terms.app_name),
        "created_at": repr(terms.created_at),
        "display": terms.display,
        "customer_id": json.dumps(terms.customer_id),
        "allow_external_users": json.dumps(terms.allow_external_users),
        "revision": str(terms.revision),
        "workspace_id": terms.sectorflow.workspace_id,
        "model_ids": json.dumps(terms.sectorflow.model_ids),
        "model_names": json.dumps(terms.sectorflow.model_names),
        "plus_id": terms.sectorflow.plus_id,
    }


def read_settings(fields: Mapping[str, str], api_token: str) -> InstallationSettings:
    """Give back what ``terms_fields`` wrote, with the token that is kept apart."""
    return InstallationSettings(
        id=fields["id"],
        app_id=fields["app_id"],
        app_name=json.loads(fields["app_name"]),
        created_at=float(fields["created_at"]),
        display="tabs" if fields["display"] == "tabs" else "separated",
        customer_id=json.loads(fields["customer_id"]),
        allow_external_users=json.loads(fields["allow_external_users"]),
        revision=read_revision(fields),
        sectorflow=SectorFlowSettings(
            api_token=api_token,
            workspace_id=fields["workspace_id"],
            model_ids=tuple(json.loads(fields["model_ids"])),
            plus_id=fields["plus_id"],
            model_names=json.loads(fields["model_names"]),
        ),
    )


def read_revision(fields: Mapping[str, str]) -> int:
    """Give a stored revision; what was written before there were any is of the first."""
    return int(fields.get("revision", 1))


def bot_fields(bot: BotInstall) -> Fields:
    """Give the readable fields of what Slack gave at the consent."""
    return {
        "bot_user_id": bot.bot_user_id,
        "team_id": json.dumps(bot.team_id),
        "team_name": json.dumps(bot.team_name),
        "enterprise_id": json.dumps(bot.enterprise_id),
        "is_enterprise_install": json.dumps(bot.is_enterprise_install),
        "token_expires_at": optional_time(bot.token_expires_at),
    }


def read_bot(fields: Mapping[str, str], bot_token: str, refresh_token: str = "") -> BotInstall:
    """Give back what ``bot_fields`` wrote, with the tokens that are kept apart."""
    return BotInstall(
        app_id=fields["app_id"],
        bot_token=bot_token,
        bot_user_id=fields["bot_user_id"],
        team_id=json.loads(fields["team_id"]),
        team_name=json.loads(fields["team_name"]),
        enterprise_id=json.loads(fields["enterprise_id"]),
        is_enterprise_install=json.loads(fields["is_enterprise_install"]),
        refresh_token=refresh_token,
        token_expires_at=read_optional_time(fields.get("token_expires_at")),
    )


def read_installation(
    fields: Mapping[str, str], api_token: str = "", bot_token: str = "", refresh_token: str = ""
) -> Installation:
    """Give back an installation, with the tokens that are kept apart or without."""
    return Installation(
        settings=read_settings(fields, api_token),
        bot=read_bot(fields, bot_token, refresh_token),
        installed_at=float(fields["installed_at"]),
    )


def optional_time(moment: float | None) -> str:
    """Give the field of a moment that may be none."""
    return "" if moment is None else repr(moment)


def read_optional_time(value: str | None) -> float | None:
    """Give back what ``optional_time`` wrote."""
    return float(value) if value else None


def token_fields(cipher: Cipher, key: str, bot_token: str, refresh_token: str) -> Fields:
    """Seal a bot token and, where there is one, its refresh token for the Redis key they stand under."""
    return {
        "bot_token": cipher.seal(key, "bot_token", bot_token),
        "refresh_token": cipher.seal(key, "refresh_token", refresh_token) if refresh_token else "",
    }


def open_tokens(cipher: Cipher, key: str, fields: Mapping[str, str]) -> tuple[str, str]:
    """Give back the bot token and the refresh token, "" where the app has no token rotation."""
    sealed = fields.get("refresh_token")
    return (
        cipher.open(key, "bot_token", fields["bot_token"]),
        cipher.open(key, "refresh_token", sealed) if sealed else "",
    )


def app_secrets(cipher: Cipher, key: str, app: SlackApp) -> Fields:
    """Seal an app's secrets for the Redis key they will stand under."""
    return {
        "client_secret": cipher.seal(key, "client_secret", app.client_secret),
        "signing_secret": cipher.seal(key, "signing_secret", app.signing_secret),
    }


def read_question(text: str) -> Question:
    """Give back a question that was kept as JSON of its fields."""
    values = json.loads(text)
    values["installation"] = InstallationKey(**values["installation"])
    values["model_ids"] = tuple(values.get("model_ids", ()))
    # Another release may have kept more than this one knows.
    known = {field.name for field in fields(Question)}
    return Question(**{name: value for name, value in values.items() if name in known})


def read_plan(text: str) -> Plan:
    """Give back a plan that was kept as JSON of its fields."""
    values = json.loads(text)
    messages = tuple(Message(each["text"], tuple(each["blocks"])) for each in values["messages"])
    return Plan(messages, values["failure"], values.get("thread_id"))
