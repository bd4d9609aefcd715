"""Installations and their apps.

========================================  =====================================================
``installation:{app_id}:{tenant_id}``     hash: settings and bot; sealed ``api_token`` (bound to the
                                          settings), ``bot_token`` and, with token rotation,
                                          ``refresh_token``
``installation-id:{id}``                  the ``{app_id}:{tenant_id}`` of the installation with this id
========================================  =====================================================

Neither expires, nor do the keys of the app (``storage.apps``) while it is installed. ``tenant_id`` is a team,
or an enterprise (org-wide).
"""

from __future__ import annotations

from redis import Redis
from redis.client import Pipeline

from sectorflow_slack.domain.errors import RevisionConflict
from sectorflow_slack.domain.installations import (
    REFUSALS,
    Installation,
    InstallationKey,
    Refusal,
    SlackApp,
)
from sectorflow_slack.storage.apps import updated_app_fields
from sectorflow_slack.storage.connection import read_hash, transact, translate_errors, write_hash
from sectorflow_slack.storage.crypto import Cipher
from sectorflow_slack.storage.feedback import drop_feedback
from sectorflow_slack.storage.installation_index import FIELDS, Entry
from sectorflow_slack.storage.keys import (
    app_key,
    installation_id_key,
    installation_key,
    pending_key,
    removed_key,
    tenants_key,
)
from sectorflow_slack.storage.pending import REMOVED_SECONDS, drop_pending
from sectorflow_slack.storage.records import (
    Fields,
    bot_fields,
    open_api_token,
    open_tokens,
    read_fields,
    read_installation,
    read_revision,
    refused_field,
    seal_api_token,
    settings_fields,
    token_fields,
)
from sectorflow_slack.storage.revocations import drop_revocation, queue_revocation, revocation_of

#: How long an app outlives its last installation: its signing secret verifies late events.
APP_AFTERLIFE_SECONDS = 24 * 3600
_TOKENS = ("bot_token", "refresh_token", "token_expires_at")
_NAMES = (*FIELDS, "team_id", "installed_at", "revision", "failure", *_TOKENS)


class InstallationStore:
    """Stores installations, and the apps they brought.

    Each step is atomic, and updates the indexes. A lookup returns None if there is no installation, and
    raises ``CannotDecrypt`` if no encryption key decrypts its secrets.
    """

    def __init__(self, redis: Redis, cipher: Cipher) -> None:
        self._redis = redis
        self._cipher = cipher

    @translate_errors
    def find(self, key: InstallationKey) -> Installation | None:
        """Load the installation of an app in a team or enterprise."""
        redis_key = installation_key(key)
        fields = read_hash(self._redis, redis_key)
        if not fields:
            return None
        api_token = open_api_token(self._cipher, redis_key, fields, fields["api_token"])
        return read_installation(fields, api_token, *open_tokens(self._cipher, redis_key, fields))

    @translate_errors
    def find_by_id(self, installation_id: str) -> Installation | None:
        """Load an installation by its id in the install API."""
        target = self._redis.get(installation_id_key(installation_id))
        found = self.find(InstallationKey.parse(str(target))) if target else None
        return found if found and found.settings.id == installation_id else None

    @translate_errors
    def save(self, installation: Installation, app: SlackApp | None, replaces: str | None) -> bool:
        """Store an installation and the app that it brought, if any; False if that is refused.

        It is refused if the app and team have another installation that ``replaces`` does not name, or if the
        pending record failed or was installed to another team. The pending record is deleted, and so is a
        revocation for the same app and team, because Slack issues the same bot token again.

        Raises:
            RevisionConflict: the pending settings were changed or deleted meanwhile; load them again.

        """
        key, id_key = installation_key(installation.key), installation_id_key(installation.settings.id)
        asked, removed = pending_key(installation.settings.id), removed_key(installation.settings.id)
        watched = [key, id_key, asked, removed] + ([app_key(app.app_id)] if app else [])

        def step(pipe: Pipeline) -> bool:
            stored, pending = _read_record(pipe, key), _read_record(pipe, asked)
            if stored.get("id") not in (None, replaces, installation.settings.id):
                return False
            # Another user of the same link may have failed, or installed to another team.
            if "failure" in pending or pipe.get(id_key) not in (None, str(installation.key)):
                return False
            if pipe.exists(removed) or (pending and read_revision(pending) != installation.settings.revision):
                raise RevisionConflict
            app_fields = updated_app_fields(pipe, self._cipher, app) if app else {}
            pipe.multi()
            if stored:
                _drop_installation(pipe, stored, installation.key)
            if pending:
                # It is listed by the team that it was restricted to, if any.
                Entry.from_record(pending, pending.get("team_id")).drop(pipe)
            self._write(pipe, installation, app_fields)
            return True

        return transact(self._redis, step, *watched)

    def _write(self, pipe: Pipeline, installation: Installation, app_fields: Fields) -> None:
        key = installation.key
        fields = self._fields(installation)
        write_hash(pipe, installation_key(key), fields)
        pipe.set(installation_id_key(installation.settings.id), str(key))
        Entry.from_record(fields, key.tenant_id).add(pipe)
        pipe.sadd(tenants_key(key.app_id), key.tenant_id)
        if app_fields:
            write_hash(pipe, app_key(key.app_id), app_fields)
        pipe.persist(app_key(key.app_id))
        drop_pending(pipe, installation.settings.id)
        drop_revocation(pipe, key)

    @translate_errors
    def change(self, installation: Installation, revision: int) -> bool:
        """Store new settings; False if the stored ones are not of this ``revision``.

        The bot is not written: its token may have been renewed meanwhile. The id, app, customer and time of
        creation, which the indexes use, must be unchanged; the index of the API token is updated.
        """
        key, settings = installation_key(installation.key), installation.settings

        def step(pipe: Pipeline) -> bool:
            stored = _read_record(pipe, key)
            if stored.get("id") != settings.id or read_revision(stored) != revision:
                return False
            fields = settings_fields(settings)
            token = seal_api_token(self._cipher, key, fields, settings.sectorflow.api_token)
            pipe.multi()
            write_hash(pipe, key, {**fields, "api_token": token})
            pipe.hdel(key, *map(refused_field, REFUSALS))
            Entry.from_record(stored, installation.key.tenant_id).drop(pipe)
            Entry.from_record(fields, installation.key.tenant_id).add(pipe)
            return True

        return transact(self._redis, step, key)

    @translate_errors
    def mark_refused(self, key: InstallationKey, refusal: Refusal) -> None:
        """Record what Slack has refused to an installation, until its settings change."""
        redis_key = installation_key(key)

        def step(pipe: Pipeline) -> None:
            if pipe.exists(redis_key):
                pipe.multi()
                write_hash(pipe, redis_key, {refused_field(refusal): "1"})

        transact(self._redis, step, redis_key)

    @translate_errors
    def renew(self, installation: Installation, renewed: Installation) -> bool:
        """Store the bot of ``renewed`` and its time of install; False if the stored tokens have changed."""
        key, bot = installation_key(installation.key), installation.bot

        def step(pipe: Pipeline) -> bool:
            stored = _read_record(pipe, key)
            if not stored or open_tokens(self._cipher, key, stored) != (bot.bot_token, bot.refresh_token):
                return False
            fields = self._bot_fields(renewed)
            pipe.multi()
            write_hash(pipe, key, fields)
            return True

        return transact(self._redis, step, key)

    @translate_errors
    def remove(self, installation: Installation) -> bool:
        """Delete an installation and queue its stored bot token for revocation.

        A token that does not decrypt is only deleted. False if the installation is gone, or its settings have
        changed since it was loaded.
        """
        key, settings = installation.key, installation.settings

        def step(pipe: Pipeline) -> bool:
            stored = _read_record(pipe, installation_key(key))
            if stored.get("id") != settings.id or read_revision(stored) != settings.revision:
                return False
            revocation = revocation_of(self._cipher, key, stored)
            is_last = _is_last_tenant(pipe, key)
            pipe.multi()
            _uninstall(pipe, stored, key, is_last=is_last)
            if revocation is not None:
                queue_revocation(pipe, self._cipher, revocation)
            pipe.set(removed_key(settings.id), "1", ex=REMOVED_SECONDS)
            return True

        return transact(self._redis, step, installation_key(key), tenants_key(key.app_id))

    @translate_errors
    def delete(self, key: InstallationKey, before: float, bot_token: str | None = None) -> bool:
        """Delete an installation and its secrets; False if there is none to delete.

        An installation after ``before``, in seconds since the epoch, stays, and so does one with another bot
        token than ``bot_token``, if that is given. The app of the last tenant expires a day later.
        """
        redis_key = installation_key(key)

        def step(pipe: Pipeline) -> bool:
            stored = _read_record(pipe, redis_key)
            # Slack's times are whole seconds: an event in the second of the install is not older than it.
            if not stored or int(float(stored["installed_at"])) > before:
                return False
            if bot_token is not None and open_tokens(self._cipher, redis_key, stored)[0] != bot_token:
                return False
            is_last = _is_last_tenant(pipe, key)
            pipe.multi()
            _uninstall(pipe, stored, key, is_last=is_last)
            return True

        return transact(self._redis, step, installation_key(key), tenants_key(key.app_id))

    def _fields(self, installation: Installation) -> Fields:
        key, settings = installation_key(installation.key), installation.settings
        fields = settings_fields(settings)
        return {
            **fields,
            **self._bot_fields(installation),
            "api_token": seal_api_token(self._cipher, key, fields, settings.sectorflow.api_token),
        }

    def _bot_fields(self, installation: Installation) -> Fields:
        key, bot = installation_key(installation.key), installation.bot
        return {
            **bot_fields(bot),
            **token_fields(self._cipher, key, bot.bot_token, bot.refresh_token),
            "installed_at": repr(installation.installed_at),
        }


def _read_record(pipe: Pipeline, key: str) -> Fields:
    """Read the fields that decide a step; {} if the record does not exist."""
    return read_fields(pipe, key, _NAMES)


def _is_last_tenant(pipe: Pipeline, key: InstallationKey) -> bool:
    """Whether no other tenant has the app; counts, because they may be thousands."""
    tenants = tenants_key(key.app_id)
    return int(pipe.scard(tenants)) <= int(pipe.sismember(tenants, key.tenant_id))


def _uninstall(pipe: Pipeline, stored: Fields, key: InstallationKey, *, is_last: bool) -> None:
    _drop_installation(pipe, stored, key)
    pipe.srem(tenants_key(key.app_id), key.tenant_id)
    if is_last:
        pipe.expire(app_key(key.app_id), APP_AFTERLIFE_SECONDS)


def _drop_installation(pipe: Pipeline, stored: Fields, key: InstallationKey) -> None:
    pipe.delete(installation_key(key), installation_id_key(stored["id"]))
    drop_feedback(pipe, key)
    Entry.from_record(stored, key.tenant_id).drop(pipe)
