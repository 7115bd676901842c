"""Walking declared networks and writing down who answers: bounded, polite, resumable.

A walk is a record with a number in it: how many addresses were asked. Whatever ends the process,
the next one goes on from there; asking an address twice does nothing to anybody. Each address has
one deadline, and there are as many places as can be taken within it, so that silence at one address
is waited for by nobody else. Nothing is asked outside of the networks as they are declared at that
moment.
"""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from inventory.clock import Clock
from inventory.errors import Conflict, StaleWrite
from inventory.expected_hosts import ExpectedHost
from inventory.expecting.rematching import ACTOR, rematch
from inventory.found_bmcs import BmcNetwork, Discovery, FoundBmc
from inventory.model import Event
from inventory.store.protocol import PAGE_MAX, Change, Fence, Store
from inventory.store.query import Condition, Query
from inventory.threads import InThread
from provisioning.onboarding.discovery_settings import DiscoverySettings
from provisioning.onboarding.discovery_stranger import Shown, Stranger
from provisioning.onboarding.discovery_walk import Service, Target, Walk, may_ask, pauses

log = logging.getLogger("podyard.discovery")

CHUNK = 256
"""Addresses between two writes: a walk that was cut off asks so many again at most."""
LOOK_S = 5.0
"""How often it is looked for a walk that nobody woke us for."""
WRITE_TRIES = 5
UNDER_WAY = ("running", "waiting")

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Sight:
    """What one address showed."""

    target: Target
    shown: Shown | None = None
    ipmi: bool = False


@dataclass(frozen=True, slots=True)
class World:
    """Everything outside."""

    store: Store
    clock: Clock
    in_thread: InThread
    settings: DiscoverySettings
    fence: Fence
    stranger: Callable[[int], Stranger]
    """How it is asked, by so many at once."""
    enrol: Callable[[Sequence[ExpectedHost]], None] = lambda _rows: None
    """Makes hosts of rows that want to be ones as soon as they are found."""
    own: frozenset[Service] = frozenset()
    """Where this service itself listens."""


class Discoverer:
    """Goes the walks that are asked for, one after the other."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._woken = asyncio.Event()

    def wake(self) -> None:
        """Look for a walk now."""
        self._woken.set()

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            self._woken.clear()
            walk = await self._world.in_thread(self._next)
            if walk is not None:
                await self.go(walk)
                continue
            sleep = asyncio.ensure_future(self._world.clock.sleep(LOOK_S))
            woken = asyncio.ensure_future(self._woken.wait())
            try:
                await asyncio.wait((sleep, woken), return_when=asyncio.FIRST_COMPLETED)
            finally:
                sleep.cancel()
                woken.cancel()

    async def go(self, walk: Discovery) -> None:
        """Go a walk from where it is to its end."""
        world = self._world
        networks = await world.in_thread(self._declared, walk)
        whole = Walk(networks, seed=walk.seed)
        if whole.size != walk.addresses:
            await world.in_thread(self._end, walk, "failed", "its networks were declared anew")
            return
        if not await world.in_thread(self._advance, walk, walk.asked, 0):
            return
        stranger = world.stranger(world.settings.at_once)

        async def keep(sights: Sequence[Sight], asked: int) -> bool:
            return await world.in_thread(self._keep, walk, sights, asked)

        try:
            going = _Going(world, stranger, keep)
            arrived = await going.go(whole, start=walk.asked, seed=walk.seed)
        finally:
            await stranger.close()
        if arrived:
            await world.in_thread(self._finish, walk)

    # -- on record; each in a thread

    def _next(self) -> Discovery | None:
        for state in UNDER_WAY:
            for walk in self._world.store.find(Discovery, state=state):
                return walk
        return None

    def _declared(self, walk: Discovery) -> list[BmcNetwork]:
        found = self._world.store.get_many(BmcNetwork, walk.networks)
        return [found[name] for name in walk.networks if name in found]

    def _keep(self, walk: Discovery, sights: Sequence[Sight], asked: int) -> bool:
        """Write down what was seen; False when the walk is to end here."""
        declared = {one.name: one for one in self._declared(walk)}
        still = [s for s in sights if declared.get(s.target.network.name) == s.target.network]
        answered = remember(self._world.store, walk, still, self._now(), self._world.fence)
        if any(s.target.network.name not in declared for s in sights):
            self._end(walk, "failed", "one of its networks is declared no more")
            return False
        return self._advance(walk, asked, answered)

    def _advance(self, walk: Discovery, asked: int, answered: int) -> bool:
        """Whether the walk goes on: somebody may have stopped it."""

        def further(now: Discovery) -> Discovery | None:
            if now.state not in UNDER_WAY:
                return None
            return now.model_copy(
                update={
                    "state": "running",
                    "asked": asked,
                    "answered": now.answered + answered,
                    "started_at": now.started_at or self._now(),
                }
            )

        return self._rewrite(walk, further)

    def _finish(self, walk: Discovery) -> None:
        """Say whose each BMC is, make hosts of those that are wanted so, and end."""
        store = self._world.store
        wanted = rematch(store, now=self._now(), fence=self._world.fence)
        self._world.enrol(wanted)
        matched = store.count(FoundBmc, state="matched") + store.count(FoundBmc, state="host")
        self._end(walk, "done", "", matched=matched)

    def _end(self, walk: Discovery, state: str, why: str, *, matched: int = 0) -> None:
        now = self._now()

        def ended(before: Discovery) -> Discovery | None:
            if before.state not in UNDER_WAY:
                return None
            told = {"state": state, "why": why, "ended_at": now, "matched": matched}
            return before.model_copy(update=told)

        event = Event(
            at=now,
            actor=ACTOR,
            kind="discovery.ended",
            subject=f"discovery:{walk.id}",
            new=state,
            why=why,
        )
        self._rewrite(walk, ended, events=(event,))

    def _rewrite(
        self,
        walk: Discovery,
        how: Callable[[Discovery], Discovery | None],
        *,
        events: tuple[Event, ...] = (),
    ) -> bool:
        for _ in range(WRITE_TRIES):
            before = self._world.store.get(Discovery, walk.id)
            fresh = how(before) if before is not None else None
            if fresh is None:
                return False
            try:
                self._world.store.apply(
                    Change(replace=(fresh,), events=events),
                    now=self._now(),
                    fence=self._world.fence,
                )
            except StaleWrite:
                continue
            return True
        raise StaleWrite(f"discovery {walk.id} changed while it was under way")

    def _now(self) -> datetime:
        return self._world.clock.now()


class _Going:
    """Asks addresses at a pace; each has a deadline and a place of its own."""

    def __init__(
        self,
        world: World,
        stranger: Stranger,
        keep: Callable[[Sequence[Sight], int], Awaitable[bool]],
    ) -> None:
        self._world = world
        self._stranger = stranger
        self._keep = keep
        self._places = asyncio.Semaphore(world.settings.at_once)
        self._under_way: set[int] = set()
        self._sights: list[Sight] = []

    async def go(self, walk: Walk, *, start: int, seed: int) -> bool:
        """Ask from a number on, to the end; False when somebody ended the walk before."""
        try:
            return await self._all(walk, start=start, seed=seed)
        except ExceptionGroup as several:
            raise several.exceptions[0] from None  # FenceLost by its own name

    async def _all(self, walk: Walk, *, start: int, seed: int) -> bool:
        """Everything at once that has a place.

        Nobody waits for an address but its own task: what was seen is written down as it comes, and
        the number on record is that of the first address that is still being waited for.
        """
        rhythm = pauses(seed + start, per_second=self._world.settings.per_second)
        async with asyncio.TaskGroup() as group:
            tasks: set[asyncio.Task[None]] = set()
            for place, target in enumerate(walk.targets(start, walk.size), start):
                if may_ask(target, own=self._world.own):
                    await self._places.acquire()
                    self._under_way.add(place)
                    task = group.create_task(self._ask(place, target))
                    tasks.add(task)
                    task.add_done_callback(tasks.discard)
                    await self._world.clock.sleep(next(rhythm))
                if (place + 1) % CHUNK == 0 and not await self._flush(place + 1):
                    for task in tasks:
                        task.cancel()
                    return False
        return await self._flush(walk.size)

    async def _flush(self, begun: int) -> bool:
        seen, self._sights = self._sights, []
        return await self._keep(seen, min(self._under_way, default=begun))

    async def _ask(self, place: int, target: Target) -> None:
        port = target.network.ipmi_port if target.first else 0
        try:
            shown, ipmi = await asyncio.gather(
                self._within(self._stranger.look(target.ip, target.port)),
                self._within(self._stranger.ping(target.ip, port) if port else _nobody()),
            )
            if shown is not None or ipmi:
                self._sights.append(Sight(target, shown, bool(ipmi)))
        finally:
            self._under_way.discard(place)
            self._places.release()

    async def _within(self, asked: Awaitable[T]) -> T | None:
        try:
            async with asyncio.timeout(self._world.settings.deadline_s):
                return await asked
        except TimeoutError:
            return None


async def _nobody() -> bool:
    return False


def remember(
    store: Store, walk: Discovery, sights: Sequence[Sight], now: datetime, fence: Fence
) -> int:
    """Write down who answered: new BMCs, and what is new of known ones; how many answered."""
    for _ in range(WRITE_TRIES):
        change = _sighted(store, walk, sights, now)
        try:
            if change.insert or change.replace or change.remove:
                store.apply(change, now=now, fence=fence)
        except (Conflict, StaleWrite):
            continue
        return len(sights)
    raise StaleWrite("found BMCs changed while a walk wrote them down")


def _sighted(store: Store, walk: Discovery, sights: Sequence[Sight], now: datetime) -> Change:
    ips = tuple(dict.fromkeys(s.target.ip for s in sights))
    known: dict[str, list[FoundBmc]] = {}
    for start in range(0, len(ips), PAGE_MAX):
        asked = Condition("ip", "in", ips[start : start + PAGE_MAX])
        for one in _all(store, asked):
            known.setdefault(one.ip, []).append(one)
    insert: list[FoundBmc] = []
    replace: dict[str, FoundBmc] = {}
    remove: dict[str, FoundBmc] = {}
    redfish = {s.target.ip for s in sights if s.shown}
    for sight in sights:
        others = known.get(sight.target.ip, [])
        speaks = sight.target.ip in redfish or any(o.address.startswith("redfish") for o in others)
        if sight.shown is None and speaks:
            continue  # its Redfish service has the row of this address
        fresh = _fresh(sight, walk, now)
        before = next((one for one in others if one.address == fresh.address), None)
        if before is None:
            insert.append(fresh)
        else:
            replace[before.id] = _again(before, fresh)
        if sight.shown is not None:
            remove |= {o.id: o for o in others if o.address.startswith("ipmi")}
    gone = tuple(remove.values())
    return Change(insert=tuple(insert), replace=(*replace.values(), *gone), remove=gone)


def _fresh(sight: Sight, walk: Discovery, now: datetime) -> FoundBmc:
    target, shown = sight.target, sight.shown
    return FoundBmc(
        id=str(uuid.uuid4()),
        address=target.address if shown else target.ipmi_address,
        ip=target.ip,
        network=target.network.name,
        site=target.network.site,
        uuid=shown.uuid if shown else "",
        vendor=shown.vendor if shown else "",
        product=shown.product if shown else "",
        redfish_version=shown.redfish_version if shown else "",
        fingerprint=shown.fingerprint if shown else "",
        vouched_by=shown.vouched_by if shown else "",
        serials=shown.serials if shown else (),
        macs=shown.macs if shown else (),
        ipmi=sight.ipmi,
        first_seen_at=now,
        seen_at=now,
        discovery=walk.id,
    )


def _again(before: FoundBmc, fresh: FoundBmc) -> FoundBmc:
    """A known one as it shows itself now; whose it is stays until that is worked out anew."""
    kept = {"id", "state", "expected", "host", "why", "first_seen_at", "version"}
    return before.model_copy(update=fresh.model_dump(exclude=kept))


def _all(store: Store, asked: Condition) -> Iterable[FoundBmc]:
    after = ""
    while True:
        page = store.search(FoundBmc, Query((asked,), after=after, limit=PAGE_MAX, counted=False))
        yield from page.records
        if not (after := page.next_cursor):
            return
