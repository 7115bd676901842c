"""A fleet in steady state for hours of virtual time, with churn, by the controller itself.

It is the bring-up of `provisioning.bench` that does not end when every host rests: from then on
hosts go down and come up again, BMCs fall silent and come back, and telemetry reads them all. What
grows by design is the records; they are kept as in a service of a few hours' age, by forgetting
events and certificates that are older, so that what is left to grow is a leak.

Memory is looked at twice: how many blocks Python has in hand, which is exact but blind to how large
each one is, and what the kernel gave the process, which knows of the large ones but is noisy.
Counting the bytes of each allocation instead takes two and a half times the processor time.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import random
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from inventory.errors import StaleWrite
from inventory.model import CertificateRecord, ComputeUnit, Host
from inventory.states import HostState
from inventory.store.protocol import Change
from inventory.store.reading import every
from inventory.store.sql import SqlStore
from provisioning.bench.bmc import InProcessBmc
from provisioning.bench.bring_up import LEASE, UPDATE_ALLOWED_S, Bench, Wish
from provisioning.bench.design import design
from provisioning.bench.virtual_time import VirtualLoop, inline, run
from provisioning.settings import ProvisioningSettings
from provisioning.telemetry.polling import Poller
from provisioning.telemetry.settings import TelemetrySettings
from provisioning.telemetry.world import World
from tests.integration.soak.watching import Samples, anonymous_mib
from tests.migrated import fresh_store

LOOK_EVERY_S = 600.0
"""Each look collects the garbage of the whole fleet first."""
CHURN_EVERY_S = 300.0
CHURNED = 0.01
"""Of the hosts, each time: in six hours 72 % of them have gone down and come up again."""
READ_EVERY_S = 120.0
SILENT = 0.005
"""Of the BMCs, for one look long."""
KEPT = timedelta(hours=1)
FORGOTTEN_AT_ONCE = 1000


@dataclass(slots=True)
class Steady(Bench):
    """A bring-up that goes on."""

    hours: float = 6.0
    folder: Path = Path()
    samples: Samples = field(default_factory=Samples)
    downs: int = 0
    rounds: int = 0
    rested_at_s: float = 0.0
    _kept: list[SqlStore] = field(default_factory=list)

    def _settled(self, name: str) -> None:
        """Rest is where this begins."""
        self._waited_for.discard(name)

    async def _tell(self) -> None:
        """Wait for rest, then live on for so many hours."""
        while self._waited_for:
            await self.clock.sleep(60.0)
        self.rested_at_s = self.loop.time()
        poller = self._poller()
        polling = asyncio.ensure_future(poller.run())
        luck = random.Random(f"{self.wish.seed}/steady")
        silent: list[str] = []
        looked = churned = self.rested_at_s
        try:
            while self.loop.time() - self.rested_at_s < self.hours * 3600:
                await self.clock.sleep(30.0)
                if polling.done():
                    polling.result()
                if self.loop.time() - churned >= CHURN_EVERY_S:
                    churned = self.loop.time()
                    for name in silent:
                        self.bmcs[name].black_holed = False
                    silent = self._churn(luck)
                if self.loop.time() - looked >= LOOK_EVERY_S:
                    looked = self.loop.time()
                    self._forget()
                    self._look()
        finally:
            self.rounds = poller.rounds
            polling.cancel()
            await asyncio.gather(polling, return_exceptions=True)
        self._over.set()

    def _churn(self, luck: random.Random) -> list[str]:
        """Some that are ready go down; all that are down come up again; some BMCs fall silent."""
        hosts = sorted(self._every_host(), key=lambda one: one.name)
        up = [one for one in hosts if one.state is HostState.READY and one.target == "ready"]
        down = [one for one in hosts if one.target == "enrolled"]
        for host in luck.sample(up, min(len(up), max(1, round(len(hosts) * CHURNED)))):
            self._wish(host, "enrolled")
            self.downs += 1
        for host in down:
            self._wish(host, "ready")
        silent = luck.sample([one.name for one in hosts], max(1, round(len(hosts) * SILENT)))
        for name in silent:
            self.bmcs[name].black_holed = True
        return silent

    def _every_host(self) -> Iterator[Host]:
        """The records as they are."""
        return iter(every(self.store, Host))

    def _wish(self, host: Host, target: str) -> None:
        """What `podyard host target` writes."""
        now = self.clock.now()
        fresh = host.model_copy(update={"target": target, "wake_at": now})
        with contextlib.suppress(StaleWrite):  # the controller wrote meanwhile; the next time, then
            self.store.apply(Change(replace=(fresh,)), now=now)
            self.agents.wake()

    def _poller(self) -> Poller:
        """Telemetry of the whole fleet; its readings lie in a file of their own."""
        kept = fresh_store(self.folder)
        self._kept.append(kept)
        now = self.clock.now()
        fence = kept.join("telemetry", "steady", now=now, valid=LEASE, alone=True)
        if fence is None:
            raise RuntimeError("a new store gave its lease to nobody")

        async def opened(host: Host) -> Any:
            return InProcessBmc(self.bmcs[host.name])

        return Poller(
            World(
                store=self.store,
                readings=kept.readings,
                clock=self.clock,
                open_bmc=opened,
                in_thread=inline,
                settings=TelemetrySettings(every_s=READ_EVERY_S, flush_s=60.0),
                fence=fence,
            )
        )

    def _forget(self) -> None:
        """As the service's retention does, with less patience."""
        before = self.clock.now() - KEPT
        while self.store.forget_events(before=before, limit=FORGOTTEN_AT_ONCE):
            pass
        # Superseded certificates are kept for ever, but on disk: here the records are in memory.
        named = {host.certificate_id for host in self._every_host()}
        named |= {one for unit in every(self.store, ComputeUnit) for one in unit.certificate_ids}
        superseded = tuple(
            one
            for one in every(self.store, CertificateRecord)
            if one.id not in named and one.issued_at < before
        )
        self.store.apply(Change(remove=superseded), now=self.clock.now())

    def _look(self) -> None:
        gc.collect()
        self.samples.add(
            self.loop.time(),
            {
                "memory_mib": anonymous_mib("self"),
                "blocks": float(sys.getallocatedblocks()),
                "files": float(len(list(Path("/proc/self/fd").iterdir()))),
                "tasks": float(len(asyncio.all_tasks(self.loop))),
                "bmc_sessions": float(sum(bmc.sessions for bmc in self.bmcs.values())),
            },
        )


def steady(*, hosts: int, hours: float, folder: Path, seed: int = 1) -> Steady:
    """Bring a fleet up and live on with it."""
    fleet = design(hosts, seed=seed, faults=True)
    settings = ProvisioningSettings.model_construct(
        hosts_at_once=100_000, update_allowed_s=UPDATE_ALLOWED_S
    )

    async def main(loop: VirtualLoop) -> Steady:
        made = Steady(Wish(hosts, seed), loop, fleet, settings, hours=hours, folder=folder)
        try:
            await made.run()
        finally:
            for kept in made._kept:
                kept.close()
        return made

    return run(main)
