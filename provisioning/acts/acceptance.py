"""Ordering a host's acceptance tests, one host of a machine at a time."""

from __future__ import annotations

import asyncio
from collections import defaultdict

from inventory.model import AgentSeen, Host
from inventory.states import HostState
from inventory.store.reading import every
from provisioning.acts.counter import counter
from provisioning.acts.recorder import Outcome, Recorder
from provisioning.world import World


class Acceptance:
    """Orders what the agent then measures."""

    def __init__(self, world: World, recorder: Recorder) -> None:
        self._world = world
        self._recorder = recorder
        self._machines: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def order(self, host: Host, physical_host: str) -> Outcome:
        """One host at a time on each physical machine: neighbours would measure each other."""
        note = counter("machine", physical_host)
        async with self._machines[physical_host]:
            said = await self._world.in_thread(self._world.store.note, note)
            # A note that says nothing: no tests were ever ordered on this machine.
            first = said and await self._world.in_thread(self._measuring, host, physical_host)
            if first:
                why = f"waiting for {first} to be measured first"
                return await self._recorder.wait(host, why, others=True)
            event = self._recorder.event(
                host, "acceptance.ordered", "", "", f"on {physical_host[:8]}"
            )
            return await self._recorder.record(
                host,
                {
                    "acceptance_order": self._world.new_id(),
                    "acceptance_round": host.acceptance_round + 1,
                },
                events=(event,),
                counted={note: said},
            )

    def _measuring(self, host: Host, physical_host: str) -> str:
        """The name of another host of this machine whose tests are under way."""
        store = self._world.store
        for other in every(store, Host, state=HostState.ACCEPTING.value):
            if other.id == host.id or not other.acceptance_order or other.problem:
                continue
            agent = store.get(AgentSeen, other.id)
            observed = agent.observed if agent else None
            if observed is None or observed.physical_host != physical_host:
                continue
            report = observed.acceptance
            if report and report.order_id == other.acceptance_order and report.finished:
                continue
            return other.name
        return ""
