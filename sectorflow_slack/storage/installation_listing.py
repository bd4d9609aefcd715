"""Installations of every state, page by page or by id, also if their secrets do not decrypt.

The pages come from the indexes of ``storage.installation_index``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from redis import Redis

from sectorflow_slack.domain.errors import CannotDecrypt
from sectorflow_slack.domain.installations import (
    AnyInstallation,
    Installation,
    InstallationPage,
    InstallationQuery,
    Status,
)
from sectorflow_slack.domain.ports import Clock
from sectorflow_slack.storage import installation_index
from sectorflow_slack.storage.connection import read_hash, translate_errors
from sectorflow_slack.storage.crypto import Cipher
from sectorflow_slack.storage.keys import (
    installation_id_key,
    installation_key,
    pending_key,
    pending_secrets_key,
)
from sectorflow_slack.storage.pending import read_pending
from sectorflow_slack.storage.records import (
    BOUND_FIELDS,
    BOUND_PENDING_FIELDS,
    Fields,
    open_secrets,
    read_installation,
)

#: Records per round trip, after the first ones did not fill the page.
_BATCH = 200
#: Entries that are examined for one page. If few of them match, the page is short and has a cursor.
_MOST_EXAMINED = 5_000
_SECRETS = ("api_token", "bot_token", "refresh_token")
_MEMBER = re.compile(r"[0-9]{15}:[0-9A-Za-z-]{1,200}")


@dataclass(frozen=True, slots=True)
class _Found:
    member: str
    item: AnyInstallation
    sealed_link: str | None = None


class InstallationListing:
    """Lists installations of every state, and finds them even if secrets do not decrypt."""

    def __init__(self, redis: Redis, cipher: Cipher, clock: Clock, *, most: int = _MOST_EXAMINED) -> None:
        self._redis = redis
        self._cipher = cipher
        self._clock = clock
        self._most = most

    @translate_errors
    def page(self, query: InstallationQuery) -> InstallationPage:
        """Return one page, oldest first; installs and deletions between two pages move no other entry.

        Pages have the links of pending installations, and no other secret. Raises ``ValueError`` if the
        cursor did not come from a page.
        """
        after = query.cursor
        if after is not None and not _MEMBER.fullmatch(after):
            raise ValueError("no cursor")
        now = self._clock()
        matching: list[_Found] = []
        last, examined = "", 0
        for each in self._walk(query, after):
            matches = _matches(each.item, query, now)
            if examined == self._most or (matches and len(matching) == query.limit):
                break
            last, examined = each.member, examined + 1
            matching += [each] if matches else []
        else:
            last = ""
        items = tuple(self._with_link(each, now) for each in matching)
        return InstallationPage(items, last or None)

    @translate_errors
    def find(self, installation_id: str) -> AnyInstallation | None:
        """Load an installation, with "" for secrets that do not decrypt; None if it does not exist."""
        secrets_key = pending_secrets_key(installation_id)
        # In one transaction, so that a failure or an OAuth flow cannot come between the reads.
        with self._redis.pipeline() as pipe:
            pipe.hgetall(pending_key(installation_id))
            pipe.hgetall(secrets_key)
            pipe.get(installation_id_key(installation_id))
            pending, sealed, target = pipe.execute()
        if pending:
            return read_pending(pending, self._open(secrets_key, pending, sealed, BOUND_PENDING_FIELDS))
        key = installation_key(target)
        fields = read_hash(self._redis, key) if target else {}
        if fields.get("id") != installation_id:
            return None
        sealed = {name: fields.get(name, "") for name in _SECRETS}
        return read_installation(fields, **self._open(key, fields, sealed))

    def _open(
        self, key: str, fields: Fields, sealed: Fields, names: tuple[str, ...] = BOUND_FIELDS
    ) -> Fields:
        """Decrypt each secret alone; those that do not decrypt are blank."""
        opened = dict.fromkeys(sealed, "")
        for name, value in sealed.items():
            with suppress(CannotDecrypt):
                opened |= open_secrets(self._cipher, key, fields, {name: value}, names)
        return opened

    def _walk(self, query: InstallationQuery, after: str | None) -> Iterator[_Found]:
        """Yield the records of the smallest index that has all matches, in batches."""
        index = self._smallest_index(query)
        start, size = f"({after}" if after else "-", query.limit + 1
        while True:
            members = [str(each) for each in self._redis.zrangebylex(index, start, "+", 0, size)]
            found = self._load(members)
            stale = set(members) - {each.member for each in found}
            installation_index.remove_stale(self._redis, index, stale)
            yield from found
            if len(members) < size:
                return
            start, size = f"({members[-1]}", _BATCH

    def _smallest_index(self, query: InstallationQuery) -> str:
        indexes = installation_index.indexes_of(
            query.app_id, query.team_id, query.customer_id, query.token_digest
        )
        if len(indexes) < 2:
            return indexes[0] if indexes else installation_index.ALL
        return min(indexes, key=lambda each: int(self._redis.zcard(each)))

    def _load(self, members: Sequence[str]) -> list[_Found]:
        """Load the records of some members in their order, without those that are gone."""
        ids = [installation_index.id_of(member) for member in members]
        with self._redis.pipeline(transaction=False) as pipe:
            for each in ids:
                # In this order: the last read finds an installation made between the reads.
                pipe.hgetall(pending_key(each))
                pipe.hget(pending_secrets_key(each), "link")
                pipe.get(installation_id_key(each))
            replies = iter(pipe.execute())
        read = [(next(replies), next(replies), next(replies)) for _ in ids]
        installed = self._load_installed([target for pending, _, target in read if target and not pending])
        found = []
        for member, (pending, sealed_link, target) in zip(members, read, strict=True):
            if pending:
                secrets = {"link": ""} if sealed_link else {}
                found.append(_Found(member, read_pending(pending, secrets), sealed_link))
            elif target and installed[target].get("id") == installation_index.id_of(member):
                found.append(_Found(member, read_installation(installed[target])))
        return [each for each in found if _is_own_member(each)]

    def _load_installed(self, targets: Sequence[str]) -> dict[str, Fields]:
        with self._redis.pipeline(transaction=False) as pipe:
            for target in targets:
                pipe.hgetall(installation_key(target))
            return dict(zip(targets, pipe.execute(), strict=True))

    def _with_link(self, found: _Found, now: float) -> AnyInstallation:
        item, sealed = found.item, found.sealed_link
        if sealed is None or isinstance(item, Installation) or item.status(now) != "pending":
            return item
        link = ""
        with suppress(CannotDecrypt):
            link = self._cipher.open(pending_secrets_key(item.settings.id), "link", sealed)
        return replace(item, link=link)


def _is_own_member(found: _Found) -> bool:
    settings = found.item.settings
    return installation_index.member_of(settings.id, settings.created_at) == found.member


def _matches(item: AnyInstallation, query: InstallationQuery, now: float) -> bool:
    if isinstance(item, Installation):
        status: Status = "installed"
        team_id: str | None = item.bot.tenant_id
    else:
        status, team_id = item.status(now), item.team_id
    filters = (
        (query.status, status),
        (query.app_id, item.settings.app_id),
        (query.team_id, team_id),
        (query.customer_id, item.settings.customer_id),
        (query.token_digest, item.settings.token_digest),
    )
    return all(wanted is None or wanted == value for wanted, value in filters)
