"""Addresses that stand in a text as they are (GFM, extended autolinks): ``https://`` and ``http://`` only."""

from __future__ import annotations

import re
from collections.abc import Iterator

from sectorflow_slack.formatting import limits
from sectorflow_slack.formatting.tree import CODE, Runs, Text

from .hosts import is_live

_ADDRESS = re.compile(r"(?<![\w/])https?://[^\s<>\"`\[\]{}|\\^]+", re.IGNORECASE)
#: CJK text goes on without a blank behind an address.
_CJK = re.compile("[\u3000-\u303f\uff00-\uffef\u2018-\u201f\u3040-\u30ff\u4e00-\u9fff\uac00-\ud7af]")
_TRAILING = ".,:;!?'\"*_~"


def link_addresses(runs: Runs) -> Iterator[Text]:
    """Make links of the addresses in runs that are none yet and no code."""
    for run in runs:
        if run.url or run.style & CODE or "://" not in run.text:
            yield run
        else:
            yield from _parted(run)


def _parted(run: Text) -> Iterator[Text]:
    done = 0
    for match in _ADDRESS.finditer(run.text):
        address = _trimmed(match[0])
        if len(address) > limits.LINK_CHARS or not is_live(address):
            continue
        yield Text(run.text[done : match.start()], run.style)
        yield Text(address, run.style, address)
        done = match.start() + len(address)
    yield Text(run.text[done:], run.style)


def _trimmed(address: str) -> str:
    """Return an address without the punctuation that belongs to the sentence around it."""
    if cjk := _CJK.search(address):
        address = address[: cjk.start()]
    surplus = address.count(")") - address.count("(")
    end = len(address)
    while end and (address[end - 1] in _TRAILING or (address[end - 1] == ")" and surplus > 0)):
        surplus -= address[end - 1] == ")"
        end -= 1
    return address[:end]
