"""A hall whose hosts cost next to nothing: the real BMCs over HTTPS, and all agents in one process.

    python -m tests.integration.crashes.cheap_hall SPEC --state DIR [--speed N] [--fault F]...

BMCs, faults and journal are those of `podyard simulate`. The agents are real ones too, with their
tokens, certificates and exchanges; but they are tasks of this process, and what they measure is
written down instead of measured, so that sixteen hosts come up on two cores while controllers die.
Their Ray is a word only: it is told as running, and as gone when its order is.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import runtime.agent
from inventory.agents import RayOrder
from inventory.clock import SystemClock
from inventory.tls_memory import bound_read_buffers
from pods import catalogue
from provisioning.simulator.clock import RealClock
from provisioning.simulator.faults import Fault
from provisioning.simulator.hall import HallPlan
from provisioning.simulator.launcher import HostLauncher, HostPlace
from provisioning.simulator.process import Hall, HallSettings
from runtime.agent import Agent
from runtime.crowd import Invented
from runtime.hardware import read_hardware
from runtime.place import Place
from runtime.rayhost import RayHost
from runtime.uplink import read_boot_document


class InventedRay(RayHost):
    """Runs nothing: what was ordered is told as running at once."""

    async def start(self, order: RayOrder) -> None:
        if self.order != order:
            self.order = order
            self._note(order, "running")

    async def take_over(self) -> None: ...

    async def leave(self) -> None: ...

    async def close(self) -> None:
        if self.order is not None:
            self.order = self.observed = None
            self._settings.changed()

    async def stop(self) -> None:
        await self.close()


@dataclass
class InsideLauncher:
    """Hosts as tasks; each is a machine of its own, so none waits to be measured."""

    isolated: bool = False
    lives: dict[str, asyncio.Task[None]] = field(default_factory=dict)

    async def start(self) -> None: ...

    async def boot(self, place: HostPlace) -> None:
        await self.kill(place.name)
        place.prepare()
        self.lives[place.name] = asyncio.create_task(self._live(place))

    async def _live(self, place: HostPlace) -> None:
        where = Place(run=place.run, root=place.root, isolated=False)
        found = read_hardware(place.run, now=datetime.now(UTC))
        hardware = replace(found, physical_host=f"machine-of-{place.name}")
        boot = read_boot_document(place.run / "boot.json")
        await Agent(boot, where, hardware, SystemClock(), measuring=Invented).run()

    async def kill(self, name: str) -> None:
        life = self.lives.pop(name, None)
        if life is not None:
            life.cancel()
            await asyncio.gather(life, return_exceptions=True)

    async def attach(self, name: str, *, network: str, address: str) -> None: ...

    async def detach(self, name: str) -> None: ...

    async def stop(self) -> None:
        for name in list(self.lives):
            await self.kill(name)


class CheapHall(Hall):
    """The hall of the product, with another way to boot."""

    async def _start_launcher(self) -> HostLauncher:
        launcher = InsideLauncher()
        await launcher.start()
        return launcher


FORGOTTEN_S = 300.0
"""A session that was used by nobody for so long: whoever works with a BMC asks it every minute."""


def tell_sessions(hall: Hall) -> None:
    """How many sessions all BMCs have open now, and how many of them are forgotten: in two files.

    A host at work has one more than a host at rest, so that their number follows the churn.
    """
    unused_s = [
        one.bmc.sessions.now() - session.used_at
        for one in hall.hosts
        for session in one.bmc.sessions.open.values()
    ]
    forgotten = sum(unused > FORGOTTEN_S for unused in unused_s)
    for name, count in (("forgotten-sessions", forgotten), ("sessions", len(unused_s))):
        fresh = hall.directory / f"{name}.new"
        fresh.write_text(str(count))
        fresh.replace(hall.directory / name)


async def serve(options: argparse.Namespace) -> None:
    """Until SIGTERM."""
    pod = catalogue.load(options.spec)
    if options.hosts:
        from provisioning.simulator.widening import widened  # noqa: PLC0415 - only for large halls

        pod = widened(pod, hosts=options.hosts)
        (options.state / "spec.json").write_text(json.dumps(pod.document()))
    faults: list[Fault | str] = list(options.fault)
    plan = HallPlan.from_spec(pod, seed=options.seed, faults=faults)
    settings = HallSettings(state=options.state, clock=RealClock(speed=options.speed))
    hall = CheapHall(plan=plan, settings=settings)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    loop.add_signal_handler(signal.SIGUSR1, tell_sessions, hall)
    await hall.start()
    await stop.wait()
    await hall.stop()


def parse(arguments: list[str] | None = None) -> Any:
    """The command line."""
    parser = argparse.ArgumentParser()
    parser.add_argument("spec")
    parser.add_argument("--state", type=Path, required=True)
    parser.add_argument("--speed", type=float, default=1.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--hosts", type=int, default=0)
    parser.add_argument("--fault", action="append", default=[])
    return parser.parse_args(arguments)


if __name__ == "__main__":
    bound_read_buffers()
    runtime.agent.RayHost = InventedRay  # type: ignore[misc]
    asyncio.run(serve(parse()))
