"""Preparing: firmware at its baseline, BIOS profile staged. Nothing boots in this state."""

from __future__ import annotations

from inventory.model import Host
from inventory.states import HostState
from pods.firmware import bios_differences, firmware_behind
from provisioning.drivers.protocol import TaskPhase
from provisioning.lifecycle.actions import SetBios, SettleByHand, UpdateFirmware
from provisioning.lifecycle.adopted import is_adopted
from provisioning.lifecycle.decision import Advance, Decision, Do, Hold, Look, Seen, Wait, Wanted
from provisioning.lifecycle.skipping import has_skipped

LOOK = Look.FIRMWARE | Look.BIOS | Look.POWER | Look.IDENTITY
RECHECK_S = 2.0
BRAKE_RECHECK_S = 15.0  # a person lets it go; nothing that was begun waits here


def decide_preparing(host: Host, seen: Seen, wanted: Wanted) -> Decision:
    """One change at a time: flash what is behind and planned, then stage the BIOS profile.

    An act that was begun is driven to a known end first, whatever the versions say by now.
    """
    if is_adopted(host):
        return Advance(HostState.BOOTING, "its firmware and BIOS are its owner's")
    if seen.firmware is None or seen.bios is None:
        return Wait("firmware and BIOS have not been read yet", RECHECK_S)
    running = any(task.phase is TaskPhase.RUNNING for task in seen.tasks)
    if wanted.open_steps and not running and has_skipped(host, "update"):
        return Do(SettleByHand(), "a person says how the update ended")
    for item in wanted.firmware:
        if UpdateFirmware(item).step in wanted.open_steps:
            return Do(UpdateFirmware(item), f"an update of {item.component} was begun")
    for item in firmware_behind(wanted.firmware, seen.firmware):
        if (item.component, item.version) not in wanted.planned_updates:
            return Hold(
                "not-in-plan",
                f"{item.component} is {seen.firmware.get(item.component, 'unknown')}, behind "
                f"{item.version}, and the approved plan does not list its update",
                f"look at the new plan and approve it: podyard plan {host.pod}, "
                f"podyard pod up {host.pod}",
            )
        if wanted.brake:
            return Wait(wanted.brake, BRAKE_RECHECK_S, others=True)
        return Do(UpdateFirmware(item), f"{item.component} is behind its baseline")
    unstaged = {
        d.attribute: d.wanted
        for d in bios_differences(wanted.bios, {**seen.bios.current, **seen.bios.pending})
    }
    if unstaged:
        return Do(SetBios(tuple(sorted(unstaged.items()))), "BIOS profile not staged")
    return Advance(HostState.BOOTING, "firmware at baseline, BIOS profile staged")
