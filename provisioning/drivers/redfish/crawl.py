"""The planned reads behind `facts()`: about 40 where a full crawl of a GPU host takes 1,400.

Only what `HardwareFacts` holds is read. Whole collections come in one reply where the service
expands; otherwise members are read a few at a time. Of two schemas that tell the same, the one
that takes one reply is read. An accelerator's ports and counters are hundreds of resources: they
are read where the service expands, one reply for each accelerator, and left to the agent on the
host where it does not.
"""

from __future__ import annotations

import logging
from collections.abc import Coroutine, Iterable
from typing import Any, TypeVar

from provisioning.drivers.redfish.answers import Json, items, reference, text
from provisioning.drivers.redfish.firmware import firmware_members
from provisioning.drivers.redfish.inventory import Payloads, simple_storage_drives
from provisioning.drivers.redfish.parts import below, path
from provisioning.drivers.redfish.resources import Resources, together
from provisioning.drivers.redfish.session import ReadFailed
from provisioning.errors import AnswerRefused

T = TypeVar("T")

MAX_ACCELERATORS = 16
MAX_ADAPTERS = 16
"""More than any box has: a service that lists more is not asked for hours."""
_HANGING = ("Ports", "Metrics", "EnvironmentMetrics")

_log = logging.getLogger(__name__)


async def read_payloads(resources: Resources) -> Payloads:
    """Everything that facts are made of."""
    system = (await resources.system()).body
    baseboards = await resources.baseboards()
    holders = (system, *baseboards)
    processors, memory, nics, firmware, drives = await together(
        [
            members_of(resources, holders, "Processors"),
            members_of(resources, holders, "Memory"),
            resources.members(reference(system, "EthernetInterfaces")),
            firmware_members(resources),
            drives_of(resources, system),
        ]
    )
    around = await _around(resources, system, baseboards)
    hanging = await _spared(resources, accelerator_details(resources, processors), [])
    return Payloads(
        system=system,
        manager=await resources.manager(system),
        bios=await resources.optional_body(reference(system, "Bios")),
        processors=processors,
        memory=memory,
        nics=nics,
        firmware=firmware,
        drives=drives,
        metrics=[*memory, *(one for one in hanging if not _is_port(one))],
        **{**around, "ports": [*around["ports"], *filter(_is_port, hanging)]},
    )


async def _around(resources: Resources, system: Json, baseboards: list[Json]) -> dict[str, Any]:
    """Power, cooling, adapters and trust. Each may be broken without hiding the others."""
    boxes = await _spared(resources, _boxes(resources, system, baseboards), [])
    box = boxes[0] if boxes else {}
    power, thermal = await together(
        _spared(resources, _linked(resources, box, name), {}) for name in ("Power", "Thermal")
    )
    supplies, cooled, cards, secure_boot = await together(
        [
            _spared(resources, _power_supplies(resources, box, power), {}),
            _spared(resources, _cooling(resources, box, thermal), {}),
            _spared(resources, _adapters(resources, box), {"adapters": [], "ports": []}),
            _spared(resources, _linked(resources, system, "SecureBoot"), {}),
        ]
    )
    return {
        "chassis": boxes,
        "power": power,
        "thermal": thermal,
        **supplies,
        **cooled,
        **cards,
        "secure_boot": secure_boot,
    }


async def _boxes(resources: Resources, system: Json, baseboards: list[Json]) -> list[Json]:
    """The host's chassis, then others of a box that has several: a cartridge knows the slot."""
    root = await resources.session.root()
    if not baseboards:
        return list(filter(None, [await resources.chassis(system)]))
    listed = reference(root, "Chassis")
    found = await resources.deep(listed, levels=1) if listed else []
    own = reference(system, "Links", "Chassis")
    boxes = [one for one in found if path(one).rpartition("/")[0] == (listed or "").rstrip("/")]
    first = [one for one in boxes if path(one) == (own or "").rstrip("/")]
    if not first:
        first = list(filter(None, [await resources.chassis(system)]))
    return [*first, *(one for one in boxes if one not in first)]


async def accelerator_details(resources: Resources, processors: list[Json]) -> list[Json]:
    """What hangs below each accelerator: ports, counters, limits."""
    gpus = [one for one in processors if text(one.get("ProcessorType")) == "GPU" and _has_more(one)]
    found = await together(_below(resources, gpu) for gpu in gpus[:MAX_ACCELERATORS])
    return [one for several in found for one in several]


async def _below(resources: Resources, gpu: Json) -> list[Json]:
    found = await resources.deep(path(gpu), levels=2)
    ports = reference(gpu, "Ports")
    if found and ports and not below({"@odata.id": ports}, found):
        # This service goes down one level a reply.
        found += await resources.members(ports)
    return found[1:]


def _is_port(found: Json) -> bool:
    return text(found.get("@odata.type")).startswith("#Port.")


def _has_more(gpu: Json) -> bool:
    return bool(path(gpu)) and any(reference(gpu, name) for name in _HANGING)


async def members_of(resources: Resources, holders: Iterable[Json], name: str) -> list[Json]:
    """The members of one collection of several Systems."""
    found: list[Json] = []
    for holder in holders:
        found += await resources.members(reference(holder, name))
    return found


async def _power_supplies(resources: Resources, box: Json, power: Json) -> dict[str, Any]:
    if items(power.get("PowerSupplies")):
        return {}
    subsystem = await resources.optional_body(reference(box, "PowerSubsystem"))
    supplies = await resources.members(reference(subsystem, "PowerSupplies"))
    return {"power_subsystem": subsystem, "power_supplies": supplies}


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
    """Every network adapter with its ports."""
    listed = reference(box, "NetworkAdapters")
    if listed is None:
        return {"adapters": [], "ports": []}
    found = await resources.deep(listed, levels=3)
    adapters = [one for one in found if path(one).rpartition("/")[0] == listed.rstrip("/")]
    adapters = adapters or await resources.members(listed)
    ports = await together(_ports(resources, adapter, found) for adapter in adapters[:MAX_ADAPTERS])
    return {"adapters": adapters, "ports": [port for several in ports for port in several]}


async def _ports(resources: Resources, adapter: Json, found: list[Json]) -> list[Json]:
    listed = reference(adapter, "Ports") or reference(adapter, "NetworkPorts")
    if listed is None:
        return []
    told = below({"@odata.id": listed}, found)
    return told or await resources.members(listed)


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


async def drives_of(resources: Resources, system: Json) -> list[Json]:
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
