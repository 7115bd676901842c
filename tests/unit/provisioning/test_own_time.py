"""A clock that stands still while its own loop is behind, and costs nothing while nobody asks."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from provisioning.bench.virtual_time import SealedLoop, VirtualLoop, run
from provisioning.own_time import BEHIND_S, TICK_S, OwnTime

BLOCKED_S = 3.0


def told(live: Callable[[VirtualLoop, OwnTime], Awaitable[None]]) -> OwnTime:
    """The clock after something was lived through."""

    async def main(loop: VirtualLoop) -> OwnTime:
        own = OwnTime(loop.time)
        await live(loop, own)
        return own

    return run(main)


def blocks(loop: VirtualLoop, seconds: float) -> None:
    """Somebody takes the loop for so long and lets nobody else have a turn."""
    loop.jump.elapsed_s += seconds


def test_it_goes_with_the_clock_while_the_loop_keeps_up() -> None:
    async def live(loop: VirtualLoop, own: OwnTime) -> None:
        began, own_began = loop.time(), own.begin()
        await asyncio.sleep(5.03)
        assert own.end() - own_began == loop.time() - began
        assert (own.lag_s, own.stretch, own.is_behind) == (0.0, 1.0, False)

    told(live)


def test_it_stands_still_while_the_loop_is_taken() -> None:
    async def live(loop: VirtualLoop, own: OwnTime) -> None:
        own_began = own.begin()
        await asyncio.sleep(0.45)
        blocks(loop, BLOCKED_S)
        assert own.now() - own_began <= 0.45 + TICK_S, "told before the late wake-up had its turn"
        await asyncio.sleep(0.45)
        assert own.end() - own_began == pytest.approx(0.9, abs=TICK_S)
        assert own.lag_s > 0

    told(live)


def test_a_loop_that_is_late_each_time_is_behind_and_one_that_was_late_once_is_soon_not() -> None:
    async def live(loop: VirtualLoop, own: OwnTime) -> None:
        own.begin()
        for _ in range(100):
            await asyncio.sleep(0.0)
            blocks(loop, 0.3)
        assert own.is_behind
        assert BEHIND_S < own.lag_s <= 2 * 0.3
        assert own.stretch > 2
        await asyncio.sleep(2.0)
        assert not own.is_behind
        own.end()

    told(live)


def test_milliseconds_are_nobodys_lag() -> None:
    async def live(loop: VirtualLoop, own: OwnTime) -> None:
        own_began = own.begin()
        for _ in range(50):
            await asyncio.sleep(0.05)
            blocks(loop, 0.01)
        assert own.end() - own_began == pytest.approx(50 * 0.06)
        assert own.lag_s == 0.0

    told(live)


def test_nothing_ticks_while_nobody_asks_and_what_was_before_is_forgotten() -> None:
    async def live(loop: VirtualLoop, own: OwnTime) -> None:
        own.begin()
        await asyncio.sleep(TICK_S / 2)
        blocks(loop, BLOCKED_S)
        own.end()
        await asyncio.sleep(1.0)
        assert isinstance(loop, SealedLoop)
        assert not loop._due, "nobody else set a timer"
        await asyncio.sleep(100.0)
        own_began = own.begin()
        assert own.lag_s == 0.0
        await asyncio.sleep(2.0)
        assert own.end() - own_began == pytest.approx(2.0)

    told(live)
