"""Values as the fields of a Redis hash, and back.

Each secret has a field of its own, sealed for its key; an operator can read the other fields with
``HGETALL``. Names are stored as JSON, because a lone surrogate cannot be encoded for Redis.
"""

from __future__ import annotations

import hmac
import json
from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any, cast

from redis import Redis

from sectorflow_slack.domain.errors import CannotDecrypt
from sectorflow_slack.domain.installations import (
    DISPLAYS,
    REFUSALS,
    BotInstall,
    Display,
    Installation,
    InstallationKey,
    InstallationSettings,
    Refusal,
    SectorFlowSettings,
    SlackApp,
)
from sectorflow_slack.domain.questions import Lease, Message, Plan, Question
from sectorflow_slack.storage.crypto import Cipher
from sectorflow_slack.storage.keys import digest, question_key

Fields = dict[str, str]

#: The readable fields that the sealed API token is bound to: who writes to Redis without a key cannot
#: change who may ask what on whose account, nor put an earlier token back. Neither the names nor their order
#: may change, because the release before and the one after compute the same digest.
BOUND_FIELDS = (
    *("id", "app_id", "app_name", "revision", "customer_id", "allow_external_users"),
    *("workspace_id", "workspace_name", "model_ids", "plus_id"),
)
#: The same of a pending installation: also who may consent, and where the browser ends.
BOUND_PENDING_FIELDS = (*BOUND_FIELDS, "client_id", "team_id", "replaces", "return_url")


def read_fields(client: Redis, key: str, names: tuple[str, ...]) -> Fields:
    """Load the fields of a hash that exist among ``names``."""
    values = cast("list[str | None]", client.hmget(key, names))
    return {name: value for name, value in zip(names, values, strict=True) if value is not None}


def settings_fields(settings: InstallationSettings) -> Fields:
    """Return the readable fields of an installation's settings."""
    return {
        "id": settings.id,
        "app_id": settings.app_id,
        "app_name": json.dumps(settings.app_name),
        "created_at": repr(settings.created_at),
        "display": settings.display,
        "customer_id": json.dumps(settings.customer_id),
        "customer": customer_digest(settings.customer_id),
        "allow_external_users": json.dumps(settings.allow_external_users),
        "revision": str(settings.revision),
        "token_digest": settings.token_digest,
        "workspace_id": settings.sectorflow.workspace_id,
        "model_ids": json.dumps(settings.sectorflow.model_ids),
        "model_names": json.dumps(settings.sectorflow.model_names),
        "workspace_name": json.dumps(settings.sectorflow.workspace_name),
        "plus_id": settings.sectorflow.plus_id,
    }


def customer_digest(customer_id: str | None) -> str:
    """Return the name under which a customer takes turns, "" for none: ids may be too long for a key."""
    if not customer_id:
        return ""
    return digest(customer_id)[:32]


def read_settings(fields: Mapping[str, str], api_token: str) -> InstallationSettings:
    """Parse the result of ``settings_fields``, and add the API token."""
    return InstallationSettings(
        id=fields["id"],
        app_id=fields["app_id"],
        app_name=json.loads(fields["app_name"]),
        created_at=float(fields["created_at"]),
        display=read_display(fields["display"]),
        customer_id=json.loads(fields["customer_id"]),
        allow_external_users=json.loads(fields["allow_external_users"]),
        revision=read_revision(fields),
        token_digest=fields.get("token_digest", ""),
        sectorflow=SectorFlowSettings(
            api_token=api_token,
            workspace_id=fields["workspace_id"],
            model_ids=tuple(json.loads(fields["model_ids"])),
            plus_id=fields["plus_id"],
            model_names=json.loads(fields["model_names"]),
            # Records of 0.1.0 have none.
            workspace_name=json.loads(fields.get("workspace_name", '""')),
        ),
    )


def read_display(text: str) -> Display:
    """Return a display by its name; one that only a later release knows is the default."""
    return next((display for display in DISPLAYS if display == text), "separated")


def read_revision(fields: Mapping[str, str]) -> int:
    """Read the revision of the settings, 1 in records without one."""
    return int(fields.get("revision", 1))


def seal_api_token(
    cipher: Cipher, key: str, fields: Fields, api_token: str, names: tuple[str, ...] = BOUND_FIELDS
) -> str:
    """Seal an API token together with a digest of the readable fields that decide how it is used."""
    return cipher.seal(key, "api_token", f"{_digest_of(fields, names)}\n{api_token}")


def open_api_token(
    cipher: Cipher, key: str, fields: Fields, sealed: str, names: tuple[str, ...] = BOUND_FIELDS
) -> str:
    """Decrypt an API token; raise ``CannotDecrypt`` if a field that it is bound to is not as it was."""
    found, bound, api_token = cipher.open(key, "api_token", sealed).partition("\n")
    if not bound:
        return found  # of a release that bound no fields
    if not hmac.compare_digest(found, _digest_of(fields, names)):
        raise CannotDecrypt(f"{key} api_token (other fields were changed)")
    return api_token


def open_secrets(
    cipher: Cipher,
    key: str,
    fields: Fields,
    sealed: Fields,
    names: tuple[str, ...] = BOUND_FIELDS,
) -> Fields:
    """Decrypt secrets, of which the API token is bound to the readable ``fields``."""
    return {
        name: open_api_token(cipher, key, fields, value, names)
        if name == "api_token"
        else cipher.open(key, name, value)
        for name, value in sealed.items()
    }


def _digest_of(fields: Fields, names: tuple[str, ...]) -> str:
    values = json.dumps([({"revision": "1"} | fields).get(name) for name in names])
    return digest(values)


def bot_fields(bot: BotInstall) -> Fields:
    """Return the readable fields of a bot installation."""
    return {
        "bot_user_id": bot.bot_user_id,
        "team_id": json.dumps(bot.team_id),
        "team_name": json.dumps(bot.team_name),
        "enterprise_id": json.dumps(bot.enterprise_id),
        "is_enterprise_install": json.dumps(bot.is_enterprise_install),
        "installer_id": bot.installer_id,
        "token_expires_at": optional_time(bot.token_expires_at),
    }


def read_bot(fields: Mapping[str, str], bot_token: str, refresh_token: str = "") -> BotInstall:
    """Parse the result of ``bot_fields``, and add the tokens."""
    return BotInstall(
        app_id=fields["app_id"],
        bot_token=bot_token,
        bot_user_id=fields["bot_user_id"],
        team_id=json.loads(fields["team_id"]),
        team_name=json.loads(fields["team_name"]),
        enterprise_id=json.loads(fields["enterprise_id"]),
        is_enterprise_install=json.loads(fields["is_enterprise_install"]),
        installer_id=fields.get("installer_id", ""),
        refresh_token=refresh_token,
        token_expires_at=read_optional_time(fields.get("token_expires_at")),
    )


def read_installation(
    fields: Mapping[str, str], api_token: str = "", bot_token: str = "", refresh_token: str = ""
) -> Installation:
    """Read an installation, with the given tokens."""
    return Installation(
        settings=read_settings(fields, api_token),
        bot=read_bot(fields, bot_token, refresh_token),
        installed_at=float(fields["installed_at"]),
        refused=frozenset(each for each in REFUSALS if refused_field(each) in fields),
    )


def refused_field(refusal: Refusal) -> str:
    """Return the name of the field that records what Slack has refused to an installation."""
    return f"refused:{refusal}"


def optional_time(seconds: float | None) -> str:
    """Return a time as a field, "" for None."""
    return "" if seconds is None else repr(seconds)


def read_optional_time(value: str | None) -> float | None:
    """Parse the result of ``optional_time``."""
    return float(value) if value else None


def token_fields(cipher: Cipher, key: str, bot_token: str, refresh_token: str) -> Fields:
    """Seal a bot token and its refresh token, if any, for a Redis key."""
    return {
        "bot_token": cipher.seal(key, "bot_token", bot_token),
        "refresh_token": cipher.seal(key, "refresh_token", refresh_token) if refresh_token else "",
    }


def open_tokens(cipher: Cipher, key: str, fields: Mapping[str, str]) -> tuple[str, str]:
    """Decrypt the bot token and the refresh token, "" if the app has no token rotation."""
    sealed = fields.get("refresh_token")
    return (
        cipher.open(key, "bot_token", fields["bot_token"]),
        cipher.open(key, "refresh_token", sealed) if sealed else "",
    )


def app_secrets(cipher: Cipher, key: str, app: SlackApp) -> Fields:
    """Seal an app's secrets for a Redis key."""
    return {
        "client_secret": cipher.seal(key, "client_secret", app.client_secret),
        "signing_secret": cipher.seal(key, "signing_secret", app.signing_secret),
    }


def read_question(text: str) -> Question:
    """Read a question from the JSON of its fields."""
    values = json.loads(text)
    values["installation"] = InstallationKey(**values["installation"])
    for name in ("model_ids", "left_out"):
        values[name] = tuple(values.get(name, ()))
    return Question(**known_fields(Question, values))


def read_leased(cipher: Cipher, lease: Lease, question: str | None, event: str | None) -> Lease:
    """Add a stored question to its lease: it is sealed whole, or as the ``event`` that brought it."""
    key = question_key(lease.id)
    if event:
        return replace(lease, record=json.loads(cipher.open(key, "event", event)))
    return replace(lease, question=read_question(cipher.open(key, "question", str(question))))


def known_fields(value_type: type, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values that a dataclass has fields for: a later release may have stored more."""
    known = {field.name for field in fields(value_type)}
    return {name: value for name, value in values.items() if name in known}


def read_plan(text: str) -> Plan:
    """Read a plan from the JSON of its fields."""
    values = json.loads(text)
    messages = tuple(
        Message(each["text"], tuple(each["blocks"]), each.get("without", "")) for each in values["messages"]
    )
    return Plan(messages, values["failure"], values.get("thread_id"))
