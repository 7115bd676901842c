"""The boot source override of a System."""

from __future__ import annotations

from provisioning.drivers.protocol import BootEnabled, BootSource, BootTarget
from provisioning.drivers.redfish.answers import Json, mapping, text
from provisioning.drivers.redfish.resources import Resources
from provisioning.errors import Unsupported

_OFFERED = "BootSourceOverrideTarget@Redfish.AllowableValues"


def boot_source(system: Json) -> BootSource:
    """The override in force.

    A target that is never set from here (Usb, …) reads as NONE with its own duration, which equals
    nothing that a caller wants, so it is replaced at the next converge.
    """
    boot = mapping(system.get("Boot"))
    enabled = text(boot.get("BootSourceOverrideEnabled"))
    target = text(boot.get("BootSourceOverrideTarget"))
    if enabled not in set(BootEnabled) or enabled == BootEnabled.DISABLED:
        return BootSource(target=BootTarget.NONE, enabled=BootEnabled.DISABLED)
    known = BootTarget(target) if target in set(BootTarget) else BootTarget.NONE
    return BootSource(target=known, enabled=BootEnabled(enabled))


async def set_boot_source(resources: Resources, wanted: BootSource) -> None:
    """Set the override unless it is so already.

    Some BMCs store Once as Continuous: whoever wants a host to boot from its disk afterwards says
    so.
    """
    system = await resources.system()
    if boot_source(system.body) == _normal(wanted):
        return
    boot = mapping(system.body.get("Boot"))
    offered = boot.get(_OFFERED)
    if isinstance(offered, list) and offered and wanted.target not in {*offered, BootTarget.NONE}:
        raise Unsupported(
            f"{resources.session.label}: this BMC cannot boot from {wanted.target}",
            hint=f"it offers {text(', '.join(map(str, offered)))}",
        )
    await resources.session.patch(system.path, {"Boot": _override(wanted)}, etag=system.etag)


def _normal(wanted: BootSource) -> BootSource:
    if BootTarget.NONE is wanted.target or wanted.enabled is BootEnabled.DISABLED:
        return BootSource(target=BootTarget.NONE, enabled=BootEnabled.DISABLED)
    return wanted


def _override(wanted: BootSource) -> dict[str, str]:
    normal = _normal(wanted)
    if normal.enabled is BootEnabled.DISABLED:
        return {"BootSourceOverrideEnabled": BootEnabled.DISABLED.value}
    return {
        "BootSourceOverrideEnabled": normal.enabled.value,
        "BootSourceOverrideTarget": normal.target.value,
    }
