"""A host and what its BMC adds to it: update service, sessions, parts, and its own restarts."""

from __future__ import annotations

from dataclasses import dataclass, field

from provisioning.simulator.drives import Erases
from provisioning.simulator.eventlog import EventLog
from provisioning.simulator.host import SimulatedHost
from provisioning.simulator.models import HostModel
from provisioning.simulator.parts import Parts
from provisioning.simulator.redfish.resource import Paths
from provisioning.simulator.redfish.sessions import Sessions
from provisioning.simulator.striking import Strikes
from provisioning.simulator.swapping import HasSerial, read_swapped
from provisioning.simulator.tls import BmcTls
from provisioning.simulator.updates import Updates


@dataclass(slots=True)
class SimulatedBmc:
    """Everything that the Redfish service of one host reads and changes."""

    host: SimulatedHost
    updates: Updates = field(init=False)
    erases: Erases = field(init=False)
    sessions: Sessions = field(init=False)
    paths: Paths = field(init=False)
    strikes: Strikes = field(init=False)
    log: EventLog = field(init=False)
    tls: BmcTls | None = None
    listed: set[str] = field(default_factory=set)
    """Collections that were read since the BMC started."""
    started: int = 0
    """How often the BMC was restarted."""
    _parts: Parts = field(init=False)
    _restarted_at: float | None = None
    _away_s: float = 0.0

    def __post_init__(self) -> None:
        """Attach the services to the host's clock and state."""
        self.updates = Updates(self.host, restart_bmc=self.restart)
        self.erases = Erases(self.host)
        self.sessions = Sessions(now=self.host.world.clock.now)
        # With every fault, scheduled or not: a misspelt slot must stop the start.
        self._parts = Parts(self.host.plan)
        self.paths = Paths.of(self.model)
        self.log = EventLog(self.host, clock=lambda: self.clock)
        self.host.told = self.log.note
        self.strikes = Strikes(self.host, restart_bmc=self.restart)

    @property
    def parts(self) -> Parts:
        """What is fitted now, with the faults that are under way."""
        plan = self.host.plan_now
        if plan.faults != self._parts.plan.faults:
            self._parts = Parts(plan)
        return self._parts

    @property
    def model(self) -> HostModel:
        """The shape of the tree."""
        return self.host.plan.model

    @property
    def on(self) -> bool:
        """Whether links train: power is on, whatever a stale reading says."""
        return self.host.state.power == "On"

    def serial(self, part: HasSerial) -> str:
        """What is written on the part that sits in this one's slot now."""
        return read_swapped(self.host.place.root.parent).get(part.slot, part.serial)

    def version(self, component: str) -> str:
        """A component's firmware as it is now; nothing for what has none."""
        return self.host.state.firmware.get(component, "")

    @property
    def clock(self) -> float:
        """The BMC's own time of day."""
        now = self.host.world.clock.now()
        return now % 86400 if self.host.faults.planted("clock-1970") else now

    # Restarts of the BMC itself, which leave the host as it is.

    def restart(self, seconds: float) -> None:
        """Be away for so long; what was only in memory is gone."""
        self._restarted_at, self._away_s = self.host.world.clock.now(), seconds
        self.sessions.open.clear()
        self.listed.clear()
        if self.host.faults.planted("forgets-subscriptions"):
            self.host.state.subscriptions = []
            self.host.save()
        self.started += 1
        self.host.journal("bmc.restart", seconds=seconds)

    # The host's inputs, as the hall's mains tell them.

    async def lose_power(self) -> None:
        """Host and BMC go dark."""
        self.sessions.open.clear()
        await self.host.lose_power()

    def regain_power(self) -> None:
        """The BMC starts; the host stays off."""
        self.restart(0.0)
        self.host.regain_power()

    def change_inputs(self) -> None:
        """The same host on other feeds."""
        self.host.redraw()

    @property
    def up_s(self) -> float | None:
        """Seconds since the BMC came back; below zero while it is away, None: it never left."""
        if self._restarted_at is None:
            return None
        return self.host.world.clock.since(self._restarted_at) - self._away_s

    async def resume(self) -> None:
        """Power, boot and running updates go on, and faults come when it is their time."""
        await self.host.resume()
        self.updates.resume()
        self.erases.resume()
        self.strikes.begin()
