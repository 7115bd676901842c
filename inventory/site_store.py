"""The store as somebody sees it whose role holds at some sites alone: the one row filter.

A route asks its store as if there were no other sites, and cannot forget to ask for less. What
stands at another site is not there: it is not found, not counted, not written, and nothing can be
moved to or from it. Records that belong to no site (tenants and what is theirs, keys, people) are
as they are: routes that show them ask for a permission that no role at one site gives.
"""

from __future__ import annotations

import heapq
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, TypeVar

from inventory.model import ComputeUnit, Event, Host, Pod, Record, UsageRecord
from inventory.places import PowerFeed, Rack, Site
from inventory.refusals import Refused
from inventory.store.outline import Document, Outline, Row
from inventory.store.protocol import PAGE_MAX, Change, Fence, PutOff, Store
from inventory.store.query import Condition, Found, Query
from inventory.store.reading import key_of
from inventory.store.tables import KINDS

R = TypeVar("R", bound=Record)

SITE = "site"
HOST = "host_id"
ALL = 2**31
SUBJECTS: Mapping[str, type[Record]] = {
    "host": Host,
    "unit": ComputeUnit,
    "rack": Rack,
    "feed": PowerFeed,
    "pod": Pod,
}
"""What stands at a site, by the word before the colon of an event's subject."""


class SiteStore(Store):
    """A store without the other sites."""

    def __init__(self, store: Store, sites: frozenset[str]) -> None:
        self._store = store
        self._sites = sites

    def apply(self, change: Change, *, now: datetime, fence: Fence | None = None) -> None:
        """Write a change that touches these sites alone, or raise and write nothing."""
        written = (*change.insert, *change.replace, *change.remove)
        known: list[Record] = []
        for kind in {type(record) for record in written}:
            keys = [key_of(record) for record in written if type(record) is kind]
            known += self._store.get_many(kind, keys).values()
        far = self._far((*written, *known))
        for record in (*written, *known):
            if not self._sees(record, far):
                raise _elsewhere(record)
        self._store.apply(change, now=now, fence=fence)

    def get(self, kind: type[R], key: str) -> R | None:
        """One record of these sites by its key."""
        return self.get_many(kind, (key,)).get(key)

    def get_many(self, kind: type[R], keys: Iterable[str]) -> dict[str, R]:
        """Those of the keys that these sites have."""
        found = self._store.get_many(kind, keys)
        far = self._far(found.values())
        return {key: record for key, record in found.items() if self._sees(record, far)}

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
            far = self._far(page)
            found += [record for record in page if self._sees(record, far)]
            if len(page) < PAGE_MAX:
                break
            after = key_of(page[-1])
        return found[:limit]

    def find_rows(
        self, kind: type[Record], *, after: str = "", limit: int = PAGE_MAX, **equals: str | int
    ) -> list[Row]:
        """Which states of these sites' records `find` would find."""
        keys = [key_of(one) for one in self.find(kind, after=after, limit=limit, **equals)]
        states = self._store.states(kind, keys)
        return [states[key] for key in keys if key in states]

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
        far = self._far_hosts(named if SITE not in kind.model_fields else ())
        return {
            key: one
            for key, one in found.items()
            if self._sees_fields(kind, key, one.document, far)
        }

    def states(self, kind: type[Record], keys: Iterable[str]) -> dict[str, Row]:
        """Which state of each of these sites' records there is now."""
        return {key: one.row for key, one in self.documents(kind, keys).items()}

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

    def tags(self, kind: type[Record], query: Query) -> dict[str, int]:
        """How many at these sites carry each tag."""
        narrowed = self._narrowed(kind, query)
        return {} if narrowed is None else self._store.tags(kind, narrowed)

    def due_hosts(self, now: datetime, *, limit: int, among: Collection[str] = ()) -> list[Host]:
        """Nobody's but the controller's, who has no site."""
        found = self._store.due_hosts(now, limit=limit, among=among)
        return [host for host in found if self._here(host.site)]

    def due_keys(self, now: datetime, *, limit: int) -> list[tuple[str, str, str]]:
        """The same."""
        found = self.due_hosts(now, limit=limit)
        return [(host.id, host.pod, host.state.value) for host in found]

    def wake_hosts(self, *, now: datetime, pod: str = "", host_id: str = "") -> None:
        """A wake changes nothing but when a host is looked at."""
        self._store.wake_hosts(now=now, pod=pod, host_id=host_id)

    def put_off(
        self, hosts: Sequence[PutOff], *, now: datetime, fence: Fence | None = None
    ) -> None:
        """Nobody's but the controller's, who has no site."""
        here = self.get_many(Host, [one.host_id for one in hosts])
        mine = [one for one in hosts if one.host_id in here]
        self._store.put_off(mine, now=now, fence=fence)

    def secret(self, owner: str, name: str) -> bytes | None:
        """A sealed secret of a host of these sites, or of no host."""
        return None if self._far_hosts((owner,)) else self._store.secret(owner, name)

    def events(
        self, *, after: int = 0, subject: str = "", kind: str = "", limit: int = PAGE_MAX
    ) -> list[Event]:
        """Events about these sites, in order; on and on until one is, or there are no more."""
        known: dict[str, bool] = {}
        while page := self._store.events(after=after, subject=subject, kind=kind, limit=limit):
            if seen := self._seen(page, known):
                return seen
            after = page[-1].seq
        return []

    def newest_events(
        self, *, before: int = 0, subject: str = "", kind: str = "", limit: int = PAGE_MAX
    ) -> list[Event]:
        """The newest events about these sites below a number, newest first."""
        known: dict[str, bool] = {}
        found: list[Event] = []
        while len(found) < limit:
            page = self._store.newest_events(
                before=before, subject=subject, kind=kind, limit=PAGE_MAX
            )
            found += self._seen(page, known)
            if len(page) < PAGE_MAX:
                break
            before = page[-1].seq
        return found[:limit]

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

    def sees(self, event: Event) -> bool:
        """True when an event is about these sites."""
        return self.sees_subject(event.subject)

    def sees_subject(self, subject: str) -> bool:
        """True when an event's subject stands at these sites."""
        return subject in self.seen_subjects((subject,))

    def seen_subjects(self, subjects: Iterable[str]) -> set[str]:
        """Those of the subjects that stand at these sites; by their key or by their name."""
        sorts: dict[str, set[str]] = {}
        for subject in subjects:
            sort, _, name = subject.partition(":")
            sorts.setdefault(sort, set()).add(name)
        found = {("site", name) for name in sorts.get("site", set()) & self._sites}
        for sort, kind in SUBJECTS.items():
            names = sorted(sorts.get(sort, ()))
            if names:
                found |= {(sort, key) for key in self.get_many(kind, names)}
            if names and "name" in KINDS[kind].columns:
                found |= {(sort, name) for name in self._named(kind, names)}
        return {f"{sort}:{name}" for sort, name in found}

    def _seen(self, page: Iterable[Event], known: dict[str, bool]) -> list[Event]:
        """The events that may be seen; `known` learns of their subjects, all of a page at once."""
        told = list(page)
        fresh = {event.subject for event in told} - known.keys()
        seen = self.seen_subjects(fresh)
        known |= {subject: subject in seen for subject in fresh}
        return [event for event in told if known[event.subject]]

    def _named(self, kind: type[Record], names: list[str]) -> Iterator[str]:
        """Those of the names that something at these sites has."""
        for start in range(0, len(names), PAGE_MAX):
            after, some = "", tuple(names[start : start + PAGE_MAX])
            while True:  # racks of several sites may share a name
                asked = (Condition("name", "in", some),)
                page = self.search(kind, Query(asked, after=after, limit=PAGE_MAX, counted=False))
                yield from (str(getattr(record, "name", "")) for record in page.records)
                after = page.next_cursor
                if not after:
                    break

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

    def _sees(self, record: Record, far: Collection[str]) -> bool:
        if isinstance(record, Site):
            return self._here(record.name)
        site = getattr(record, SITE, None)
        return self._here(site) if site is not None else getattr(record, HOST, None) not in far

    def _here(self, site: str) -> bool:
        return site in self._sites

    def _far(self, records: Iterable[Record]) -> set[str]:
        """Hosts of other sites that these records are about; what is of no host is everybody's."""
        return self._far_hosts(
            {
                str(host)
                for record in records
                if not isinstance(record, Site)
                and getattr(record, SITE, None) is None
                and (host := getattr(record, HOST, None))
            }
        )

    def _far_hosts(self, hosts: Iterable[str]) -> set[str]:
        found = self._store.get_many(Host, hosts)
        return {key for key, host in found.items() if not self._here(host.site)}

    def _sees_fields(
        self, kind: type[Record], key: str, document: dict[str, Any], far: Collection[str]
    ) -> bool:
        if kind is Site:
            return key in self._sites
        if SITE in document:
            return document[SITE] in self._sites
        return document.get(HOST) not in far


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
