"""What a write leaves behind: an object change with the values before and after, and an event.

Both are part of the same change of the store as the record itself, so that no write is without its
history and no history tells of a write that did not happen.
"""

from __future__ import annotations

import secrets
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from fastapi import Request

from inventory.auth import Actor
from inventory.bounds import REQUEST_ID_STATE
from inventory.changes import ObjectChange, change_id
from inventory.model import Event, Host, Pod, Record
from inventory.store.protocol import Change
from inventory.store.reading import key_of

HEAVY: Mapping[type[Record], tuple[str, frozenset[str]]] = {
    Host: ("host", frozenset({"facts", "mismatches", "conformance", "boot", "root", "wake_at"})),
    Pod: ("pod", frozenset({"spec_document", "plan"})),
}
"""What an act is written down for: its noun, and the fields that no change log repeats."""
BMC_ACCOUNT = "username"
"""Who may read the change log need not know whom to guess for."""


@dataclass(frozen=True, slots=True)
class Who:
    """Who writes, in which request."""

    name: str
    request_id: str


@dataclass(frozen=True, slots=True)
class Deed:
    """One write of one record."""

    before: Record | None
    after: Record | None
    message: str = ""
    created_at: float = 0.0
    """When the record came, as its row says."""

    @property
    def record(self) -> Record:
        """The record, as it is or was."""
        found = self.after if self.after is not None else self.before
        if found is None:
            raise ValueError("a deed has a record before or after it")
        return found


def change_of_deeds(
    deeds: Iterable[Deed], *, noun: str, who: Who, now: datetime, heavy: Collection[str] = ()
) -> Change:
    """Everything that these writes come to."""
    told = list(deeds)
    return Change(
        insert=(
            *(d.after for d in told if d.before is None and d.after is not None),
            *(_object_change(d, noun, who, now, heavy) for d in told),
        ),
        # What is removed is replaced first: only then does the store compare the versions.
        replace=tuple(
            d.after if d.after is not None else d.before
            for d in told
            if d.before is not None and _versioned(d.before)
        ),
        remove=tuple(d.before for d in told if d.after is None and d.before is not None),
        events=tuple(_event(d, noun, who, now) for d in told),
    )


def who_of(request: Request, actor: Actor) -> Who:
    """Who asks, in this request."""
    return Who(actor.name, getattr(request.state, REQUEST_ID_STATE, ""))


def logged(
    change: Change, who: Who, *, now: datetime, before: Iterable[Record] = (), why: str = ""
) -> Change:
    """A change with an entry in the change log for each host and pod that it is about.

    For acts (retry, apply …) that have an event of their own. Of what is replaced only that counts
    which stands in `before`: a host that is merely woken was not changed by anybody.
    """
    known = {(type(record), key_of(record)): record for record in before}
    removed = {(type(record), key_of(record)) for record in change.remove}
    deeds = [
        *(Deed(None, record, why) for record in change.insert),
        *(
            Deed(known[key], None if key in removed else record, why)
            for record in change.replace
            if (key := (type(record), key_of(record))) in known
        ),
    ]
    entries = tuple(
        _object_change(deed, HEAVY[type(deed.record)][0], who, now, HEAVY[type(deed.record)][1])
        for deed in deeds
        if type(deed.record) in HEAVY
    )
    return replace(change, insert=(*change.insert, *entries))


def name_of(record: Record) -> str:
    """What a record is called: its name, its label, or its key."""
    for field in ("name", "label"):
        if said := getattr(record, field, ""):
            return str(said)
    return key_of(record)


def _versioned(record: Record) -> bool:
    return "version" in type(record).model_fields


def _object_change(
    deed: Deed, noun: str, who: Who, now: datetime, heavy: Collection[str]
) -> ObjectChange:
    return ObjectChange(
        id=change_id(now, secrets.token_hex(5)),
        at=now,
        actor=who.name,
        request_id=who.request_id,
        kind=noun,
        key=key_of(deed.record),
        name=name_of(deed.record),
        action="update"
        if deed.before is not None and deed.after is not None
        else ("create" if deed.after is not None else "delete"),
        before=_snapshot(deed.before, heavy),
        after=_snapshot(deed.after, heavy),
        message=deed.message,
    )


def _snapshot(record: Record | None, heavy: Collection[str]) -> dict[str, Any] | None:
    """The record's own fields; what was observed of hardware is nobody's change."""
    if record is None:
        return None
    found: dict[str, Any] = record.model_dump(mode="json", exclude={"version", *heavy})
    if isinstance(found.get("bmc"), dict):
        found["bmc"].pop(BMC_ACCOUNT, None)
    return found


def _event(deed: Deed, noun: str, who: Who, now: datetime) -> Event:
    if deed.before is None:
        return _told("record.created", deed, noun, who, now)
    if deed.after is None:
        return _told("record.removed", deed, noun, who, now)
    return _told("record.changed", deed, noun, who, now)


def _told(kind: str, deed: Deed, noun: str, who: Who, now: datetime) -> Event:
    subject = f"{noun}:{name_of(deed.record)}"[:255]
    return Event(at=now, actor=who.name, kind=kind, subject=subject, why=deed.message)
