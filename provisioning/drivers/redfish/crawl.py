"""The planned reads behind `facts()`: about 40 where a full crawl of a GPU host takes 1,400.

Only what `HardwareFacts` holds is read. Whole collections come in one reply where the service
expands; otherwise members are read a few at a time.
"""

from __future__ import annotations

import logging

from provisioning.drivers.redfish.answers import Json, reference
from provisioning.drivers.redfish.firmware import firmware_members
from provisioning.drivers.redfish.inventory import Payloads, simple_storage_drives
from provisioning.drivers.redfish.resources import Resources, together
from provisioning.drivers.redfish.session import ReadFailed

_log = logging.getLogger(__name__)


async def read_payloads(resources: Resources) -> Payloads:
    """Everything that facts are made of."""
    system = (await resources.system()).body
    processors, memory, nics, firmware, drives = await together(
        [
            _processors(resources, system),
            resources.members(reference(system, "Memory")),
            resources.members(reference(system, "EthernetInterfaces")),
            firmware_members(resources),
            _drives(resources, system),
        ]
    )
    return Payloads(
        system=system,
        manager=await resources.manager(system),
        bios=await resources.optional_body(reference(system, "Bios")),
        processors=processors,
        memory=memory,
        nics=nics,
        firmware=firmware,
        drives=drives,
    )


async def _processors(resources: Resources, system: Json) -> list[Json]:
    """The host's, and those of its GPU baseboards."""
    found: list[Json] = []
    for holder in (system, *resources.baseboards):
        found += await resources.members(reference(holder, "Processors"))
    return found


async def _drives(resources: Resources, system: Json) -> list[Json]:
    """Of Storage; of the older SimpleStorage where Storage is missing or broken."""
    try:
        holders = await resources.members(reference(system, "Storage"))
    except ReadFailed as error:
        # Some services link Storage and answer 500 to it for ever: the other facts still count,
        # and a host that must have drives will not match without them.
        _log.warning("storage could not be read", extra={"host": resources.session.label})
        _log.debug("storage could not be read: %s", error)
        holders = []
    if not holders:
        simple = await resources.members(reference(system, "SimpleStorage"))
        return simple_storage_drives(simple)
    listed = await together(resources.linked(holder, "Drives") for holder in holders)
    return [drive for drives in listed for drive in drives]
