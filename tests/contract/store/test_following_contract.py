"""Whoever follows the events hears each of them once and in order, whatever database holds them."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

from inventory.following import QUEUE_MAX, Following, Seat
from inventory.model import Event
from inventory.store.protocol import Change
from inventory.store.sql import SqlStore

NOW = datetime(2030, 5, 1, tzinfo=UTC)
WRITERS, EACH = 6, 60


def write(store: SqlStore, writer: int, count: int) -> None:
    """One event per transaction, as many writers do at the same time."""
    for number in range(count):
        event = Event(at=NOW, actor="w", kind="host.state", subject=f"host:{writer}-{number}")
        store.apply(Change(events=(event,)), now=NOW)


async def hear(following: Following, seat: Seat, count: int, *, after: int | None) -> list[int]:
    """The numbers of the next events."""
    heard: list[int] = []
    async for event in following.follow(seat, after=after, wants=lambda _: True, beat_s=5):
        if event is not None:
            heard.append(event.seq)
        if len(heard) == count:
            break
    return heard


async def test_writers_at_the_same_time_are_heard_once_and_in_order(store: SqlStore) -> None:
    following = Following(store, asyncio.to_thread)
    seats = [following.take_seat(f"key-{number}") for number in range(3)]
    listeners = [
        asyncio.create_task(hear(following, seat, WRITERS * EACH, after=0)) for seat in seats
    ]
    await asyncio.gather(
        *(asyncio.to_thread(write, store, writer, EACH) for writer in range(WRITERS))
    )
    heard = await asyncio.wait_for(asyncio.gather(*listeners), 60)

    assert heard[0] == sorted(set(heard[0]))
    assert len(heard[0]) == WRITERS * EACH
    assert heard[1] == heard[2] == heard[0]
    for seat in seats:
        following.leave(seat)
    assert following.seats == 0


async def test_a_slow_reader_loses_its_queue_and_not_its_place(store: SqlStore) -> None:
    following = Following(store, asyncio.to_thread)
    seat = following.take_seat("key")
    stream = following.follow(seat, after=None, wants=lambda _: True, beat_s=0.2)
    assert await anext(stream) is None  # nothing happened yet

    count = QUEUE_MAX + 50
    await asyncio.to_thread(write, store, 0, count)
    while not seat.behind:  # noqa: ASYNC110 - nobody is told that a queue ran over
        await asyncio.sleep(0.05)
    heard: list[int] = []
    while len(heard) < count:
        event = await anext(stream)
        if event is not None:
            heard.append(event.seq)
    assert seat.queue.qsize() <= QUEUE_MAX
    assert heard == list(range(heard[0], heard[0] + count))
    await stream.aclose()
    following.leave(seat)
