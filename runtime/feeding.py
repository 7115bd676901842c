"""Keeps the allocator's picture like the records: events say which moved, and only those are read.

An event carries nothing into a decision; it names a record that is read again. Because an event may
be missed (a restore, a record that was written without one), what has another version than the one
last read is looked for every half minute as well, without reading what has not moved.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from inventory.model import CertificateRecord, Claim, ComputeUnit, Event, Host, Pod, Record
from inventory.quotas import TenantQuota
from inventory.states import ClaimState
from inventory.store.protocol import PAGE_MAX, Store
from inventory.store.query import Condition, Query
from runtime.allocation.allocator import Allocator
from runtime.allocation.quota import QuotaRefused
from runtime.allocation.unit import Bar, Constraint
from runtime.offering import holding_of, quota_of, unit_of

log = logging.getLogger("podyard.runtime")

HEAL_EVERY = timedelta(seconds=30)
"""How long a missed event may go unseen: about as long as people wait before they ask."""

OPEN = (ClaimState.PENDING, ClaimState.BOUND, ClaimState.RELEASING)
OPEN_CLAIMS = (Condition("state", "in", tuple(state.value for state in OPEN)),)

UNITS_MOVED = (
    "certificate.",
    "host.certified",
    "host.forgotten",
    "host.power",
    "host.quarantine",
    "host.resume",
    "host.retry",
    "host.target",
    "record.",
    "unit.",
)
"""Beginnings of the kinds of event after which a unit may be offered that was not, or no more."""

HELD_MOVED = ("host.power", "unit.")
"""The same for units that a claim has: it is told at once."""

LOOK_EVERY = timedelta(seconds=1)
"""Between two looks for new units while hosts come up by the thousand."""


@dataclass(slots=True)
class Seen:
    """Versions of one kind of record, as they were last read."""

    kind: type[Record]
    conditions: tuple[Condition, ...] = ()
    versions: dict[str, int] = field(default_factory=dict)

    def moved(self, store: Store) -> tuple[set[str], set[str]]:
        """Keys that are new or have another version, and keys that are gone."""
        now: dict[str, int] = {}
        after = ""
        while True:
            query = Query(self.conditions, after=after, limit=PAGE_MAX, counted=False)
            page = store.outline(self.kind, query)
            now.update((row.key, row.version) for row in page.rows)
            after = page.next_cursor
            if not after:
                break
        changed = {key for key, version in now.items() if self.versions.get(key) != version}
        gone = self.versions.keys() - now.keys()
        self.versions = now
        return changed, set(gone)


class Feeding:
    """One allocator's source."""

    def __init__(self, store: Store, allocator: Allocator) -> None:
        self._store = store
        self._allocator = allocator
        self._cursor = 0
        self._heal_at: datetime | None = None
        self._claims = Seen(Claim, OPEN_CLAIMS)
        self._units = Seen(ComputeUnit)
        self._hosts = Seen(Host)
        self._quotas = Seen(TenantQuota)
        self._units_on: dict[str, set[str]] = {}
        self._units_due = False
        self._hosts_due: set[str] = set()
        self._look_at: datetime | None = None
        self.claims: dict[str, Claim] = {}
        """Every claim that is not over, as it was last read."""

    def follow(self, now: datetime) -> set[str]:
        """Catch up; which claims moved. What was not read for an error is read the next time."""
        try:
            return self._catch_up(now)
        except BaseException:
            self._heal_at = None
            for seen in (self._claims, self._units, self._hosts, self._quotas):
                seen.versions.clear()
            raise

    def _catch_up(self, now: datetime) -> set[str]:
        last = self._store.last_event()
        if self._heal_at is None or now >= self._heal_at or last < self._cursor:
            self._heal_at = now + HEAL_EVERY
            self._cursor = last
            return self._heal(now)
        moved: set[str] = set()
        quotas, held = False, False
        for event in self._events(last):
            sort, _, name = event.subject.partition(":")
            if sort == "claim":
                moved.add(name)
            quotas = quotas or sort == "quota"
            held = held or event.kind.startswith(HELD_MOVED)
            if event.kind.startswith(UNITS_MOVED):
                self._units_due = True
                self._hosts_due.update({name} if sort == "host" else ())
        self._cursor = last
        if quotas:
            self._read_quotas()
        waits = (
            moved or held or any(one.state is ClaimState.PENDING for one in self.claims.values())
        )
        if self._units_due and waits and (self._look_at is None or now >= self._look_at):
            self._look_at_units(now)
        self.read_claims(moved)
        return moved

    def read_claims(self, claim_ids: Iterable[str]) -> None:
        """Read these claims again, and tell the allocator what they hold."""
        wanted = set(claim_ids)
        found = self._store.get_many(Claim, wanted) if wanted else {}
        for claim_id in sorted(wanted):
            self._take_in(claim_id, found.get(claim_id))

    def read_units(self, unit_ids: Iterable[str]) -> dict[str, ComputeUnit]:
        """Read these units and what backs them again, and tell the allocator."""
        wanted = sorted(set(unit_ids))
        found = self._store.get_many(ComputeUnit, wanted)
        hosts = self._store.get_many(Host, {i for unit in found.values() for i in unit.host_ids})
        backing = {i for unit in found.values() for i in unit.certificate_ids}
        certificates = self._store.get_many(CertificateRecord, backing)
        pods = self._store.get_many(Pod, {unit.pod for unit in found.values()})
        for unit_id in wanted:
            unit = found.get(unit_id)
            if unit is None:
                self._allocator.unit_gone(unit_id)
                continue
            for host_id in unit.host_ids:
                self._units_on.setdefault(host_id, set()).add(unit_id)
            offered = unit_of(unit, hosts, certificates, pods.get(unit.pod))
            holder = self.claims.get(unit.claim)
            if offered.bar is None and holder is not None and unit_id not in holder.unit_ids:
                offered = replace(offered, bar=Bar(Constraint.WITHDRAWN, f"{holder.id} leaves it"))
            self._allocator.unit_seen(offered)
        return found

    def _read_quotas(self) -> None:
        """Those that moved. A quota above comes before those below it in no order: all are told."""
        changed, gone = self._quotas.moved(self._store)
        for name in sorted(gone):
            self._allocator.quota_gone(name)
        for quota in self._store.get_many(TenantQuota, changed).values():
            try:
                self._allocator.quota_seen(quota_of(quota))
            except QuotaRefused as error:  # the one that stood before goes on standing
                log.warning("a quota makes no tree", extra={"cause": str(error)})

    def _heal(self, now: datetime) -> set[str]:
        """Whatever is not as it was last read."""
        self._read_quotas()
        hosts, _ = self._hosts.moved(self._store)
        self._read_moved_units(hosts, now)
        moved, over = self._claims.moved(self._store)
        self.read_claims(moved | over)
        return moved | over

    def _look_at_units(self, now: datetime) -> None:
        """New units have no event of their own: their versions tell. Hosts are named by theirs."""
        found = (self._store.find(Host, name=name, limit=1) for name in sorted(self._hosts_due))
        self._read_moved_units({host.id for page in found for host in page}, now)

    def _read_moved_units(self, hosts: set[str], now: datetime) -> None:
        changed, gone = self._units.moved(self._store)
        beside = {unit_id for host_id in hosts for unit_id in self._units_on.get(host_id, ())}
        self._units_due, self._look_at = False, now + LOOK_EVERY
        self._hosts_due.clear()
        self.read_units(changed | gone | beside)

    def _take_in(self, claim_id: str, claim: Claim | None) -> None:
        if claim is None or claim.state not in OPEN:
            self.claims.pop(claim_id, None)
            self._allocator.ended(claim_id)
            self._allocator.withdrawn(claim_id)
            return
        self.claims[claim_id] = claim
        if claim.unit_ids:
            self._allocator.holds(holding_of(claim))
        elif claim.state is not ClaimState.PENDING:
            self._allocator.withdrawn(claim_id)
        elif claim.promised_from is not None:
            self._allocator.promised(claim_id, claim.promised, claim.promised_from)

    def _events(self, last: int) -> Iterable[Event]:
        after = self._cursor
        while after < last:
            page = self._store.events(after=after)
            yield from page
            if len(page) < PAGE_MAX:
                return
            after = page[-1].seq
