"""A pod as its hosts' records say that it is now: what one host must know of all the others.

It is read whole now and then, and kept up between with every record that this controller reads or
writes, so that a step costs the same in a pod of ten as in one of ten thousand. It is no second
copy of the truth: whatever it says may make a host wait or look once more, and nothing that cannot
be undone rests on it.
"""

from __future__ import annotations

import bisect
import itertools
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from inventory.model import Host, Pod
from inventory.places import Equipment
from inventory.states import HostState
from pods.facts import HardwareFacts
from pods.match_finding import Mismatch
from provisioning.admission import Ledger
from provisioning.brakes import FURTHER_MAX, WAY_UP, WINDOW
from provisioning.lifecycle.steering import PASSING_LOOKS_MAX
from provisioning.planned import Planned, planned_of
from provisioning.poddesign import Design
from provisioning.podmap import findings_around
from provisioning.wanted import brake_of

PAUSE_PER_HOST_S = 0.001
"""Between two drawings of what stands around whom: at most a third of a core goes into them."""


@dataclass(frozen=True, slots=True)
class Leaking:
    """One host, or one cooling unit, that leaks."""

    host: str
    loop: str
    what: str

    def __str__(self) -> str:
        return f"{self.host}, {self.what}"


class LivePod:
    """One pod. Not safe to use from several threads: the event loop's own."""

    def __init__(self, pod: Pod, design: Design, busy: Mapping[str, int] | None = None) -> None:
        self.pod = pod
        self.design = design
        self.planned: Planned = planned_of(pod.plan)
        self.ledger = self._new_ledger(pod)
        self.ready: set[str] = set()
        """Names of hosts that are ready."""
        self.findings: Mapping[str, tuple[Mismatch, ...]] = {}
        """Slot to what is wrong around it."""
        self.as_of: datetime | None = None
        """Up to when facts count in the findings."""
        self.busy: Mapping[str, int] = Counter() if busy is None else busy
        """Failure domains to hosts in an act that cannot be undone."""
        self.read_at: datetime | None = None
        self._hosts: dict[str, Host] = {}
        self._on: defaultdict[str, dict[str, None]] = defaultdict(dict)
        """Feed to ids of the hosts on it."""
        self._leaking: dict[str, Leaking] = {}
        self._leaking_units: tuple[Leaking, ...] = ()
        self._told: dict[str, tuple[object, ...]] = {}
        self._versions: dict[str, int] = {}
        self._undrawn: set[str] = set()
        """Racks of whose hosts facts came that no drawing shows yet."""
        self._racks: defaultdict[str, dict[str, Host]] = defaultdict(dict)
        """Rack to its hosts by id."""
        self._found: dict[str, tuple[Mismatch, ...]] = {}
        self._found_in: dict[str, tuple[str, ...]] = {}
        """Rack to slots of which something was found."""
        self._drawn_at: datetime | None = None
        self._brake: str | None = None
        self._ended: dict[str, Host] = {}
        self._order: list[tuple[tuple[datetime, str], str]] = []
        """Those that ended by when, with their ids."""
        self._begun: defaultdict[HostState, dict[str, Host]] = defaultdict(dict)
        """Those on their way by where they are."""
        self._begun_in: dict[str, HostState] = {}
        self._planned_hosts = self.planned.hosts

    @property
    def size(self) -> int:
        """How many hosts are known of it."""
        return len(self._hosts)

    @property
    def ids(self) -> Iterable[str]:
        """Of its hosts."""
        return self._hosts

    def beside(self, host: Host) -> list[str]:
        """Ids of the hosts that share a feed with this one."""
        mine = self.design.wiring.feeds.get(host.slot, ())
        return list(dict.fromkeys(key for feed in mine for key in self._on.get(feed, ())))

    @property
    def brake(self) -> str:
        """Why nothing more may be started; empty when something may."""
        if self._brake is None:
            last = [self._ended[key] for _, key in self._order[-WINDOW:]]
            begun = itertools.islice(self._on_their_way(), FURTHER_MAX)
            self._brake = brake_of(self.pod, self.design.spec, self._planned_hosts, [*last, *begun])
        return self._brake

    def _on_their_way(self) -> Iterator[Host]:
        """Those that began and did not end, the furthest first."""
        for state in (*reversed(WAY_UP), *(at for at in self._begun if at not in WAY_UP)):
            yield from self._begun.get(state, {}).values()

    @property
    def gates(self) -> tuple[bool, ...]:
        """What lets hosts begin: when one of these changes, those who wait should look."""
        canaries = all(name in self.ready for _, name in self.planned.canaries)
        return canaries, self.ledger.trial_is_through, not self.brake

    def change_pod(self, pod: Pod) -> None:
        """The pod's record is another one: a plan was approved, or somebody said hold."""
        if (pod.plan.digest if pod.plan else "") != self.planned.digest:
            self.planned = planned_of(pod.plan)
            self._planned_hosts = self.planned.hosts
            self.ledger = self._new_ledger(pod)
            for host in self._hosts.values():
                self.ledger.note(host)
        self.pod = pod
        self._brake = None

    def _new_ledger(self, pod: Pod) -> Ledger:
        share = self.design.spec.bring_up.stop_share
        at = pod.approval.at if pod.approval is not None else None
        return Ledger(self.design.wiring, pod.plan, stop_share=share, approved_at=at)

    def leak_near(self, host: Host) -> str:
        """Which host leaks on the cooling loop of this one; itself first, whatever cools it."""
        leaking = self._leaking
        if not leaking and not self._leaking_units:
            return ""
        if host.id in leaking:
            return str(leaking[host.id])
        mine = self.loop_of(host)
        known = (*leaking.values(), *self._leaking_units)
        return next((str(one) for one in known if mine and one.loop == mine), "")

    def read_units(self, units: Iterable[Equipment]) -> None:
        """The cooling units of the pod: each cools the loop of the rack that it stands in."""
        loops = {rack.name: rack.loop or rack.name for rack in self.design.spec.racks}
        self._leaking_units = tuple(
            Leaking(unit.name, loops.get(unit.rack, unit.rack), unit.leak)
            for unit in units
            if unit.leak
        )

    def loop_of(self, host: Host) -> str:
        """The cooling loop of a host; empty: air cools it."""
        kind = self.design.spec.host_types.get(host.host_type)
        if kind is None or (kind.cooling is not None and kind.cooling.kind == "air"):
            return ""
        place = self.design.places.get((host.rack, host.slot))
        return (place.rack.loop if place is not None else None) or host.rack

    def _follow_leaks(self, host: Host) -> None:
        if host.leak:
            self._leaking[host.id] = Leaking(host.name, self.loop_of(host), host.leak)
        else:
            self._leaking.pop(host.id, None)

    @property
    def versions(self) -> Mapping[str, int]:
        """Of its hosts' records, as they are known: a copy, for another thread to look into."""
        return dict(self._versions)

    def read(self, changed: Iterable[Host], *, there: Collection[str], at: datetime) -> None:
        """What was read at a moment: ids of all hosts, and those of which a newer version is.

        What was noted since stays.
        """
        for gone in [known for key, known in self._hosts.items() if key not in there]:
            self.forget(gone)
        for host in changed:
            self.note(host)
        self.read_at = at

    def note(self, host: Host) -> tuple[str, ...]:
        """One host as it now is; the feeds on which something changed by it."""
        return self.note_written(host, host.version)

    def note_written(self, host: Host, version: int) -> tuple[str, ...]:
        """The same of a host that was just written, and got this version by it."""
        known = self._versions.get(host.id, 0)
        if known > version or (known == version and host.id in self._told):
            return ()
        self._versions[host.id] = version
        told = _telling(host)
        before = self._told.get(host.id)
        if before == told:
            return ()
        self._told[host.id] = told
        self._place(host)
        self._hosts[host.id] = slim = _slim(host, self._hosts.get(host.id))
        self._racks[host.rack][host.id] = slim
        if before is None or before[-1] != told[-1]:
            self._undrawn.add(host.rack)
        if host.state is HostState.READY:
            self.ready.add(host.name)
        else:
            self.ready.discard(host.name)
        self._follow_ends(slim)
        self._follow_leaks(slim)
        return self.ledger.note(slim)

    def _place(self, host: Host) -> None:
        """On its slot's feeds, and on no others."""
        before = self._hosts.get(host.id)
        if before is not None and (before.slot, before.rack) == (host.slot, host.rack):
            return
        if before is not None:
            self._leave(before)
        for feed in self.design.wiring.feeds.get(host.slot, ()):
            self._on[feed][host.id] = None

    def _leave(self, host: Host) -> None:
        self._racks[host.rack].pop(host.id, None)
        self._undrawn.add(host.rack)
        for feed in self.design.wiring.feeds.get(host.slot, ()):
            self._on[feed].pop(host.id, None)

    def _follow_ends(self, host: Host) -> None:
        """Of a host that is ready or with a person, and of one on its way."""
        parked = host.problem is not None and host.problem.parked
        ended = parked or host.state is HostState.READY
        begun = not ended and host.state is not HostState.MATCHING
        before = self._ended.get(host.id)
        same = before is not None and ended and _end(before) == _end(host)
        at = host.state if begun else None
        if same or (not ended and before is None and at == self._begun_in.get(host.id)):
            return
        self._forget_end(host.id)
        self._forget_begin(host.id)
        if ended:
            self._ended[host.id] = host
            bisect.insort(self._order, (_ended(host), host.id))
        if begun:
            self._begun[host.state][host.id] = host
            self._begun_in[host.id] = host.state
        self._brake = None

    def _forget_begin(self, host_id: str) -> None:
        if (state := self._begun_in.pop(host_id, None)) is not None:
            del self._begun[state][host_id]

    def _forget_end(self, host_id: str) -> None:
        before = self._ended.pop(host_id, None)
        if before is not None:
            entry = (_ended(before), host_id)
            del self._order[bisect.bisect_left(self._order, entry)]

    def forget(self, host: Host) -> None:
        """It is no longer on record."""
        self._leave(host)
        self._leaking.pop(host.id, None)
        self._forget_end(host.id)
        self._forget_begin(host.id)
        self._hosts.pop(host.id, None)
        self._told.pop(host.id, None)
        self._versions.pop(host.id, None)
        self.ready.discard(host.name)
        self.ledger.forget(host.name)
        self._brake = None

    def may_draw(self, now: datetime) -> bool:
        """Whether the findings should and may be drawn again; where nothing came, they are new."""
        if not self._undrawn:
            self.as_of = now
            return False
        pause = timedelta(seconds=PAUSE_PER_HOST_S * len(self._hosts))
        return self._drawn_at is None or now - self._drawn_at >= pause

    def draw(self, now: datetime) -> None:
        """See who stands where and which cables are swapped."""
        if self.design.cabling is not None:
            self.findings = findings_around(self._hosts.values(), self.design.cabling)
        else:
            self._draw_racks()
        self.as_of = self._drawn_at = now
        self._undrawn.clear()

    def _draw_racks(self) -> None:
        """Without cables a rack's trays concern nobody in another rack."""
        for rack in self._undrawn:
            inside = self._racks.get(rack, {})
            for slot in self._found_in.pop(rack, ()):
                self._found.pop(slot, None)
            found = findings_around(inside.values(), None)
            if found:
                self._found_in[rack] = tuple(found)
                self._found.update(found)
        self.findings = self._found


def _telling(host: Host) -> tuple[object, ...]:
    """All of a host that matters to others; last, where it stands and what it sees."""
    problem = host.problem
    return (
        host.state,
        host.state_since,
        host.target,
        host.power,
        host.reserved_watts,
        host.slot,
        host.leak,
        host.boot is not None and host.boot.powered_at is not None,
        None if problem is None else (problem.parked, min(problem.seen, PASSING_LOOKS_MAX)),
        None if host.facts is None else host.facts.observed_at,
    )


def _end(host: Host) -> tuple[datetime, HostState, bool]:
    """When and how it ended."""
    return _ended_at(host), host.state, host.problem is not None and host.problem.parked


def _ended(host: Host) -> tuple[datetime, str]:
    """For an order that does not depend on who was heard of first."""
    return _ended_at(host), host.name


def _ended_at(host: Host) -> datetime:
    problem = host.problem
    return problem.since if problem is not None and problem.parked else host.state_since


def _slim(host: Host, before: Host | None) -> Host:
    """Without what nobody else asks for: the parts of ten thousand hosts fill a memory."""
    facts, known = host.facts, before.facts if before is not None else None
    if facts is not None and known is not None and facts.observed_at == known.observed_at:
        facts = known
    elif facts is not None:
        facts = HardwareFacts(
            observed_at=facts.observed_at,
            source=facts.source,
            manufacturer="",
            model="",
            serial="",
            uuid="",
            position=facts.position,
            neighbours=facts.neighbours,
        )
    return host.model_copy(update={"facts": facts, "mismatches": (), "conformance": None})
