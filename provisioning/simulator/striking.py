"""Faults that do something when their time comes, instead of waiting to be met.

A dead feed takes a host down whether or not anybody asks its BMC; a BMC restarts by itself. Each
such fault has a task that waits for its moment, given by the hall's clock or by an event.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from provisioning.simulator.faults import Fault
from provisioning.simulator.host import SimulatedHost

STRIKING = ("power-lost", "full-load", "bmc-restarts", "certificate-changed")


@dataclass(slots=True)
class Strikes:
    """The striking faults of one host."""

    host: SimulatedHost
    restart_bmc: Callable[[float], None]
    change_certificate: Callable[[], None] = lambda: None
    """Set by the hall, which holds the listener."""
    _waiting: set[int] = field(default_factory=set)

    def begin(self) -> None:
        """Wait for those whose moment is known, and for events."""
        self.host.on_notice = lambda _what: self._arm()
        self._arm()

    def _arm(self) -> None:
        faults = self.host.faults
        for number, fault in enumerate(faults.faults):
            known = faults.begun_s(fault) is not None
            if number not in self._waiting and known and self._strikes(fault):
                self._waiting.add(number)
                self.host.spawn(self._strike(fault))

    def _strikes(self, fault: Fault) -> bool:
        if fault.kind == "bmc-restarts":
            return not fault.word("during")
        # Unscheduled, a certificate changes when the simulator starts again.
        lasting = fault.kind in {"power-lost", "full-load"}
        return fault.kind in STRIKING and (lasting or fault.scheduled)

    async def _strike(self, fault: Fault) -> None:
        begun_s = self.host.faults.begun_s(fault) or 0.0
        if begun_s < 0:
            await self.host.world.clock.sleep(-begun_s)
        match fault.kind:
            case "power-lost":
                await self._lose_power(fault)
            case "full-load":
                await self._carry_load(fault)
            case "bmc-restarts":
                if self.host.faults.fires("bmc-restarts"):
                    self.restart_bmc(fault.number("seconds"))
            case _:
                if self.host.faults.fires("certificate-changed"):
                    self.change_certificate()

    async def _lose_power(self, fault: Fault) -> None:
        lasts_s = fault.number("for")
        begun_s = self.host.faults.begun_s(fault) or 0.0
        if lasts_s and begun_s >= lasts_s:
            return  # it was over before this life of the simulator
        await self.host.lose_power()
        if lasts_s:
            await self.host.world.clock.sleep(lasts_s - begun_s)
            self.restart_bmc(0.0)
            self.host.regain_power()

    async def _carry_load(self, fault: Fault) -> None:
        self.host.redraw()
        begun_s, lasts_s = self.host.faults.begun_s(fault) or 0.0, fault.number("for")
        if lasts_s:
            await self.host.world.clock.sleep(max(0.0, lasts_s - begun_s))
            self.host.redraw()
