"""The agents of virtual hosts: they enrol, call now and then, and measure when they are told to.

They write what the agent door would write, when a real agent would have called it.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from inventory.agents import AcceptanceReport, ObservedState
from inventory.clock import Clock
from inventory.model import AgentSeen, Host
from inventory.states import HostState
from inventory.store.protocol import Change, Store
from pods.acceptance import Measurement
from pods.spec import Floor
from provisioning.bench.host import VirtualHost

STARTS_S = (1.0, 4.0)
"""From the operating system's first instruction to the agent's first call."""
LOOKS_S = 5.0
"""Between two looks at what is desired, until the host was measured."""
CALLS_S = 60.0
"""Between two calls afterwards; real ones call six times as often, which only costs."""
MEASURES_S = (15.0, 30.0)


@dataclass(slots=True)
class Agents:
    """All agents that are alive."""

    store: Store
    clock: Clock
    wake: Callable[[], None]
    seed: int
    ids: dict[str, str]
    """Host's name to its id."""
    floors: dict[str, Sequence[Floor]]
    """By pod."""
    accepted: set[str] = field(default_factory=set)
    """Hosts that were measured in the life that they are in."""
    _lives: dict[str, asyncio.Task[None]] = field(default_factory=dict)
    _boots: dict[str, int] = field(default_factory=dict)

    def start(self, host: VirtualHost, medium: str) -> None:
        """The host's operating system runs."""
        self.stop(host.plan.name)
        self._boots[host.plan.name] = self._boots.get(host.plan.name, 0) + 1
        life = asyncio.ensure_future(self._live(host, medium.rpartition("/")[2].split(".")[0]))
        self._lives[host.plan.name] = life

    def stop(self, name: str) -> None:
        """It does not any more."""
        self.accepted.discard(name)
        life = self._lives.pop(name, None)
        if life is not None:
            life.cancel()

    def stop_all(self) -> None:
        """The end of the bench."""
        for name in list(self._lives):
            self.stop(name)

    async def _live(self, host: VirtualHost, media_id: str) -> None:
        name = host.plan.name
        luck = random.Random(f"{self.seed}/{name}/agent/{self._boots[name]}")  # noqa: S311 - a seed names a run
        await self.clock.sleep(luck.uniform(*STARTS_S))
        record = self._record(name)
        if record is None or record.boot is None or record.boot.media_id != media_id:
            return  # its token opens nothing any more
        observed = ObservedState(
            generation=0,
            boot_id=f"{name}-{self._boots[name]}",
            physical_host=name,
            agent_version="bench",
            simulated=True,
            isolated=True,
        )
        self._say(record, media_id, observed)
        measured = ""
        while True:
            await self.clock.sleep(CALLS_S if measured else LOOKS_S)
            record = self._record(name)
            if record is None:
                return
            order = record.acceptance_order if record.state is HostState.ACCEPTING else ""
            if order and order != measured:
                measured = order
                await self.clock.sleep(luck.uniform(*MEASURES_S))
                report = self._measured(host, record, order, luck)
                observed = observed.model_copy(update={"acceptance": report})
                self.accepted.add(name)
                self._say(record, media_id, observed)
            elif measured:
                self._say(record, media_id, observed, news=False)

    def _measured(
        self, host: VirtualHost, record: Host, order: str, luck: random.Random
    ) -> AcceptanceReport:
        return AcceptanceReport(
            order_id=order,
            finished=True,
            measurements=tuple(
                Measurement(
                    test=floor.test,
                    value=host.plan.clock_ratio * luck.uniform(0.95, 1.05),
                    reference=1.0,
                    unit="relative",
                )
                for floor in self.floors[record.pod]
            ),
        )

    def _record(self, name: str) -> Host | None:
        return self.store.get(Host, self.ids[name])

    def _say(
        self, host: Host, media_id: str, observed: ObservedState, *, news: bool = True
    ) -> None:
        now = self.clock.now()
        before = self.store.get(AgentSeen, host.id)
        if before is not None and before.media_id == media_id:
            again = before.model_copy(update={"seen_at": now, "observed": observed})
            change = Change(replace=(again,))
        else:
            enrolled = AgentSeen(
                host_id=host.id,
                media_id=media_id,
                certificate_serial=observed.boot_id,
                enrolled_at=now,
                seen_at=now,
                observed=observed,
                version=before.version if before else 1,
            )
            change = Change(replace=(enrolled,)) if before else Change(insert=(enrolled,))
        self.store.apply(change, now=now)
        if news:
            self.store.wake_hosts(now=self.clock.now(), host_id=host.id)
            self.wake()
