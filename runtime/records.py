"""Reading the inventory whole: a port's page ends at a thousand records, a site does not."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

from inventory.model import (
    AgentSeen,
    CertificateRecord,
    Claim,
    ComputeUnit,
    Host,
    RayMember,
    Record,
    Tenant,
)
from inventory.states import ClaimState
from inventory.store.protocol import PAGE_MAX, Store

R = TypeVar("R", bound=Record)

SINGLE_READS_MAX = 64
"""Below this many keys, single reads cost less than reading the table."""


def every(store: Store, kind: type[R], **equals: str | int) -> list[R]:
    """All records that match, page by page."""
    found: list[R] = []
    after = ""
    while True:
        page = store.find(kind, after=after, limit=PAGE_MAX, **equals)
        found.extend(page)
        if len(page) < PAGE_MAX:
            return found
        after = _key(page[-1])


def by_key(store: Store, kind: type[R], keys: Iterable[str]) -> dict[str, R]:
    """The records with these keys; the ones that are not there are left out."""
    wanted = frozenset(keys)
    if len(wanted) > SINGLE_READS_MAX:
        return {_key(r): r for r in every(store, kind) if _key(r) in wanted}
    found = ((key, store.get(kind, key)) for key in sorted(wanted))
    return {key: record for key, record in found if record is not None}


def claims_in(store: Store, *states: ClaimState) -> list[Claim]:
    """Claims in these states, oldest first: that is the order in which they are served."""
    found = [claim for state in states for claim in every(store, Claim, state=state.value)]
    return sorted(found, key=lambda claim: (claim.created_at, claim.id))


def _key(record: Record) -> str:
    match record:
        case AgentSeen() | RayMember():
            return record.host_id
        case Tenant():
            return record.name
        case Host() | ComputeUnit() | Claim() | CertificateRecord():
            return record.id
        case _:
            return str(getattr(record, "id", getattr(record, "name", "")))
