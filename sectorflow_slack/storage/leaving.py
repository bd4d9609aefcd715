"""Where an installation stands in Redis, and how it goes from there: parts of other steps."""

from __future__ import annotations

from redis.client import Pipeline

from sectorflow_slack.domain.installations import InstallationKey
from sectorflow_slack.storage.apps import app_key
from sectorflow_slack.storage.feedback import drop_feedback
from sectorflow_slack.storage.index import FIELDS, Entry
from sectorflow_slack.storage.records import Fields, read_fields

#: A day after the last team left, an app is forgotten: until then its signing secret is needed to tell
#: that late events are Slack's.
APP_AFTERLIFE_SECONDS = 24 * 3600
_TOKENS = ("bot_token", "refresh_token", "token_expires_at")
_NAMES = (*FIELDS, "team_id", "installed_at", "revision", "failure", *_TOKENS)


def place_of(key: InstallationKey) -> str:
    """Give the key of an installation's record."""
    return f"installation:{key}"


def id_key(installation_id: str) -> str:
    """Give the key of the way from an installation's id to its record."""
    return f"installation-id:{installation_id}"


def tenants_key(key: InstallationKey) -> str:
    """Give the key of the tenants that have an app."""
    return f"app-tenants:{key.app_id}"


def read_held(pipe: Pipeline, place: str) -> Fields:
    """Read what it takes to list a record and to decide about it; nothing where it is gone."""
    return read_fields(pipe, place, _NAMES)


def is_last_tenant(pipe: Pipeline, key: InstallationKey) -> bool:
    """Say whether no other tenant has the app; thousands may, so nobody looks at all of them."""
    tenants = tenants_key(key)
    return int(pipe.scard(tenants)) <= int(pipe.sismember(tenants, key.tenant_id))


def drop_installation(pipe: Pipeline, held: Fields, key: InstallationKey) -> None:
    """Queue the writes that forget the installation of a place, and what lists it."""
    pipe.delete(place_of(key), id_key(held["id"]))
    drop_feedback(pipe, key)
    unlist(pipe, held, key.tenant_id)


def unlist(pipe: Pipeline, record: Fields, tenant_id: str | None) -> None:
    """Queue the writes that take a record, if there is one, from every list."""
    if record:
        Entry.of(record, tenant_id).drop(pipe)


def leave(pipe: Pipeline, held: Fields, key: InstallationKey, *, is_last: bool) -> None:
    """Queue the writes that forget an installation for good; its app, if nobody else has it, a day later."""
    drop_installation(pipe, held, key)
    pipe.srem(tenants_key(key), key.tenant_id)
    if is_last:
        pipe.expire(app_key(key.app_id), APP_AFTERLIFE_SECONDS)
