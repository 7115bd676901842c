"""The store as a tenant sees it: of events, those alone that are about what is its own.

Whatever else a tenant may ask for is narrowed by a column that names the tenant. Events have none,
so they are narrowed here, below every route and page that reads them. A tenant's own are those of
its claims, clusters, deployments and keys and of itself, and the withdrawal of a unit while its
claim held it. Who acted for the site stays the site's: a tenant need not know the operators' names.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from typing import Any

from inventory.model import ApiKey, Claim, ComputeUnit, Deployment, Event, Host, RayCluster
from inventory.store.protocol import PAGE_MAX, Store
from inventory.store.reading import every
from inventory.users import User

WITHDRAWN = "unit.withdrawn"
THE_SITE = "the site"


class TenantStore:
    """A store that tells a tenant of its own events. Everything else is passed through."""

    def __init__(self, store: Store, tenant: str) -> None:
        self._store = store
        self._tenant = tenant

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def events(
        self, *, after: int = 0, subject: str = "", kind: str = "", limit: int = PAGE_MAX
    ) -> list[Event]:
        """The tenant's events in order: read by subject, never by walking over all others'."""
        pages = [
            self._of_subject(one, kind, after, limit)
            for one in ([subject] if subject else sorted(self._subjects()))
        ]
        return list(heapq.merge(*pages, key=lambda event: event.seq))[:limit]

    def newest_events(
        self, *, before: int = 0, subject: str = "", kind: str = "", limit: int = PAGE_MAX
    ) -> list[Event]:
        """The newest of them, newest first."""
        found: list[Event] = []
        for one in [subject] if subject else sorted(self._subjects()):
            page = self._store.newest_events(before=before, subject=one, kind=kind, limit=limit)
            found += [self.shown(event) for event in page if self.sees(event)]
        return sorted(found, key=lambda event: -event.seq)[:limit]

    def sees(self, event: Event) -> bool:
        """True when an event is about what is this tenant's."""
        sort, _, name = event.subject.partition(":")
        match sort:
            case "tenant":
                return name == self._tenant
            case "cluster" | "deployment" | "job":
                return name.partition("/")[0] == self._tenant
            case "claim":
                claim = self._store.get(Claim, name)
                return claim is not None and claim.tenant == self._tenant
            case "key":
                key = self._store.get(ApiKey, name)
                return key is not None and key.tenant == self._tenant
            case "host":
                return event.kind == WITHDRAWN and self._held(event, name)
            case _:
                return False

    def shown(self, event: Event) -> Event:
        """The event without the name of whoever acted for the site."""
        kept = " " not in event.actor or self._ours(event.actor)
        return event if kept else event.model_copy(update={"actor": THE_SITE})

    def _ours(self, actor: str) -> bool:
        sort, _, name = actor.rpartition(" ")
        if sort == "user":
            user = self._store.get(User, name)
            return user is not None and user.tenant == self._tenant
        key = self._store.get(ApiKey, name)
        return key is not None and key.tenant == self._tenant

    def _of_subject(self, subject: str, kind: str, after: int, limit: int) -> list[Event]:
        found: list[Event] = []
        while len(found) < limit:
            page = self._store.events(after=after, subject=subject, kind=kind, limit=limit)
            found += [self.shown(event) for event in page if self.sees(event)]
            if len(page) < limit:
                break
            after = page[-1].seq
        return found

    def _subjects(self) -> set[str]:
        """What there is of the tenant's now, as events call it."""
        tenant, store = self._tenant, self._store
        claims = every(store, Claim, tenant=tenant)
        return {
            f"tenant:{tenant}",
            *(f"claim:{claim.id}" for claim in claims),
            *(f"cluster:{tenant}/{one.name}" for one in every(store, RayCluster, tenant=tenant)),
            *(f"deployment:{tenant}/{one.name}" for one in every(store, Deployment, tenant=tenant)),
            *(f"key:{key.id}" for key in every(store, ApiKey, tenant=tenant)),
            *(f"host:{name}" for name in self._hosts(claims)),
        }

    def _hosts(self, claims: list[Claim]) -> Iterator[str]:
        """Hosts of units that the claims hold or held."""
        units = self._store.get_many(ComputeUnit, {one for c in claims for one in c.unit_ids})
        ids = {host for unit in units.values() for host in unit.host_ids}
        yield from (host.name for host in self._store.get_many(Host, ids).values())

    def _held(self, event: Event, name: str) -> bool:
        """Whether a claim of the tenant's held a unit of this host when it happened."""
        host = next(iter(self._store.find(Host, name=name, limit=1)), None)
        if host is None:
            return False
        units = {
            u.id for u in every(self._store, ComputeUnit, pod=host.pod) if host.id in u.host_ids
        }
        return any(
            claim.bound_at is not None
            and claim.bound_at <= event.at
            and (claim.released_at is None or event.at <= claim.released_at)
            for claim in every(self._store, Claim, tenant=self._tenant)
            if units & set(claim.unit_ids)
        )
