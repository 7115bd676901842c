"""Erasing: what a host's drives hold is gone, and proven gone, before the host is clean.

Three things are told apart for every drive. *Asked*: an erase that cannot be undone, guarded, by
the first method of the spec's policy that the drive can do. *Told*: its BMC says that this is done.
*Proven*: an operating system of ours, booted for nothing else, read the drive's sanitize log and a
sample of its blocks. Only the last one counts, and whatever erased a drive, in band or out of band,
is proven in the same way.

A drive that cannot, or that lied, is named and fails nothing else: the others are erased all the
same. A drive that lied is not asked again, for nothing that it says could be believed.

Pure. What was tried is in `wanted.erasures`, taken from the intents of this stay in *cleaning*; an
earlier stay's proof says nothing about what a tenant wrote since.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable

from inventory.model import BootRecord, Host
from pods.erasing import DriveRead, EraseMethod, ErasePolicy
from provisioning.boot.orders import asks_for_leave
from provisioning.drivers.driveerase import DriveReading
from provisioning.drivers.protocol import TaskPhase
from provisioning.lifecycle.actions import (
    EraseDrive,
    GiveLeave,
    MakeBootMedium,
    PowerOff,
    RecordDrivesRead,
    RecordUnerased,
)
from provisioning.lifecycle.booting import (
    TRIES_MAX,
    after_power_on,
    before_power_on,
    reported,
    settled_first,
)
from provisioning.lifecycle.decision import (
    Decision,
    Do,
    Erasure,
    Hold,
    Look,
    Seen,
    Wait,
    Wanted,
)
from provisioning.lifecycle.resting import to_rest

LOOK = Look.DRIVES
NAMESPACE = re.compile(r"(nvme\d+)(?:c\d+)?n\d+")
REFUSED_MAX_CHARS = 400  # of a read's `refused`
READING_RECHECK_S = 10.0  # the agent's report wakes the host; this look is for its power


def decide_erasing(host: Host, seen: Seen, wanted: Wanted) -> Decision | None:
    """What is next for the drives of a host at rest; None when nothing is left to do."""
    if wanted.erase is None:
        return None
    if wanted.drives_looked and not (known_drives(host) or seen.drives or wanted.erasures):
        return None
    return _next_drive(seen, wanted, wanted.erase) or _proof(host, seen, wanted)


def decide_reading(host: Host, seen: Seen, wanted: Wanted) -> Decision | None:
    """What is next in a boot whose only purpose is that the agent reads the drives."""
    boot = host.boot
    if boot is None or boot.purpose != "read-drives":
        return None
    return settled_first(_in_reading(host, boot, seen, wanted), wanted)


def _in_reading(host: Host, boot: BootRecord, seen: Seen, wanted: Wanted) -> Decision | None:
    found = drives_read(boot, seen)
    unsaid = _unjudged(host, found or (), wanted) | missing(seen, wanted)
    if found is not None and (unsaid or not wanted.drives_looked):
        return Do(RecordDrivesRead(), "what the drives hold was read")
    last = _last(wanted)
    told = any(one.state == "told" for one in last)
    waits = told or not wanted.drives_looked or missing(seen, wanted)
    if found is not None or not waits:
        return to_rest(host, seen, wanted)
    if reported(boot, seen):
        if (doing := _doing(seen)) != "":
            if _silent_s(seen) > wanted.host_type.boot_allowed_s:
                return _off_and_again(host, boot, doing)
            return Wait(f"its agent {doing}", READING_RECHECK_S, others=True)
        return Hold(
            "drives-unread",
            "the agent of this boot image reads no drives, so nobody can say that they are erased",
            f"boot an image whose agent reads them, then podyard host retry {host.name}",
        )
    if boot.powered_at is None:
        return before_power_on(host, boot, seen, wanted)
    if asks_for_leave(boot):
        return Do(GiveLeave(), "its agent asks whether it may erase what is not proven erased")
    return after_power_on(host, boot, seen, wanted)


def _silent_s(seen: Seen) -> float:
    """An agent that erases goes on reporting; one that went away never ends what it said."""
    return seen.age_s(seen.agent.seen_at) if seen.agent is not None else 0.0


def _off_and_again(host: Host, boot: BootRecord, doing: str) -> Decision:
    """Once it is off it is a boot of which nobody reports, and gets a fresh medium as any other.

    A sanitize that a drive is in goes on by itself; the next boot waits for it.
    """
    found = f"its agent was at this and fell silent: {doing}"
    if boot.tries >= TRIES_MAX:
        return Hold(
            "boot-failed",
            f"{found}, {boot.tries} times",
            f"look at the host's console; then podyard host retry {host.name}",
        )
    return Do(PowerOff(), "its agent fell silent: off, see off, and once more")


def _doing(seen: Seen) -> str:
    """What the agent does to the drives before it can tell of them; it may take a day."""
    observed = seen.agent.observed if seen.agent is not None else None
    return observed.drives_progress if observed is not None else ""


def retired(wanted: Wanted) -> tuple[Erasure, ...]:
    """Drives that were not erased and are still in the host, as far as anybody knows."""
    return tuple(one for one in _last(wanted) if one.state == "failed" and not one.gone)


def missing(seen: Seen, wanted: Wanted) -> set[str]:
    """Those of them that the BMC does not show now: one empty answer does not make them gone."""
    there = {drive.serial for drive in seen.drives or ()}
    return {one.serial for one in retired(wanted) if not one.hidden} - there


def names_of(drives: Iterable[Erasure]) -> str:
    """`NVME3 (serial Y, crypto: refused)`, for people."""
    return "; ".join(
        f"{one.slot or 'a drive'} (serial {one.serial}{f', {one.method}' * bool(one.method)}: "
        f"{one.note or 'not erased'})"
        for one in drives
    )


def known_drives(host: Host) -> dict[str, str]:
    """Serial to slot of every drive that was seen when the host was inspected."""
    drives = host.facts.drives if host.facts is not None else ()
    return {drive.serial or drive.slot: drive.slot for drive in drives}


def _unjudged(host: Host, found: tuple[DriveRead, ...], wanted: Wanted) -> set[str]:
    """Drives that were read, tried or once known, of which nothing is said yet."""
    judged = {one.serial for one in _last(wanted) if one.state in {"proven", "failed"}}
    tried = {one.serial for one in wanted.erasures}
    return {*(one.serial for one in found), *known_drives(host), *tried} - judged


def _next_drive(seen: Seen, wanted: Wanted, policy: ErasePolicy) -> Decision | None:
    """Settle what ended, begin what is left; many drives are erased side by side."""
    begun = [one for one in wanted.erasures if one.state == "open"]
    for one in begun:
        if not _running(one, seen):
            return Do(_act(one), f"the erase of {one.slot} was begun")
    for drive in seen.drives or ():
        tried = [one for one in wanted.erasures if one.serial == drive.serial]
        open_to_more = not tried or tried[-1].state == "failed"
        if open_to_more and (begin := _begin(drive, tried, policy)) is not None:
            return begin
    return Do(_act(begun[0]), f"{len(begun)} drives are being erased") if begun else None


def _running(one: Erasure, seen: Seen) -> bool:
    """Whether its erase is seen under way; else it has to be settled."""
    drive = next((d for d in seen.drives or () if d.serial == one.serial), None)
    task = next((t for t in seen.erasing if one.task and t.uri == one.task), None)
    working = task is not None and task.phase is TaskPhase.RUNNING
    return working or (drive is not None and bool(drive.erasing))


def _begin(drive: DriveReading, tried: list[Erasure], policy: ErasePolicy) -> Do | None:
    if any(one.lied or not one.method for one in tried):
        return None
    offered = [method for method in policy.methods if method in drive.methods]
    spent = {one.method for one in tried if not one.unbegun}
    left = [method for method in offered if method not in spent]
    if left:
        return Do(EraseDrive(drive.serial, drive.slot, left[0]), f"{drive.slot} is to be erased")
    if tried:
        return None
    wanted = ", ".join(policy.methods)
    can = ", ".join(drive.methods) or "nothing"
    why = f"its BMC offers {can} for it, and its pod wants {wanted}"
    return Do(RecordUnerased(drive.serial, drive.slot, why), f"{drive.slot} cannot be erased")


def _act(one: Erasure) -> EraseDrive:
    method: EraseMethod = one.method  # type: ignore[assignment]  # an intent keeps what an act had
    return EraseDrive(one.serial, one.slot, method)


def _proof(host: Host, seen: Seen, wanted: Wanted) -> Decision | None:
    """Every drive was tried. What its BMC told of it is read once by a system of ours."""
    last = _last(wanted)
    unread = [one for one in last if one.state == "told"]
    if unread or not wanted.drives_looked:  # also one of which its BMC can erase nothing
        return Do(MakeBootMedium(1, "read-drives"), "what its drives hold has to be read")
    if missing(seen, wanted):
        return Do(MakeBootMedium(1, "read-drives"), "a drive that held data is not shown any more")
    left = retired(wanted)
    if left and (wanted.erase is None or wanted.erase.unable != "retire-drive"):
        return Hold(
            "drive-not-erased",
            f"not erased, so not clean: {names_of(left)}",
            f"pull the drive, or replace it, then podyard host retry {host.name}",
        )
    return None


def _last(wanted: Wanted) -> tuple[Erasure, ...]:
    """The last attempt on each drive."""
    return tuple({one.serial: one for one in wanted.erasures}.values())


def drives_read(boot: BootRecord, seen: Seen) -> tuple[DriveRead, ...] | None:
    """What the agent of this very boot read; None before it did."""
    agent = seen.agent
    if agent is None or agent.observed is None or agent.media_id != boot.media_id:
        return None
    return agent.observed.drives_read


def worst_by_serial(reads: Iterable[DriveRead]) -> dict[str, DriveRead]:
    """One read of each serial: the namespaces of a drive all say its serial, and the worst counts.

    Two devices that say one serial are told as refused: an act is known by the serial, so nobody
    could say which of them it erased.
    """
    named: dict[str, list[DriveRead]] = defaultdict(list)
    for one in reads:
        named[one.serial].append(one)
    return {serial: _worst(group) for serial, group in named.items()}


def _worst(group: list[DriveRead]) -> DriveRead:
    worst = max(group, key=lambda one: (len(one.doubts()), one.holding))
    if len({_device_of(one.slot) for one in group}) == 1:
        return worst
    slots = ", ".join(sorted(one.slot for one in group))
    why = f"{slots} all say serial {worst.serial}: which of them was erased cannot be told"
    return worst.model_copy(update={"refused": why[:REFUSED_MAX_CHARS]})


def _device_of(slot: str) -> str:
    """`nvme0n1` and `nvme0n2` are one drive; any other name is one by itself."""
    found = NAMESPACE.fullmatch(slot)
    return found[1] if found is not None else slot
