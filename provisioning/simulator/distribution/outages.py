"""Faults of feeds and machines: whom they strike, and those that act when their time comes."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from provisioning.simulator.clock import Clock
from provisioning.simulator.distribution.plan import DistributionPlan, Kind
from provisioning.simulator.errors import UnknownFault
from provisioning.simulator.faults import REGISTRY, Fault, HostFaults, Past
from provisioning.simulator.kinds.distribution import DISTRIBUTION

OF_FEEDS = ("feed-dead", "weak-breaker")
OF_MACHINES: Mapping[str, Kind] = {
    "pdu-off": "pdu",
    "failed-rectifier": "power-shelf",
    "pump-fails": "cdu",
    "loop-leak": "cdu",
    "warm-supply": "cdu",
    "port-down": "leaf-switch",
}
FEED = "feed/"
"""Before a feed's name, which may be a machine's too."""
STRIKING = ("feed-dead", "weak-breaker", "pdu-off")


def is_of_distribution(fault: Fault) -> bool:
    """Whether it strikes a feed or a machine, and no host."""
    return REGISTRY[fault.kind].subject == DISTRIBUTION.name


def struck_by(plan: DistributionPlan, faults: Iterable[Fault]) -> dict[str, tuple[Fault, ...]]:
    """By target, each feed with `feed/` before its name. A fault that finds none is refused."""
    found: dict[str, tuple[Fault, ...]] = {}
    for fault in faults:
        targets = _targets(plan, fault)
        if not targets:
            what = "feed" if fault.kind in OF_FEEDS else OF_MACHINES[fault.kind]
            there = plan.feeds if fault.kind in OF_FEEDS else _called(plan, OF_MACHINES[fault.kind])
            raise UnknownFault(
                f"fault {fault.kind!r} names {fault.host!r}, which is no {what} of this hall",
                hint=f"its {what}s are " + (", ".join(there) or "none"),
            )
        for target in targets:
            found[target] = (*found.get(target, ()), fault)
    return found


def _called(plan: DistributionPlan, kind: Kind) -> list[str]:
    return [one.name for one in plan.machines if one.kind == kind]


def _targets(plan: DistributionPlan, fault: Fault) -> list[str]:
    if fault.kind in OF_FEEDS:
        name = fault.host.removeprefix(FEED)
        return [FEED + name] if name in plan.feeds else []
    kind = OF_MACHINES[fault.kind]
    _, separator, rack = fault.host.partition("rack/")
    return [
        one.name
        for one in plan.machines
        if one.kind == kind and (one.rack == rack if separator else one.name == fault.host)
    ]


class Switchable(Protocol):
    """What outages do to the mains."""

    async def kill(self, feed: str) -> None:
        """No voltage."""

    async def revive(self, feed: str) -> None:
        """Voltage."""

    async def switch(self, machine: str, hosts: Iterable[str], *, on: bool) -> None:
        """Outlets of a PDU."""

    def settle(self, feed: str) -> None:
        """Its breaker is another one."""


@dataclass(slots=True)
class Outages:
    """The faults of one running hall's distribution."""

    plan: DistributionPlan
    clock: Clock
    past: Past
    _faults: dict[str, HostFaults] = field(default_factory=dict)
    _tasks: dict[tuple[str, int], asyncio.Task[None]] = field(default_factory=dict)
    _mains: Switchable | None = None

    def __post_init__(self) -> None:
        """Arm them."""
        for target, faults in self.plan.faults.items():
            self._faults[target] = HostFaults(
                faults=faults,
                seed=target,
                past=self.past,
                on_fire=lambda _kind: None,
                now=self.clock.now,
                since=self.clock.since,
            )

    def planted(self, target: str, kind: str) -> Fault | None:
        """The fault of this kind that is under way there."""
        found = self._faults.get(target)
        return None if found is None else found.planted(kind)

    def active(self, target: str) -> Sequence[Fault]:
        """Every one that is."""
        found = self._faults.get(target)
        return () if found is None else found.active()

    def begin(self, mains: Switchable) -> None:
        """Wait for those whose moment is known, and for events."""
        self._mains = mains
        self._arm()

    def notice(self, what: str) -> None:
        """Something was journaled of the distribution."""
        if [one for one in self._faults.values() if one.notice(what)]:
            self._arm()

    async def stop(self) -> None:
        """Nothing strikes any more."""
        for task in self._tasks.values():
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)

    def _arm(self) -> None:
        if self._mains is None:
            return
        for target, faults in self._faults.items():
            for number, fault in enumerate(faults.faults):
                known = faults.begun_s(fault) is not None
                if fault.kind in STRIKING and known and (target, number) not in self._tasks:
                    strike = self._strike(self._mains, target, fault)
                    self._tasks[target, number] = asyncio.ensure_future(strike)

    async def _strike(self, mains: Switchable, target: str, fault: Fault) -> None:
        begun_s = self._faults[target].begun_s(fault) or 0.0
        lasts_s = fault.number("for")
        if lasts_s and begun_s >= lasts_s:
            # It may have been under way when the simulator ended; outlets are kept as they were.
            await self._end(mains, target, fault)
            return
        if begun_s < 0:
            await self.clock.sleep(-begun_s)
        await self._begin(mains, target, fault)
        if lasts_s:
            await self.clock.sleep(lasts_s - max(0.0, begun_s))
            await self._end(mains, target, fault)

    async def _begin(self, mains: Switchable, target: str, fault: Fault) -> None:
        match fault.kind:
            case "feed-dead":
                await mains.kill(target.removeprefix(FEED))
            case "pdu-off":
                await mains.switch(target, self._hosts(target), on=False)
            case _:
                mains.settle(target.removeprefix(FEED))

    async def _end(self, mains: Switchable, target: str, fault: Fault) -> None:
        match fault.kind:
            case "feed-dead":
                await mains.revive(target.removeprefix(FEED))
            case "pdu-off":
                await mains.switch(target, self._hosts(target), on=True)
            case _:
                mains.settle(target.removeprefix(FEED))

    def _hosts(self, machine: str) -> tuple[str, ...]:
        return next(one.hosts for one in self.plan.machines if one.name == machine)
