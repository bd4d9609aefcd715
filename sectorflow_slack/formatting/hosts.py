"""Where a link leads, as a browser reads its target, and whether its label says otherwise."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from .claims import Claim, as_seen, bare_host, claims, looks_like_mention

_OF_NAMES = re.compile(r"[.@#/\\&]")
_SCHEME = re.compile(r"([a-z][a-z0-9+.-]*):", re.IGNORECASE)
_OF_BROWSERS = ("http", "https", "ftp")
#: Where no scheme is: Slack may put one before a name with dots, or find an address behind odd signs.
_WITHOUT_SCHEME = re.compile(
    r"(?:\A//+|https?://+)(?P<host>[^\s/]+)|\A(?P<bare>[^\s/?#:.][^\s/?#:]*\.[^\s/?#:.]{2,})(?=[/?#:]|\Z)",
    re.IGNORECASE,
)
_COPIES = re.compile(r"[?&](?:to|cc|bcc)=([^&#]*)", re.IGNORECASE)
_UNSAFE = re.compile(r"[^a-zA-Z0-9.:?@+_-]")
#: Longest host that is written out; of a longer one its end, which says whose it is.
_LONGEST = 60
#: Scripts that have letters drawn like Latin ones.
_ALIKE = ("CYRILLIC", "GREEK", "ARMENIAN", "CHEROKEE", "COPTIC", "LISU")


@dataclass(frozen=True, slots=True)
class _Lead:
    """A host or a mailbox that a link leads to: in ASCII, and as it is drawn."""

    host: str
    drawn: str
    local: str = ""

    def is_claimed(self, claim: Claim) -> bool:
        """Say whether a claim is true: it names this host, or one above it."""
        if self.local and claim.local and claim.local != self.local.casefold():
            return False
        if _may_deceive(claim.host):
            return False
        return any(host == claim.host or host.endswith(f".{claim.host}") for host in (self.host, self.drawn))

    @property
    def name(self) -> str:
        """Give what is shown of it."""
        full = _UNSAFE.sub("", f"{self.local}@{self.host}" if self.local else self.host) or "?"
        return full if len(full) <= _LONGEST else f"…{full[-_LONGEST:]}"


def hidden_host(label: str, target: str) -> str:
    """Name where a link leads if its label names another host, or looks like a mention; otherwise ""."""
    if label.isascii() and not _OF_NAMES.search(label):
        return ""
    leads = _leads(target)
    if leads and looks_like_mention(label):
        return leads[0].name
    untrue = (lead for claim in claims(label, target) for lead in leads if not lead.is_claimed(claim))
    return next((lead.name for lead in untrue), "")


def _leads(target: str) -> list[_Lead]:
    """Give where a target leads: one host, or each mailbox that a mail would go to."""
    address = re.sub(r"[\t\n\r]", "", target).strip().replace("\\", "/")
    scheme = _SCHEME.match(address)
    if scheme is None:
        start = _WITHOUT_SCHEME.search(address)
        return [_host(f"//{start['host'] or start['bare']}")] if start else []
    kind, rest = scheme[1].lower(), address[scheme.end() :]
    if kind == "mailto":
        boxes = [rest.partition("?")[0], *_COPIES.findall(rest)]
        return [_mailbox(box) for each in boxes for box in unquote(each).split(",") if box.strip()]
    if kind in _OF_BROWSERS:
        # Browsers take any number of slashes behind it.
        return [_host(f"//{rest.lstrip('/')}")]
    return [_Lead(f"{kind}:", f"{kind}:")]


def _host(address: str) -> _Lead:
    try:
        host = unquote(urlsplit(address).hostname or "")
    except ValueError:
        host = "?"
    return _lead(host)


def _mailbox(box: str) -> _Lead:
    local, _, host = box.strip().rpartition("@")
    return _lead(host, local)


def _lead(host: str, local: str = "") -> _Lead:
    host = bare_host(host.rpartition("@")[2])
    try:
        ascii_host = host.encode("idna").decode() or "?"
        drawn = as_seen(ascii_host.encode().decode("idna"))
    except ValueError:
        ascii_host = drawn = "?"
    return _Lead(ascii_host.lower(), drawn.casefold(), local)


def _may_deceive(host: str) -> bool:
    """Say whether a host under a Latin ending has letters that are drawn like Latin ones."""
    if host.isascii() or not host.rpartition(".")[2].isascii():
        return False
    return any(unicodedata.name(char, "").startswith(_ALIKE) for char in host)
