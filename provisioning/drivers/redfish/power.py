"""Power state and power draw. Off and on only: reset, cycle and toggle are never asked for.

An "off" or "on" whose answer was lost can be asked again after looking, because it converges; a
cycle cannot, so there is no code here that could send one.
"""

from __future__ import annotations

from enum import StrEnum

from inventory.states import PowerState
from provisioning.drivers.redfish.answers import (
    Json,
    action_target,
    items,
    mapping,
    number,
    reference,
    text,
)
from provisioning.drivers.redfish.resources import Resources
from provisioning.errors import BmcBusy, BmcRefused, Unsupported

_RESET = "#ComputerSystem.Reset"
_OFFERED = "ResetType@Redfish.AllowableValues"


class ResetType(StrEnum):
    """The resets that converge, in Redfish's spelling."""

    ON = "On"
    FORCE_ON = "ForceOn"
    FORCE_OFF = "ForceOff"
    GRACEFUL_SHUTDOWN = "GracefulShutdown"


def power_state(system: Json) -> PowerState:
    """The state in `system`; a spelling that is not known is Unknown."""
    said = text(system.get("PowerState"))
    return PowerState(said) if said in set(PowerState) else PowerState.UNKNOWN


async def power_on(resources: Resources) -> None:
    """Ask for On, unless it is on or coming on."""
    system = (await resources.system()).body
    if power_state(system) not in {PowerState.ON, PowerState.POWERING_ON}:
        await _reset(resources, system, (ResetType.ON, ResetType.FORCE_ON))


async def power_off(resources: Resources) -> None:
    """Ask for ForceOff, unless it is off or going off."""
    system = (await resources.system()).body
    if power_state(system) not in {PowerState.OFF, PowerState.POWERING_OFF}:
        await _reset(resources, system, (ResetType.FORCE_OFF,))


async def shut_down(resources: Resources) -> None:
    """Ask for the operating system's own end, or where the BMC cannot, for ForceOff."""
    system = (await resources.system()).body
    if power_state(system) not in {PowerState.OFF, PowerState.POWERING_OFF}:
        await _reset(resources, system, (ResetType.GRACEFUL_SHUTDOWN, ResetType.FORCE_OFF))


async def _reset(resources: Resources, system: Json, wanted: tuple[ResetType, ...]) -> None:
    action = mapping(mapping(system.get("Actions")).get(_RESET))
    target = action_target(system, _RESET)
    offered = action.get(_OFFERED)
    # A BMC that lists nothing (or points to an ActionInfo) offers at least the first by standard.
    usable = [kind for kind in wanted if not isinstance(offered, list) or kind in offered]
    if target is None or not usable:
        raise Unsupported(
            f"{resources.session.label}: this BMC offers no reset of type {wanted[0]}",
            hint=f"it offers {text(', '.join(map(str, offered or [])))}",
        )
    not_yet = (await resources.habits()).busy_after.get(f"power {wanted[0].value.lower()}", ())
    try:
        await resources.session.post(target, {"ResetType": usable[0].value})
    except BmcRefused as error:
        if error.status not in not_yet:
            raise
        raise BmcBusy(f"{error}; this BMC says so for a while after power-off") from error


async def power_draw_watts(resources: Resources) -> float | None:
    """Watts of the host's chassis now; None without a reading."""
    chassis = await resources.chassis((await resources.system()).body)
    metrics = await resources.optional_body(reference(chassis, "EnvironmentMetrics"))
    watts = _watts(mapping(metrics.get("PowerWatts")).get("Reading"))
    if watts is not None:
        return watts
    power = await resources.optional_body(reference(chassis, "Power"))
    for control in items(power.get("PowerControl")):
        watts = _watts(control.get("PowerConsumedWatts"))
        if watts is not None:
            return watts
    return None


def _watts(value: object) -> float | None:
    watts = number(value)
    return watts if watts is not None and watts >= 0 else None
