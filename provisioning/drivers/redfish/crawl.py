"""The planned reads behind `facts()`: about 50 where a full crawl of a GPU host takes 1,400.

Only what `HardwareFacts` holds is read. Whole collections come in one reply where the service
expands; otherwise members are read a few at a time. Of two schemas that tell the same, the one
that takes one reply is read. Ports and metrics of single GPUs are left out: they are hundreds of
reads, and the agent on the host sees the same links at once.
"""

from __future__ import annotations

import logging
from collections.abc import Coroutine
from typing import Any, TypeVar

from provisioning.drivers.redfish.answers import Json, items, reference
from provisioning.drivers.redfish.firmware import firmware_members
from provisioning.drivers.redfish.inventory import Payloads, simple_storage_drives
from provisioning.drivers.redfish.resources import Resources, together
from provisioning.drivers.redfish.session import ReadFailed
from provisioning.errors import AnswerRefused

T = TypeVar("T")

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
    around = await _around(resources, system)
    return Payloads(
        system=system,
        manager=await resources.manager(system),
        bios=await resources.optional_body(reference(system, "Bios")),
        processors=processors,
        memory=memory,
        nics=nics,
        firmware=firmware,
        drives=drives,
        **around,
    )


async def _around(resources: Resources, system: Json) -> dict[str, Any]:
    """Power, cooling, adapters and trust. Each may be broken without hiding the others."""
    box = await _spared(resources, resources.chassis(system), {})
    power, thermal = await together(
        _spared(resources, _linked(resources, box, name), {}) for name in ("Power", "Thermal")
    )
    supplies, cooled, adapters, secure_boot = await together(
        [
            _spared(resources, _power_supplies(resources, box, power), {}),
            _spared(resources, _cooling(resources, box, thermal), {}),
            _spared(resources, _adapters(resources, box), {}),
            _spared(resources, _linked(resources, system, "SecureBoot"), {}),
        ]
    )
    chassis = {"chassis": [box]} if box else {}
    return {
        **chassis,
        "power": power,
        "thermal": thermal,
        **supplies,
        **cooled,
        **adapters,
        "secure_boot": secure_boot,
    }


async def _power_supplies(resources: Resources, box: Json, power: Json) -> dict[str, Any]:
    if items(power.get("PowerSupplies")):
        return {}
    subsystem = await resources.optional_body(reference(box, "PowerSubsystem"))
    return {"power_supplies": await resources.members(reference(subsystem, "PowerSupplies"))}


async def _cooling(resources: Resources, box: Json, thermal: Json) -> dict[str, Any]:
    subsystem = await resources.optional_body(reference(box, "ThermalSubsystem"))
    leaks = await resources.optional_body(reference(subsystem, "LeakDetection"))
    fans = None if items(thermal.get("Fans")) else reference(subsystem, "Fans")
    blowing, pumps, connectors, detectors = await together(
        resources.members(where)
        for where in (
            fans,
            reference(subsystem, "Pumps"),
            reference(subsystem, "CoolantConnectors"),
            reference(leaks, "LeakDetectors"),
        )
    )
    return {
        "fans": blowing,
        "pumps": pumps,
        "coolant_connectors": connectors,
        "leak_detection": leaks,
        "leak_detectors": detectors,
    }


async def _adapters(resources: Resources, box: Json) -> dict[str, Any]:
    return {"adapters": await resources.members(reference(box, "NetworkAdapters"))}


async def _linked(resources: Resources, holder: Json, name: str) -> Json:
    return await resources.optional_body(reference(holder, name))


async def _spared(resources: Resources, read: Coroutine[Any, Any, T], without: T) -> T:
    """What `read` finds; `without` where the BMC fails at it or answers nonsense."""
    try:
        return await read
    except (AnswerRefused, ReadFailed) as error:
        _log.warning("a part of the hardware was not told", extra={"host": resources.session.label})
        _log.debug("a part of the hardware was not told: %s", error)
        return without


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
