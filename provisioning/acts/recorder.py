"""The one way to write down what was done to a host: its record, under the fence, and when to look.

Every act ends here. What is recorded says why the host waits, so that a person can be told.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import NamedTuple

from inventory.model import Event, Host, Problem, Record
from inventory.store.protocol import Change, Fence
from provisioning.podmaps import PodMaps
from provisioning.remedies import OVERSTAYED
from provisioning.resting import Resting, uncounted_until
from provisioning.world import World

LOOK_AGAIN_S = 0.5  # after a change, before its effect is looked for
REPEAT_S = 2.0  # between repeated requests of a change that does not show: BMCs freeze in bursts
TURN_RECHECK_S = 1.0  # waiting for another host of the same machine, or for watts


class Outcome(NamedTuple):
    """The record as it now is, and whether the same observation still serves."""

    host: Host
    same_look_serves: bool = False


class Recorder:
    """Records for one controller, under its fence."""

    def __init__(
        self, world: World, fence: Fence, maps: PodMaps, resting: Resting | None = None
    ) -> None:
        self._world = world
        self._resting = resting
        self._fence = fence
        self._maps = maps

    async def look_again(
        self, host: Host, kind: str = "", why: str = "", *, after_s: float = LOOK_AGAIN_S
    ) -> Outcome:
        """Something was asked of the host: look soon whether its effect shows."""
        again = bool(why) and host.waiting == why  # its effect did not show: no faster, no louder
        pause_s = max(after_s, REPEAT_S) if again else after_s
        later = self._world.clock.now() + timedelta(seconds=pause_s)
        events = (self.event(host, f"host.{kind}", "", "", why),) if kind and not again else ()
        fields = {"wake_at": later, "waiting": why, "problem": _lasting(host)}
        return await self.record(host, fields, events=events)

    async def wait(
        self,
        host: Host,
        reason: str,
        *,
        after_s: float = TURN_RECHECK_S,
        also: tuple[Record, ...] = (),
        events: tuple[Event, ...] = (),
        others: bool = False,
        fields: Mapping[str, object] | None = None,
    ) -> Outcome:
        """`others`: it waits for other hosts, and its own allowed time does not run."""
        later = self._world.clock.now() + timedelta(seconds=after_s)
        known = {"waiting": reason, "wake_at": later, "problem": _lasting(host)}
        if others:
            known |= {"counted_from": uncounted_until(host, later), "problem": None}
        alone = not (also or events or fields)
        if alone and self._resting is not None and self._resting.rests(host, known):
            return Outcome(host)
        return await self.record(host, {**known, **(fields or {})}, also=also, events=events)

    async def park(
        self,
        host: Host,
        kind: str,
        message: str,
        remedy: str,
        *,
        tried: tuple[str, ...] = (),
        also: tuple[Record, ...] = (),
        events: tuple[Event, ...] = (),
        fields: Mapping[str, object] | None = None,
    ) -> Outcome:
        """Nothing more is tried until a person says so."""
        now = self._world.clock.now()
        problem = Problem(kind=kind, message=message, since=now, tried=tried, remedy=remedy)
        outcome = await self.record(
            host,
            {"problem": problem, "waiting": "", **(fields or {})},
            also=also,
            events=(*events, self.event(host, "host.parked", host.state, kind, message)),
        )
        await self._world.bmcs.drop(host.id)
        return outcome

    async def record(
        self,
        host: Host,
        fields: Mapping[str, object],
        *,
        insert: tuple[Record, ...] = (),
        also: tuple[Record, ...] = (),
        events: tuple[Event, ...] = (),
        secrets: dict[tuple[str, str], bytes] | None = None,
        counted: Mapping[str, str] | None = None,
        same_look: bool = False,
    ) -> Outcome:
        """The host with these fields changed, and in one change what goes with it."""
        fresh = host.model_copy(update={"wake_at": self._world.clock.now(), **fields})
        change = Change(
            insert=insert,
            replace=(fresh, *also),
            events=events,
            secrets=secrets or {},
            counted=counted or {},
        )
        return await self._written(fresh, change, same_look=same_look)

    async def write(self, fresh: Host, *, events: tuple[Event, ...]) -> Outcome:
        """The host as it is to be; it carries the version that it was read with."""
        return await self._written(fresh, Change(replace=(fresh,), events=events))

    async def _written(self, fresh: Host, change: Change, *, same_look: bool = False) -> Outcome:
        began = self._resting.begun(fresh.id) if self._resting is not None else None
        if began is not None:
            change = replace(change, looked={fresh.id: began})
        await self.apply(change)
        return Outcome(fresh.model_copy(update={"version": fresh.version + 1}), same_look)

    async def apply(self, change: Change) -> None:
        """Write under the fence; FenceLost when the lease is gone."""
        self._world.faults.reach("before-record")
        await self._world.in_thread(
            self._world.store.apply, change, now=self._world.clock.now(), fence=self._fence
        )
        self._maps.written(change)
        self._world.faults.reach("after-record")

    def event(self, host: Host, kind: str, old: str, new: str, why: str) -> Event:
        """What the event log says of it."""
        return Event(
            at=self._world.clock.now(),
            actor="provisioning",
            kind=kind,
            subject=f"host:{host.name}",
            old=str(old),
            new=new,
            why=why,
        )


def _lasting(host: Host) -> Problem | None:
    """A good look ends a problem that podyard worked on by itself; a person's stays.

    That a host is late is no look's to end: only leaving the state is.
    """
    problem = host.problem
    lasts = problem is not None and (problem.parked or problem.kind == OVERSTAYED)
    return problem if lasts else None
