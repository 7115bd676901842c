"""What is news of a host at rest and is written, and what only says when to look again."""

from __future__ import annotations

from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast

import pytest

from inventory.model import Host, Problem
from inventory.states import ALLOWED_TIME_S, HostState, PowerState
from inventory.store.memory import MemoryStore
from inventory.store.protocol import Change, Fence
from provisioning.acts.recorder import Recorder
from provisioning.bench.virtual_time import inline
from provisioning.podmaps import PodMaps
from provisioning.resting import UNCOUNTED_AHEAD, WRITTEN_EVERY, Resting, uncounted_until
from provisioning.world import World
from tests.make import NOW, make_host
from tests.unit.provisioning.hands import Hands

PAUSE = timedelta(seconds=30)
TROUBLE = Problem(kind="loop-closed", message="m", since=NOW)
MS = timedelta(milliseconds=1)


class Bed:
    """One controller's hosts at rest, on a store of their own."""

    def __init__(self, host: Host) -> None:
        self.clock, self.store = Hands(), MemoryStore()
        self.store.apply(Change(insert=(host,)), now=NOW)
        held = self.store.take_lease("c", "a", now=NOW, until=NOW + WRITTEN_EVERY, alone=True)
        self.fence = held or Fence("", "", 0)
        faults = SimpleNamespace(reach=lambda _point: None)
        world = SimpleNamespace(clock=self.clock, store=self.store, in_thread=inline, faults=faults)
        self.world = cast("World", world)
        maps = SimpleNamespace(due=lambda _id, _at: None, written=lambda _change: None)
        self.maps = cast("PodMaps", maps)
        self.resting = Resting(self.world, self.fence, self.maps)

    def recorder(self) -> Recorder:
        return Recorder(self.world, self.fence, self.maps, self.resting)

    def due(self, at: datetime) -> list[Host]:
        return self.store.due_hosts(at, limit=9)


def said(host: Host, **changes: Any) -> dict[str, Any]:
    """As its last look found it, once more."""
    known = {
        "waiting": host.waiting,
        "problem": host.problem,
        "power": host.power,
        "counted_from": host.counted_from,
        "wake_at": NOW + PAUSE,
    }
    return {**known, **changes}


KNOWN = make_host(state=HostState.MATCHING, waiting="w", power=PowerState.OFF, problem=TROUBLE)


@pytest.mark.parametrize(
    ("news", "rests"),
    [
        ({}, True),
        ({"waiting": "something else"}, False),
        ({"problem": None}, False),
        ({"problem": TROUBLE.model_copy(update={"seen": 2})}, False),
        ({"power": PowerState.ON}, False),
        ({"counted_from": NOW + PAUSE}, False),
        ({"wake_at": NOW + WRITTEN_EVERY - MS}, True),
        ({"wake_at": NOW + WRITTEN_EVERY}, False),
    ],
)
def test_only_when_to_look_again_is_no_news(news: dict[str, Any], rests: bool) -> None:  # noqa: FBT001
    assert Bed(KNOWN).resting.rests(KNOWN, said(KNOWN, **news)) is rests


@pytest.mark.parametrize("state", sorted(ALLOWED_TIME_S))
def test_a_host_that_waits_for_others_over_many_looks_never_counts_as_late(
    state: HostState,
) -> None:
    """Its record says all the while that its time does not count, and is written seldom."""
    host, bed, written, at = make_host(state=state, waiting="others"), None, 0, NOW
    for _ in range(40):
        bed = bed or Bed(host)
        bed.clock.at = at
        later = at + PAUSE
        fresh = {"counted_from": uncounted_until(host, later), "wake_at": later}
        if not bed.resting.rests(host, said(host, **fresh)):
            host = host.model_copy(update=fresh)
            written += 1
        assert host.counted_from is not None
        assert host.counted_from >= later
        at = later
    assert written <= 40 * PAUSE / UNCOUNTED_AHEAD + 1


async def test_a_host_that_is_woken_amid_a_restful_look_is_looked_at_again() -> None:
    """What woke it may have come after the look; the round before the next one puts nothing off."""
    bed = Bed(KNOWN)
    bed.resting.begins(KNOWN.id)
    bed.clock.at = NOW + timedelta(seconds=2)
    bed.store.wake_hosts(now=bed.clock.at, host_id=KNOWN.id)
    assert bed.resting.rests(KNOWN, said(KNOWN))
    bed.resting.ended(KNOWN.id)
    await bed.resting.tell()
    assert bed.due(bed.clock.at)

    undisturbed = Bed(KNOWN)
    undisturbed.resting.begins(KNOWN.id)
    assert undisturbed.resting.rests(KNOWN, said(KNOWN))
    await undisturbed.resting.tell()
    assert not undisturbed.due(NOW)
    assert undisturbed.due(NOW + PAUSE)


async def test_a_host_that_is_woken_amid_a_look_that_ends_in_its_record_is_looked_at_again() -> (
    None
):
    """The record says when it would be looked at; what it was woken for is not in it yet."""
    for woken_s, is_due in ((2, True), (None, False)):
        bed = Bed(KNOWN)
        recorder = bed.recorder()
        bed.resting.begins(KNOWN.id)
        bed.clock.at = NOW + timedelta(minutes=5)
        if woken_s is not None:
            at = NOW + timedelta(seconds=woken_s)
            bed.store.wake_hosts(now=at, host_id=KNOWN.id)
        await recorder.record(KNOWN, {"waiting": "news", "wake_at": NOW + timedelta(days=1)})
        bed.resting.ended(KNOWN.id)
        assert bool(bed.due(bed.clock.at)) is is_due
