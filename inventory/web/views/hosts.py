"""Hosts as lines of a list, and everything about one host."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from urllib.parse import quote

from inventory.model import Event, Host
from inventory.parts import Part
from inventory.states import HostState
from inventory.web.views.looks import WORST_FIRST, Look, Tone, host_look, look
from inventory.web.views.sensors import Now
from pods.facts import HardwareFacts
from pods.match import Mismatch


@dataclass(frozen=True, slots=True)
class HostLine:
    """One host in a list or a picture."""

    id: str
    name: str
    site: str
    pod: str
    rack: str
    slot: str
    position: float | None
    feed: str
    feed_b: str
    host_type: str
    state: str
    look: Look
    now_doing: str
    power: str
    reserved_watts: int
    since: datetime
    wave: int

    @property
    def rack_path(self) -> str:
        """The address of its rack's page."""
        return rack_path(self.site, self.rack)


def rack_path(site: str, rack: str) -> str:
    """The address of a rack's page."""
    return f"/racks/{quote(site, safe='')}/{quote(rack, safe='')}"


def line(host: Host) -> HostLine:
    """A host as one line."""
    problem = host.problem
    return HostLine(
        id=host.id,
        name=host.name,
        site=host.site,
        pod=host.pod,
        rack=host.rack,
        slot=host.slot,
        position=host.position,
        feed=host.feed,
        feed_b=host.feed_b,
        host_type=host.host_type,
        state=host.state.value,
        look=host_look(host.state, problem),
        now_doing=problem.message if problem else (host.maintenance or host.waiting),
        power=host.power.value,
        reserved_watts=host.reserved_watts,
        since=host.problem.since if host.problem else host.state_since,
        wave=host.wave,
    )


@dataclass(frozen=True, slots=True)
class EventLine:
    """One event as people read it."""

    seq: int
    at: datetime
    kind: str
    subject: str
    href: str
    change: str
    why: str
    actor: str


_PLACES = {"host": "/hosts/", "pod": "/pods/", "unit": "/units/", "claim": "/claims/"}


def event_line(event: Event) -> EventLine:
    """An event with its subject's page, where it has one."""
    sort, _, name = event.subject.partition(":")
    change = " → ".join(part for part in (event.old, event.new) if part)
    place = _PLACES.get(sort) if name else None
    return EventLine(
        seq=event.seq,
        at=event.at,
        kind=event.kind,
        subject=event.subject,
        href=f"{place}{quote(name, safe='')}" if place else "",
        change=change if event.old or event.kind.endswith(".state") else event.new,
        why=event.why,
        actor=event.actor,
    )


@dataclass(frozen=True, slots=True)
class SlotHistory:
    """Every part that was in one slot, the present one first."""

    slot: str
    present: Part | None
    past: tuple[Part, ...]

    @property
    def remarkable(self) -> bool:
        """True when there is more to see than a part in its place."""
        return bool(self.past) or self.present is None or self.present.absent_since is not None


@dataclass(frozen=True, slots=True)
class PartGroup:
    """The slots of one kind of part."""

    kind: str
    title: str
    slots: tuple[SlotHistory, ...]
    folded: bool
    """True where many equal parts with nothing remarkable would hide the others."""


_GROUPS: tuple[tuple[str, str], ...] = (
    ("accelerator", "Accelerators"),
    ("nic", "Network adapters"),
    ("drive", "Drives"),
    ("psu", "Power supplies"),
    ("processor", "Processors"),
    ("memory", "Memory"),
)
FOLDED_FROM = 5


def part_groups(parts: Iterable[Part]) -> tuple[PartGroup, ...]:
    """Parts by kind and slot; slots are stable and parts come and go."""
    by_slot: dict[tuple[str, str], list[Part]] = {}
    for part in parts:
        by_slot.setdefault((part.kind, part.slot), []).append(part)
    slots = sorted(by_slot.items(), key=lambda item: _natural(item[0][1]))
    groups = []
    for kind, title in _GROUPS:
        found = tuple(_history(slot, parts) for (k, slot), parts in slots if k == kind)
        plain = kind == "memory" and len(found) >= FOLDED_FROM
        if found:
            folded = plain and not any(slot.remarkable for slot in found)
            groups.append(PartGroup(kind=kind, title=title, slots=found, folded=folded))
    return tuple(groups)


def _history(slot: str, parts: Iterable[Part]) -> SlotHistory:
    found = sorted(parts, key=lambda part: part.installed_at, reverse=True)
    return SlotHistory(
        slot=slot,
        present=next((part for part in found if part.present), None),
        past=tuple(part for part in found if not part.present),
    )


@dataclass(frozen=True, slots=True)
class Heat:
    """What one host tells of its coolant and of leaks; the worst where it has several."""

    supply: str
    back: str
    flow: str
    leak: Look | None
    now: Now | None = None
    """What its meters said within the last minutes."""

    @property
    def told(self) -> bool:
        """True when it tells anything."""
        return bool(self.supply or self.back or self.flow or self.leak or self.now)

    @property
    def warm(self) -> Look | None:
        """How warm its warmest sensor is now."""
        return self.now.heat_look if self.now else None

    def at_present(self, now: Now | None) -> Heat:
        """With what its meters say; a leak detector's newest word counts."""
        return replace(self, now=now, leak=(now.leak if now else None) or self.leak)


def heat(facts: HardwareFacts | None) -> Heat:
    """From the last look."""
    coolant = facts.coolant if facts else ()
    leaks = [one for one in (facts.leak_detectors if facts else ()) if one.state]
    tones = [health_tone(one.state) for one in leaks]
    tone = next((tone for tone in WORST_FIRST if tone in tones), None)
    state = next((one.state for one in leaks if health_tone(one.state) == tone), "")
    return Heat(
        supply=_most((one.supply_celsius for one in coolant), "°C"),
        back=_most((one.return_celsius for one in coolant), "°C"),
        flow=_least((one.flow_lpm for one in coolant), "L/min"),
        leak=look(tone, state) if tone else None,
    )


def _most(values: Iterable[float | None], unit: str) -> str:
    told = [value for value in values if value is not None]
    return f"{max(told):g} {unit}" if told else ""


def _least(values: Iterable[float | None], unit: str) -> str:
    told = [value for value in values if value is not None]
    return f"{min(told):g} {unit}" if told else ""


@dataclass(frozen=True, slots=True)
class Reading:
    """One figure that the last look at the hardware read."""

    where: str
    what: str
    value: str
    tone: Tone


def readings(facts: HardwareFacts | None) -> tuple[Reading, ...]:
    """What the last look read that is a state and no part: heat, flow, leaks, supplies."""
    if facts is None:
        return ()
    found: list[Reading] = []
    for coupling in facts.coolant:
        told = (
            ("supply", coupling.supply_celsius, "°C"),
            ("return", coupling.return_celsius, "°C"),
            ("flow", coupling.flow_lpm, "L/min"),
        )
        found += [
            Reading(f"coolant {coupling.slot}", what, f"{value:g} {unit}", "rest")
            for what, value, unit in told
            if value is not None
        ]
    found += [
        Reading(f"leak detector {d.slot}", "state", d.state, health_tone(d.state))
        for d in facts.leak_detectors
        if d.state
    ]
    found += [
        Reading(f"power supply {p.slot}", "health", _both(p.health, p.input_status), _supply(p))
        for p in facts.power_supplies
        if p.health or p.input_status
    ]
    found += [
        Reading(f"{c.kind} {c.slot}", "health", c.health, health_tone(c.health))
        for c in facts.cooling
        if c.health
    ]
    found += [
        Reading(
            f"GPU {a.slot}",
            "links up",
            f"{a.links_up} of {a.link_ports}",
            "good" if a.links_up == a.link_ports else "warn",
        )
        for a in facts.accelerators
        if a.links_up is not None and a.link_ports is not None
    ]
    found += [
        Reading(f"drive {d.slot}", "life left", f"{d.life_left_percent:g} %", "rest")
        for d in facts.drives
        if d.life_left_percent is not None
    ]
    return tuple(found)


def health_tone(told: str) -> Tone:
    """Redfish's words for how something is."""
    tones: dict[str, Tone] = {"OK": "good", "Warning": "warn", "Critical": "stop"}
    return tones.get(told, "rest")


def _both(health: str, status: str) -> str:
    return ", ".join(part for part in (health, status) if part)


def _supply(supply: object) -> Tone:
    health, status = getattr(supply, "health", ""), getattr(supply, "input_status", "")
    tone = health_tone(health)
    return "stop" if status not in {"", "Normal"} else tone


@dataclass(frozen=True, slots=True)
class MismatchLine:
    """One difference between facts and spec, with how much it matters."""

    look: Look
    mismatch: Mismatch


_SEVERITIES: dict[str, Tone] = {"critical": "stop", "warning": "warn", "note": "rest"}


def mismatch_lines(found: Iterable[Mismatch]) -> tuple[MismatchLine, ...]:
    """The worst first."""
    order = list(_SEVERITIES)
    return tuple(
        MismatchLine(look=_severity(one), mismatch=one)
        for one in sorted(found, key=lambda m: order.index(m.severity))
    )


def _severity(one: Mismatch) -> Look:
    return look(_SEVERITIES[one.severity], one.effect)


@dataclass(frozen=True, slots=True)
class Act:
    """Something that a person may ask of a host."""

    name: str
    """The last part of the form's address."""
    title: str
    explains: str
    confirm: str
    """What must be ticked; empty where nothing is lost by a wrong click."""
    why: bool = False
    """Whether a reason is asked for."""


RETRY = Act("retry", "Retry", "Forget the problem and go on from where the hardware is.", "")
READY = Act("ready", "Bring up", "Work towards ready.", "")
REPAIR = Act(
    "repair",
    "Take for repair",
    "Nothing is done to it until it is brought up again. Its unit leaves the offer.",
    "I want podyard to stop working on this host.",
    why=True,
)
PAUSE = Act(
    "pause",
    "Pause",
    "Nothing is changed on it until it is resumed. An update under way ends first.",
    "",
    why=True,
)
RESUME = Act("resume", "Resume", "End the pause; it goes on from where the hardware is.", "")
QUARANTINE = Act(
    "quarantine",
    "Quarantine",
    "Out of the offer, and left alone until it is retried. Its tenant keeps it.",
    "I want podyard to leave this host alone.",
    why=True,
)
ABORT = Act(
    "abort",
    "Abort",
    "What is under way ends, then it is cleaned and switched off.",
    "I want this host back at rest.",
)
RETURN = Act(
    "enroll",
    "Switch off and rest",
    "Drain its unit, clean it and switch it off; it stays known.",
    "I want this host out of the offer and switched off.",
)
RETIRE = Act(
    "retire",
    "Retire",
    "Drain, clean and switch off; it never comes back under this record.",
    "I want this host retired. This cannot be undone.",
)


def acts_for(host: Host) -> tuple[Act, ...]:
    """What may be asked of it now, the likely one first."""
    if host.state is HostState.RETIRED:
        return ()
    troubled = host.problem is not None or host.target == "repairing" or host.quarantine
    at_rest = host.state in {HostState.READY, HostState.ENROLLED}
    offered = (
        (RESUME, bool(host.paused)),
        (RETRY, bool(troubled)),
        (READY, host.target != "ready"),
        (PAUSE, not host.paused and not host.quarantine),
        (ABORT, not at_rest),
        (QUARANTINE, not host.quarantine),
        (REPAIR, host.target != "repairing"),
        (RETURN, host.target != "enrolled"),
        (RETIRE, host.target != "retired"),
    )
    return tuple(act for act, fits in offered if fits)


def _natural(text: str) -> tuple[tuple[bool, int, str], ...]:
    """`gpu/10` after `gpu/9`."""
    parts: list[tuple[bool, int, str]] = []
    number = ""
    for letter in f"{text}\0":
        if letter.isascii() and letter.isdigit():
            number += letter
            continue
        if number:
            parts.append((False, int(number), ""))
            number = ""
        parts.append((True, 0, letter))
    return tuple(parts)
