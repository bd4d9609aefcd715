"""Installations and the apps that hang on them.

========================================  =====================================================
``installation:{app_id}:{tenant_id}``     hash: settings, bot; ``api_token``, ``bot_token`` and, where the
                                          app has token rotation, ``refresh_token`` sealed
``installation-id:{id}``                  ``{app_id}:{tenant_id}``: where the installation stands
``app:{app_id}``                          hash: ``client_id``, sealed secrets (see ``storage.apps``)
``app-tenants:{app_id}``                  set: the tenants that have the app
========================================  =====================================================

None expires while the app is installed. ``tenant_id`` is a team, or an enterprise (org-wide).
"""

from __future__ import annotations

from redis import Redis
from redis.client import Pipeline

from sectorflow_slack.domain.errors import RevisionConflict
from sectorflow_slack.domain.installations import Installation, InstallationKey, SlackApp
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
    open_tokens,
    read_fields,
    read_installation,
    read_revision,
    settings_fields,
    token_fields,
)
from sectorflow_slack.storage.revocations import drop_revocation, queue_revocation, revocation_of

#: A day after the last team left, an app is forgotten: until then its signing secret is needed to tell
#: that late events are Slack's.
APP_AFTERLIFE_SECONDS = 24 * 3600
_TOKENS = ("bot_token", "refresh_token", "token_expires_at")
_NAMES = (*FIELDS, "team_id", "installed_at", "revision", "failure", *_TOKENS)


def read_record(pipe: Pipeline, place: str) -> Fields:
    """Read what it takes to list a record and to decide about it; nothing where it is gone."""
    return read_fields(pipe, place, _NAMES)


def is_last_tenant(pipe: Pipeline, key: InstallationKey) -> bool:
    """Say whether no other tenant has the app; thousands may, so nobody looks at all of them."""
    tenants = tenants_key(key)
    return int(pipe.scard(tenants)) <= int(pipe.sismember(tenants, key.tenant_id))


def drop_installation(pipe: Pipeline, held: Fields, key: InstallationKey) -> None:
    """Queue the writes that forget the installation of a place, and what lists it."""
    pipe.delete(installation_key(key), installation_id_key(held["id"]))
    drop_feedback(pipe, key)
    unlist(pipe, held, key.tenant_id)


def unlist(pipe: Pipeline, record: Fields, tenant_id: str | None) -> None:
    """Queue the writes that take a record, if there is one, from every list."""
    if record:
        Entry.from_record(record, tenant_id).drop(pipe)


def uninstall(pipe: Pipeline, held: Fields, key: InstallationKey, *, is_last: bool) -> None:
    """Queue the writes that forget an installation for good; its app, if nobody else has it, a day later."""
    drop_installation(pipe, held, key)
    pipe.srem(tenants_key(key), key.tenant_id)
    if is_last:
        pipe.expire(app_key(key.app_id), APP_AFTERLIFE_SECONDS)


class InstallationStore:
    """Keeps installations, and the app records that hang on them."""

    def __init__(self, redis: Redis, cipher: Cipher) -> None:
        self._redis = redis
        self._cipher = cipher

    @translate_errors
    def find(self, key: InstallationKey) -> Installation | None:
        """Load the installation of an app in a team or enterprise."""
        place = installation_key(key)
        fields = read_hash(self._redis, place)
        return self._read(place, fields) if fields else None

    @translate_errors
    def find_by_id(self, installation_id: str) -> Installation | None:
        """Load an installation by the id the install API gave it."""
        where = self._redis.get(installation_id_key(installation_id))
        found = self.find(InstallationKey(*str(where).split(":"))) if where else None
        return found if found and found.settings.id == installation_id else None

    @translate_errors
    def save(self, installation: Installation, app: SlackApp | None, replaces: str | None) -> bool:
        """Store an installation and, where it brought one, its app, in one step.

        Returns False and stores nothing where another installation holds the place and its id is not
        ``replaces``. The pending record of the same id is dropped in the same step, and so is a
        revocation that waits for the same place: Slack gives the same bot token again.

        Raises:
            RevisionConflict: the pending settings were changed meanwhile; load them and save again.

        """
        place, by_id = installation_key(installation.key), installation_id_key(installation.settings.id)
        asked, removed = pending_key(installation.settings.id), removed_key(installation.settings.id)
        watched = [place, by_id, asked, removed] + ([app_key(app.app_id)] if app else [])

        def step(pipe: Pipeline) -> bool:
            held, pending = read_record(pipe, place), read_record(pipe, asked)
            if held.get("id") not in (None, replaces, installation.settings.id):
                return False
            # Somebody else came back with the same link, and it ended, or led elsewhere.
            if "failure" in pending or pipe.get(by_id) not in (None, str(installation.key)):
                return False
            if pipe.exists(removed) or (pending and read_revision(pending) != installation.settings.revision):
                raise RevisionConflict
            app_fields = updated_app_fields(pipe, self._cipher, app) if app else {}
            pipe.multi()
            if held:
                drop_installation(pipe, held, installation.key)
            # Where it was pinned to a team, it is listed under the one it came to.
            unlist(pipe, pending, pending.get("team_id"))
            self._write(pipe, installation, app_fields)
            return True

        return transact(self._redis, step, *watched)

    def _write(self, pipe: Pipeline, installation: Installation, app_fields: Fields) -> None:
        key, terms = installation.key, installation.settings
        fields = self._fields(installation)
        write_hash(pipe, installation_key(key), fields)
        pipe.set(installation_id_key(terms.id), str(key))
        Entry.from_record(fields, key.tenant_id).add(pipe)
        pipe.sadd(tenants_key(key), key.tenant_id)
        if app_fields:
            write_hash(pipe, app_key(key.app_id), app_fields)
        pipe.persist(app_key(key.app_id))
        drop_pending(pipe, terms.id)
        drop_revocation(pipe, key)

    @translate_errors
    def change(self, installation: Installation, revision: int) -> bool:
        """Put new terms in force; False where the stored ones are not of this ``revision`` any more.

        Nothing of the bot's is written: its token may have been renewed meanwhile. What an installation is
        listed by (its id, app, customer and time) is not among what changes.
        """
        place, terms = installation_key(installation.key), installation.settings

        def step(pipe: Pipeline) -> bool:
            held = read_record(pipe, place)
            if held.get("id") != terms.id or read_revision(held) != revision:
                return False
            token = self._cipher.seal(place, "api_token", terms.sectorflow.api_token)
            pipe.multi()
            write_hash(pipe, place, {**settings_fields(terms), "api_token": token})
            return True

        return transact(self._redis, step, place)

    @translate_errors
    def renew(self, installation: Installation, renewed: Installation) -> bool:
        """Put the bot of ``renewed``, and since when it is installed, in the place of the installation's.

        False where another token than the installation's stands there by now.
        """
        place, bot = installation_key(installation.key), installation.bot

        def step(pipe: Pipeline) -> bool:
            held = read_record(pipe, place)
            if not held or open_tokens(self._cipher, place, held) != (bot.bot_token, bot.refresh_token):
                return False
            fields = self._bot_fields(renewed)
            pipe.multi()
            write_hash(pipe, place, fields)
            return True

        return transact(self._redis, step, place)

    @translate_errors
    def remove(self, installation: Installation) -> bool:
        """Forget an installation and keep its bot token, as it is by now, for revocation, in one step.

        A token that no key opens is forgotten, too. False where the installation is gone, or its terms have
        changed since it was loaded.
        """
        key, place, terms = installation.key, installation_key(installation.key), installation.settings

        def step(pipe: Pipeline) -> bool:
            held = read_record(pipe, place)
            if held.get("id") != terms.id or read_revision(held) != terms.revision:
                return False
            revocation = revocation_of(self._cipher, key, held)
            is_last = is_last_tenant(pipe, key)
            pipe.multi()
            uninstall(pipe, held, key, is_last=is_last)
            if revocation is not None:
                queue_revocation(pipe, self._cipher, revocation)
            pipe.set(removed_key(terms.id), "1", ex=REMOVED_SECONDS)
            return True

        return transact(self._redis, step, place, tenants_key(key))

    @translate_errors
    def delete(self, key: InstallationKey, before: float, bot_token: str | None = None) -> bool:
        """Forget an installation and its secrets, unless it was installed later than ``before``.

        Nor where it lives by another token than ``bot_token``, if that is given. An app that no team has any
        more is forgotten a day later. Returns whether one was deleted.
        """
        place = installation_key(key)

        def step(pipe: Pipeline) -> bool:
            held = read_record(pipe, place)
            # Slack gives whole seconds: an event of the very second of the install is not older than it.
            if not held or int(float(held["installed_at"])) > before:
                return False
            if bot_token is not None and open_tokens(self._cipher, place, held)[0] != bot_token:
                return False
            is_last = is_last_tenant(pipe, key)
            pipe.multi()
            uninstall(pipe, held, key, is_last=is_last)
            return True

        return transact(self._redis, step, place, tenants_key(key))

    def _fields(self, installation: Installation) -> Fields:
        place, terms = installation_key(installation.key), installation.settings
        return {
            **settings_fields(terms),
            **self._bot_fields(installation),
            "api_token": self._cipher.seal(place, "api_token", terms.sectorflow.api_token),
        }

    def _bot_fields(self, installation: Installation) -> Fields:
        place, bot = installation_key(installation.key), installation.bot
        return {
            **bot_fields(bot),
            **token_fields(self._cipher, place, bot.bot_token, bot.refresh_token),
            "installed_at": repr(installation.installed_at),
        }

    def _read(self, place: str, fields: Fields) -> Installation:
        api_token = self._cipher.open(place, "api_token", fields["api_token"])
        return read_installation(fields, api_token, *open_tokens(self._cipher, place, fields))
