"""A leak: the load of a whole cooling loop stops, its hosts go off in order, a person is called.

Liquid that a host's own detector reads twice closes its loop: nothing on it is started, acceptance
ends, units leave the offer. Then hosts go off, each in the same order: what they carry, their
operating system, their power. A host that a claim holds runs on until the claim ends, unless the
pod's policy says otherwise; the host that leaks is given a minute. The loop opens when a person has
been there and says retry of the host that leaked; then its neighbours go on by themselves.

A parked host stays parked and loses its power like the others: what a person is to look at there is
no reason to leave a powered board under water. Only one whose BMC may be another machine's, or whom
podyard must not speak to, is left to that person. So is the power of a host without a BMC: its load
stops, and whoever looks is told to switch it off by hand.

Asked before every state's own decider, at one place, so that none can forget it. Pure.
"""

from __future__ import annotations

from inventory.model import Host
from inventory.states import HostState, PowerState
from pods.power import PowerPhase, reserved_watts
from provisioning.lifecycle.actions import (
    ForgetBoot,
    NoteLeak,
    PowerOff,
    RecordDoubt,
    ReservePower,
    ShutDown,
    StopLoad,
    WithdrawUnit,
)
from provisioning.lifecycle.adopted import is_adopted
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

LOOK = Look.POWER
RECHECK_S = 5.0
CLOSED_RECHECK_S = 30.0  # a person opens the loop, and wakes the hosts
SHUTDOWN_S = 120.0  # services of a tenant stop within 90 s or are killed; then disks are written
GRACE_S = 60.0  # for a tenant's work on a host that leaks, before its operating system is asked
DOUBT = "leak:"
ALARM = "telemetry"
"""The doubt that telemetry leaves; while a host is measured only its detectors are asked for it."""
DARK = frozenset({HostState.ENROLLED, HostState.REGISTERING, HostState.INSPECTING})
"""Where a host is only read."""
RUNNING = frozenset({HostState.BOOTING, HostState.CONFIGURING, HostState.ACCEPTING})

NOT_TOLD = frozenset(
    {"credentials-refused", "certificate-changed", "wrong-host", "bmc-misconfigured"}
)
"""Problems of a host that may be another one, or to whose BMC nothing may be sent."""


def goes_dark_parked(host: Host, wanted: Wanted) -> bool:
    """Whether a parked host has to be looked at because its cooling loop leaks."""
    if not wanted.loop_leak or wanted.open_steps or host.state in DARK | {HostState.RETIRED}:
        return False
    spoken_to = host.problem is not None and host.problem.kind not in NOT_TOLD
    return spoken_to and (wanted.unit_free or wanted.leak_stops_claims or bool(host.leak))


def decide_parked(host: Host, seen: Seen, wanted: Wanted) -> Decision | None:
    """The next step to the dark; None when it is there, or when this is another machine."""
    who = seen.identity
    if who is None or who.serial != host.serial or (host.uuid and who.uuid != host.uuid):
        return None
    if host.certificate_id and wanted.unit_free:
        return Do(WithdrawUnit(), f"its cooling loop leaks: {wanted.loop_leak}")
    return _stop(host, seen, wanted)


def decide_leak(host: Host, seen: Seen, wanted: Wanted) -> Decision | None:
    """What a leak on this host's loop asks for now; None: decide as ever."""
    if host.state is HostState.RETIRED:
        return None
    if (found := _found(host, seen)) is not None:
        return found
    if not wanted.loop_leak or wanted.open_steps:
        return None  # what cannot be undone and was begun is driven to its end
    if host.state is HostState.REPAIRING:
        return _called(host, wanted)
    if host.state in DARK:
        return _to_a_person(host) if host.leak else None
    return _on_its_way(host, seen, wanted)


def _on_its_way(host: Host, seen: Seen, wanted: Wanted) -> Decision | None:
    match host.state:
        case HostState.MATCHING | HostState.PREPARING | HostState.CLEANING if is_adopted(host):
            return _by_hand(host, wanted)
        case HostState.MATCHING | HostState.PREPARING if not host.leak:
            return _closed(wanted)
        case HostState.READY:
            return Advance(HostState.DRAINING, f"its cooling loop leaks: {wanted.loop_leak}")
        case HostState.DRAINING:
            return _draining(host, seen, wanted)
        case HostState.CLEANING:
            return _shut_down(host, seen) if seen.power is PowerState.ON else None
        case HostState.ACCEPTING if host.certificate_id:
            return None  # a claim may hold it: it leaves by ready and draining
        case _ if is_adopted(host):
            return _by_hand(host, wanted)
        case _:
            return _stop(host, seen, wanted) or _stopped(host, wanted)


def _found(host: Host, seen: Seen) -> Decision | None:
    """Liquid that the host's own detectors see: one answer is none."""
    if seen.facts is None or host.leak or host.state is HostState.REPAIRING:
        return None
    wet = sorted(one.slot for one in seen.facts.leak_detectors if one.state == "Critical")
    doubt = f"{DOUBT}{','.join(wet)}" if wet else ""
    if not wet:
        alarmed = host.state is HostState.ACCEPTING and host.doubt == ALARM
        dry = alarmed or host.doubt.startswith(DOUBT)
        return Do(RecordDoubt(""), "its leak detectors are dry") if dry else None
    what = f"leak detector {', '.join(wet)} sees liquid"
    if host.doubt != doubt:
        return Do(RecordDoubt(doubt), f"reading once more: {what}")
    return Do(NoteLeak(what), what)


def _closed(wanted: Wanted) -> Wait:
    notice = Notice(
        "loop-closed",
        f"its cooling loop leaks: {wanted.loop_leak}",
        "find and dry the leak, then podyard host retry the host that leaked, or podyard cdu dry "
        "the unit that did: this one goes on by itself",
        next_step="waits for the loop",
    )
    return Wait(
        f"nothing is started on a cooling loop that leaks: {wanted.loop_leak}",
        CLOSED_RECHECK_S,
        others=True,
        notice=notice,
    )


def _by_hand(host: Host, wanted: Wanted) -> Decision:
    """What it carries stops. It runs on, and is found as it is when the loop is opened."""
    if host.acceptance_order:
        return Do(StopLoad(), f"its cooling loop leaks: {wanted.loop_leak}")
    if host.leak:
        return _to_a_person(host)
    notice = Notice(
        "loop-closed",
        f"its cooling loop leaks, and podyard cannot switch off a host without a BMC: "
        f"{wanted.loop_leak}",
        f"switch {host.name} off by hand, find and dry the leak, then podyard host retry the host "
        "that leaked, or podyard cdu dry the unit that did: this one goes on by itself",
        next_step="waits for the loop",
    )
    return Wait(
        f"to be switched off by hand: {wanted.loop_leak}",
        CLOSED_RECHECK_S,
        others=True,
        notice=notice,
    )


def _to_a_person(host: Host) -> Advance:
    return Advance(HostState.REPAIRING, f"it leaks: {host.leak}")


def _called(host: Host, wanted: Wanted) -> Hold | None:
    if not host.leak or host.certificate_id or not wanted.unit_free:
        return None  # withdrawn first, and a claim ends first
    return Hold(
        "leak",
        host.leak,
        "isolate the loop, find the leak and dry the host; then podyard host retry "
        f"{host.name} opens its cooling loop again",
    )


def _draining(host: Host, seen: Seen, wanted: Wanted) -> Decision | None:
    """A claim is given its time; a host that leaks, and a pod's policy, give it a minute."""
    if host.certificate_id or wanted.unit_free:
        return None
    must_go = (bool(host.leak) or wanted.leak_stops_claims) and not is_adopted(host)
    held_s = seen.age_s(host.state_since)
    if must_go and held_s >= GRACE_S and seen.power is not PowerState.OFF:
        return _shut_down(host, seen)
    notice = Notice(
        "loop-closed",
        f"its cooling loop leaks and a claim holds it: {wanted.loop_leak}",
        f"end the claim, or switch {host.name} off",
        next_step="shuts it down" if must_go else "waits for the claim to end",
    )
    return Wait("a claim still holds this host's unit", RECHECK_S, others=True, notice=notice)


def _stop(host: Host, seen: Seen, wanted: Wanted) -> Decision | None:
    """Load, operating system, power, in this order; None when all of it is off."""
    if host.acceptance_order:
        return Do(StopLoad(), f"its cooling loop leaks: {wanted.loop_leak}")
    if is_adopted(host):
        return None  # parked: nobody here can do more
    if seen.power is not PowerState.OFF:
        return _shut_down(host, seen)
    standby = int(reserved_watts(wanted.host_type.power, PowerPhase.STANDBY))
    if host.reserved_watts != standby:
        return Do(ReservePower(standby), "the host is off")
    if host.boot is not None or host.configured_boot_id or host.shutdown_at is not None:
        return Do(ForgetBoot(), "the leak ended whatever ran")
    return None


def _shut_down(host: Host, seen: Seen) -> Decision:
    if seen.power is not PowerState.ON:
        return Wait(f"power is {seen.power}", RECHECK_S)
    if host.shutdown_at is None:
        return Do(ShutDown(), "its cooling loop leaks: the operating system shuts down first")
    waited_s = seen.age_s(host.shutdown_at)
    if waited_s < SHUTDOWN_S:
        return Wait(f"its operating system shuts down since {waited_s:.0f} s", RECHECK_S)
    return Do(PowerOff(), "its operating system did not shut down in time")


def _stopped(host: Host, wanted: Wanted) -> Decision:
    if host.leak:
        return _to_a_person(host)
    if host.state in RUNNING - {HostState.BOOTING}:
        return Advance(HostState.BOOTING, "it is off: its cooling loop leaks")
    return _closed(wanted)
