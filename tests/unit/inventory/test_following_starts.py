"""Two who begin to follow at the same moment: neither makes the other miss what happens then."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

from inventory.following import Following
from inventory.model import Event
from inventory.store.protocol import Change
from inventory.store.sql import SqlStore
from tests.unit.inventory.records import NOW


def happened(store: SqlStore, number: int) -> None:
    event = Event(at=NOW, actor="t", kind="host.state", subject=f"host:{number}")
    store.apply(Change(events=(event,)), now=NOW)


async def test_a_late_start_skips_nothing_that_an_earlier_one_is_owed(store: SqlStore) -> None:
    both_asked, released = asyncio.Event(), asyncio.Event()
    asked: list[str] = []

    async def in_turn(call: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
        """Both ask where to begin; the second is answered late, with what is true by then."""
        if call == store.last_event:
            asked.append("last")
            if len(asked) == 1:
                await both_asked.wait()
            else:
                both_asked.set()
                await released.wait()
        return call(*args, **kwargs)

    following = Following(store, in_turn)
    happened(store, 1)
    hearing, beginning = (
        following.follow(following.take_seat(who), after=0, wants=lambda _: True, beat_s=5)
        for who in ("one", "two")
    )
    heard = asyncio.create_task(_next(hearing))  # asks first
    begun = asyncio.create_task(_next(beginning))
    async with asyncio.timeout(10):
        first = await heard
        happened(store, 2)
        released.set()
        second = await _next(hearing)
    assert [first, second] == [1, 2]
    begun.cancel()
    await asyncio.gather(begun, return_exceptions=True)
    following.end()


async def _next(events: AsyncIterator[Event | None]) -> int | None:
    event = await anext(events)
    return event.seq if event else None
