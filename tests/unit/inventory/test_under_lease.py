"""A controller ends with its lease and begins anew with the next; its service goes on."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta

import pytest

from inventory.errors import Conflict, FenceLost, StoreUnavailable
from inventory.leases import TIMES, LeaseKeeper, LeaseTimes
from inventory.store.protocol import Fence
from inventory.store.sql import SqlStore
from inventory.under_lease import UnderLease
from tests.unit.inventory.records import FixedClock


class Quick(FixedClock):
    """A clock that moves when it is slept on, and lets others run meanwhile."""

    async def sleep(self, delay_s: float) -> None:
        await super().sleep(delay_s)
        await asyncio.sleep(0)


@dataclass
class Stage:
    """A store, and workers that were built under its leases."""

    store: SqlStore
    clock: Quick = field(default_factory=Quick)
    born: list[Fence] = field(default_factory=list)
    ended: list[Fence] = field(default_factory=list)
    given_back: list[Fence] = field(default_factory=list)
    refusals: list[Exception] = field(default_factory=list)
    work: Callable[[], None] = lambda: None

    async def take(self) -> LeaseKeeper:
        if self.refusals:
            raise self.refusals.pop(0)
        return await LeaseKeeper.join(
            self.store, self.clock, role="provisioning", owner="me", alone=True
        )

    def build(self, keeper: LeaseKeeper) -> Stage.Worker:
        self.born.append(keeper.fence)
        return Stage.Worker(self, keeper.fence)

    async def give_back(self, keeper: LeaseKeeper) -> None:
        self.given_back.append(keeper.fence)

    @dataclass
    class Worker:
        """Works until it is ended."""

        stage: Stage
        fence: Fence
        woken: int = 0

        def wake(self) -> None:
            self.woken += 1

        async def run(self) -> None:
            try:
                while True:
                    self.stage.work()
                    await asyncio.sleep(0)
            finally:
                self.stage.ended.append(self.fence)

    async def until(self, condition: Callable[[], bool]) -> None:
        under = UnderLease(self.clock, self.take, self.build, self.give_back)
        running = asyncio.create_task(under.run())
        async with asyncio.timeout(10):
            while not condition() and not running.done():
                under.wake()
                await asyncio.sleep(0)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        if not running.cancelled() and (error := running.exception()):
            raise error


@pytest.fixture
def stage(store: SqlStore) -> Stage:
    return Stage(store)


async def test_a_worker_ends_with_its_lease_and_the_next_has_another(stage: Stage) -> None:
    def bury() -> None:
        if len(stage.born) == 1:
            stage.store.leave(stage.born[0])

    stage.work = bury
    await stage.until(lambda: len(stage.born) >= 2)
    first, second = stage.born[:2]
    assert second.number > first.number
    assert stage.ended[0] == first == stage.given_back[0]


async def test_a_database_that_is_away_ends_the_worker_before_its_lease_and_not_the_service(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    began = stage.clock.now()

    def away(*_: object, **__: object) -> bool:
        raise StoreUnavailable("gone")

    monkeypatch.setattr(stage.store, "renew_lease", away)
    await stage.until(lambda: bool(stage.ended))
    assert stage.clock.now() - began <= TIMES.valid - TIMES.stop_before + timedelta(seconds=1)
    stage.refusals = [StoreUnavailable("gone")] * 30
    monkeypatch.undo()
    await stage.until(lambda: len(stage.born) >= 2)


async def test_who_comes_second_stands_by(stage: Stage) -> None:
    stage.refusals = [Conflict("another service holds it")] * 3
    await stage.until(lambda: bool(stage.born))
    assert stage.refusals == []


async def test_a_worker_that_lost_its_fence_is_followed_by_another(stage: Stage) -> None:
    def lost() -> None:
        if len(stage.born) == 1:
            raise FenceLost("taken over")

    stage.work = lost
    await stage.until(lambda: len(stage.born) >= 2)


async def test_a_defect_is_not_tried_again_and_again(stage: Stage) -> None:
    def defect() -> None:
        raise ZeroDivisionError

    stage.work = defect
    with pytest.raises(ZeroDivisionError):
        await stage.until(lambda: False)
    assert len(stage.born) == 1


def test_lease_and_grace_end_within_thirty_seconds_and_no_request_outlives_them() -> None:
    deadline_s = 10.0
    over = TIMES.valid + TIMES.grace(deadline_s)
    assert over <= timedelta(seconds=28)  # and two for looking
    last_request = TIMES.valid - TIMES.stop_before + timedelta(seconds=deadline_s)
    assert last_request <= over
    assert LeaseTimes(valid=timedelta(seconds=60)).grace(deadline_s) == timedelta(0)
