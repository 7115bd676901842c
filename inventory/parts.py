"""Which part has been in which slot of a host, from when to when.

A slot is stable and parts come and go: a GPU that is replaced leaves its history with the slot, not
with the GPU that follows it. So one record is one *occupancy*, and it ends when another serial
number is read in its slot or when the part is gone.

A BMC that forgets a part for one read is common (it was just reset, a sensor bus was busy), so one
read without a part ends nothing: it takes a second one, or a source that says the slot is empty.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal

from pydantic import Field

from inventory.model import Event, Host, Record
from inventory.store.protocol import Change
from pods.facts import HardwareFacts

PartKind = Literal["accelerator", "nic", "drive", "psu", "memory", "processor"]

SLOT_PREFIX: dict[PartKind, str] = {
    "accelerator": "gpu",
    "nic": "nic",
    "drive": "drive",
    "psu": "psu",
    "memory": "memory",
    "processor": "cpu",
}

NAMESPACE = uuid.UUID("5f0c7a52-6d0e-4b8f-9a57-9b7f6f2f3c11")
"""Of the ids of occupancies: the same read written twice is one occupancy."""

ABSENT_AT_LEAST = timedelta(minutes=1)
"""Between the two reads that must miss a part: a BMC's own restart takes about 90 s, and its parts
come back one after the other."""

SEEN_REFRESH = timedelta(hours=1)
"""How old `seen_at` may become before an equal read is worth a write."""


class Part(Record):
    """One part's stay in one slot of a host."""

    id: str
    host_id: str
    host: str = ""
    """The host's name when the part came."""
    slot: str
    """`gpu/3`: the kind's word, then the slot as the host's BMC calls it."""
    kind: PartKind
    model: str = ""
    serial: str = ""
    uuid: str = ""
    firmware: str = ""
    wanted: str = ""
    """The model that the host's type asks for; empty when it does not say."""
    found: dict[str, Any] = Field(default_factory=dict)
    """All that was read of it that describes how it was built."""
    source: str = ""
    """Who read it: sources may name the same slot differently."""
    installed_at: datetime
    """When it was first read here."""
    seen_at: datetime
    absent_since: datetime | None = None
    """A read did not show it; the next one decides."""
    removed_at: datetime | None = None
    why: str = ""
    """Why it ended, or what a person noted about it."""
    rma: str = ""
    """The maker's number of the return, when a person gave one."""
    version: int = 1

    @property
    def present(self) -> bool:
        """True while nothing ended this stay."""
        return self.removed_at is None


@dataclass(frozen=True, slots=True)
class Seen:
    """One part as one read showed it, before it is anybody's record."""

    slot: str
    kind: PartKind
    model: str
    serial: str
    uuid: str
    firmware: str
    found: dict[str, Any]


def parts_change(
    host: Host,
    current: Sequence[Part],
    facts: HardwareFacts,
    now: datetime,
    *,
    wanted: Mapping[PartKind, str] | None = None,
    empty: AbstractSet[str] = frozenset(),
    actor: str = "provisioning",
) -> Change:
    """What a read of a host's parts writes: ended and new occupancies, and what to tell.

    `current` are the host's occupancies that have not ended; `empty` names slots that the source
    says are empty. The first read of a host tells nothing: there was nothing to differ from. An
    equal read writes nothing, so that a look every minute costs no writes. Where another source
    has described a kind of parts, this one is not asked about that kind.
    """
    look = _Look(host, facts, now, wanted or {}, empty, actor)
    others = {part.kind for part in current if part.source != facts.source}
    seen = {part.slot: part for part in parts_of(facts) if part.kind not in others}
    for part in current:
        if part.kind in others:
            continue
        found = seen.pop(part.slot, None)
        if found is None:
            look.miss(part)
        else:
            look.meet(part, found)
    for found in seen.values():
        look.install(found, tell=bool(current))
    return Change(insert=tuple(look.insert), replace=tuple(look.replace), events=tuple(look.events))


@dataclass(slots=True)
class _Look:
    """One read of one host, and what it comes to while it is being compared."""

    host: Host
    facts: HardwareFacts
    now: datetime
    wanted: Mapping[PartKind, str]
    empty: AbstractSet[str]
    actor: str
    insert: list[Part] = field(default_factory=list)
    replace: list[Part] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)

    def meet(self, part: Part, found: Seen) -> None:
        """The slot holds something: the same part, perhaps with other firmware, or another."""
        if _differs(part.serial, found.serial) or _differs(part.uuid, found.uuid):
            self._end(part, why=f"replaced by {found.serial or found.uuid}")
            self.install(found, before=part)
            return
        news = {
            name: getattr(found, name)
            for name in ("model", "serial", "uuid", "firmware", "found")
            if getattr(found, name) and getattr(found, name) != getattr(part, name)
        }
        if news or part.absent_since or self.now - part.seen_at >= SEEN_REFRESH:
            same = {**news, "absent_since": None, "seen_at": self.now}
            self.replace.append(part.model_copy(update=same))

    def miss(self, part: Part) -> None:
        """The slot was not told of, or told to be empty."""
        if part.slot in self.empty:
            self._end(part, why="its slot is empty", tell=True)
        elif part.absent_since is None:
            self.replace.append(part.model_copy(update={"absent_since": self.now}))
        elif self.now - part.absent_since >= ABSENT_AT_LEAST:
            self._end(part, why=f"not seen since {part.absent_since.isoformat()}", tell=True)

    def install(self, found: Seen, *, before: Part | None = None, tell: bool = False) -> None:
        """A new stay in a slot; `before` is the part that it replaces."""
        kept = self.wanted.get(found.kind, before.wanted if before else "")
        identity = f"{self.host.id}/{found.slot}/{found.serial or found.uuid}/{self.now}"
        self.insert.append(
            Part(
                id=str(uuid.uuid5(NAMESPACE, identity)),
                host_id=self.host.id,
                host=self.host.name,
                slot=found.slot,
                kind=found.kind,
                model=found.model,
                serial=found.serial,
                uuid=found.uuid,
                firmware=found.firmware,
                wanted=kept,
                found=found.found,
                source=self.facts.source,
                installed_at=self.now,
                seen_at=self.now,
            )
        )
        why = f"{found.slot} {found.model}".strip()
        if before is not None:
            self._tell(kind="part.changed", old=before.serial, new=found.serial, why=why)
        elif tell:
            self._tell(kind="part.installed", new=found.serial, why=why)

    def _end(self, part: Part, *, why: str, tell: bool = False) -> None:
        self.replace.append(part.model_copy(update={"removed_at": self.now, "why": why}))
        if tell:
            what = f"{part.slot} {part.model}".strip()
            self._tell(kind="part.removed", old=part.serial, why=f"{what}: {why}")

    def _tell(self, *, kind: str, why: str, old: str = "", new: str = "") -> None:
        self.events.append(
            Event(
                at=self.now,
                actor=self.actor,
                kind=kind,
                subject=f"host:{self.host.name}",
                old=old,
                new=new,
                why=why,
            )
        )


def _differs(known: str, told: str) -> bool:
    """True for two identities; what one read leaves out is not another identity."""
    return bool(known and told and known != told)


def parts_of(facts: HardwareFacts) -> Iterator[Seen]:
    """Every part of a host that one would replace by itself, each slot once."""
    told: set[str] = set()
    for kind, found in _facts_by_kind(facts):
        slot = f"{SLOT_PREFIX[kind]}/{found.slot}"
        if slot in told:
            continue
        told.add(slot)
        yield Seen(
            slot=slot,
            kind=kind,
            model=getattr(found, "model", "") or getattr(found, "part_number", ""),
            serial=getattr(found, "serial", ""),
            uuid=getattr(found, "uuid", ""),
            firmware=getattr(found, "firmware", ""),
            found=found.as_built(),
        )


def _facts_by_kind(facts: HardwareFacts) -> Iterator[tuple[PartKind, Any]]:
    readers: tuple[tuple[PartKind, Callable[[HardwareFacts], tuple[Any, ...]]], ...] = (
        ("accelerator", lambda f: f.accelerators),
        ("nic", lambda f: f.adapters),
        ("drive", lambda f: f.drives),
        ("psu", lambda f: f.power_supplies),
        ("memory", lambda f: f.memory),
        ("processor", lambda f: f.processors),
    )
    for kind, read in readers:
        for found in read(facts):
            yield kind, found
