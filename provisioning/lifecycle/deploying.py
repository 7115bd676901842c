"""Booting a host that is to run from its own disk: into memory, the image to the disk, from there.

The first boot is from the medium, as ever, and is for nothing but writing: the system in memory
believes the image's signature, writes, reads back and says how far it is. What guards the disk is
the leave: the write has an intent of its own, durable with its medium, and the agent is let in only
when the controller looked at everything once more. A medium is made for one write, its token opens
one enrolment of this host, and an agent writes once in a boot. So a controller that was killed
meanwhile finds the write under way or done, and never orders a second one while anybody reports of
the first.

The second boot is from the disk, by the identity that the first one left there. Pure.
"""

from __future__ import annotations

from inventory.agents import DeployReport
from inventory.model import BootPurpose, BootRecord, Host
from inventory.states import PowerState
from pods.hosttype import HostType
from pods.power import PowerPhase, reserved_watts
from provisioning.boot.orders import asks_for_leave
from provisioning.drivers.protocol import BootEnabled, BootSource, BootTarget
from provisioning.lifecycle.actions import (
    EjectMedia,
    GiveLeave,
    MakeBootMedium,
    PowerOff,
    PowerOn,
    RecordWritten,
    ReservePower,
    SetBootSource,
)
from provisioning.lifecycle.adopted import is_adopted
from provisioning.lifecycle.booting import (
    BOOTING_RECHECK_S,
    POWER_RECHECK_S,
    REPEAT_POWER_ON_AFTER_S,
    TRIES_MAX,
    after_power_on,
    before_any_boot,
    before_power_on,
    booted,
    decide_memory,
    reported,
    settled_first,
)
from provisioning.lifecycle.decision import Decision, Do, Hold, Notice, Seen, Wait, Wanted

FROM_DISK = BootSource(target=BootTarget.HDD, enabled=BootEnabled.CONTINUOUS)
"""For good: the owner of a host that runs from its disk may restart it."""
SHORT_CHARS = 19  # `sha256:` and twelve digits
SILENT_S = 60.0  # an agent that writes says something each time two hundredths are done
WRITING_RECHECK_S = 5.0


def decide_booting(host: Host, seen: Seen, wanted: Wanted) -> Decision:
    """From whatever state the host is in to an agent that reports from where it is to run."""
    if (first := before_any_boot(host, seen, wanted)) is not None:
        return first
    if not runs_from_disk(host, wanted):
        return decide_memory(host, seen, wanted)
    boot = host.boot
    if boot is None or boot.purpose not in {"deploy", "disk"}:
        return _order(wanted, tries=1, why="its image is not on its disk yet")
    if boot.purpose == "deploy":
        return settled_first(_write(host, boot, seen, wanted), wanted)
    return _start(host, boot, seen, wanted)


def runs_from_disk(host: Host, wanted: Wanted) -> bool:
    """A simulated host has no disk that could start it: it runs in memory, whatever is wanted."""
    return wanted.boot_policy == "disk" and not host.simulated and not is_adopted(host)


def disk_gib(host_type: HostType) -> int:
    """How large the disk is that the image goes to."""
    groups = (one for one in host_type.drives.groups if one.role == "boot")
    group = next(groups, None)
    if group is not None:
        return group.capacity_gib
    return host_type.drives.capacity_gib if host_type.drives.count else 0


def _order(wanted: Wanted, *, tries: int, why: str, found: str = "") -> Decision:
    purpose: BootPurpose = "deploy"
    size = disk_gib(wanted.host_type)
    return Do(MakeBootMedium(tries, purpose, found, disk_gib=size), why)


def _write(host: Host, boot: BootRecord, seen: Seen, wanted: Wanted) -> Decision:
    """The boot from the medium, until the disk has the image."""
    if not reported(boot, seen):
        if boot.powered_at is None:
            return before_power_on(host, boot, seen, wanted)
        if asks_for_leave(boot):
            return Do(GiveLeave(), "its agent asks whether it may write the image to its disk")
        return after_power_on(host, boot, seen, wanted)
    agent = seen.agent
    assert agent is not None  # noqa: S101 - it reported
    assert agent.observed is not None  # noqa: S101 - it reported
    said = agent.observed.deploy
    if said is None:
        return Hold(
            "deploy-failed",
            "the agent of the boot image writes no disks",
            f"build the boot image with this podyard, then podyard host retry {host.name}",
        )
    if said.problem:
        return _failed(host, boot, said, wanted)
    if said.finished:
        return Do(RecordWritten(boot.tries), f"image {boot.image[:SHORT_CHARS]} is on {said.disk}")
    quiet_s = seen.age_s(agent.seen_at)
    if quiet_s > wanted.host_type.boot_allowed_s:
        return _off_and_again(host, boot, seen, wanted, f"it wrote, and is silent: {said.progress}")
    silent = f", silent for {quiet_s:.0f} s" if quiet_s > SILENT_S else ""
    where = f" to {said.disk}" if said.disk else ""
    # Others read the same image: how long it takes is not this host's affair alone.
    return Wait(
        f"image {boot.image[:SHORT_CHARS]}{where}: {said.progress}{silent}",
        WRITING_RECHECK_S,
        others=not silent,
        notice=_tried_before(boot),
    )


def _failed(host: Host, boot: BootRecord, said: DeployReport, wanted: Wanted) -> Decision:
    """What heals by itself is tried again; what a person must mend waits for a person."""
    if said.again and boot.tries < TRIES_MAX:
        return _order(
            wanted, tries=boot.tries + 1, why="the image did not arrive", found=said.problem
        )
    remedy = said.remedy or "look at the host's console"
    return Hold("deploy-failed", said.problem, f"{remedy}; then podyard host retry {host.name}")


def _tried_before(boot: BootRecord) -> Notice | None:
    if not boot.silence:
        return None
    return Notice(
        "deploy-failed",
        f"its last try: {boot.silence}",
        f"look at the host's console; podyard tries {TRIES_MAX} times by itself",
        next_step=f"is at try {boot.tries} of {TRIES_MAX}",
    )


def _start(host: Host, boot: BootRecord, seen: Seen, wanted: Wanted) -> Decision:
    """The boot from the disk."""
    if boot.powered_at is None:
        return _before_disk(host, seen, wanted)
    if _reported_from_disk(boot, seen):
        return booted(host, boot, seen, wanted, where="its disk")
    agent = seen.agent
    if seen.power is PowerState.OFF and agent is not None and agent.seen_at > boot.powered_at:
        if boot.tries < TRIES_MAX:
            return Do(RecordWritten(boot.tries + 1), "it went off after it had started")
        return _never_came(host, boot, seen, wanted)
    waited_s = seen.age_s(boot.powered_at)
    if waited_s > wanted.host_type.boot_allowed_s:
        return _never_came(host, boot, seen, wanted)
    if seen.power is PowerState.OFF and waited_s > REPEAT_POWER_ON_AFTER_S:
        return Do(PowerOn(), "power-on was asked for and did not show")
    return Wait(f"it starts from its disk since {waited_s:.0f} s", BOOTING_RECHECK_S)


def _reported_from_disk(boot: BootRecord, seen: Seen) -> bool:
    """The same identity as the system that wrote, in a later boot."""
    agent = seen.agent
    if boot.powered_at is None or not reported(boot, seen) or agent is None:
        return False
    observed = agent.observed
    return observed is not None and observed.runs_from == "disk" and agent.seen_at > boot.powered_at


def _before_disk(host: Host, seen: Seen, wanted: Wanted) -> Decision:
    """Off, medium out, next boot from the disk, watts held; then on."""
    if seen.power is PowerState.ON:
        return Do(PowerOff(), "its image is on its disk: off, see off, and from there")
    if seen.power is not PowerState.OFF:
        return Wait(f"power is {seen.power}", POWER_RECHECK_S)
    if seen.media is not None and seen.media.inserted:
        return Do(EjectMedia(), "the boot medium is still inserted")
    if seen.boot_source != FROM_DISK:
        return Do(SetBootSource(FROM_DISK), "the next boot does not follow the disk")
    starting = int(reserved_watts(wanted.host_type.power, PowerPhase.STARTING))
    if host.reserved_watts != starting:
        return Do(ReservePower(starting), "power-on needs its inrush on the feed")
    return Do(PowerOn(), "disk, boot source and power are ready")


def _never_came(host: Host, boot: BootRecord, seen: Seen, wanted: Wanted) -> Decision:
    found = (
        f"no agent reported from its disk within {wanted.host_type.boot_allowed_s:.0f} s of "
        "power-on"
    )
    return _off_and_again(host, boot, seen, wanted, found)


def _off_and_again(
    host: Host, boot: BootRecord, seen: Seen, wanted: Wanted, found: str
) -> Decision:
    """Written again, three times at most: it was never ready, so nothing is lost."""
    if boot.tries >= TRIES_MAX:
        return Hold(
            "boot-failed",
            f"{found}, {boot.tries} times",
            f"look at the host's console; then podyard host retry {host.name}",
        )
    if seen.power is not PowerState.OFF:
        return Do(PowerOff(), "it took too long: off, see off, and once more")
    return _order(wanted, tries=boot.tries + 1, why="a fresh medium for another try", found=found)
