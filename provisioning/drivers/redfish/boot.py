"""The boot source override of a System."""

from __future__ import annotations

from provisioning.drivers.protocol import BootEnabled, BootSource, BootTarget
from provisioning.drivers.redfish.answers import Json, mapping, text
from provisioning.drivers.redfish.resources import Resources
from provisioning.drivers.vendors.quirk import Habits
from provisioning.errors import Unsupported

_OFFERED = "BootSourceOverrideTarget@Redfish.AllowableValues"


def boot_source(system: Json, *, cd_target: str = "Cd") -> BootSource:
    """The override in force; `cd_target` is what this BMC calls the virtual CD.

    A target that is never set from here (Usb, …) reads as NONE with its own duration, which equals
    nothing that a caller wants, so it is replaced at the next converge.
    """
    boot = mapping(system.get("Boot"))
    enabled = text(boot.get("BootSourceOverrideEnabled"))
    target = text(boot.get("BootSourceOverrideTarget"))
    if enabled not in set(BootEnabled) or enabled == BootEnabled.DISABLED:
        return BootSource(target=BootTarget.NONE, enabled=BootEnabled.DISABLED)
    if target == cd_target:
        target = BootTarget.CD
    known = BootTarget(target) if target in set(BootTarget) else BootTarget.NONE
    uri = text(boot.get("HttpBootUri")) if known is BootTarget.UEFI_HTTP else ""
    return BootSource(target=known, enabled=BootEnabled(enabled), uri=uri)


async def set_boot_source(resources: Resources, wanted: BootSource) -> None:
    """Set the override unless it is so already.

    Some BMCs store Once as Continuous: whoever wants a host to boot from its disk afterwards says
    so.
    """
    system, habits = await resources.system(), await resources.habits()
    said = mapping(system.body.get("Boot")).get(_OFFERED)
    offered = [text(one) for one in said] if isinstance(said, list) else []
    cd_target = habits.cd_target if habits.cd_target in offered else BootTarget.CD
    if boot_source(system.body, cd_target=cd_target) == _normal(wanted):
        return
    if offered and wanted.target not in {*offered, BootTarget.NONE}:
        raise Unsupported(
            f"{resources.session.label}: this BMC cannot boot from {wanted.target}",
            hint=f"it offers {text(', '.join(offered))}",
        )
    override = _override(wanted, habits, cd_target=cd_target)
    await resources.session.patch(system.path, {"Boot": override}, etag=system.etag)


def _normal(wanted: BootSource) -> BootSource:
    if BootTarget.NONE is wanted.target or wanted.enabled is BootEnabled.DISABLED:
        return BootSource(target=BootTarget.NONE, enabled=BootEnabled.DISABLED)
    return wanted


def _override(wanted: BootSource, habits: Habits, *, cd_target: str) -> dict[str, str]:
    normal = _normal(wanted)
    if normal.enabled is BootEnabled.DISABLED:
        kept = habits.clear_with_target
        return {
            "BootSourceOverrideEnabled": BootEnabled.DISABLED.value,
            **({"BootSourceOverrideTarget": kept} if kept else {}),
        }
    target = cd_target if normal.target is BootTarget.CD else normal.target.value
    return {
        "BootSourceOverrideEnabled": normal.enabled.value,
        "BootSourceOverrideTarget": str(target),
        **({"HttpBootUri": normal.uri} if normal.uri else {}),
    }
