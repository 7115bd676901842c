"""Whether a host may have its watts now: the plan's arithmetic and the plan's order, at run time.

The plan proves an order in which all its hosts start with no feed over its budget, also with any
one feed dead. Room alone does not keep that order: small hosts that ask often take what a large
inrush needs, and nothing frees it again. So two things are asked of every start: that each line
that the host burdens carries it, and that every host of an earlier wave on one of its feeds holds
its watts already or is not going to start. Then the first wave that is not through always fits,
because the plan said so, and waits for nobody.

A ledger is kept up host by host, so that a pod of thousands costs its controller no more per start
than a small one. It knows nothing but the records that it was told of, does no I/O, and says the
same whether it was told of them one after the other or all at once.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from inventory.model import Host
from inventory.states import HostState, PowerState
from pods.plan import equipment
from pods.planned import Plan
from pods.power import PowerPhase, fits, reserved_watts
from pods.sequence import HALF, Line, shares
from pods.spec import PodSpec, PowerSpec, SlotSpec
from provisioning.lifecycle.steering import PASSING_LOOKS_MAX
from provisioning.power.metering import Metered
from provisioning.trial import Trial

K = TypeVar("K")

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


ADMITTED = Admitted()


@dataclass(frozen=True, slots=True)
class Waits:
    """Not now; the reason names what is waited for."""

    reason: str
    behind: bool = False
    """Hosts of an earlier wave on its feeds go first."""


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
class Scale:
    """One way to count what lines carry."""

    said: str
    carried: Mapping[Line, float]
    counted: Mapping[str, float]
    """By host, what of it is its own."""


class Ledger:
    """One pod's watts and waves, as its hosts' records say that they are."""

    def __init__(
        self,
        wiring: Wiring,
        plan: Plan | None,
        *,
        stop_share: float = 1.0,
        approved_at: datetime | None = None,
    ) -> None:
        self.wiring = wiring
        self.stop_share = stop_share
        self.plan = plan.digest if plan is not None else ""
        """Digest of the plan whose waves these are; empty: there was none."""
        planned = plan.waves if plan is not None else ()
        self.waves = {name: wave.number for wave in planned for name in wave.hosts}
        self._stages = {name: wave.stage for wave in planned for name in wave.hosts}
        self._trial = Trial(plan, stop_share=stop_share, approved_at=approved_at)
        self.held: dict[str, float] = {}
        """By host."""
        self.carried = dict(wiring.base)
        self._settled = dict(wiring.base)
        """What lines will carry once every inrush of now has passed."""
        self._hosts: dict[str, Host] = {}
        self._on: defaultdict[str, dict[str, None]] = defaultdict(dict)
        self._partners = _partners(wiring.feeds.values())
        self._ordered: dict[str, list[str]] = {}
        """Feed to the planned hosts on it, in the order of their waves."""
        self._started: set[str] = set()
        """Hosts that have taken what they need to start."""
        self._first_due: dict[str, Due | None] = {}
        self._trial_due: tuple[Due | None] | None = None
        self._trial_first = ""
        """The trial host that was found due last: mostly it still is."""
        self._strangers: list[tuple[tuple[tuple[Line, float], ...], float, Metered | None]] = []
        self.dead: Mapping[str, str] = {}
        """Feeds without power, and why that is known."""
        self.starts_on_one_feed = False
        """The pod's policy: a host may start while one of its two feeds is dead."""
        self.scales: tuple[Scale, ...] = ()
        """What lines carry by other counts than by what was promised."""
        self._before: tuple[dict[Line, float | None], dict[str, float | None]] | None = None
        """What stood where something is supposed now; None: nothing is."""

    def goes_after_trial(self, name: str) -> bool:
        """Whether the trial stage goes before this host."""
        return self._stages.get(name) == "rest"

    def note(self, host: Host) -> tuple[str, ...]:
        """This is how the host is now; the feeds on which something changed by it."""
        before = self._hosts.get(host.name)
        if before is not None and before.slot != host.slot:
            self.forget(host.name)
            before = None
        self._hosts[host.name] = host
        self._trial.note(host)
        if before is not None and _matters(before) == _matters(host):
            return ()
        held = held_watts(host, self.wiring)
        running = min(held, reserved_watts(self.wiring.powers[host.host_type], PowerPhase.RUNNING))
        lines = self.wiring.lines.get(host.slot, ())
        was = self.held.get(host.name, 0.0)
        was_running = 0.0 if before is None else self._running(before, was)
        self.held[host.name] = held
        if _has_watts(host, self.wiring):
            self._started.add(host.name)
        else:
            self._started.discard(host.name)
        _add(self.carried, lines, held - was)
        _add(self._settled, lines, running - was_running)
        return self._touched(host)

    def note_stranger(
        self, feeds: Iterable[str], watts: float, drawn: Metered | None = None
    ) -> None:
        """A host of another pod draws from these feeds too."""
        drawn_from = set(feeds)
        lines = {line for lines in self.wiring.lines.values() for line, _ in lines}
        burden = tuple(
            (line, 1.0 if len(drawn_from) == 1 or line.lost in drawn_from else HALF)
            for line in lines
            if line.feed in drawn_from
        )
        _add(self.carried, burden, watts)
        _add(self._settled, burden, watts)
        self._strangers.append((burden, watts, drawn))

    def weigh(self, drawn: Mapping[str, Metered], *, may_loosen: bool) -> None:
        """What meters say beside what was promised; who was not read counts with the promise.

        Unless measured watts may make room, each line carries the larger of both.
        """
        measured = self._scale(drawn, steady=False)
        self.scales = (measured, self._scale(drawn, steady=True) if may_loosen else self._promised)

    @property
    def _promised(self) -> Scale:
        return Scale("", self.carried, self.held)

    def _scale(self, drawn: Mapping[str, Metered], *, steady: bool) -> Scale:
        carried, counted = dict(self.wiring.base), {}
        for host in self._hosts.values():
            watts = _counts(self.held[host.name], drawn.get(host.id), steady=steady)
            counted[host.name] = watts
            _add(carried, self.wiring.lines.get(host.slot, ()), watts)
        for burden, held, meter in self._strangers:
            _add(carried, burden, _counts(held, meter, steady=steady))
        return Scale("" if steady else " by its meters", carried, counted)

    @contextmanager
    def supposing(self, promised: Iterable[tuple[Host, float]]) -> Iterator[None]:
        """As if these hosts held these watts already; afterwards nothing was."""
        carried, held = self._before = ({}, {})
        try:
            for host, watts in promised:
                self.suppose(host, watts)
            yield
        finally:
            self._before = None
            _restore(self.carried, carried)
            _restore(self.held, held)

    def suppose(self, host: Host, watts: float) -> None:
        """As if this host held these watts already; only within `supposing`."""
        if self._before is None:
            raise RuntimeError("nothing is supposed outside of `supposing`")
        lines, holds = self.wiring.lines.get(host.slot, ()), self.held.get(host.name)
        carried, held = self._before
        for line, _ in lines:
            carried.setdefault(line, self.carried.get(line))
        held.setdefault(host.name, holds)
        more = max(0.0, watts - (holds or 0.0))
        _add(self.carried, lines, more)
        self.held[host.name] = (holds or 0.0) + more

    def forget(self, name: str) -> None:
        """There is no such host any more."""
        host = self._hosts.pop(name, None)
        if host is None:
            return
        lines, held = self.wiring.lines.get(host.slot, ()), self.held.pop(name)
        _add(self.carried, lines, -held)
        _add(self._settled, lines, -self._running(host, held))
        self._started.discard(name)
        self._trial.forget(name)
        for feed in self._touched(host):
            self._on[feed].pop(name, None)
            self._ordered.pop(feed, None)

    def first_due(self, feed: str) -> Due | None:
        """Who of the earliest wave on a feed is still to take its watts."""
        if feed not in self._first_due:
            self._first_due[feed] = next(
                (
                    due
                    for name in self._in_order(feed)
                    if name not in self._started and (due := self._due(self._hosts[name]))
                ),
                None,
            )
        return self._first_due[feed]

    def _in_order(self, feed: str) -> list[str]:
        """The hosts of a feed, earlier waves first."""
        known = self._ordered.get(feed)
        if known is None:
            there = (name for name in self._on[feed] if name in self.waves)
            known = self._ordered[feed] = sorted(there, key=lambda name: self.waves[name])
        return known

    @property
    def trial_due(self) -> Due | None:
        """The trial host of the earliest wave on which something still hangs."""
        if self._trial_due is None:
            # They stand in the order of their waves: the first that is due is the earliest.
            dues = map(self._due_for_trial, self._trial.hosts)
            found = next((due for due in dues if due is not None), None)
            self._trial_due = (found,)
            self._trial_first = "" if found is None else found.host
        return self._trial_due[0]

    @property
    def trial_is_through(self) -> bool:
        """Whether nothing hangs on any of them: asked at every write, so of one at first."""
        if self._trial_due is None and self._due_for_trial(self._trial_first) is not None:
            return False
        return self.trial_due is None

    def _due_for_trial(self, name: str) -> Due | None:
        host = self._hosts.get(name)
        if host is None or host.state is HostState.READY or self._trial.is_shown(name):
            return None
        return self._due(host)

    def _due(self, host: Host) -> Due | None:
        """The host with its wave, where it is worth waiting for."""
        wave = self.waves.get(host.name)
        if wave is None or not is_coming(host):
            return None
        can = host.name in self._started or _can_start(
            host, self.held[host.name], self._settled, self.wiring
        )
        return Due(wave, host.name, str(host.state)) if can else None

    def _running(self, host: Host, held: float) -> float:
        return min(held, reserved_watts(self.wiring.powers[host.host_type], PowerPhase.RUNNING))

    def _touched(self, host: Host) -> tuple[str, ...]:
        feeds = self.wiring.feeds.get(host.slot, ())
        for feed in feeds:
            if host.name not in self._on[feed]:
                self._on[feed][host.name] = None
                self._ordered.pop(feed, None)
            for other in self._partners[feed]:
                self._first_due.pop(other, None)
        self._trial_due = None
        return feeds


def _partners(wired: Iterable[tuple[str, ...]]) -> dict[str, set[str]]:
    """Feed to itself and all with which it shares a host: each carries the other's when it dies."""
    found: defaultdict[str, set[str]] = defaultdict(set)
    for feeds in set(wired):
        for feed in feeds:
            found[feed].update(feeds)
    return dict(found)


def _matters(host: Host) -> tuple[object, ...]:
    """All of a host that a ledger looks at."""
    return (
        host.state,
        host.state_since,
        host.target,
        host.power,
        host.reserved_watts,
        host.host_type,
        host.boot is not None and host.boot.powered_at is not None,
        is_coming(host),
    )


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
    ledger = Ledger(wiring, plan)
    for host in hosts:
        ledger.note(host)
    return ledger


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
        return ADMITTED  # it draws that anyway: giving watts back waits for nobody
    lines = ledger.wiring.lines.get(host.slot)
    if lines is None:
        return Waits(f"slot {host.slot} is not in the pod's spec: nobody knows its feeds")
    return (
        _dead(ledger, host) or _turn(ledger, host) or _room(ledger, host, watts, lines) or ADMITTED
    )


def _dead(ledger: Ledger, host: Host) -> Waits | None:
    """A host starts with all its feeds, or as its pod's policy has it with what is left of them."""
    feeds = ledger.wiring.feeds.get(host.slot, ())
    dead = [feed for feed in feeds if feed in ledger.dead]
    if not dead or (ledger.starts_on_one_feed and len(dead) < len(feeds)):
        return None
    left = ", ".join(feed for feed in feeds if feed not in ledger.dead)
    rest = f"it would run on {left} alone" if left else "it has no other"
    return Waits(f"feed {dead[0]} is dead ({ledger.dead[dead[0]]}): {rest}")


def _turn(ledger: Ledger, host: Host) -> Waits | None:
    mine = ledger.waves.get(host.name)
    if mine is None:
        return None
    due = (ledger.first_due(feed) for feed in ledger.wiring.feeds[host.slot])
    before = _earliest(one for one in due if one is not None and one.wave < mine)
    if before is None:
        return None
    reason = f"wave {mine} starts after {before}, which has not taken its watts yet"
    return Waits(reason, behind=True)


def _room(
    ledger: Ledger, host: Host, watts: float, lines: Iterable[tuple[Line, float]]
) -> Waits | None:
    over: list[tuple[float, str]] = []
    for scale in ledger.scales or (Scale("", ledger.carried, ledger.held),):
        more = watts - scale.counted.get(host.name, 0.0)
        for line, share in lines:
            budget = ledger.wiring.budgets[line.feed]
            total = scale.carried.get(line, 0.0) + share * more
            if not fits(total, budget_watts=budget):
                lost = f", with feed {line.lost} dead," if line.lost else ""
                others = total - share * watts
                reason = (
                    f"feed {line.feed}{lost} carries{scale.said} {others:.0f} W of {budget:.0f} W; "
                    f"{host.name} needs {share * watts:.0f} W, {total - budget:.0f} W more than "
                    "is left"
                )
                over.append((total - budget, reason))
    return Waits(max(over)[1]) if over else None


def stage_turn(ledger: Ledger, host: Host, plan: Plan) -> Admitted | Waits:
    """Whether the trial stage, when it goes before this host, has shown what it had to show."""
    if ledger.plan != plan.digest:
        return Waits("waiting for a look at the whole pod")
    if not ledger.goes_after_trial(host.name) or (due := ledger.trial_due) is None:
        return ADMITTED
    return Waits(f"waiting for the trial stage: {due} is neither ready nor parked")


def _counts(held: float, meter: Metered | None, *, steady: bool) -> float:
    """What a host counts with: its draw, or what it needs at most where that is known."""
    if meter is None:
        return held
    if not steady:
        return meter.watts
    return held if meter.steady_watts is None else meter.steady_watts


def _add(carried: dict[Line, float], lines: Iterable[tuple[Line, float]], watts: float) -> None:
    for line, share in lines:
        carried[line] = carried.get(line, 0.0) + share * watts


def _restore(values: dict[K, float], before: Mapping[K, float | None]) -> None:
    for key, value in before.items():
        if value is None:
            values.pop(key, None)
        else:
            values[key] = value
