"""The hall of a real bench, in a process of its own: `python -m provisioning.bench.real_hall DIR`.

The BMCs are those of `podyard simulate`, each with its own HTTPS listener, certificate and account,
on the fleet that the virtual bench brings up. `wish.json` in the directory says which; `fleet.json`
says afterwards what was planted, for the judge, and never to the service.
"""

from __future__ import annotations

import asyncio
import dataclasses
import json
import random
import signal
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from inventory.tls_memory import bound_read_buffers
from provisioning.bench.crowd import CrowdLauncher
from provisioning.bench.design import Fleet, PodDesign, design
from provisioning.simulator.clock import RealClock
from provisioning.simulator.faults import REGISTRY, Fault
from provisioning.simulator.field import EVERY_BMC, field_faults
from provisioning.simulator.hall import HallPlan, HostPlan
from provisioning.simulator.process import Hall, HallSettings
from provisioning.simulator.state import write_json

HOLE = "black-hole"
INCURABLE = frozenset({"missing-dimm", "missing-drive", "wrong-serial", "dead-on", "update-lies"})
"""Faults that no software cures: such a host is to be parked, and never ready."""


@dataclass(frozen=True, slots=True)
class HallWish:
    """What to build."""

    hosts: int
    seed: int
    faults: str
    black_holed: float
    deadline_s: float
    """A BMC that answers later than this is as good as mute."""

    @classmethod
    def read(cls, directory: Path) -> HallWish:
        """As the bench wrote it."""
        return cls(**json.loads((directory / "wish.json").read_text()))

    def write(self, directory: Path) -> None:
        """For the hall's process."""
        write_json(directory / "wish.json", dataclasses.asdict(self))


def built(wish: HallWish) -> tuple[Fleet, HallPlan]:
    """The pods, and one hall with all of their hosts."""
    fleet = design(wish.hosts, seed=wish.seed, faults=False)
    holes = _holes(fleet, wish)
    pods = tuple(dataclasses.replace(pod, hall=_planted(pod, wish, holes)) for pod in fleet.pods)
    hosts = tuple(host for pod in pods for host in pod.hall.hosts)
    return Fleet(pods, wish.seed), HallPlan(pod_spec="bench", seed=wish.seed, hosts=hosts)


def _holes(fleet: Fleet, wish: HallWish) -> frozenset[str]:
    """Drawn as in virtual time: never a pod's canary, which a person would have to help."""
    canaries = {pod.hall.hosts[0].name for pod in fleet.pods}
    names = [host.name for _, host in fleet.hosts if host.name not in canaries]
    source = random.Random(f"{wish.seed}/black-holed")  # noqa: S311 - a seed names a run
    return frozenset(source.sample(names, round(wish.black_holed * wish.hosts)))


def _planted(pod: PodDesign, wish: HallWish, holes: frozenset[str]) -> HallPlan:
    """The pod's hosts with what the profile does to them."""
    faults: dict[str, list[Fault]] = {host.name: [] for host in pod.hall.hosts}
    if wish.faults == "field":
        canary = pod.hall.hosts[0].name
        every = {words.partition(":")[0] for words in EVERY_BMC}
        for fault in field_faults(list(faults), seed=wish.seed):
            # Black holes are a measure of their own here, not one of the profile's.
            if fault.kind != HOLE and (fault.host != canary or fault.kind in every):
                faults[fault.host].append(fault)
    for name in holes & faults.keys():
        faults[name].append(Fault.parse(f"{HOLE}@{name}"))
    known = [fault for host in pod.hall.hosts for fault in host.faults]
    mine = [fault for found in faults.values() for fault in found]
    built_in = [fault for fault in mine if REGISTRY[fault.kind].built_in]
    plan = HallPlan.from_spec(pod.spec, seed=wish.seed, faults=[*known, *built_in])
    hosts = tuple(
        dataclasses.replace(host, faults=(*host.faults, *_later(faults[host.name])))
        for host in plan.hosts
    )
    return dataclasses.replace(plan, hosts=hosts)


def _later(faults: list[Fault]) -> list[Fault]:
    """Those that change nothing of how a host is built; a plan takes long to hand them out."""
    return [fault for fault in faults if not REGISTRY[fault.kind].built_in]


def mute(host: HostPlan, *, deadline_s: float) -> bool:
    """Whether this BMC answers nothing in time, ever."""
    slow = max((f.number("seconds") for f in host.faults if f.kind == "slow-bmc"), default=0.0)
    return slow >= deadline_s or any(fault.kind == HOLE for fault in host.faults)


def told(wish: HallWish, fleet: Fleet) -> dict[str, Any]:
    """What was planted."""
    hosts = [(host, pod) for pod in fleet.pods for host in pod.hall.hosts]
    return {
        "pods": {pod.name: [host.name for host in pod.hall.hosts] for pod in fleet.pods},
        "canaries": [pod.hall.hosts[0].name for pod in fleet.pods],
        "mute": [host.name for host, _ in hosts if mute(host, deadline_s=wish.deadline_s)],
        "incurable": {
            host.name: kinds
            for host, _ in hosts
            if (kinds := sorted(INCURABLE & {fault.kind for fault in host.faults}))
        },
    }


async def serve(directory: Path) -> None:
    """Until SIGTERM."""
    wish = HallWish.read(directory)
    fleet, plan = built(wish)
    write_json(directory / "fleet.json", told(wish, fleet))
    crowd = CrowdLauncher()
    settings = HallSettings(
        state=directory / "hall", clock=RealClock(), launcher=crowd, namespaces=False, doors=False
    )
    hall = Hall(plan=plan, settings=settings)
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    await hall.start()
    write_json(directory / "processes.json", {"agents": crowd.pid})
    await stop.wait()
    await hall.stop()


if __name__ == "__main__":
    bound_read_buffers()
    asyncio.run(serve(Path(sys.argv[1])))
