"""Whose each BMC is that was found, worked out anew from what is on record now.

After every list that was imported and every walk: which of the two came first makes no difference.
BMCs of hosts are known by address or certificate, so that nobody takes one for a stranger.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from inventory.errors import Conflict, StaleWrite
from inventory.expected_hosts import ExpectedHost
from inventory.expecting.matching import Match, match
from inventory.found_bmcs import FoundBmc
from inventory.model import Event, Host, Record
from inventory.store.protocol import Change, Fence, Store
from inventory.store.reading import each, every

WRITE_TRIES = 5
BATCH = 500
ACTOR = "discovery"


def rematch(store: Store, *, now: datetime, fence: Fence | None = None) -> list[ExpectedHost]:
    """Bring every row and every BMC up to date; rows that are found and want to be hosts."""
    for _ in range(WRITE_TRIES):
        expected = every(store, ExpectedHost, host_id="")
        found = [one for one in every(store, FoundBmc) if one.state != "host"]
        if not found:
            return []
        hosts = _hosts(store)
        theirs = {one.id: name for one in found if (name := _host_of(one, hosts))}
        said = match(expected, [one for one in found if one.id not in theirs])
        changed = [
            *_bmcs(found, theirs, said),
            *_rows(expected, said),
        ]
        try:
            _write(store, changed, now=now, fence=fence)
        except (StaleWrite, Conflict):
            continue
        wanted = {m.expected.id for m in said.values() if m.expected and m.expected.enrol}
        return list(store.get_many(ExpectedHost, wanted).values())
    raise StaleWrite("expected hosts changed while BMCs were matched with them")


def _hosts(store: Store) -> dict[str, str]:
    """Address and certificate of every host's BMC to the host's name."""
    known: dict[str, str] = {}
    for host in each(store, Host):
        known[host.bmc.address.partition("/redfish/")[0]] = host.name
        if host.bmc.fingerprint:
            known[host.bmc.fingerprint] = host.name
    return known


def _host_of(one: FoundBmc, hosts: dict[str, str]) -> str:
    return hosts.get(one.address) or (hosts.get(one.fingerprint, "") if one.fingerprint else "")


def _bmcs(
    found: list[FoundBmc], theirs: dict[str, str], said: dict[str, Match]
) -> Iterator[FoundBmc]:
    """BMCs of whom something else is said now."""
    for one in found:
        if host := theirs.get(one.id):
            fields = {"state": "host", "host": host, "why": ""}
        else:
            told = said[one.id]
            name = told.expected.name if told.expected else ""
            fields = {"state": "matched" if name else "found", "expected": name, "why": told.why}
        fresh = one.model_copy(update=fields)
        if fresh != one:
            yield fresh


def _rows(expected: list[ExpectedHost], said: dict[str, Match]) -> Iterator[ExpectedHost]:
    """Rows whose BMC is another one now, or known at last."""
    found = {m.expected.id: (key, m.by) for key, m in said.items() if m.expected is not None}
    for row in expected:
        key, by = found.get(row.id, ("", ()))
        if (key, by) != (row.found, row.matched_by):
            yield row.model_copy(update={"found": key, "matched_by": by})


def _write(store: Store, changed: list[Record], *, now: datetime, fence: Fence | None) -> None:
    for start in range(0, len(changed), BATCH):
        some = tuple(changed[start : start + BATCH])
        events = tuple(
            Event(
                at=now,
                actor=ACTOR,
                kind="expected.found",
                subject=f"expected:{one.name}",
                why=", ".join(one.matched_by),
            )
            for one in some
            if isinstance(one, ExpectedHost) and one.found
        )
        store.apply(Change(replace=some, events=events), now=now, fence=fence)
