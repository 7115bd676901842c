"""The reads that several steps of the runtime share."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

from inventory.model import Claim, Record
from inventory.states import ClaimState
from inventory.store.protocol import Store
from inventory.store.reading import every, key_of

R = TypeVar("R", bound=Record)

SINGLE_READS_MAX = 64
"""Below this many keys, single reads cost less than reading the table."""


def by_key(store: Store, kind: type[R], keys: Iterable[str]) -> dict[str, R]:
    """The records with these keys; the ones that are not there are left out."""
    wanted = frozenset(keys)
    if len(wanted) > SINGLE_READS_MAX:
        return {key_of(r): r for r in every(store, kind) if key_of(r) in wanted}
    found = ((key, store.get(kind, key)) for key in sorted(wanted))
    return {key: record for key, record in found if record is not None}


def claims_in(store: Store, *states: ClaimState) -> list[Claim]:
    """Claims in these states, oldest first: that is the order in which they are served."""
    found = [claim for state in states for claim in every(store, Claim, state=state.value)]
    return sorted(found, key=lambda claim: (claim.created_at, claim.id))
