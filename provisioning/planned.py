"""An approved plan, arranged by host: what every step asks of it, found without reading it whole.

A plan of thousands of hosts lists each of them in its waves and acts. A step that searched those
lists would make a bring-up quadratic, so they are gone through once for each plan. Pure.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field

from pods.planned import Plan


@dataclass(frozen=True, slots=True)
class Planned:
    """One plan."""

    digest: str = ""
    """Empty: there is no plan."""
    waves: Mapping[str, int] = field(default_factory=dict)
    """Host to the number of its wave."""
    canaries: tuple[tuple[int, str], ...] = ()
    """Each canary with the number of its wave."""
    updates: Mapping[str, frozenset[tuple[str, str]]] = field(default_factory=dict)
    """Host to the components and versions that the plan flashes."""

    @property
    def hosts(self) -> frozenset[str]:
        """Every host that it starts."""
        return frozenset(self.waves)

    def canary_clear(self, host: str, ready: AbstractSet[str]) -> bool:
        """True when every host of an earlier canary wave is ready: a forgotten one is not."""
        if not self.digest:
            return False
        mine = self.waves.get(host, 0)
        return all(name in ready for wave, name in self.canaries if wave < mine)


def planned_of(plan: Plan | None) -> Planned:
    """Go through a plan once."""
    if plan is None:
        return Planned()
    updates: defaultdict[str, set[tuple[str, str]]] = defaultdict(set)
    for act in plan.destructive_acts():
        updates[act.host].add((act.component, act.to_version))
    return Planned(
        digest=plan.digest,
        waves={name: wave.number for wave in plan.waves for name in wave.hosts},
        canaries=tuple((w.number, name) for w in plan.waves if w.canary for name in w.hosts),
        updates={host: frozenset(found) for host, found in updates.items()},
    )
