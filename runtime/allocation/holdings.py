"""Claims that have their units: by whom, until when, where their clusters are, who gives way."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import replace
from datetime import datetime
from itertools import islice

from runtime.allocation.ask import Holding
from runtime.allocation.unit import LEVELS, Level, Unit

Cluster = tuple[str, str]


class Holdings:
    """What is held, with the units as they were when they were given."""

    def __init__(self) -> None:
        self._held: dict[str, Holding] = {}
        self._units: dict[str, tuple[Unit, ...]] = {}
        self._ends: list[tuple[datetime, str]] = []
        self._preemptible: dict[str, Holding] = {}
        self._of_tenant: dict[str, set[str]] = defaultdict(set)
        self._clusters: dict[Cluster, Counter[tuple[Level, str]]] = {}

    def __len__(self) -> int:
        return len(self._held)

    def __contains__(self, claim_id: str) -> bool:
        return claim_id in self._held

    def get(self, claim_id: str) -> Holding | None:
        """One claim."""
        return self._held.get(claim_id)

    def units(self, claim_id: str) -> tuple[Unit, ...]:
        """What it has."""
        return self._units.get(claim_id, ())

    def add(self, holding: Holding, units: tuple[Unit, ...]) -> None:
        """A claim has these units."""
        self._held[holding.id], self._units[holding.id] = holding, units
        self._of_tenant[holding.tenant].add(holding.id)
        if holding.ends_at is not None:
            insort(self._ends, (holding.ends_at, holding.id))
        if holding.preemptible:
            self._preemptible[holding.id] = holding
        places = self._clusters.setdefault((holding.tenant, holding.cluster), Counter())
        places.update(_places(units))

    def drop(self, claim_id: str) -> Holding | None:
        """A claim has nothing any more."""
        holding = self._held.pop(claim_id, None)
        if holding is None:
            return None
        units = self._units.pop(claim_id)
        self._preemptible.pop(claim_id, None)
        self._of_tenant[holding.tenant].discard(claim_id)
        if not self._of_tenant[holding.tenant]:
            del self._of_tenant[holding.tenant]
        if holding.ends_at is not None:
            del self._ends[bisect_left(self._ends, (holding.ends_at, claim_id))]
        cluster = (holding.tenant, holding.cluster)
        # One whose units all go has no place, and its cluster may be none by now.
        if left := self._clusters.pop(cluster, Counter()) - Counter(_places(units)):
            self._clusters[cluster] = left
        return holding

    def leave_by(self, claim_id: str, ends_at: datetime) -> None:
        """It has been told to end; it gives way to nobody else."""
        holding = self._held[claim_id]
        earlier = ends_at if holding.ends_at is None else min(ends_at, holding.ends_at)
        units = self._units[claim_id]
        self.drop(claim_id)
        self.add(replace(holding, ends_at=earlier, preemptible=False), units)

    def ending(self, most: int) -> Iterator[tuple[datetime, Holding]]:
        """The next ends, soonest first."""
        return ((at, self._held[claim_id]) for at, claim_id in islice(self._ends, most))

    def preemptible(self) -> Iterable[Holding]:
        """Claims that agreed to give way."""
        return self._preemptible.values()

    def by_tenant(self) -> dict[str, tuple[Unit, ...]]:
        """What every tenant has."""
        return {
            tenant: tuple(unit for claim_id in claims for unit in self._units[claim_id])
            for tenant, claims in self._of_tenant.items()
        }

    def near(self, tenant: str, cluster: str) -> Mapping[Level, AbstractSet[str]]:
        """The groups in which a cluster has units."""
        found: dict[Level, set[str]] = {level: set() for level in LEVELS}
        for level, group in self._clusters.get((tenant, cluster), ()):
            found[level].add(group)
        return found


def _places(units: Iterable[Unit]) -> Iterator[tuple[Level, str]]:
    return (
        (level, group)
        for unit in units
        for level, group in zip(LEVELS, unit.groups, strict=True)
        if group
    )
