"""At rest: what a host is brought to before anything is done to its parts, or nothing at all."""

from __future__ import annotations

from inventory.model import Host
from inventory.states import PowerState
from pods.power import PowerPhase, reserved_watts
from provisioning.lifecycle.actions import EjectMedia, ForgetBoot, PowerOff, ReservePower
from provisioning.lifecycle.decision import Decision, Do, Seen, Wait, Wanted

RECHECK_S = 1.0


def to_rest(host: Host, seen: Seen, wanted: Wanted) -> Decision | None:
    """Off, medium out, power given back, record cleared; None when all of it is so."""
    if seen.power is PowerState.ON:
        return Do(PowerOff(), "memory is cleared by power")
    if seen.power is not PowerState.OFF:
        return Wait(f"power is {seen.power}", RECHECK_S)
    if seen.media is not None and seen.media.inserted:
        return Do(EjectMedia(), "the boot medium is still inserted")
    standby = int(reserved_watts(wanted.host_type.power, PowerPhase.STANDBY))
    if host.reserved_watts != standby:
        return Do(ReservePower(standby), "the host is off")
    if host.boot is not None or host.configured_boot_id or host.acceptance_order:
        return Do(ForgetBoot(), "the boot is over")
    return None
