"""What people do in a bring-up: they approve each pod's plan, and help a canary that was parked.

A canary that a person must look at stops its pod, by design. Here somebody looks within minutes and
says retry; every such help is counted, for a run that needs many is no good run.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from inventory.clock import Clock
from inventory.errors import StaleWrite
from inventory.model import Host, PlanApproval, Pod
from inventory.planning import hosts_not_inspected, plan_of
from inventory.states import HostState
from inventory.store.protocol import Change, Store
from inventory.store.reading import every
from provisioning.bench.design import PodDesign

LOOKS_S = 5.0
HELPS_AFTER_S = 120.0
SILENT_AFTER_S = 60.0
"""As `podyard pod up` does: who was not heard of for so long joins a later plan."""


@dataclass(slots=True)
class Person:
    """Looks after one pod."""

    store: Store
    clock: Clock
    pod: PodDesign
    black_holed: frozenset[str] = frozenset()
    tells: Callable[[str], None] = lambda _host: None
    """Told of each host on which retry was said."""
    helped: int = 0
    canaries: tuple[str, ...] = field(default=())

    async def run(self) -> None:
        """Until the bench ends."""
        while not self._approved():
            await self.clock.sleep(LOOKS_S)
        while True:
            await self.clock.sleep(HELPS_AFTER_S)
            for host in every(self.store, Host, pod=self.pod.name):
                if host.name in self.canaries and host.problem and host.problem.parked:
                    self._help(host)

    def _approved(self) -> bool:
        hosts = every(self.store, Host, pod=self.pod.name)
        if set(hosts_not_inspected(hosts)) - self._silent(hosts):
            return False
        pod, now = self.store.get(Pod, self.pod.name), self.clock.now()
        if pod is None:
            raise LookupError(self.pod.name)
        plan = plan_of(pod, self.pod.spec, hosts)
        approval = PlanApproval(by="bench", plan_digest=plan.digest, at=now)
        running = {"plan": plan, "bring_up": "running", "approval": approval}
        self.store.apply(Change(replace=(pod.model_copy(update=running),)), now=now)
        self.store.wake_hosts(now=self.clock.now(), pod=pod.name)
        self.canaries = tuple(name for wave in plan.waves if wave.canary for name in wave.hosts)
        return True

    def _silent(self, hosts: list[Host]) -> set[str]:
        now = self.clock.now()
        return {
            host.name
            for host in hosts
            if host.name in self.black_holed
            and (now - host.state_since).total_seconds() > SILENT_AFTER_S
        }

    def _help(self, host: Host) -> None:
        """What `podyard host retry` writes."""
        now = self.clock.now()
        again = {"boot": None} if host.state is HostState.BOOTING else {}
        fields = {"problem": None, "acceptance_order": "", "waiting": "", "wake_at": now, **again}
        try:
            self.store.apply(Change(replace=(host.model_copy(update=fields),)), now=now)
        except StaleWrite:
            return  # it moved; the next look decides
        self.helped += 1
        self.tells(host.name)
