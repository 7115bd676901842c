"""Cleaning: between tenants nothing may be left. Memory-booted hosts lose all with their power.

Erasing drives, clearing TPMs and comparing BMC accounts join here with disk images.
"""

from __future__ import annotations

from inventory.model import Host
from inventory.states import HostState, PowerState
from pods.power import PowerPhase, reserved_watts
from provisioning.drivers.protocol import BmcIdentity, TaskPhase
from provisioning.lifecycle.actions import (
    EjectMedia,
    ForgetBoot,
    PowerOff,
    ReservePower,
    SettleByHand,
)
from provisioning.lifecycle.decision import Advance, Decision, Do, Hold, Look, Seen, Wait, Wanted
from provisioning.lifecycle.skipping import has_skipped

LOOK = Look.IDENTITY | Look.POWER | Look.BOOT | Look.FIRMWARE
RECHECK_S = 1.0


def decide_cleaning(host: Host, seen: Seen, wanted: Wanted) -> Decision:
    """Off, medium out, record cleared, power given back."""
    identity = seen.identity
    if identity is not None and not _same(host, identity):
        return Hold(
            "wrong-host",
            f"the BMC at {host.bmc.address} reports serial {identity.serial}, UUID "
            f"{identity.uuid}; recorded {host.serial}, {host.uuid}: nothing was changed",
            f"correct the record: podyard host bmc {host.name} --address or --serial, then "
            f"podyard host retry {host.name}; or podyard host forget {host.name}",
        )
    if any(task.phase is TaskPhase.RUNNING for task in seen.tasks):
        return Wait("a firmware update is running: it must not lose its power", RECHECK_S)
    if wanted.open_steps and has_skipped(host, "update"):
        return Do(SettleByHand(), "a person says how the update ended")
    if wanted.open_steps:
        return Hold(
            "update-unsettled",
            f"{', '.join(sorted(wanted.open_steps))} was begun and nobody knows how it ended",
            f"look at the BMC's firmware versions; podyard host want {host.name} ready settles it, "
            f"or say how it ended: podyard host skip {host.name} --why TEXT",
        )
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


def _same(host: Host, identity: BmcIdentity) -> bool:
    """A host may come here before it was ever registered: then it has no UUID on record."""
    return identity.serial == host.serial and (not host.uuid or identity.uuid == host.uuid)
