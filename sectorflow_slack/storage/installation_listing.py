"""Installations of every state, in lists, page by page, or one by its id; also those that no key opens.

The keys of the lists are those of ``storage.index``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from redis import Redis
from redis.client import Pipeline

from sectorflow_slack.domain.errors import CannotDecrypt
from sectorflow_slack.domain.installations import (
    Installation,
    InstallationPage,
    InstallationQuery,
    PendingInstallation,
    Status,
)
from sectorflow_slack.domain.ports import Clock
from sectorflow_slack.storage import installation_index
from sectorflow_slack.storage.connection import read_hash, translate_errors
from sectorflow_slack.storage.crypto import Cipher
from sectorflow_slack.storage.keys import installation_id_key, pending_key, pending_secrets_key
from sectorflow_slack.storage.pending import read_pending
from sectorflow_slack.storage.records import Fields, read_installation

#: Records loaded by one trip to Redis, where the first few did not fill the page.
_BATCH = 200
#: So many entries are looked at for one page. Where few fit, the page is short, and says where to go on.
_MOST_LOOKED_AT = 5_000
_SECRETS = ("api_token", "bot_token", "refresh_token")
_MEMBER = re.compile(r"[0-9]{15}:[0-9A-Za-z-]{1,200}")


@dataclass(frozen=True, slots=True)
class _Found:
    member: str
    item: Installation | PendingInstallation
    sealed_link: str | None = None


class InstallationListing:
    """Lists installations of every state, and finds those of which secrets are lost."""

    def __init__(self, redis: Redis, cipher: Cipher, clock: Clock, *, most: int = _MOST_LOOKED_AT) -> None:
        """Take the store, the cipher, the clock, and how many entries are looked at for one page."""
        self._redis = redis
        self._cipher = cipher
        self._clock = clock
        self._most = most

    @translate_errors
    def page(self, query: InstallationQuery) -> InstallationPage:
        """Give one page, oldest first; what is registered or deleted meanwhile moves nothing else.

        Raises:
            ValueError: the cursor is none that a page gave.

        """
        after = query.cursor
        if after is not None and not _MEMBER.fullmatch(after):
            raise ValueError("no cursor")
        now = self._clock()
        shown: list[_Found] = []
        last, looked_at = "", 0
        for each in self._walk(query, after):
            fits = _fits(each.item, query, now)
            if looked_at == self._most or (fits and len(shown) == query.limit):
                break
            last, looked_at = each.member, looked_at + 1
            shown += [each] if fits else []
        else:
            last = ""
        items = tuple(self._with_link(each, now) for each in shown)
        return InstallationPage(items, last or None)

    @translate_errors
    def find(self, installation_id: str) -> Installation | PendingInstallation | None:
        """Load one with those of its secrets that a key opens; the others are blank."""
        secrets_place = pending_secrets_key(installation_id)
        # In one step, so that no failure or consent comes between the two.
        with self._redis.pipeline() as pipe:
            pipe.hgetall(pending_key(installation_id))
            pipe.hgetall(secrets_place)
            pipe.get(installation_id_key(installation_id))
            pending, sealed, where = pipe.execute()
        if pending:
            return read_pending(pending, self._open(secrets_place, sealed))
        place = f"installation:{where}"
        fields = read_hash(self._redis, place) if where else {}
        if fields.get("id") != installation_id:
            return None
        sealed = {name: fields.get(name, "") for name in _SECRETS}
        return read_installation(fields, **self._open(place, sealed))

    def _open(self, place: str, sealed: Mapping[str, str]) -> Fields:
        opened = dict.fromkeys(sealed, "")
        for name, value in sealed.items():
            with suppress(CannotDecrypt):
                opened[name] = self._cipher.open(place, name, value)
        return opened

    def _walk(self, query: InstallationQuery, after: str | None) -> Iterator[_Found]:
        """Go through the shortest index that has all that may fit, in steps."""
        place = self._shortest(query)
        start, size = f"({after}" if after else "-", query.limit + 1
        while True:
            members = [str(each) for each in self._redis.zrangebylex(place, start, "+", 0, size)]
            found = self._load(members)
            installation_index.forget(self._redis, place, set(members) - {each.member for each in found})
            yield from found
            if len(members) < size:
                return
            start, size = f"({members[-1]}", _BATCH

    def _shortest(self, query: InstallationQuery) -> str:
        indexes = [
            installation_index.customer_index(query.customer_id) if query.customer_id is not None else None,
            installation_index.team_index(query.team_id) if query.team_id is not None else None,
            installation_index.app_index(query.app_id) if query.app_id is not None else None,
        ]
        given = [each for each in indexes if each is not None]
        if len(given) < 2:
            return given[0] if given else installation_index.ALL
        return min(given, key=lambda each: int(self._redis.zcard(each)))

    def _load(self, members: Sequence[str]) -> list[_Found]:
        """Load the records of some members in their order; what is gone is left out."""
        ids = [installation_index.id_of(member) for member in members]
        with self._redis.pipeline(transaction=False) as pipe:
            for each in ids:
                _ask(pipe, each)
            replies = iter(pipe.execute())
        asked = [(next(replies), next(replies), next(replies)) for _ in ids]
        installed = self._load_installed([where for pending, _, where in asked if where and not pending])
        found = []
        for member, (pending, sealed_link, where) in zip(members, asked, strict=True):
            if pending:
                secrets = {"link": ""} if sealed_link else {}
                found.append(_Found(member, read_pending(pending, secrets), sealed_link))
            elif where and installed[where].get("id") == installation_index.id_of(member):
                found.append(_Found(member, read_installation(installed[where])))
        return [each for each in found if _is_its_entry(each)]

    def _load_installed(self, places: Sequence[str]) -> dict[str, Fields]:
        with self._redis.pipeline(transaction=False) as pipe:
            for place in places:
                pipe.hgetall(f"installation:{place}")
            return dict(zip(places, pipe.execute(), strict=True))

    def _with_link(self, found: _Found, now: float) -> Installation | PendingInstallation:
        item, sealed = found.item, found.sealed_link
        if sealed is None or isinstance(item, Installation) or item.status(now) != "pending":
            return item
        try:
            return replace(
                item, link=self._cipher.open(pending_secrets_key(item.settings.id), "link", sealed)
            )
        except CannotDecrypt:
            return item


def _is_its_entry(found: _Found) -> bool:
    terms = found.item.settings
    return installation_index.member_of(terms.id, terms.created_at) == found.member


def _ask(pipe: Pipeline, installation_id: str) -> None:
    # In this order: what is installed between the two is found by the later one.
    pipe.hgetall(pending_key(installation_id))
    pipe.hget(pending_secrets_key(installation_id), "link")
    pipe.get(f"installation-id:{installation_id}")


def _fits(item: Installation | PendingInstallation, query: InstallationQuery, now: float) -> bool:
    if isinstance(item, Installation):
        status: Status = "installed"
        team_id: str | None = item.bot.tenant_id
    else:
        status, team_id = item.status(now), item.team_id
    asked = (
        (query.status, status),
        (query.app_id, item.settings.app_id),
        (query.team_id, team_id),
        (query.customer_id, item.settings.customer_id),
    )
    return all(wanted is None or wanted == value for wanted, value in asked)
