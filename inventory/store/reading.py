"""Reading records whole: a port's page ends at a thousand records, a site does not.

Whatever adds up or compares all of something (watts on a feed, units of a class) must read it
through here: a sum over the first page is wrong exactly where it matters.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeVar

from inventory.model import Record
from inventory.store.outline import Row
from inventory.store.protocol import PAGE_MAX, Store
from inventory.store.tables import KINDS

R = TypeVar("R", bound=Record)


def key_of(record: Record) -> str:
    """The key under which a store keeps this record."""
    return str(KINDS[type(record)].key(record))


def every(store: Store, kind: type[R], **equals: str | int) -> list[R]:
    """All records that match, ordered by key."""
    page = store.find(kind, after="", limit=PAGE_MAX, **equals)
    if len(page) < PAGE_MAX:  # nearly always, and asked at every step of every host
        return page
    return [*page, *_after(store, kind, key_of(page[-1]), **equals)]


def each(store: Store, kind: type[R], **equals: str | int) -> Iterator[R]:
    """The same one after the other, a page in memory at a time: for what is only added up."""
    return _after(store, kind, "", **equals)


def each_row(store: Store, kind: type[R], **equals: str | int) -> Iterator[Row]:
    """Which states of them there are, without what they hold: who knows some reads the others."""
    after = ""
    while True:
        page = store.find_rows(kind, after=after, limit=PAGE_MAX, **equals)
        yield from page
        if len(page) < PAGE_MAX:
            return
        after = page[-1].key


def _after(store: Store, kind: type[R], after: str, **equals: str | int) -> Iterator[R]:
    while True:
        page = store.find(kind, after=after, limit=PAGE_MAX, **equals)
        yield from page
        if len(page) < PAGE_MAX:
            return
        after = key_of(page[-1])
