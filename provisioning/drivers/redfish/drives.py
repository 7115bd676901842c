"""Drives and what erases them: `Drive.SecureErase`, and the task or operation that shows it.

The standard lets a BMC start an erase and watch it. What it has no word for is the drive's own
sanitize log, so nothing here is proof: the caller has the drive read by an operating system.
"""

from __future__ import annotations

from collections.abc import Mapping

from pods.erasing import EraseMethod
from provisioning.drivers.capabilities import Capability, lacking
from provisioning.drivers.driveerase import DriveReading
from provisioning.drivers.protocol import TaskReading
from provisioning.drivers.redfish.answers import (
    Json,
    action_target,
    items,
    mapping,
    number,
    reference,
    text,
)
from provisioning.drivers.redfish.firmware import named_task, task_told
from provisioning.drivers.redfish.parts import flag, is_absent, path, slot
from provisioning.drivers.redfish.resources import Resources, together
from provisioning.errors import Unsupported

_ERASE = "#Drive.SecureErase"
_TYPES = "SanitizationType@Redfish.AllowableValues"
_SPELT: Mapping[EraseMethod, str] = {
    "crypto": "CryptographicErase",
    "block": "BlockErase",
    "overwrite": "Overwrite",
}
_ERASES = frozenset({"sanitize", "erase", "format", "encrypt"})
"""Operations that leave nothing of what a drive held, as the standard's examples call them."""


async def drives(resources: Resources) -> tuple[DriveReading, ...]:
    """Every drive of the host that is fitted and has a serial number."""
    return tuple(_reading(found) for found in await _fitted(resources))


async def erase_drive(resources: Resources, serial: str, method: EraseMethod) -> str:
    """Begin to erase the drive of this serial, and return its task's path; empty without one."""
    named = [one for one in await _fitted(resources) if text(one.get("SerialNumber")) == serial]
    if len(named) != 1:
        raise Unsupported(
            f"{resources.session.label}: {len(named)} drives have serial {serial!r}",
            hint="look at the drives in the BMC's own web page; nothing was erased",
        )
    target = action_target(named[0], _ERASE)
    if target is None:
        raise lacking(Capability.DRIVE_ERASE, where=resources.session.label)
    return named_task(await resources.session.post(target, {"SanitizationType": _SPELT[method]}))


async def erase_tasks(resources: Resources) -> tuple[TaskReading, ...]:
    """Every task that says it erases a drive, or says nothing of what it does."""
    root = await resources.session.root()
    service = await resources.optional_body(reference(root, "Tasks"))
    listed = await resources.optional_body(reference(service, "Tasks"))
    paths = [reference(member) for member in items(listed.get("Members"))]
    readings = await together(_task(resources, where) for where in paths if where)
    return tuple(reading for reading in readings if reading is not None)


async def _task(resources: Resources, where: str) -> TaskReading | None:
    found = await resources.optional(where)
    if found is None:
        return None
    does = text(mapping(found.body.get("Payload")).get("TargetUri"))
    if does and "Drive.SecureErase" not in does:
        return None
    return task_told(where, found.body)


async def _fitted(resources: Resources) -> list[Json]:
    system = (await resources.system()).body
    stores = await resources.members(reference(system, "Storage"))
    found = await together(resources.linked(store, "Drives") for store in stores)
    flat = {path(drive): drive for several in found for drive in several}
    return [one for one in flat.values() if not is_absent(one) and text(one.get("SerialNumber"))]


def _reading(drive: Json) -> DriveReading:
    running = _operations(drive)
    percents = [number(one.get("PercentageComplete")) for one in running or ()]
    percent = next((int(one) for one in percents if one is not None), None)
    return DriveReading(
        uri=path(drive),
        slot=slot(drive)[:64],
        serial=text(drive.get("SerialNumber")),
        methods=_offered(drive),
        erasing=None if running is None else bool(running),
        percent=None if percent is None else max(0, min(100, percent)),
    )


def _offered(drive: Json) -> tuple[EraseMethod, ...]:
    """A drive whose action names no types takes any of them, or refuses the one it cannot."""
    if action_target(drive, _ERASE) is None or flag(drive.get("WriteProtected")):
        return ()
    told = mapping(mapping(drive.get("Actions")).get(_ERASE)).get(_TYPES)
    if not isinstance(told, list):
        return tuple(_SPELT)
    return tuple(method for method, spelt in _SPELT.items() if spelt in told)


def _operations(drive: Json) -> list[Json] | None:
    """What erases it now; None where this BMC keeps no list of operations."""
    if not isinstance(drive.get("Operations"), list):
        return None
    running = items(drive.get("Operations"))
    return [
        one
        for one in running
        if any(word in text(one.get("OperationName")).lower() for word in _ERASES)
    ]
