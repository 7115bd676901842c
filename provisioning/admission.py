"""Whether a host may have its watts now: the plan's arithmetic and the plan's order, at run time.

The plan proves an order in which all its hosts start with no feed over its budget, also with any
one feed dead. Room alone does not keep that order: small hosts that ask often take what a large
inrush needs, and nothing frees it again. So two things are asked of every start: that each line
that the host burdens carries it, and that every host of an earlier wave on one of its feeds holds
its watts already or is not going to start. Then the first wave that is not through always fits,
because the plan said so, and waits for nobody.

Pure: a ledger is drawn from records and a spec; asking it changes nothing and costs a few sums.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from inventory.model import Host
from inventory.states import HostState, PowerState
from pods.plan import equipment
from pods.planned import Plan
from pods.power import PowerPhase, fits, reserved_watts
from pods.sequence import Line, shares
from pods.spec import PodSpec, PowerSpec, SlotSpec
from provisioning.lifecycle.steering import PASSING_LOOKS_MAX

NOT_STARTED = frozenset(
    {
        HostState.ENROLLED,
        HostState.REGISTERING,
        HostState.INSPECTING,
        HostState.MATCHING,
        HostState.PREPARING,
        HostState.BOOTING,
    }
)
"""On the way up and before the agent's report; in the last of them watts are asked for."""

LEAVING = frozenset(
    {HostState.DRAINING, HostState.CLEANING, HostState.REPAIRING, HostState.RETIRED}
)


@dataclass(frozen=True, slots=True)
class Admitted:
    """The host may go on."""


@dataclass(frozen=True, slots=True)
class Waits:
    """Not now; the reason names what is waited for."""

    reason: str


@dataclass(frozen=True, slots=True)
class Wiring:
    """What a spec says of watts, worked out once."""

    budgets: Mapping[str, float]
    powers: Mapping[str, PowerSpec]
    """By host type."""
    feeds: Mapping[str, tuple[str, ...]]
    """By slot."""
    lines: Mapping[str, tuple[tuple[Line, float], ...]]
    """By slot: what it burdens, and with which share of its watts."""
    base: Mapping[Line, float]
    """What is no host draws all the time: switch trays, fans."""


@dataclass(frozen=True, slots=True)
class Due:
    """A host that others wait for, and its wave."""

    wave: int
    host: str
    doing: str

    def __str__(self) -> str:
        return f"{self.host} (wave {self.wave}, {self.doing})"


@dataclass(frozen=True, slots=True)
class Ledger:
    """One pod's watts and waves at one moment."""

    wiring: Wiring
    plan: str
    """Digest of the plan whose waves these are; empty: there was none."""
    held: Mapping[str, float]
    """By host."""
    carried: Mapping[Line, float]
    waves: Mapping[str, int]
    first_due: Mapping[str, Due]
    """By feed: who of the earliest wave there is still to take its watts."""
    trial_due: Due | None
    """A trial host that is neither ready nor out."""
    rest: frozenset[str]
    """Hosts that the trial stage goes before."""


def wiring_of(spec: PodSpec) -> Wiring:
    """The lines that a plan of this spec keeps, and what its racks draw beside their hosts."""
    slots = {slot.slot: _feeds(slot) for _, slot in spec.slots()}
    racks = list(equipment(spec))
    lines = shares([*slots.items(), *((rack.name, rack.feeds) for rack in racks)])
    base: dict[Line, float] = {}
    for rack in racks:
        _add(base, lines[rack.name], rack.running_watts)
    return Wiring(
        budgets={name: feed.budget_watts for name, feed in spec.feeds.items()},
        powers={name: host_type.power for name, host_type in spec.host_types.items()},
        feeds=slots,
        lines={slot: lines[slot] for slot in slots},
        base=base,
    )


def _feeds(slot: SlotSpec) -> tuple[str, ...]:
    both = (slot.feed, slot.feed_b) if slot.feed_b else (slot.feed,)
    return tuple(dict.fromkeys(both))


def draw_ledger(hosts: Sequence[Host], wiring: Wiring, plan: Plan | None) -> Ledger:
    """What every line carries and who is still to start, from one reading of the pod's hosts."""
    held = {host.name: held_watts(host, wiring) for host in hosts}
    carried = dict(wiring.base)
    for host in hosts:
        _add(carried, wiring.lines.get(host.slot, ()), held[host.name])
    planned = plan.waves if plan is not None else ()
    waves = {name: wave.number for wave in planned for name in wave.hosts}
    stages = {name: wave.stage for wave in planned for name in wave.hosts}
    settled = dict(wiring.base)
    for host in hosts:
        running = reserved_watts(wiring.powers[host.host_type], PowerPhase.RUNNING)
        _add(settled, wiring.lines.get(host.slot, ()), min(held[host.name], running))
    due = [
        (host, Due(waves[host.name], host.name, str(host.state)))
        for host in hosts
        if host.name in waves
        and is_coming(host)
        and (_has_watts(host, wiring) or _can_start(host, held[host.name], settled, wiring))
    ]
    return Ledger(
        wiring=wiring,
        plan=plan.digest if plan is not None else "",
        held=held,
        carried=carried,
        waves=waves,
        first_due=_first_due(((h, d) for h, d in due if not _has_watts(h, wiring)), wiring),
        trial_due=_earliest(
            d for h, d in due if stages[h.name] == "trial" and h.state is not HostState.READY
        ),
        rest=frozenset(name for name, stage in stages.items() if stage == "rest"),
    )


def _first_due(due: Iterable[tuple[Host, Due]], wiring: Wiring) -> dict[str, Due]:
    found: dict[str, Due] = {}
    for host, one in due:
        for feed in wiring.feeds.get(host.slot, ()):
            if feed not in found or one.wave < found[feed].wave:
                found[feed] = one
    return found


def _earliest(due: Iterable[Due]) -> Due | None:
    return min(due, key=lambda one: one.wave, default=None)


def is_coming(host: Host) -> bool:
    """Whether it is worth waiting for: neither parked, out of reach, on hold nor on its way out."""
    if host.target != "ready" or host.state in LEAVING:
        return False
    problem = host.problem
    return problem is None or (not problem.parked and problem.seen < PASSING_LOOKS_MAX)


def _can_start(host: Host, held: float, settled: Mapping[Line, float], wiring: Wiring) -> bool:
    """Whether there will be room for it once every inrush of now has passed.

    A host that was parked while later waves started may have lost its room for good: waiting for
    it would keep back those that still fit.
    """
    more = reserved_watts(wiring.powers[host.host_type], PowerPhase.STARTING) - held
    return all(
        fits(settled[line] + share * more, budget_watts=wiring.budgets[line.feed])
        for line, share in wiring.lines.get(host.slot, ())
    )


def _has_watts(host: Host, wiring: Wiring) -> bool:
    """Whether it has taken what it needs to start: what follows is others' turn."""
    if host.state is not HostState.BOOTING:
        return host.state not in NOT_STARTED
    starting = int(reserved_watts(wiring.powers[host.host_type], PowerPhase.STARTING))
    asked = host.boot is not None and host.boot.powered_at is not None
    return asked or host.reserved_watts >= starting


def held_watts(host: Host, wiring: Wiring) -> float:
    """What a host holds; one that we found running draws, whatever it reserved."""
    power = wiring.powers[host.host_type]
    if host.power in {PowerState.ON, PowerState.POWERING_ON}:
        return max(host.reserved_watts, reserved_watts(power, PowerPhase.RUNNING))
    if host.state is HostState.RETIRED:
        return host.reserved_watts
    return max(host.reserved_watts, reserved_watts(power, PowerPhase.STANDBY))


def admit(ledger: Ledger, host: Host, watts: float) -> Admitted | Waits:
    """Whether this host may hold so many watts now, in place of what it holds."""
    power = ledger.wiring.powers[host.host_type]
    if watts <= max(host.reserved_watts, power.standby_watts):
        return Admitted()  # it draws that anyway: giving watts back waits for nobody
    lines = ledger.wiring.lines.get(host.slot)
    if lines is None:
        return Waits(f"slot {host.slot} is not in the pod's spec: nobody knows its feeds")
    return _turn(ledger, host) or _room(ledger, host, watts, lines) or Admitted()


def _turn(ledger: Ledger, host: Host) -> Waits | None:
    mine = ledger.waves.get(host.name)
    if mine is None:
        return None
    due = (ledger.first_due.get(feed) for feed in ledger.wiring.feeds[host.slot])
    before = _earliest(one for one in due if one is not None and one.wave < mine)
    if before is None:
        return None
    return Waits(f"wave {mine} starts after {before}, which has not taken its watts yet")


def _room(
    ledger: Ledger, host: Host, watts: float, lines: Iterable[tuple[Line, float]]
) -> Waits | None:
    more = watts - ledger.held.get(host.name, 0.0)
    over: list[tuple[float, str]] = []
    for line, share in lines:
        budget = ledger.wiring.budgets[line.feed]
        carried = ledger.carried.get(line, 0.0)
        total = carried + share * more
        if not fits(total, budget_watts=budget):
            where = f"feed {line.feed}" + (f", with feed {line.lost} dead," if line.lost else "")
            others = total - share * watts
            reason = (
                f"{where} carries {others:.0f} W of {budget:.0f} W; {host.name} needs "
                f"{share * watts:.0f} W, {total - budget:.0f} W more than is left"
            )
            over.append((total - budget, reason))
    return Waits(max(over)[1]) if over else None


def stage_turn(ledger: Ledger, host: Host, plan: Plan) -> Admitted | Waits:
    """Whether the trial stage, when it goes before this host, has shown what it had to show."""
    if ledger.plan != plan.digest:
        return Waits("waiting for a look at the whole pod")
    if ledger.trial_due is None or host.name not in ledger.rest:
        return Admitted()
    return Waits(f"waiting for the trial stage: {ledger.trial_due} is neither ready nor parked")


def _add(carried: dict[Line, float], lines: Iterable[tuple[Line, float]], watts: float) -> None:
    for line, share in lines:
        carried[line] = carried.get(line, 0.0) + share * watts
