"""Installations and the apps that hang on them.

========================================  =====================================================
``installation:{app_id}:{tenant_id}``     hash: settings, bot; ``api_token``, ``bot_token`` sealed
``installation-id:{id}``                  ``{app_id}:{tenant_id}``: where the installation stands
``app:{app_id}``                          hash: ``client_id``, sealed secrets (see ``storage.apps``)
``app-tenants:{app_id}``                  set: the tenants that have the app
========================================  =====================================================

None of these expires while the app is installed. ``tenant_id`` is a team, or an enterprise (org-wide).
"""

from __future__ import annotations

from redis import Redis
from redis.client import Pipeline

from sectorflow_slack.domain.models import Installation, InstallationKey, SlackApp
from sectorflow_slack.storage.apps import app_key, updated_app_fields
from sectorflow_slack.storage.connection import read_hash, transact, translate_errors, write_hash
from sectorflow_slack.storage.crypto import Cipher
from sectorflow_slack.storage.pending import drop_pending, pending_key
from sectorflow_slack.storage.records import Fields, bot_fields, read_bot, read_terms, terms_fields

#: A day after the last team left, an app is forgotten: until then its signing secret is needed to tell
#: that late events are Slack's.
APP_AFTERLIFE_SECONDS = 24 * 3600


class RedisInstallationStore:
    """Keeps installations in Redis."""

    def __init__(self, redis: Redis, cipher: Cipher) -> None:
        self._redis = redis
        self._cipher = cipher

    @translate_errors
    def find(self, key: InstallationKey) -> Installation | None:
        """Load the installation of an app in a team or enterprise."""
        place = _place(key)
        fields = read_hash(self._redis, place)
        return self._read(place, fields) if fields else None

    @translate_errors
    def find_by_id(self, installation_id: str) -> Installation | None:
        """Load an installation by the id the install API gave it."""
        where = self._redis.get(f"installation-id:{installation_id}")
        if where is None:
            return None
        found = self.find(InstallationKey(*str(where).split(":")))
        return found if found and found.terms.id == installation_id else None

    @translate_errors
    def save(self, installation: Installation, app: SlackApp | None, replaces: str | None) -> bool:
        """Store an installation and its app in one step, unless another one holds the place."""
        place, by_id = _place(installation.key), f"installation-id:{installation.terms.id}"
        asked = pending_key(installation.terms.id)
        watched = [place, by_id, asked] + ([app_key(app.app_id)] if app else [])

        def step(pipe: Pipeline) -> bool:
            holder = pipe.hget(place, "id")
            if holder is not None and holder not in (replaces, installation.terms.id):
                return False
            if pipe.hexists(asked, "failure") or pipe.get(by_id) not in (None, str(installation.key)):
                # Somebody else came back with the same link meanwhile, and it ended, or led elsewhere.
                return False
            app_fields = updated_app_fields(pipe, self._cipher, app) if app else {}
            pipe.multi()
            self._write(pipe, installation, app_fields, str(holder) if holder else None)
            return True

        return transact(self._redis, step, *watched)

    def _write(
        self, pipe: Pipeline, installation: Installation, app_fields: Fields, replaced: str | None
    ) -> None:
        key, place, terms = installation.key, _place(installation.key), installation.terms
        if replaced:
            pipe.delete(f"installation-id:{replaced}")
        pipe.delete(place)
        write_hash(pipe, place, self._fields(installation))
        pipe.set(f"installation-id:{terms.id}", str(key))
        pipe.sadd(f"app-tenants:{key.app_id}", key.tenant_id)
        if app_fields:
            write_hash(pipe, app_key(key.app_id), app_fields)
        pipe.persist(app_key(key.app_id))
        drop_pending(pipe, terms.id)

    @translate_errors
    def delete(self, key: InstallationKey, before: float) -> bool:
        """Forget an installation and its secrets, unless it was installed later than ``before``."""
        place, tenants = _place(key), f"app-tenants:{key.app_id}"

        def step(pipe: Pipeline) -> bool:
            installation_id, installed_at = pipe.hmget(place, "id", "installed_at")
            # Slack gives whole seconds: an event of the very second of the install is not older than it.
            if installed_at is None or int(float(installed_at)) > before:
                return False
            is_last = pipe.smembers(tenants) <= {key.tenant_id}
            pipe.multi()
            pipe.delete(place, f"installation-id:{installation_id!s}")
            pipe.srem(tenants, key.tenant_id)
            if is_last:
                pipe.expire(app_key(key.app_id), APP_AFTERLIFE_SECONDS)
            return True

        return transact(self._redis, step, place, tenants)

    def _fields(self, installation: Installation) -> Fields:
        place = _place(installation.key)
        api_token, bot_token = installation.terms.sectorflow.api_token, installation.bot.bot_token
        return {
            **terms_fields(installation.terms),
            **bot_fields(installation.bot),
            "installed_at": repr(installation.installed_at),
            "api_token": self._cipher.seal(place, "api_token", api_token),
            "bot_token": self._cipher.seal(place, "bot_token", bot_token),
        }

    def _read(self, place: str, fields: Fields) -> Installation:
        return Installation(
            terms=read_terms(fields, self._cipher.open(place, "api_token", fields["api_token"])),
            bot=read_bot(fields, self._cipher.open(place, "bot_token", fields["bot_token"])),
            installed_at=float(fields["installed_at"]),
        )


def _place(key: InstallationKey) -> str:
    return f"installation:{key}"
