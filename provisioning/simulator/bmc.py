"""A host and what its BMC adds to it: update service, sessions, and the time it was started."""

from __future__ import annotations

from dataclasses import dataclass, field

from provisioning.simulator.host import SimulatedHost
from provisioning.simulator.redfish.sessions import Sessions
from provisioning.simulator.updates import Updates


@dataclass(slots=True)
class SimulatedBmc:
    """Everything that the Redfish service of one host reads and changes."""

    host: SimulatedHost
    updates: Updates = field(init=False)
    sessions: Sessions = field(init=False)

    def __post_init__(self) -> None:
        """Attach the services to the host's clock and state."""
        self.updates = Updates(self.host)
        self.sessions = Sessions(now=self.host.world.clock.now)

    async def resume(self) -> None:
        """Power, boot and running updates go on."""
        await self.host.resume()
        self.updates.resume()
