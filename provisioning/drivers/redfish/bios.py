"""BIOS attributes: those in force, and those staged for the next boot."""

from __future__ import annotations

from provisioning.drivers.protocol import BiosState
from provisioning.drivers.redfish.answers import Answer, Json, reference
from provisioning.drivers.redfish.inventory import BiosValue, bios_attributes
from provisioning.drivers.redfish.resources import Resources
from provisioning.errors import Unsupported


async def bios(resources: Resources) -> BiosState:
    """Current attributes, and the pending ones that differ from them.

    Some BMCs stage the whole set and some only the changes: told apart by value, both read alike.
    """
    current, settings = await _read(resources)
    in_force = bios_attributes(current)
    staged = bios_attributes(settings.body if settings else {})
    return BiosState(current=in_force, pending=_differing(staged, in_force))


async def set_bios(resources: Resources, attributes: dict[str, str | int | bool]) -> None:
    """Stage what the next boot would not have anyway."""
    current, settings = await _read(resources)
    if settings is None:
        raise Unsupported(
            f"{resources.session.label}: BIOS attributes cannot be staged on this BMC",
            hint="set them in the firmware's own menu, or take them out of the spec",
        )
    coming = {**bios_attributes(current), **bios_attributes(settings.body)}
    wanted: dict[str, BiosValue] = dict(attributes)
    missing = _differing(wanted, coming)
    if missing:
        await resources.session.patch(settings.path, {"Attributes": missing}, etag=settings.etag)


async def _read(resources: Resources) -> tuple[Json, Answer | None]:
    system = (await resources.system()).body
    found = await resources.optional(reference(system, "Bios"))
    if found is None:
        raise Unsupported(
            f"{resources.session.label}: this BMC shows no BIOS attributes",
            hint="set them in the firmware's own menu, or take them out of the spec",
        )
    path = reference(found.body, "@Redfish.Settings", "SettingsObject")
    return found.body, await resources.optional(path)


def _differing(left: dict[str, BiosValue], right: dict[str, BiosValue]) -> dict[str, BiosValue]:
    # 1 and True are equal in Python and different in a BIOS.
    return {
        name: value
        for name, value in left.items()
        if name not in right or (type(value), value) != (type(right[name]), right[name])
    }
