"""Booting: start the host from a medium made for this boot, inside its feed's budget.

The medium carries a single-use token, so an agent that enrols with it proves that this boot came
from this medium. A host found running when the state begins is switched off first: whatever runs
on it was not started by us.
"""

from __future__ import annotations

from datetime import datetime
from typing import TypeVar

from inventory.model import AgentSeen, BootRecord, Host
from inventory.states import HostState, PowerState
from pods.firmware import bios_differences
from pods.power import PowerPhase, reserved_watts
from provisioning.drivers.protocol import BiosState
from provisioning.lifecycle.actions import (
    InsertMedia,
    MakeBootMedium,
    PowerOff,
    PowerOn,
    ReservePower,
    SetBios,
    SetBootSource,
    SettleInBand,
    WithdrawUnit,
)
from provisioning.lifecycle.adopted import decide_running, is_adopted
from provisioning.lifecycle.bootnic import (
    FROM_MEDIUM,
    follows,
    look_at_nics,
    look_where,
    right_nic_first,
    silence,
    starts_from,
)
from provisioning.lifecycle.decision import (
    Advance,
    Decision,
    Do,
    Hold,
    Look,
    Notice,
    Seen,
    Wait,
    Wanted,
)
from provisioning.lifecycle.doubting import told_once

LOOK = Look.POWER | Look.BOOT | Look.BIOS
RECHECK_S = 0.5
BOOTING_RECHECK_S = 5.0  # the agent's report wakes the host; this look is for its power
POWER_RECHECK_S = 0.5
REPEAT_POWER_ON_AFTER_S = 15.0  # the slowest BMC seen takes 11 s to show a power change
TRIES_MAX = 3
_Decided = TypeVar("_Decided", bound=Decision | None)
SETBACKS_MAX = 4  # two power cuts happen; a host that goes down under load does it each time


def looks_booting(host: Host, wanted: Wanted, agent: AgentSeen | None, _now: datetime) -> Look:
    """What starts it until it is started; its BIOS once its agent reported; its power always."""
    boot = host.boot
    look = Look.POWER
    if boot is None or boot.powered_at is None:
        look |= Look.BOOT | look_at_nics(wanted)
    if boot is not None and agent is not None and agent.media_id == boot.media_id:
        look |= Look.BIOS
    return look


def decide_booting(host: Host, seen: Seen, wanted: Wanted) -> Decision:
    """From whatever power state the host is in to an agent that reports from our medium."""
    return before_any_boot(host, seen, wanted) or decide_memory(host, seen, wanted)


def before_any_boot(host: Host, seen: Seen, wanted: Wanted) -> Decision | None:
    """What is done first, or instead, wherever the host is to run from."""
    if host.certificate_id:
        return Do(WithdrawUnit(), "it was certified on an earlier boot: to be accepted again")
    if is_adopted(host):
        return decide_running(host, seen, wanted)
    if host.setbacks >= SETBACKS_MAX:
        return Hold(
            "goes-down",
            f"it booted and went down again {host.setbacks} times on its way to ready",
            f"look at its power, console and BMC's log; then podyard host retry {host.name}",
        )
    return None


def decide_memory(host: Host, seen: Seen, wanted: Wanted) -> Decision:
    """A host that runs in memory, from its medium."""
    boot = host.boot
    if boot is None or boot.purpose:
        return Do(MakeBootMedium(tries=1), "no boot medium yet")
    if reported(boot, seen):
        return booted(host, boot, seen, wanted)
    if boot.powered_at is None:
        return before_power_on(host, boot, seen, wanted)
    return after_power_on(host, boot, seen, wanted)


def settled_first(decision: _Decided, wanted: Wanted) -> _Decided | Do:
    """What the host was to do to its disks is closed before a person is waited for."""
    if isinstance(decision, Hold) and wanted.in_band:
        return Do(SettleInBand(decision.message), decision.message)
    return decision


def reported(boot: BootRecord, seen: Seen) -> bool:
    """What an agent said before its host lost power is no report of this boot."""
    agent = seen.agent
    if agent is None or agent.observed is None or seen.power is PowerState.OFF:
        return False
    return agent.media_id == boot.media_id


def booted(
    host: Host, boot: BootRecord, seen: Seen, wanted: Wanted, *, where: str = "the boot medium"
) -> Decision:
    """What it takes to go on once its agent reported from where it is to run."""
    running = int(reserved_watts(wanted.host_type.power, PowerPhase.RUNNING))
    if host.reserved_watts != running:
        return Do(ReservePower(running), "the inrush is over")
    if seen.bios is None:
        return Wait("BIOS has not been read yet", RECHECK_S)
    if bios_differences(wanted.bios, seen.bios.current):
        return _not_applied(host, boot, seen.bios, wanted)
    return Advance(HostState.CONFIGURING, f"the agent reported from {where}")


def _not_applied(host: Host, boot: BootRecord, bios: BiosState, wanted: Wanted) -> Decision:
    """Some firmware drops what was staged: staged again and booted again, it takes it."""
    left = bios_differences(wanted.bios, bios.current)
    said = [f"{d.attribute}: {d.found}" for d in left]
    if (once := told_once(host, "bios-not-applied", said, of=boot.media_id)) is not None:
        return once
    if boot.tries >= TRIES_MAX:
        return Hold(
            "bios-not-applied",
            "; ".join(f"{d.attribute}: wanted {d.wanted}, found {d.found}" for d in left),
            "look at the BIOS settings on the host's console; then podyard host retry " + host.name,
        )
    dropped = {d.attribute: d.wanted for d in left if bios.pending.get(d.attribute) != d.wanted}
    if dropped:
        return Do(SetBios(tuple(sorted(dropped.items()))), "the boot dropped the BIOS settings")
    return Do(PowerOff(), "off, see off, and another boot for the BIOS settings")


def before_power_on(host: Host, boot: BootRecord, seen: Seen, wanted: Wanted) -> Decision:
    """Off, medium in, next boot from it, watts held; then on."""
    if (seen.now >= boot.expires_at) and seen.power is not PowerState.ON:
        again = MakeBootMedium(boot.tries, boot.purpose, disk_gib=boot.disk_gib)
        return Do(again, "the boot token expired unused")
    if seen.power is PowerState.ON:
        return Do(PowerOff(), "it runs something that we did not start")
    if seen.power is not PowerState.OFF:
        return Wait(f"power is {seen.power}", POWER_RECHECK_S)
    if (first := right_nic_first(host, seen, wanted)) is not None:
        return first
    source = starts_from(boot, wanted)
    if source is FROM_MEDIUM and not _inserted(boot, seen):
        return Do(InsertMedia(boot.media_url), "the boot medium is not inserted")
    if not follows(seen.boot_source, source):
        return Do(SetBootSource(source), "the next boot does not follow the medium")
    starting = int(reserved_watts(wanted.host_type.power, PowerPhase.STARTING))
    if host.reserved_watts != starting:
        return Do(ReservePower(starting), "power-on needs its inrush on the feed")
    return Do(PowerOn(), "medium, boot source and power are ready")


def _inserted(boot: BootRecord, seen: Seen) -> bool:
    media = seen.media
    return media is not None and media.inserted and media.image == boot.media_url


def _spent(boot: BootRecord, seen: Seen) -> bool:
    """An agent enrolled with this medium: its token starts nothing any more."""
    return seen.agent is not None and seen.agent.media_id == boot.media_id


def _off_after_its_boot(boot: BootRecord, seen: Seen) -> Decision:
    """It lost its power, unless its BMC only still says so while the agent speaks."""
    agent = seen.agent
    if agent is not None and seen.age_s(agent.seen_at) <= REPEAT_POWER_ON_AFTER_S:
        return Wait("its BMC says Off, and its agent spoke a moment ago", POWER_RECHECK_S)
    again = MakeBootMedium(boot.tries + 1, boot.purpose, disk_gib=boot.disk_gib)
    return Do(again, "it is off, and its token is used up")


def after_power_on(host: Host, boot: BootRecord, seen: Seen, wanted: Wanted) -> Decision:
    """Wait for the agent; and boot once more when it does not come, three times at most."""
    assert boot.powered_at is not None  # noqa: S101 - the caller's branch
    waited_s, allowed_s = seen.age_s(boot.powered_at), wanted.host_type.boot_allowed_s
    # Until it had its leave it waited for us, and the hold of a fleet may last for hours.
    if seen.age_s(boot.leave_given_at or boot.powered_at) > allowed_s:
        return _never_came(host, boot, seen, wanted)
    if _spent(boot, seen) and seen.power is PowerState.OFF and boot.tries < TRIES_MAX:
        return _off_after_its_boot(boot, seen)
    if seen.power is PowerState.OFF and waited_s > REPEAT_POWER_ON_AFTER_S:
        return Do(PowerOn(), "power-on was asked for and did not show")
    return Wait(
        f"the image is booting since {waited_s:.0f} s",
        BOOTING_RECHECK_S,
        notice=_tried_before(boot),
    )


def _never_came(host: Host, boot: BootRecord, seen: Seen, wanted: Wanted) -> Decision:
    found = silence(host, boot, wanted)
    if boot.tries >= TRIES_MAX:
        return Hold(
            "boot-failed",
            f"no agent reported within {wanted.host_type.boot_allowed_s:.0f} s of "
            f"{'its leave' if boot.leave_given_at else 'power-on'}, "
            f"{boot.tries} times: {found}",
            f"{look_where(host, boot, wanted)}; then podyard host retry {host.name}",
        )
    if seen.power is not PowerState.OFF:
        return Do(PowerOff(), "the boot took too long: off, see off, and once more")
    again = MakeBootMedium(boot.tries + 1, boot.purpose, found, boot.disk_gib)
    return Do(again, "a fresh medium for another try")


def _tried_before(boot: BootRecord) -> Notice | None:
    if not boot.silence:
        return None
    return Notice(
        "boot-failed",
        f"no agent reported from its last boot: {boot.silence}",
        f"look at the host's console; podyard tries {TRIES_MAX} times by itself",
        next_step=f"waits for try {boot.tries} of {TRIES_MAX}",
    )
