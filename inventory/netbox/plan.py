"""What a sync would do: immutable, shown before it is done, with a digest to approve it by."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from inventory.netbox.wanted import Ref
from pods.canonical import digest_of

Act = Literal["create", "change", "delete"]
SIGNS: dict[str, str] = {"create": "+", "change": "~", "delete": "-"}


@dataclass(frozen=True, slots=True)
class Step:
    """One object to make, change or remove."""

    act: Act
    kind: str
    ident: str
    """Our name for it."""
    label: str
    new: Mapping[str, Any] = field(default_factory=dict)
    """Field to what it will be; references are resolved when it is done."""
    old: Mapping[str, Any] = field(default_factory=dict)
    netbox_id: int = 0
    etag: str = ""
    journal: str = ""
    """What people should read about it on the device; empty: nothing worth telling."""
    journal_on: str = ""
    """The device that it is told on, by our name."""

    def view(self) -> dict[str, Any]:
        """As people and programs read it."""
        fields = {
            name: {"old": shown(self.old.get(name)), "new": shown(value)}
            for name, value in sorted(self.new.items())
        }
        return {
            "act": self.act, "kind": self.kind, "name": self.label, "ident": self.ident,
            "netbox_id": self.netbox_id or None, "fields": fields, "journal": self.journal or None,
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Refusal:
    """Something that is left alone, and why."""

    ident: str
    label: str
    why: str
    hint: str = ""

    def view(self) -> dict[str, Any]:
        """As people and programs read it."""
        return {"ident": self.ident, "name": self.label, "why": self.why, "hint": self.hint}


@dataclass(frozen=True, slots=True)
class Orphan:
    """An object that carries our mark and that no record of ours stands for any more."""

    kind: str
    netbox_id: int
    label: str
    own_id: str

    def view(self) -> dict[str, Any]:
        """As people and programs read it."""
        return {
            "kind": self.kind, "netbox_id": self.netbox_id, "name": self.label,
            "podyard_id": self.own_id,
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Intent:
    """A field that NetBox owns and our record says otherwise."""

    ident: str
    label: str
    field: str
    ours: Any
    theirs: Any

    def view(self) -> dict[str, Any]:
        """As people and programs read it."""
        return {
            "ident": self.ident, "name": self.label, "field": self.field, "podyard": self.ours,
            "netbox": self.theirs,
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class SyncPlan:
    """Everything that differs, and what will be done about it."""

    steps: tuple[Step, ...] = ()
    refusals: tuple[Refusal, ...] = ()
    orphans: tuple[Orphan, ...] = ()
    """Removed by steps when that was asked for; else only told."""
    intents: tuple[Intent, ...] = ()
    matched: Mapping[str, int] = field(default_factory=dict)
    """Our name to NetBox's id, of everything that was found."""

    @property
    def counts(self) -> dict[str, int]:
        """How many steps of each act."""
        found = Counter[str](step.act for step in self.steps)
        return {act: found.get(act, 0) for act in SIGNS}

    @property
    def digest(self) -> str:
        """`sha256:…` of what would be done: another digest is another plan."""
        return digest_of([step.view() for step in self.steps])

    def view(self) -> dict[str, Any]:
        """As people and programs read it."""
        return {
            "digest": self.digest,
            "counts": self.counts,
            "steps": [step.view() for step in self.steps],
            "refused": [one.view() for one in self.refusals],
            "orphans": [one.view() for one in self.orphans],
            "intents": [one.view() for one in self.intents],
        }


def shown(value: Any) -> Any:
    """A value as JSON takes it; what is not made yet is shown by our name for it."""
    match value:
        case Ref(ident=ident):
            return f"→ {ident}"
        case dict():
            return {str(key): shown(one) for key, one in value.items()}
        case list() | tuple():
            return [shown(one) for one in value]
        case _:
            return value
