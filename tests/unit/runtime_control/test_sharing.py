"""No unit ever serves two claims: any order of claims, releases, crashes and rivals."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
import threading
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inventory.errors import FenceLost, StaleWrite
from inventory.model import Claim, ComputeUnit
from inventory.states import ClaimState, UnitState
from inventory.store.protocol import Change, Fence
from inventory.store.sql import SqlStore
from runtime.binding import Binding
from runtime.claiming import Bind, apply_claim
from tests.unit.runtime_control.builders import RING, Site, make_claim

STEP = st.one_of(
    st.tuples(st.just("claim"), st.integers(1, 3)),
    st.tuples(st.just("release"), st.integers(0, 20)),
    st.tuples(st.just("look"), st.none()),
    st.tuples(st.just("crash"), st.integers(0, 3)),
    st.tuples(st.just("drain"), st.integers(0, 2)),
)


class CrashingStore:
    """Dies after a number of writes, as a killed process does."""

    def __init__(self, store: SqlStore, *, writes: int) -> None:
        self._store = store
        self._writes = writes

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def apply(self, *arguments: Any, **named: Any) -> None:
        if self._writes == 0:
            raise KeyboardInterrupt
        self._writes -= 1
        self._store.apply(*arguments, **named)


def check(site: Site) -> None:
    claims = site.store.find(Claim)
    holding = [c for c in claims if c.state in {ClaimState.BOUND, ClaimState.RELEASING}]
    listed = [unit_id for claim in holding for unit_id in claim.unit_ids]
    assert len(listed) == len(set(listed)), "a unit is listed by two claims"
    for claim in holding:
        assert len(claim.unit_ids) in {0, claim.count}
    for unit in site.store.find(ComputeUnit):
        holders = [c.id for c in holding if unit.id in c.unit_ids]
        assert holders == ([unit.claim] if unit.claim else [])
        assert bool(unit.claim) == (unit.state in {UnitState.CLAIMED, UnitState.DRAINING})


def perform(site: Site, number: int, step: tuple[str, Any]) -> None:
    claims = site.store.find(Claim)
    match step:
        case "claim", count:
            site.claim(f"c{number:03}", count=count)
        case "release", index if claims:
            claim = claims[index % len(claims)]
            if claim.state in {ClaimState.PENDING, ClaimState.BOUND}:
                site.release(claim.id)
        case "look", _:
            Binding(site.store, RING, site.fence).step(site.clock.now())
        case "crash", writes:
            dying: Any = CrashingStore(site.store, writes=writes)
            with contextlib.suppress(KeyboardInterrupt):
                Binding(dying, RING, site.fence).step(site.clock.now())
            site.fence = site.take_lease(f"life {number}")
        case "drain", index:
            unit = site.store.find(ComputeUnit)[index]
            if unit.state is UnitState.CLAIMED:
                site.update(unit, state=UnitState.DRAINING)


@settings(max_examples=25)
@given(steps=st.lists(STEP, min_size=1, max_size=14))
def test_no_order_of_events_lets_two_claims_share_a_unit(
    migrated: Path, steps: list[tuple[str, Any]]
) -> None:
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "podyard.db"
        shutil.copy(migrated, path)
        store = SqlStore.open(f"sqlite:///{path}")
        try:
            site = Site(store, Path(directory))
            for number, step in enumerate(steps):
                perform(site, number, step)
                check(site)
        finally:
            store.close()


def bind_change(site: Site, claim: Claim, unit: ComputeUnit) -> Change:
    change = apply_claim(
        claim, Bind((unit.id,), "raced"), units={unit.id: unit}, hosts={}, now=site.clock.now()
    )
    assert change is not None
    return change


def test_of_two_binds_decided_on_the_same_snapshot_one_lands(site: Site) -> None:
    first, second = site.claim("c1"), site.claim("c2")
    unit = site.unit("h1")
    site.store.apply(bind_change(site, first, unit), now=site.clock.now(), fence=site.fence)
    with pytest.raises(StaleWrite):
        site.store.apply(bind_change(site, second, unit), now=site.clock.now(), fence=site.fence)
    assert site.got(Claim, "c2").state is ClaimState.PENDING
    check(site)


def test_racing_threads_never_share_a_unit(site: Site) -> None:
    """Even without the lease: the versions alone protect."""
    for number in range(6):
        site.claim(f"c{number}")
    start = threading.Barrier(4)

    def race() -> None:
        start.wait()
        for _ in range(3):
            Binding(site.store, RING, site.fence).step(site.clock.now())

    threads = [threading.Thread(target=race) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    bound = [c for c in site.store.find(Claim) if c.state is ClaimState.BOUND]
    assert len(bound) == 3
    check(site)


def test_a_controller_that_lost_its_lease_binds_nothing(site: Site) -> None:
    old: Fence = site.fence
    site.take_lease("successor")
    site.claim()
    with pytest.raises(FenceLost):
        Binding(site.store, RING, old).step(site.clock.now())
    assert site.got(Claim, "c1").state is ClaimState.PENDING


def test_a_unit_that_a_claim_lists_is_not_given_out_whatever_its_row_says(site: Site) -> None:
    site.claim("c1", count=3)
    Binding(site.store, RING, site.fence).step(site.clock.now())
    site.update(site.unit("h1"), state=UnitState.AVAILABLE, claim="")
    site.claim("c2")
    Binding(site.store, RING, site.fence).step(site.clock.now())
    assert site.got(Claim, "c2").state is ClaimState.PENDING
    assert "held by a claim" in site.got(Claim, "c2").why


def test_a_claim_is_a_claim_from_the_oldest_on(site: Site) -> None:
    site.write(Change(insert=(make_claim("c9", count=3, created_at=site.clock.now()),)))
    site.clock.forward(1)
    site.write(Change(insert=(make_claim("c1", created_at=site.clock.now()),)))
    Binding(site.store, RING, site.fence).step(site.clock.now())
    assert site.got(Claim, "c9").state is ClaimState.BOUND
    assert site.got(Claim, "c1").state is ClaimState.PENDING
