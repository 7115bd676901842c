"""The loop: everything comes together, one slow cluster holds up nobody, a lost lease ends it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable

import pytest

from inventory.errors import FenceLost
from inventory.model import Claim, Deployment, RayCluster, UsageRecord
from inventory.states import ClaimState
from inventory.store.protocol import Change
from runtime.controller import RuntimeController
from runtime.ledger import Ledger
from tests.unit.runtime_control.builders import Site, make_deployment
from tests.unit.runtime_control.test_ingesting import make_entry

LIMIT_S = 20.0


@contextlib.asynccontextmanager
async def running(site: Site) -> AsyncIterator[RuntimeController]:
    controller = RuntimeController(site.world(), site.fence)
    task = asyncio.create_task(controller.run())
    try:
        yield controller
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def phase(site: Site, tenant: str = "acme") -> str:
    found = site.store.find(RayCluster, tenant=tenant)
    return found[0].phase if found else ""


async def until(site: Site, holds: Callable[[], bool]) -> None:
    """Let agents obey and time pass until something holds."""
    async with asyncio.timeout(LIMIT_S):
        while not holds():
            site.agents_obey()
            site.clock.forward(0.5)
            await asyncio.sleep(0.02)


async def test_from_a_claim_to_a_route_and_back(site: Site) -> None:
    site.claim(count=2)
    site.write(Change(insert=(make_deployment(),)))
    async with running(site):
        await until(site, lambda: site.got(Deployment, "dep-smol").phase == "running")
        await until(
            site,
            lambda: bool(site.holder.states and site.holder.states[-1].models["acme"]["smol"]),
        )
        assert site.cluster().phase == "running"
        site.release("c1")
        await until(site, lambda: site.got(Claim, "c1").state is ClaimState.RELEASED)
        await until(site, lambda: site.cluster().phase == "stopped")
        await until(site, lambda: site.got(Deployment, "dep-smol").phase == "pending")
        await until(site, lambda: site.holder.states[-1].clusters == {})
    assert len(site.store.find(UsageRecord, claim="c1")) == 1


async def test_a_hanging_cluster_does_not_hold_up_another(site: Site) -> None:
    site.settings = site.settings.model_copy(update={"cluster_deadline_s": 3600.0})
    site.claim("c1")
    async with running(site):
        await until(site, lambda: bool(site.clusters))
        site.clusters[site.cluster().id].hanging = True
        site.claim("c2", tenant="rival")
        await until(site, lambda: phase(site, "rival") == "running")


async def test_a_lost_lease_ends_the_loop(site: Site) -> None:
    site.claim()
    controller = RuntimeController(site.world(), site.fence)
    site.take_lease("successor")
    with pytest.raises(FenceLost):
        async with asyncio.timeout(LIMIT_S):
            await controller.run()
    assert site.got(Claim, "c1").state is ClaimState.PENDING


async def test_a_store_that_is_away_for_a_while_fails_nothing(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.claim()

    def away(*_: object, **__: object) -> None:
        raise OSError("the database is away")

    async with running(site):
        with monkeypatch.context() as patch:
            patch.setattr(site.store, "find", away)
            await asyncio.sleep(0.2)
        await until(site, lambda: site.got(Claim, "c1").state is ClaimState.BOUND)


async def test_usage_is_ingested_while_clusters_are_tended(site: Site) -> None:
    with Ledger(site.root / "journal") as ledger:
        ledger.append(make_entry(7))
    async with running(site):
        await until(site, lambda: site.store.count(UsageRecord, tenant="acme") == 1)


async def test_connections_are_closed_when_the_loop_ends(site: Site) -> None:
    site.claim()
    async with running(site):
        await until(site, lambda: bool(site.clusters))
    assert all(cluster.closed for cluster in site.clusters.values())


async def test_a_quiet_loop_writes_nothing(site: Site) -> None:
    site.claim()
    async with running(site):
        await until(site, lambda: phase(site) == "running")
        await asyncio.sleep(0.1)
        before = site.cluster(), site.got(Claim, "c1"), len(site.store.events())
        await asyncio.sleep(0.3)
        assert (site.cluster(), site.got(Claim, "c1"), len(site.store.events())) == before


@pytest.mark.parametrize("turns", range(4))
async def test_a_loop_that_is_cancelled_while_it_wakes_ends(site: Site, turns: int) -> None:
    site.settings = site.settings.model_copy(update={"tick_s": 3600.0})
    controller = RuntimeController(site.world(), site.fence)
    task = asyncio.create_task(controller.run())
    await until(site, lambda: bool(site.holder.states))
    await asyncio.sleep(0.1)  # by now the loop waits
    controller.wake()
    for _ in range(turns):
        await asyncio.sleep(0)
    task.cancel()
    async with asyncio.timeout(LIMIT_S):
        await asyncio.wait([task])
    assert task.cancelled()
