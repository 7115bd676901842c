"""Whether a plan's trial stage has shown what it had to show, whoever of it is still on the way.

A trial is a tenth of a pod, so it always has its slowest: a BMC that takes five seconds for every
answer, an update that must be waited for. What they end as changes nothing once enough of their
kind are ready that the pod's brake would not stop for all of the others together. Hosts of one type
with the same updates and settings to come are of one kind: hosts that need no flash prove nothing
of one that does. A host that was ready before the plan was approved shows nothing of the plan: it
counts from when it leaves that state, to be changed. Pure.
"""

from __future__ import annotations

from collections import Counter
from datetime import datetime

from inventory.model import Host
from inventory.states import HostState
from pods.planned import Plan

Kind = tuple[str, tuple[tuple[str, str, str], ...]]
"""Host type, and what is changed on it."""

HALF = 0.5
"""However much of a pod may fail before it stops, more than half of a trial must be ready."""


class Trial:
    """The trial stage of one plan, kept up host by host."""

    def __init__(
        self, plan: Plan | None, *, stop_share: float, approved_at: datetime | None = None
    ) -> None:
        waves = plan.waves if plan is not None else ()
        self.hosts = tuple(name for wave in waves if wave.stage == "trial" for name in wave.hosts)
        mine = frozenset(self.hosts)
        self._changes: dict[str, list[tuple[str, str, str]]] = {name: [] for name in mine}
        for act in (act for wave in waves if wave.stage == "trial" for act in wave.acts):
            if act.component and act.host in mine:
                self._changes[act.host].append((act.kind, act.component, act.to_version))
        self._share = min(stop_share, HALF)
        self._approved_at = approved_at
        self._kinds: dict[str, Kind] = {}
        """By host, of those that are on record and have begun what the plan wants."""
        self._of_kind: Counter[Kind] = Counter()
        self._ready: Counter[Kind] = Counter()
        self._ready_hosts: set[str] = set()

    def note(self, host: Host) -> None:
        """This is how the host is now."""
        changes = self._changes.get(host.name)
        if changes is None:
            return
        if self._is_of_before(host):
            self.forget(host.name)
            return
        kind = (host.host_type, tuple(sorted(changes)))
        if self._kinds.get(host.name) != kind:
            self.forget(host.name)
            self._kinds[host.name] = kind
            self._of_kind[kind] += 1
        is_ready = host.state is HostState.READY
        if is_ready != (host.name in self._ready_hosts):
            self._ready[kind] += 1 if is_ready else -1
            (self._ready_hosts.add if is_ready else self._ready_hosts.discard)(host.name)

    def _is_of_before(self, host: Host) -> bool:
        """Whether it is ready by what went before this plan."""
        approved_at = self._approved_at
        ready = host.state is HostState.READY
        return ready and approved_at is not None and host.state_since <= approved_at

    def forget(self, name: str) -> None:
        """There is no such host any more, or it does not count."""
        kind = self._kinds.pop(name, None)
        if kind is None:
            return
        self._of_kind[kind] -= 1
        if name in self._ready_hosts:
            self._ready_hosts.discard(name)
            self._ready[kind] -= 1

    def is_shown(self, name: str) -> bool:
        """Whether so many of its kind are ready that nothing hangs on this one."""
        kind = self._kinds.get(name)
        if kind is None:
            return False
        every = self._of_kind[kind]
        return every - self._ready[kind] < self._share * every
