"""The store as somebody sees it whose role holds at some sites alone: the one row filter.

A route asks its store as if there were no other sites, and cannot forget to ask for less. What
stands at another site is not there: it is not found, not counted, not written, and nothing can be
moved to or from it. Records that belong to no site (tenants and what is theirs, keys, people) are
as they are: routes that show them ask for a permission that no role at one site gives.
"""

from __future__ import annotations

import heapq
from collections.abc import Collection, Iterable
from dataclasses import replace
from datetime import datetime
from typing import Any, TypeVar

from inventory.model import ComputeUnit, Event, Host, Pod, Record, UsageRecord
from inventory.places import Rack, Site
from inventory.refusals import Refused
from inventory.store.outline import Document, Outline
from inventory.store.protocol import PAGE_MAX, Change, Fence, Store
from inventory.store.query import Condition, Found, Query
from inventory.store.reading import key_of
from inventory.store.tables import KINDS

R = TypeVar("R", bound=Record)

SITE = "site"
HOST = "host_id"
ALL = 2**31


class SiteStore(Store):
    """A store without the other sites."""

    def __init__(self, store: Store, sites: frozenset[str]) -> None:
        self._store = store
        self._sites = sites

    def apply(self, change: Change, *, now: datetime, fence: Fence | None = None) -> None:
        """Write a change that touches these sites alone, or raise and write nothing."""
        for record in (*change.insert, *change.replace, *change.remove):
            before = self._store.get(type(record), key_of(record))
            if not self._sees(record) or (before is not None and not self._sees(before)):
                raise _elsewhere(record)
        self._store.apply(change, now=now, fence=fence)

    def get(self, kind: type[R], key: str) -> R | None:
        """One record of these sites by its key."""
        found = self._store.get(kind, key)
        return found if found is not None and self._sees(found) else None

    def get_many(self, kind: type[R], keys: Iterable[str]) -> dict[str, R]:
        """Those of the keys that these sites have."""
        found = self._store.get_many(kind, keys)
        return {key: record for key, record in found.items() if self._sees(record)}

    def find(
        self, kind: type[R], *, after: str = "", limit: int = PAGE_MAX, **equals: str | int
    ) -> list[R]:
        """Records of these sites, ordered by key."""
        if SITE in KINDS[kind].columns:
            pages = [
                self._store.find(kind, after=after, limit=limit, **{**equals, SITE: site})
                for site in sorted(self._sites & {equals.get(SITE, site) for site in self._sites})
            ]
            return list(heapq.merge(*pages, key=key_of))[:limit]
        found: list[R] = []
        while len(found) < limit:
            page = self._store.find(kind, after=after, limit=PAGE_MAX, **equals)
            found += [record for record in page if self._sees(record)]
            if len(page) < PAGE_MAX:
                break
            after = key_of(page[-1])
        return found[:limit]

    def search(self, kind: type[R], query: Query) -> Found[R]:
        """One page of what a query finds at these sites."""
        narrowed = self._narrowed(kind, query)
        if narrowed is None:
            return Found(records=[], total=0, next_cursor="")
        return self._store.search(kind, narrowed)

    def outline(self, kind: type[Record], query: Query) -> Outline:
        """The same, without what the records hold."""
        narrowed = self._narrowed(kind, query)
        if narrowed is None:
            return Outline(rows=(), total=0, next_cursor="")
        return self._store.outline(kind, narrowed)

    def documents(self, kind: type[Record], keys: Iterable[str]) -> dict[str, Document]:
        """Documents of these sites by key."""
        found = self._store.documents(kind, keys)
        named = {str(one.document.get(HOST) or "") for one in found.values()} - {""}
        hosts = self._store.get_many(Host, named if SITE not in kind.model_fields else ())
        far = {key for key, host in hosts.items() if not self._sees(host)}
        return {
            key: one
            for key, one in found.items()
            if self._sees_fields(kind, key, one.document, far)
        }

    def count(self, kind: type[R], **equals: str | int) -> int:
        """How many `find` would find."""
        if SITE in KINDS[kind].columns:
            wanted = {equals.get(SITE, site) for site in self._sites} & self._sites
            return sum(self._store.count(kind, **{**equals, SITE: site}) for site in wanted)
        if kind is Site or HOST in kind.model_fields:
            return len(self.find(kind, after="", limit=ALL, **equals))
        return self._store.count(kind, **equals)

    def tally(self, kind: type[Record], *columns: str) -> dict[tuple[str, ...], int]:
        """How many there are by columns, at these sites."""
        if SITE in KINDS[kind].columns:
            found: dict[tuple[str, ...], int] = {} if columns else {(): 0}
            for (site, *rest), count in self._store.tally(kind, SITE, *columns).items():
                if site in self._sites:
                    found[tuple(rest)] = found.get(tuple(rest), 0) + count
            return found
        if kind is Site or HOST in kind.model_fields:
            return {}
        return self._store.tally(kind, *columns)

    def due_hosts(self, now: datetime, *, limit: int) -> list[Host]:
        """Nobody's but the controller's, who has no site."""
        return [host for host in self._store.due_hosts(now, limit=limit) if self._sees(host)]

    def wake_hosts(self, *, now: datetime, pod: str = "", host_id: str = "") -> None:
        """A wake changes nothing but when a host is looked at."""
        self._store.wake_hosts(now=now, pod=pod, host_id=host_id)

    def secret(self, owner: str, name: str) -> bytes | None:
        """A sealed secret of a host of these sites, or of no host."""
        host = self._store.get(Host, owner)
        return (
            None if host is not None and not self._sees(host) else self._store.secret(owner, name)
        )

    def events(self, *, after: int = 0, subject: str = "", limit: int = PAGE_MAX) -> list[Event]:
        """Events about these sites, in order; on and on until one is, or there are no more."""
        known: dict[str, bool] = {}
        while page := self._store.events(after=after, subject=subject, limit=limit):
            for event in page:
                if event.subject not in known:
                    known[event.subject] = self.sees_subject(event.subject)
            if seen := [event for event in page if known[event.subject]]:
                return seen
            after = page[-1].seq
        return []

    def last_event(self) -> int:
        """The number alone says nothing."""
        return self._store.last_event()

    def ingest_usage(self, records: Iterable[UsageRecord]) -> int:
        """Usage is a tenant's."""
        return self._store.ingest_usage(records)

    def note(self, name: str) -> str:
        """The service's own memory."""
        return self._store.note(name)

    def write_note(self, name: str, value: str) -> None:
        """The same."""
        self._store.write_note(name, value)

    def take_lease(
        self, lease: str, owner: str, *, now: datetime, until: datetime, alone: bool
    ) -> Fence | None:
        """A lease is of a controller, not of a site."""
        return self._store.take_lease(lease, owner, now=now, until=until, alone=alone)

    def renew_lease(self, fence: Fence, *, now: datetime, until: datetime) -> bool:
        """The same."""
        return self._store.renew_lease(fence, now=now, until=until)

    def close(self) -> None:
        """The store is somebody else's to close."""

    def sees_subject(self, subject: str) -> bool:
        """True when an event's subject stands at these sites."""
        sort, _, name = subject.partition(":")
        kinds: dict[str, type[Record]] = {"host": Host, "unit": ComputeUnit, "rack": Rack}
        if sort == "pod":
            return self.get(Pod, name) is not None
        if sort == "site":
            return name in self._sites
        kind = kinds.get(sort)
        if kind is None:
            return False
        return bool(self.get(kind, name) or self.find(kind, name=name, limit=1))

    def _narrowed(self, kind: type[Record], query: Query) -> Query | None:
        """The query as these sites answer it; None when they have nothing to say."""
        here = tuple(sorted(self._sites))
        if SITE in KINDS[kind].columns:
            return replace(query, conditions=(*query.conditions, Condition(SITE, "in", here)))
        if kind is Site:
            return replace(query, conditions=(*query.conditions, Condition("key", "in", here)))
        if HOST not in kind.model_fields:
            return query
        asked = [c.values for c in query.conditions if c.column == HOST and c.lookup == "exact"]
        hosts = {str(host) for values in asked for host in values}
        return query if hosts and hosts <= self.get_many(Host, hosts).keys() else None

    def _sees(self, record: Record) -> bool:
        if isinstance(record, Site):
            return record.name in self._sites
        site = getattr(record, SITE, None)
        if site is not None:
            return site in self._sites
        return self._sees_host(getattr(record, HOST, None))

    def _sees_fields(
        self, kind: type[Record], key: str, document: dict[str, Any], far: Collection[str]
    ) -> bool:
        if kind is Site:
            return key in self._sites
        if SITE in document:
            return document[SITE] in self._sites
        return document.get(HOST) not in far

    def _sees_host(self, host_id: str | None) -> bool:
        if not host_id:
            return True  # of no host and of no site
        host = self._store.get(Host, host_id)
        return host is None or host.site in self._sites


def _elsewhere(record: Record) -> Refused:
    site = str(getattr(record, SITE, "") or "another site")
    return Refused(
        403,
        "forbidden",
        f"this would change something at {site}",
        path=SITE,
        value=site,
        hint="ask an admin for a role at that site: podyard user grant NAME --role operator",
    )
