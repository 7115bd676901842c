"""A host and what its BMC adds to it: update service, sessions, and the time it was started."""

from __future__ import annotations

from dataclasses import dataclass, field

from provisioning.simulator.host import SimulatedHost
from provisioning.simulator.models import HostModel
from provisioning.simulator.parts import Parts
from provisioning.simulator.redfish.resource import Paths
from provisioning.simulator.redfish.sessions import Sessions
from provisioning.simulator.swapping import HasSerial, read_swapped
from provisioning.simulator.updates import Updates


@dataclass(slots=True)
class SimulatedBmc:
    """Everything that the Redfish service of one host reads and changes."""

    host: SimulatedHost
    updates: Updates = field(init=False)
    sessions: Sessions = field(init=False)
    parts: Parts = field(init=False)
    paths: Paths = field(init=False)

    def __post_init__(self) -> None:
        """Attach the services to the host's clock and state."""
        self.updates = Updates(self.host)
        self.sessions = Sessions(now=self.host.world.clock.now)
        self.parts = Parts(self.host.plan)
        self.paths = Paths.of(self.model)

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

    async def resume(self) -> None:
        """Power, boot and running updates go on."""
        await self.host.resume()
        self.updates.resume()
