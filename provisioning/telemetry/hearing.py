"""Listening to BMCs: a stream where one offers it, else a subscription, else neither.

A stream is a connection that we open, so it needs no way in to us: it comes first, one a BMC, as
many as the settings allow. Where a BMC has none, or all are taken, it is asked to send its events
to our door: one subscription of ours a BMC, looked for before it is made, looked at again now and
then (a BMC that was restarted may have forgotten it), and taken back when the host is read no more.
A BMC that offers neither is polled and nothing else; no failure here ever fails a round.
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import logging
import socket
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlsplit

from inventory.model import Host
from provisioning.drivers.capabilities import EventSource, EventStream, Subscription
from provisioning.drivers.protocol import Bmc
from provisioning.errors import ProvisioningError, Unsupported
from provisioning.telemetry.door import destination_of
from provisioning.telemetry.inbox import Inbox
from provisioning.telemetry.listening import Intake
from provisioning.telemetry.world import World

log = logging.getLogger("podyard.telemetry")

AGAIN_S = 120.0
"""After a stream ended or a subscription failed; twice that the next time, and so on."""
AGAIN_MOST_S = 3600.0
STEADY_S = 600.0
"""A stream that held for so long has nothing to be patient about."""
DOUBLINGS_MAX = 10
UNSUBSCRIBE_S = 5.0
"""Taking a subscription back must not hold up an end: the BMC forgets it, or the next life does."""


@dataclass(slots=True)
class _Ear:
    """How one BMC is listened to."""

    streams: bool = True
    """Until it says that it has none."""
    sends: bool = True
    stream: asyncio.Task[None] | None = None
    subscription: Subscription | None = None
    failures: int = 0
    due: float = 0.0
    """When it is tried, or looked at, next."""


class Hearing:
    """Listens to the BMCs of one worker."""

    def __init__(self, world: World, look_now: Callable[[str], None]) -> None:
        self._world = world
        self._ears: dict[str, _Ear] = {}
        self._inbox = world.inbox or Inbox()
        self.intake = Intake(world.settings.events_per_minute, look_now)
        self._inbox.open(self.intake)

    @property
    def streams(self) -> int:
        """BMCs whose stream is open."""
        return sum(1 for ear in self._ears.values() if ear.stream is not None)

    @property
    def subscriptions(self) -> int:
        """BMCs that send their events."""
        return sum(1 for ear in self._ears.values() if ear.subscription is not None)

    async def attend(self, host: Host, bmc: Bmc, *, at: float) -> None:
        """After a round: the BMC answers, so it is a good moment to see that it is heard."""
        ear = self._ears.setdefault(host.id, _Ear())
        if ear.stream is not None or at < ear.due:
            return
        room = self._world.settings.streams > self.streams
        if ear.streams and room and isinstance(bmc, EventStream):
            if ear.subscription is not None:
                await self._take_back(host.id, ear, bmc)
            ear.due = at + self._patience_s(ear)
            ear.stream = asyncio.create_task(self._hear(host, ear, bmc))
        elif ear.sends and self._asks and isinstance(bmc, EventSource):
            await self._subscribe(host, ear, bmc, at)

    def hang_up(self, host_id: str) -> None:
        """Its driver is closed; the subscription stays and is looked at by the next one."""
        if (ear := self._ears.get(host_id)) is not None:
            if ear.stream is not None:
                ear.stream.cancel()
            if ear.subscription is not None:
                ear.due = 0.0

    async def forget(self, host_id: str, bmc: Bmc | None) -> None:
        """It is not listened to any more, and is told so where it answers."""
        self.hang_up(host_id)
        ear = self._ears.pop(host_id, None)
        self.intake.forget(host_id)
        if ear is not None and ear.subscription is not None:
            await self._take_back(host_id, ear, bmc)

    async def close(self) -> None:
        """Hear nothing more."""
        tasks = [ear.stream for ear in self._ears.values() if ear.stream is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._inbox.close(self.intake)

    # -- streams

    async def _hear(self, host: Host, ear: _Ear, bmc: EventStream) -> None:
        """Until the BMC hangs up; it is listened to again after a while."""
        began = self._now()
        try:
            async for _ in bmc.events():
                self.intake.heard(host.id, now=self._now())
        except Unsupported:
            ear.streams, ear.due = False, 0.0
        except ProvisioningError as error:
            cause = type(error).__name__
            log.info("an event stream ended", extra={"host": host.name, "cause": cause})
        finally:
            ear.stream = None
            if ear.streams:
                held = self._now() - began >= STEADY_S
                ear.failures = 0 if held else ear.failures + 1
                ear.due = self._now() + self._patience_s(ear)

    # -- subscriptions

    @property
    def _asks(self) -> bool:
        world = self._world
        return world.settings.push and bool(world.door_url) and world.inbox is not None

    async def _subscribe(self, host: Host, ear: _Ear, bmc: EventSource, at: float) -> None:
        """Make or find our one subscription there."""
        token, context = (self._world.secret_of(host.id, name) for name in ("event-path", "event"))
        try:
            wanted = destination_of(self._world.door_url, host.id, token)
            # Before it can send anything: a BMC may tell of its subscription at once.
            sources = await _addresses(host.bmc.address)
            self._inbox.expect(host.id, sources=sources, token=token, context=context)
            for one in await bmc.subscriptions():
                if one.context == context and one.destination != wanted:
                    await bmc.unsubscribe(one.uri)  # an earlier life's, or another worker's
            ear.subscription = await bmc.subscribe(wanted, context)
        except Unsupported:
            ear.sends, ear.subscription = False, None
        except (ProvisioningError, OSError) as error:
            ear.subscription = None
            ear.failures += 1
            ear.due = at + self._patience_s(ear)
            cause = type(error).__name__
            log.info("a BMC was not subscribed to", extra={"host": host.name, "cause": cause})
        else:
            ear.failures = 0
            ear.due = at + self._world.settings.subscription_every_s
        if ear.subscription is None:
            self._inbox.forget(host.id)

    async def _take_back(self, host_id: str, ear: _Ear, bmc: Bmc | None) -> None:
        found, ear.subscription = ear.subscription, None
        self._inbox.forget(host_id)
        if found is not None and isinstance(bmc, EventSource):
            with contextlib.suppress(ProvisioningError, TimeoutError):
                async with asyncio.timeout(UNSUBSCRIBE_S):
                    await bmc.unsubscribe(found.uri)

    def _patience_s(self, ear: _Ear) -> float:
        return min(AGAIN_MOST_S, AGAIN_S * 2.0 ** min(ear.failures, DOUBLINGS_MAX))

    def _now(self) -> float:
        return self._world.clock.now().timestamp()


async def _addresses(bmc: str) -> frozenset[str]:
    """The network addresses of a BMC; a name is looked up."""
    name = urlsplit(bmc).hostname or ""
    try:
        return frozenset({str(ipaddress.ip_address(name))})
    except ValueError:
        found = await asyncio.get_running_loop().getaddrinfo(name, None, type=socket.SOCK_STREAM)
    return frozenset(str(one[4][0]) for one in found)
