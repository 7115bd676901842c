"""How BMCs are listened to: a stream where there is one, else one subscription, else neither."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

from inventory.clock import Clock
from inventory.store.memory import MemoryStore
from inventory.store.protocol import Fence
from provisioning.bench.virtual_time import VirtualClock, VirtualLoop, inline, run
from provisioning.drivers.capabilities import BmcEvent, Subscription
from provisioning.errors import BmcRefused, BmcUnreachable, Unsupported
from provisioning.telemetry.hearing import AGAIN_S, Hearing
from provisioning.telemetry.inbox import Fate, Inbox
from provisioning.telemetry.settings import TelemetrySettings
from provisioning.telemetry.world import World
from tests.unit.inventory.records import make_host

DOOR = "https://10.0.0.1:8471"


@dataclass
class Talker:
    """A BMC that sends its events, if it does, and streams them, if it does."""

    stream: str = "none"
    refuses: bool = False
    listed: list[Subscription] = field(default_factory=list)
    made: int = 0
    streams: int = 0

    async def events(self) -> AsyncIterator[BmcEvent]:
        self.streams += 1
        if self.stream == "none":
            raise Unsupported("no stream", hint="poll")
        yield BmcEvent(id="1", message_id="x", message="said")
        if self.stream == "breaks":
            raise BmcUnreachable("gone")
        await asyncio.sleep(10**6)

    async def subscriptions(self) -> tuple[Subscription, ...]:
        return tuple(self.listed)

    async def subscribe(self, destination: str, context: str) -> Subscription:
        if self.refuses:
            raise BmcRefused("full", status=400, hint="end another one")
        for one in self.listed:
            if (one.destination, one.context) == (destination, context):
                return one
        self.made += 1
        one = Subscription(uri=f"/s/{self.made}", destination=destination, context=context)
        self.listed.append(one)
        return one

    async def unsubscribe(self, uri: str) -> None:
        self.listed = [one for one in self.listed if one.uri != uri]


class Bed:
    """One worker that listens, and the door that events come through."""

    def __init__(self, loop: VirtualLoop, **settings: Any) -> None:
        self.inbox = Inbox()
        self.woken: list[str] = []
        self.clock: Clock = VirtualClock(loop)
        store: Any = MemoryStore()
        world = World(
            store=store,
            readings=store,
            clock=self.clock,
            open_bmc=None,  # type: ignore[arg-type]
            in_thread=inline,
            settings=TelemetrySettings(**settings),
            fence=Fence("telemetry/1", "t", 1),
            inbox=self.inbox,
            door_url=DOOR,
            secret_of=lambda host_id, name: f"{host_id}-{name}",
        )
        self.hearing = Hearing(world, self.woken.append)
        self.host = make_host(1)

    async def attend(self, bmc: Any) -> None:
        await self.hearing.attend(self.host, bmc, at=self.clock.now().timestamp())
        await asyncio.sleep(1)

    def send(self, number: int) -> Fate:
        host_id = self.host.id
        body = f'{{"Id": "{number}", "Context": "{host_id}-event"}}'.encode()
        return self.inbox.receive(
            host_id,
            f"{host_id}-event-path",
            source=self.host.bmc.address.rpartition("//")[2].partition(":")[0],
            body=body,
            now=self.clock.now().timestamp(),
        )


def played(what: Any, **settings: Any) -> None:
    async def main(loop: VirtualLoop) -> None:
        await what(Bed(loop, **settings))

    run(main)


def test_a_bmc_that_streams_is_listened_to_once_and_asked_for_nothing() -> None:
    async def play(bed: Bed) -> None:
        bmc = Talker("streams")
        for _ in range(3):
            await bed.attend(bmc)
        assert (bmc.streams, bmc.made) == (1, 0)
        assert bed.woken == [bed.host.id]
        assert bed.hearing.streams == 1
        await bed.hearing.close()

    played(play)


def test_a_stream_that_breaks_is_opened_again_ever_more_patiently() -> None:
    async def play(bed: Bed) -> None:
        bmc = Talker("breaks")
        opened = []
        for second in range(0, 4 * 3600, 60):
            before = bmc.streams
            await bed.attend(bmc)
            await asyncio.sleep(59)
            if bmc.streams > before:
                opened.append(second)
        pauses = [b - a for a, b in itertools.pairwise(opened)]
        assert pauses == sorted(pauses)
        assert pauses[0] >= AGAIN_S
        assert 2 < len(opened) < 10
        await bed.hearing.close()

    played(play)


def test_a_bmc_without_a_stream_is_asked_once_to_send_its_events() -> None:
    async def play(bed: Bed) -> None:
        bmc = Talker()
        for _ in range(30):
            await bed.attend(bmc)
            await asyncio.sleep(60)
        assert (bmc.streams, bmc.made, len(bmc.listed)) == (1, 1, 1)
        (one,) = bmc.listed
        assert one.destination.startswith(f"{DOOR}/bmc-events/v1/{bed.host.id}/")
        assert bed.hearing.subscriptions == 1
        assert bed.send(1) is Fate.TAKEN
        assert bed.woken == [bed.host.id]

    played(play)


def test_a_subscription_that_a_restarted_bmc_forgot_is_made_again() -> None:
    async def play(bed: Bed) -> None:
        bmc = Talker()
        await bed.attend(bmc)
        await bed.attend(bmc)
        bmc.listed = []
        await asyncio.sleep(901)
        await bed.attend(bmc)
        assert (bmc.made, len(bmc.listed)) == (2, 1)
        bmc.listed = []
        bed.hearing.hang_up(bed.host.id)  # its session broke: looked at with the next round
        await bed.attend(bmc)
        assert (bmc.made, len(bmc.listed)) == (3, 1)

    played(play)


def test_what_an_earlier_life_left_behind_is_taken_back_and_others_are_not() -> None:
    async def play(bed: Bed) -> None:
        bmc = Talker()
        old = Subscription(uri="/s/8", destination="https://old/x", context=f"{bed.host.id}-event")
        other = Subscription(uri="/s/9", destination="https://site/x", context="monitoring")
        bmc.listed = [old, other]
        await bed.attend(bmc)
        await bed.attend(bmc)
        assert old not in bmc.listed
        assert other in bmc.listed
        assert len(bmc.listed) == 2
        await bed.hearing.forget(bed.host.id, bmc)  # type: ignore[arg-type]
        assert bmc.listed == [other]
        assert bed.send(1) is Fate.FORGED

    played(play)


def test_a_bmc_that_refuses_is_left_alone_for_a_while() -> None:
    async def play(bed: Bed) -> None:
        bmc = Talker(refuses=True)
        for _ in range(60):
            await bed.attend(bmc)
            await asyncio.sleep(59)
        bmc.refuses = False
        assert bed.hearing.subscriptions == 0
        assert bed.send(1) is Fate.FORGED
        await asyncio.sleep(3600)
        await bed.attend(bmc)
        assert bed.hearing.subscriptions == 1

    played(play)


def test_streams_beyond_the_number_allowed_become_subscriptions() -> None:
    async def play(bed: Bed) -> None:
        bmc = Talker("streams")
        await bed.attend(bmc)
        assert (bmc.streams, bmc.made) == (0, 1)

    played(play, streams=0)


def test_who_wants_no_events_sent_gets_none() -> None:
    async def play(bed: Bed) -> None:
        bmc = Talker()
        await bed.attend(bmc)
        await bed.attend(bmc)
        assert bmc.made == 0

    played(play, push=False)
