"""Reading the leak detectors of a coolant distribution unit, a Redfish service without a host."""

from __future__ import annotations

from typing import Self

from pods.facts import LeakDetectorFact
from provisioning.drivers.capabilities import Capability, lacking
from provisioning.drivers.credentials import Credentials, Trust
from provisioning.drivers.redfish.address import Endpoint
from provisioning.drivers.redfish.answers import reference
from provisioning.drivers.redfish.resources import Resources
from provisioning.drivers.redfish.session import RedfishSession
from provisioning.drivers.redfish.surroundings import leak_detectors
from provisioning.drivers.redfish.transport import KEEPALIVE_S


class RedfishCoolingUnit:
    """One service that shows cooling units; it is only read."""

    def __init__(self, resources: Resources) -> None:
        self._resources = resources

    @classmethod
    def connect(
        cls,
        address: str,
        credentials: Credentials,
        *,
        fingerprint: str,
        deadline_s: float,
        keepalive_s: float = KEEPALIVE_S,
    ) -> Self:
        """Describe it. Nothing is sent before the first read."""
        endpoint = Endpoint.parse(address)
        session = RedfishSession(
            endpoint=endpoint,
            credentials=credentials,
            trust=Trust.parse(address=endpoint.label, fingerprint=fingerprint, ca_file=None),
            deadline_s=deadline_s,
            keepalive_s=keepalive_s,
        )
        return cls(Resources(session=session, system_path=None, expected_serial=None))

    async def leak_detectors(self) -> tuple[LeakDetectorFact, ...]:
        """Every detector of every unit that the service shows."""
        root = await self._resources.session.root()
        equipment = await self._resources.optional_body(reference(root, "ThermalEquipment"))
        units = await self._resources.members(reference(equipment, "CDUs"))
        found: list[LeakDetectorFact] = []
        for unit in units:
            detection = await self._resources.optional_body(reference(unit, "LeakDetection"))
            members = await self._resources.members(reference(detection, "LeakDetectors"))
            found += leak_detectors(members, detection)
        if not found:
            raise lacking(Capability.SENSORS, where=self._resources.session.label)
        return tuple(found)

    async def close(self) -> None:
        """Log out."""
        await self._resources.session.close()
