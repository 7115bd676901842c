"""What every feed carries at this moment, and which hosts still have power.

A host draws half from each of its feeds, and all from the one that is left. The sum on a feed
warms its breaker; when that opens, its hosts are left to their other feed, whose breaker may
follow, and a host without any is dark with its BMC. Nothing is polled: a sum changes only when a
host's draw or an input does, and between two changes the breaker's curve says to the moment when it
will open.

Every host's draw stands in the journal with its shares, so whoever judges adds them up for himself.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from pydantic import Field

from provisioning.simulator.clock import Clock
from provisioning.simulator.defects import struck
from provisioning.simulator.distribution.breaker import Breaker
from provisioning.simulator.distribution.outages import FEED, Outages
from provisioning.simulator.distribution.plan import PUMPS, DistributionPlan, MachinePlan
from provisioning.simulator.faults import Past
from provisioning.simulator.journal import Journal
from provisioning.simulator.state import Kept, write_json

JOULES_PER_KWH = 3_600_000.0


class Consumer(Protocol):
    """A host with its BMC, as its inputs see it."""

    async def lose_power(self) -> None:
        """No input is left."""

    def regain_power(self) -> None:
        """The first input is back: the BMC starts, the host stays off."""

    def change_inputs(self) -> None:
        """Another set of inputs carries it from now on."""

    @property
    def on(self) -> bool:
        """Whether the host is switched on."""


class MainsState(Kept):
    """What stays as it is while the simulator is away."""

    tripped: list[str] = Field(default_factory=list)
    outlets_off: list[str] = Field(default_factory=list)
    """`machine/host`."""
    joules: dict[str, float] = Field(default_factory=dict)
    """By `host/feed`."""
    happened: dict[str, float] = Field(default_factory=dict)
    """When the events came that a fault waits for."""


@dataclass(slots=True)
class _Feed:
    """One feed at work."""

    breaker: Breaker
    held: dict[str, float] = field(default_factory=dict)
    """By consumer, in watts."""
    watts: float = 0.0
    heat: float = 0.0
    at: float = 0.0
    opening: asyncio.Task[None] | None = None


@dataclass(slots=True)
class _Plug:
    """One consumer's share of a feed since a moment."""

    watts: float = 0.0
    since: float = 0.0


class Mains:
    """The distribution of one running hall."""

    def __init__(
        self,
        plan: DistributionPlan,
        *,
        clock: Clock,
        journal: Journal,
        path: Path,
        hall_started_at: float,
    ) -> None:
        self.plan = plan
        self._clock, self._journal, self._path = clock, journal, path
        self.state = (
            MainsState.model_validate_json(path.read_bytes()) if path.exists() else MainsState()
        )
        self._feeds = {name: _Feed(one.breaker, at=clock.now()) for name, one in plan.feeds.items()}
        past = Past({}, self.state.happened, hall_started_at)
        self.outages = Outages(plan, clock, past)
        self._dead: set[str] = set()
        """Feeds without voltage, for a reason upstream of their breaker."""
        self._outlets = {
            (host, machine.feed): machine.name
            for machine in plan.machines
            if machine.kind == "pdu"
            for host in machine.hosts
        }
        self._cdus = {
            host: machine
            for machine in plan.machines
            if machine.kind == "cdu"
            for host in machine.hosts
        }
        self._plugs: dict[tuple[str, str], _Plug] = {}
        self._consumers: dict[str, Consumer] = {}
        self._told: dict[str, tuple[str, ...]] = {}
        self._locks: dict[str, asyncio.Lock] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    # Hosts.

    def plug(self, host: str, consumer: Consumer) -> None:
        """From now on this host hears of its inputs."""
        self._consumers[host] = consumer
        self._told[host] = self.plan.inputs.get(host, ())

    async def begin(self) -> None:
        """What draws all the time begins, and hosts whose feeds were dead before are dark."""
        for name in self.plan.base:
            self._draw_base(name)
        await self._tell(self._consumers)
        self.outages.begin(self)

    async def stop(self) -> None:
        """Nothing opens any more; meters are kept."""
        await self.outages.stop()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for host, feed in list(self._plugs):
            self._meter(host, feed)
        self._save()

    def live(self, host: str) -> tuple[str, ...]:
        """The feeds that reach a host."""
        return tuple(feed for feed in self.plan.inputs.get(host, ()) if self.reaches(host, feed))

    def reaches(self, host: str, feed: str) -> bool:
        """Whether there is voltage on this host's supplies of this feed."""
        return self.is_live(feed) and not self.is_off(self._outlets.get((host, feed), ""), host)

    def is_dark(self, host: str) -> bool:
        """Whether nothing reaches it. A host that hangs on no feed of the plan is never dark."""
        return host in self.plan.inputs and not self.live(host)

    def draw(self, host: str, watts: float) -> dict[str, float]:
        """A host draws so much from now on: its share of every feed that reaches it."""
        live = self.live(host)
        shares = {feed: watts / len(live) for feed in live}
        self._burden(host, self.plan.inputs.get(host, ()), shares)
        return shares

    # Coolant, which hangs on the hall's machines as watts do.

    def flow_share(self, cdu: MachinePlan) -> float:
        """How much of its designed flow a CDU still moves."""
        active = self.outages.active(cdu.name)
        return 1 - len(struck(active, "pump-fails", PUMPS, seed=cdu.serial)) / len(PUMPS)

    def coolant_share(self, host: str) -> float:
        """How much of its flow reaches a host; all of it where no CDU is told of."""
        found = self._cdus.get(host)
        return 1.0 if found is None else self.flow_share(found)

    # Feeds.

    def is_live(self, feed: str) -> bool:
        """Whether there is voltage behind its breaker."""
        return feed not in self._dead and not self.is_tripped(feed)

    def is_tripped(self, feed: str) -> bool:
        """Whether its breaker has opened."""
        return feed in self.state.tripped

    def watts(self, feed: str) -> float:
        """What it carries."""
        return self._feeds[feed].watts

    def share(self, host: str, feed: str) -> float:
        """What a host draws from one feed."""
        return self._plugs.get((host, feed), _Plug()).watts

    def drawn(self, host: str) -> float:
        """What it draws from all of them."""
        return sum(self.share(host, feed) for feed in self.plan.inputs.get(host, ()))

    def is_on(self, host: str) -> bool:
        """Whether a host is switched on."""
        consumer = self._consumers.get(host)
        return consumer is not None and consumer.on

    def kwh(self, host: str, feed: str) -> float:
        """What a host ever drew from it, as the meter of its outlet says."""
        self._meter(host, feed)
        return self.state.joules.get(f"{host}/{feed}", 0.0) / JOULES_PER_KWH

    async def kill(self, feed: str) -> None:
        """There is no voltage from upstream."""
        await self._change(
            "feed.dead", lambda: self._dead.add(feed), self._hosts_of(feed), feed=feed
        )

    async def revive(self, feed: str) -> None:
        """There is again."""
        await self._change(
            "feed.back", lambda: self._dead.discard(feed), self._hosts_of(feed), feed=feed
        )

    async def reset(self, feed: str) -> None:
        """A person closes the breaker again."""
        if self.is_tripped(feed):
            await self._change(
                "breaker.closed",
                lambda: self.state.tripped.remove(feed),
                self._hosts_of(feed),
                feed=feed,
            )

    # Outlets.

    def is_off(self, machine: str, host: str) -> bool:
        """Whether a host's outlet at a PDU is off."""
        return f"{machine}/{host}" in self.state.outlets_off

    async def switch(self, machine: str, hosts: Iterable[str], *, on: bool) -> None:
        """Switch outlets of a PDU, all in one moment."""
        off = set(self.state.outlets_off)
        moved = [host for host in hosts if (f"{machine}/{host}" in off) == on]
        if not moved:
            return
        keys = {f"{machine}/{host}" for host in moved}

        def turn() -> None:
            self.state.outlets_off = sorted(off - keys if on else off | keys)

        what = "outlet.on" if on else "outlet.off"
        await self._change(what, turn, moved, machine=machine, outlets=moved)

    # How a change spreads.

    async def _change(
        self,
        what: str,
        change: Callable[[], object],
        hosts: Iterable[str],
        *,
        feed: str = "",
        **fields: Any,
    ) -> None:
        change()
        self._save()
        self._journal.write(what, at=self._clock.now(), feed=feed, **fields)
        self.outages.notice(what)
        for name, (feeds, _) in self.plan.base.items():
            if feed in feeds:
                self._draw_base(name)
        await self._tell(hosts)

    async def _tell(self, hosts: Iterable[str]) -> None:
        """Each host for itself: how long one takes to go down is no other's affair."""
        await asyncio.gather(*(self._tell_one(host) for host in hosts))

    async def _tell_one(self, host: str) -> None:
        consumer = self._consumers.get(host)
        if consumer is None:
            return
        async with self._locks.setdefault(host, asyncio.Lock()):
            before, now = self._told[host], self.live(host)
            self._told[host] = now
            if before == now:
                return
            if not now:
                await consumer.lose_power()
            elif not before:
                consumer.regain_power()
            else:
                consumer.change_inputs()

    def _draw_base(self, name: str) -> None:
        feeds, watts = self.plan.base[name]
        live = [feed for feed in feeds if self.is_live(feed)]
        shares = {feed: watts / len(live) for feed in live}
        self._burden(name, feeds, shares)
        drawn = watts if live else 0.0
        self._journal.write(
            "draw.base", at=self._clock.now(), consumer=name, watts=drawn, shares=shares
        )

    def _burden(self, name: str, feeds: Iterable[str], shares: dict[str, float]) -> None:
        for feed in feeds:
            self._meter(name, feed)
            self._plugs[name, feed] = _Plug(shares.get(feed, 0.0), self._clock.now())
            self._feeds[feed].held[name] = shares.get(feed, 0.0)
            self.settle(feed)

    def _meter(self, name: str, feed: str) -> None:
        plug = self._plugs.get((name, feed))
        if plug is None:
            return
        key, now = f"{name}/{feed}", self._clock.now()
        joules = plug.watts * (now - plug.since)  # by the time of day, as BMCs count
        self.state.joules[key] = self.state.joules.get(key, 0.0) + joules
        plug.since = now

    # Breakers.

    def settle(self, name: str) -> None:
        """How warm the breaker is by now, and when it will open at what it carries from here."""
        feed = self._feeds[name]
        seconds = self._clock.since(feed.at)
        weak = self.outages.planted(FEED + name, "weak-breaker")
        rated = self.plan.feeds[name].breaker
        feed.breaker = rated if weak is None else rated.weakened(weak.number("ratio"))
        feed.heat = feed.breaker.heat_after(feed.heat, feed.watts, seconds)
        feed.at, feed.watts = self._clock.now(), sum(feed.held.values())
        if feed.opening is not None:
            feed.opening.cancel()
            feed.opening = None
        opens_s = feed.breaker.seconds_to_open(feed.heat, feed.watts)
        if opens_s is not None and self.is_live(name):
            feed.opening = self._spawn(self._open(name, opens_s))

    async def _open(self, name: str, after_s: float) -> None:
        await self._clock.sleep(after_s)
        feed = self._feeds[name]
        feed.opening = None  # from here on nobody may cancel what has begun
        self._journal.write(
            "feed.trip",
            at=self._clock.now(),
            feed=name,
            watts=feed.watts,
            rated_watts=feed.breaker.rated_watts,
        )
        self.outages.notice("feed.trip")
        await self._change(
            "feed.dead",
            lambda: self.state.tripped.append(name),
            self._hosts_of(name),
            feed=name,
            why="its breaker opened",
        )

    def _hosts_of(self, feed: str) -> list[str]:
        return [host for host, feeds in self.plan.inputs.items() if feed in feeds]

    def _spawn(self, work: Awaitable[None]) -> asyncio.Task[None]:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def _save(self) -> None:
        write_json(self._path, json.loads(self.state.model_dump_json()))
