"""Cleaning: between tenants nothing may be left. Memory-booted hosts lose all with their power.

Erasing drives, clearing TPMs and comparing BMC accounts join here with disk images.
"""

from __future__ import annotations

from inventory.model import Host
from inventory.states import HostState, PowerState
from pods.power import PowerPhase, reserved_watts
from provisioning.lifecycle.actions import EjectMedia, ForgetBoot, PowerOff, ReservePower
from provisioning.lifecycle.decision import Advance, Decision, Do, Look, Seen, Wait, Wanted

LOOK = Look.POWER | Look.BOOT
RECHECK_S = 1.0


def decide_cleaning(host: Host, seen: Seen, wanted: Wanted) -> Decision:
    """Off, medium out, record cleared, power given back."""
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
    return Advance(HostState.ENROLLED, "clean")
