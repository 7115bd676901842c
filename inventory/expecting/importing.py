"""Rows of a list become expected hosts: checked against what there is, then written in one change.

All or none, and in a few questions to the store however long the list is. A row is known by its
name: the same list sent again changes nothing. What became a host already is the host's record from
then on, and no list speaks for it any more.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from inventory.applying import (
    ADDRESS_HINT,
    BMC_PASSWORD,
    NETWORK_HINT,
    address_complaint,
    without_user,
)
from inventory.expected_hosts import ExpectedHost, FactoryAccount, Source
from inventory.expecting.lists import Fault, Listed, Row
from inventory.expecting.reaching import reach_of
from inventory.model import Event, Host, Pod, Record
from inventory.outbound.bmc_address import bmc_address_fault
from inventory.secrets import SecretBox
from inventory.store.protocol import PAGE_MAX, Change, Store
from inventory.store.query import Condition, Query
from inventory.store.reading import every
from pods.spec import PodSpec


@dataclass(slots=True)
class Import:
    """What a list comes to: what would be written, or what is wrong."""

    rows: int = 0
    created: list[ExpectedHost] = field(default_factory=list)
    updated: list[ExpectedHost] = field(default_factory=list)
    unchanged: int = 0
    hosts: int = 0
    """Rows that are hosts already."""
    faults: list[Fault] = field(default_factory=list)
    secrets: dict[tuple[str, str], bytes] = field(default_factory=dict)

    def change(self, *, now: datetime, actor: str, source: Source) -> Change:
        """Everything that it writes."""
        said = f"{len(self.created)} new, {len(self.updated)} changed, {self.unchanged} as before"
        event = Event(
            at=now, actor=actor, kind="expected.imported", subject="expected", new=said, why=source
        )
        return Change(
            insert=tuple(self.created),
            replace=tuple(self.updated),
            events=(event,),
            secrets=self.secrets,
        )


@dataclass(frozen=True, slots=True)
class _Known:
    """What the store has of what a list names."""

    pods: dict[str, Pod]
    slots: dict[str, frozenset[str]]
    accounts: frozenset[str]
    rows: dict[str, ExpectedHost]
    by_serial: dict[str, ExpectedHost]
    by_slot: dict[tuple[str, str], ExpectedHost]
    hosts: dict[str, Host]
    serials: dict[str, Host]
    taken: dict[tuple[str, str], Host]


def plan_import(store: Store, box: SecretBox, listed: Listed, *, source: Source) -> Import:
    """What a list would write; it writes nothing itself."""
    done = Import(rows=len(listed.rows), faults=list(listed.faults))
    known = _known(store, listed.rows)
    reaches = {simulated: reach_of(store, simulated=simulated) for simulated in (False, True)}
    for row in listed.rows:
        faults = list(_faults(row, known))
        pod = known.pods.get(row.pod)
        if row.bmc and pod is not None:
            faults += _address_faults(row, bmc_address_fault(row.bmc, reaches[pod.simulated]))
        if faults:
            done.faults += faults
        else:
            _take(done, row, known, box, source)
    done.faults.sort(key=lambda fault: fault.line)
    return done


def _take(done: Import, row: Row, known: _Known, box: SecretBox, source: Source) -> None:
    """One row that is right: new, changed, as before, or a host by now."""
    before = known.rows.get(row.name)
    if row.name in known.hosts:
        done.hosts += 1
        return
    key = before.id if before else str(uuid.uuid4())
    own_password = row.password is not None
    if before and not (row.account or row.username):
        own_password = before.own_password  # a list without accounts takes none away
    fields: dict[str, Any] = {
        **{name: getattr(row, name) for name in ("name", "pod", "slot", "serial", "uuid", "macs")},
        **{name: getattr(row, name) for name in ("bmc", "fingerprint", "enrol")},
        "account": row.account,
        "username": row.username,
        "own_password": own_password,
        "source": source,
    }
    if before and not (row.account or row.username):
        fields |= {"account": before.account, "username": before.username}
    if row.password is not None:
        done.secrets[key, BMC_PASSWORD] = box.seal(key, BMC_PASSWORD, row.password)
    if before is None:
        done.created.append(ExpectedHost(id=key, **fields))
        return
    fresh = before.model_copy(update=fields)
    if fresh == before:
        done.unchanged += 1
    else:  # its signs changed: whose BMC it is shows anew
        done.updated.append(fresh.model_copy(update={"found": "", "matched_by": (), "why": ""}))


def _faults(row: Row, known: _Known) -> Iterator[Fault]:
    """What is wrong with a row against what there is."""
    pod = known.pods.get(row.pod)
    if pod is None:
        yield Fault(row.line, "pod", row.pod, "there is no pod of this name", "podyard pod list")
    elif row.slot not in known.slots[row.pod]:
        hint = f"its slots: {', '.join(sorted(known.slots[row.pod])[:20])}"
        yield Fault(row.line, "slot", row.slot, f"{pod.spec} has no such slot", hint)
    if row.account and row.account not in known.accounts:
        hint = "podyard bmc account NAME --username USER --password-file FILE"
        yield Fault(row.line, "account", row.account, "there is no such account", hint)
    host = known.hosts.get(row.name)
    if host is not None and host.serial != row.serial:
        message = f"host {host.name} has another serial number: {host.serial}"
        yield Fault(row.line, "serial", row.serial, message, "correct one of the two")
    for column, other in (
        ("serial", known.serials.get(row.serial)),
        ("slot", known.taken.get((row.pod, row.slot))),
    ):
        if other is not None and other.name != row.name:
            message = f"host {other.name} of pod {other.pod} has this {column}"
            hint = f"correct it, or podyard host forget {other.name}"
            yield Fault(row.line, column, str(getattr(row, column)), message, hint)
    for column, expected in (
        ("serial", known.by_serial.get(row.serial)),
        ("slot", known.by_slot.get((row.pod, row.slot))),
    ):
        if expected is not None and expected.name != row.name:
            message = f"{expected.name} is expected with this {column}"
            hint = f"correct it, or podyard host unexpect {expected.name}"
            yield Fault(row.line, column, str(getattr(row, column)), message, hint)


def _address_faults(row: Row, outside: str) -> Iterator[Fault]:
    shown = without_user(row.bmc)
    if complaint := address_complaint(row.bmc):
        yield Fault(row.line, "bmc", shown, complaint, ADDRESS_HINT)
    elif outside:
        yield Fault(row.line, "bmc", shown, outside, NETWORK_HINT)


def _known(store: Store, rows: Sequence[Row]) -> _Known:
    pods = store.get_many(Pod, {row.pod for row in rows})
    specs = {
        name: PodSpec.model_validate_json(json.dumps(pod.spec_document))
        for name, pod in pods.items()
    }
    names, serials = sorted({row.name for row in rows}), sorted({row.serial for row in rows})
    expected = {e.id: e for e in _having(store, ExpectedHost, "name", names)}
    expected |= {e.id: e for e in _having(store, ExpectedHost, "serial", serials)}
    in_pods = [e for name in pods for e in every(store, ExpectedHost, pod=name)]
    hosts = [host for name in pods for host in every(store, Host, pod=name)]
    named = [*hosts, *_having(store, Host, "name", names), *_having(store, Host, "serial", serials)]
    going = {row.name: row for row in rows}

    def stays(one: ExpectedHost) -> bool:
        """Whether it keeps its slot and serial: what this list moves elsewhere frees them."""
        mine = going.get(one.name)
        return mine is None or (mine.pod, mine.slot, mine.serial) == (one.pod, one.slot, one.serial)

    return _Known(
        pods=pods,
        slots={name: frozenset(s.slot for _, s in spec.slots()) for name, spec in specs.items()},
        accounts=frozenset(one.name for one in every(store, FactoryAccount)),
        rows={one.name: one for one in expected.values()},
        by_serial={one.serial: one for one in expected.values() if stays(one)},
        by_slot={(one.pod, one.slot): one for one in in_pods if stays(one)},
        hosts={host.name: host for host in named},
        serials={host.serial: host for host in named},
        taken={(host.pod, host.slot): host for host in hosts},
    )


def _having(store: Store, kind: type[Any], column: str, values: Sequence[str]) -> Iterator[Any]:
    """Records with one of these values, a page of values at a time."""
    for start in range(0, len(values), PAGE_MAX):
        asked = (Condition(column, "in", tuple(values[start : start + PAGE_MAX])),)
        yield from _all(store, kind, Query(asked, limit=PAGE_MAX, counted=False))


def _all(store: Store, kind: type[Record], query: Query) -> Iterable[Record]:
    while True:
        page = store.search(kind, query)
        yield from page.records
        if not page.next_cursor:
            return
        query = replace(query, after=page.next_cursor)
