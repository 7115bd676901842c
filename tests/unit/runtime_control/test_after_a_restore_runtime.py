"""Restored records may not know who has what: nothing is given out or taken until confirmed."""

from __future__ import annotations

import asyncio

from inventory.model import Claim, RayCluster
from inventory.restored import NOTE, confirm
from inventory.states import ClaimState
from tests.unit.runtime_control.builders import Site
from tests.unit.runtime_control.test_loop import running, until


async def test_no_claim_is_bound_on_restored_records(site: Site) -> None:
    site.store.write_note(NOTE, "2030-05-01T12:00:00+00:00")
    site.claim(count=2)
    async with running(site):
        for _ in range(20):
            site.clock.forward(0.5)
            await asyncio.sleep(0.01)
        assert site.got(Claim, "c1").state is ClaimState.PENDING
        assert site.store.find(RayCluster) == []
        confirm(site.store, clock=site.clock, actor="ann")
        await until(site, lambda: site.got(Claim, "c1").state is ClaimState.BOUND)
