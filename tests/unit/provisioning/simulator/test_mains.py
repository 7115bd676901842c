"""Feeds at work on a hand-turned clock: shares, trips, dead feeds, outlets, meters."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from pods import catalogue
from pods.spec import PodSpec
from provisioning.simulator.clock import ManualClock
from provisioning.simulator.distribution.mains import Mains
from provisioning.simulator.errors import UnknownFault
from provisioning.simulator.hall import HallPlan
from provisioning.simulator.journal import Entry, Journal, feed_peaks, read_journal, trips


@dataclass
class Lamp:
    """A consumer that notes what it hears, and draws again when its inputs change."""

    name: str
    mains: Mains
    watts: float = 0.0
    heard: list[str] = field(default_factory=list)

    def draw(self, watts: float) -> dict[str, float]:
        """So much from now on."""
        self.watts = watts
        return self.mains.draw(self.name, watts)

    @property
    def on(self) -> bool:
        """While it draws."""
        return self.watts > 0

    async def lose_power(self) -> None:
        """Dark."""
        self.heard.append("dark")
        self.draw(0.0)

    def regain_power(self) -> None:
        """On standby."""
        self.heard.append("back")
        self.draw(20.0)

    def change_inputs(self) -> None:
        """The same draw, from elsewhere."""
        self.heard.append("inputs")
        self.draw(self.watts)


@dataclass
class Site:
    """A plan's mains with a lamp for every host."""

    mains: Mains
    clock: ManualClock
    path: Path
    lamps: dict[str, Lamp]

    def entries(self, *whats: str) -> list[Entry]:
        """The journal, or some of it."""
        found = read_journal(self.path)
        return [entry for entry in found if not whats or entry["what"] in whats]

    def heard(self) -> set[tuple[str, ...]]:
        """What lamps heard."""
        return {tuple(lamp.heard) for lamp in self.lamps.values()}


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Callable[..., Any]]:
    made: list[tuple[Site, Journal]] = []

    async def start(spec: str | PodSpec, *faults: str) -> Site:
        pod = catalogue.load(spec) if isinstance(spec, str) else spec
        plan = HallPlan.from_spec(pod, seed=1, faults=faults)
        clock, path = ManualClock(), tmp_path / "journal.jsonl"
        journal = Journal(path)
        journal.open()
        mains = Mains(
            plan.distribution,
            clock=clock,
            journal=journal,
            path=tmp_path / "mains.json",
            hall_started_at=clock.now(),
        )
        lamps = {host.name: Lamp(host.name, mains) for host in plan.hosts}
        for name, lamp in lamps.items():
            mains.plug(name, lamp)
        await mains.begin()
        made.append((Site(mains, clock, path, lamps), journal))
        return made[-1][0]

    yield start
    for one, journal in made:
        await one.mains.stop()
        journal.close()


async def test_a_host_draws_half_from_each_feed_and_all_from_the_survivor(
    site: Callable[..., Any],
) -> None:
    one: Site = await site("hgx-h100-8")
    for lamp in one.lamps.values():
        assert lamp.draw(8000.0) == {"r1-a": 4000.0, "r1-b": 4000.0}
    await one.mains.kill("r1-a")
    assert one.heard() == {("inputs",)}
    assert one.mains.watts("r1-a") == 0.0
    assert one.mains.watts("r1-b") == pytest.approx(8000.0 * len(one.lamps))
    await one.mains.revive("r1-a")
    assert one.mains.watts("r1-a") == one.mains.watts("r1-b")


async def test_what_is_over_the_rating_for_long_opens_the_breaker_and_darkens_its_hosts(
    site: Callable[..., Any],
) -> None:
    one: Site = await site("lab-4")
    began_at = one.clock.now()
    for lamp in one.lamps.values():
        lamp.draw(1500.0)  # 6 kW on a breaker of 4.6 kW
    await one.clock.advance(60)
    (trip,) = trips(one.entries())
    assert (trip["feed"], trip["watts"]) == ("a", 6000.0)
    assert 1 < trip["at"] - began_at < 60
    assert one.heard() == {("dark",)}
    assert all(one.mains.is_dark(name) for name in one.lamps)


async def test_an_inrush_that_is_over_in_time_opens_nothing(site: Callable[..., Any]) -> None:
    one: Site = await site("lab-4")
    for _ in range(5):
        for lamp in one.lamps.values():
            lamp.draw(1500.0)
        await one.clock.advance(1.5)
        for lamp in one.lamps.values():
            lamp.draw(450.0)
        await one.clock.advance(30)
    assert not trips(one.entries())


async def test_a_second_feed_that_cannot_carry_both_halves_opens_too(
    site: Callable[..., Any],
) -> None:
    spec = catalogue.load("hgx-h100-8")
    feeds = {n: f.model_copy(update={"rated_amps": 50}) for n, f in spec.feeds.items()}
    one: Site = await site(spec.model_copy(update={"feeds": feeds}), "feed-dead@feed/r1-a:at=60")
    for lamp in one.lamps.values():
        lamp.draw(10_200.0)
    await one.clock.advance(59)
    assert not trips(one.entries())
    await one.clock.advance(600)
    assert [trip["feed"] for trip in trips(one.entries())] == ["r1-b"]
    assert one.heard() == {("inputs", "dark")}


async def test_a_person_closes_a_breaker_and_a_start_of_the_simulator_does_not(
    site: Callable[..., Any],
) -> None:
    one: Site = await site("lab-4")
    for lamp in one.lamps.values():
        lamp.draw(1500.0)
    await one.clock.advance(60)
    await one.mains.stop()
    again: Site = await site("lab-4")
    assert again.mains.is_tripped("a")
    assert again.heard() == {("dark",)}
    await again.mains.reset("a")
    assert again.heard() == {("dark", "back")}
    assert again.mains.watts("a") == 80.0


async def test_a_pdu_that_is_off_comes_back_in_one_moment(site: Callable[..., Any]) -> None:
    one: Site = await site("lab-4", "pdu-off@rack/r1:at=10,for=600")
    for lamp in one.lamps.values():
        lamp.draw(450.0)
    await one.clock.advance(11)
    assert one.heard() == {("dark",)}
    assert one.mains.watts("a") == 0.0
    await one.clock.advance(600)
    assert one.heard() == {("dark", "back")}
    (off,), (on,) = one.entries("outlet.off"), one.entries("outlet.on")
    assert on["at"] - off["at"] == pytest.approx(600)
    assert len(on["outlets"]) == 4


async def test_an_outlet_is_switched_for_one_host_and_metered(site: Callable[..., Any]) -> None:
    one: Site = await site("lab-4")
    first, second, *_ = one.lamps.values()
    first.draw(1000.0)
    await one.clock.advance(3600)
    assert one.mains.kwh(first.name, "a") == pytest.approx(1.0)
    await one.mains.switch("r1-pdu-a", [first.name], on=False)
    assert (first.heard, second.heard) == (["dark"], [])
    await one.clock.advance(3600)
    assert one.mains.kwh(first.name, "a") == pytest.approx(1.0)


async def test_a_weak_breaker_opens_below_its_rating(site: Callable[..., Any]) -> None:
    one: Site = await site("lab-4", "weak-breaker@a:ratio=0.3")
    for lamp in one.lamps.values():
        lamp.draw(450.0)
    await one.clock.advance(60)
    assert [trip["feed"] for trip in trips(one.entries())] == ["a"]


async def test_what_a_rack_draws_beside_its_hosts_is_on_its_feeds(site: Callable[..., Any]) -> None:
    one: Site = await site("nvl72-gb300")
    base = 9 * 777
    assert one.mains.watts("r1-a") == pytest.approx(base / 2)
    await one.mains.kill("r1-b")
    assert one.mains.watts("r1-a") == pytest.approx(base)
    # All that a judge adds up is in the journal.
    assert feed_peaks(one.entries())["r1-a"] == pytest.approx(base)


@pytest.mark.parametrize(
    "fault", ["feed-dead@feed/z", "pdu-off@rack/r9", "pump-fails@rack/r1", "feed-dead@r1-h1"]
)
def test_a_fault_that_finds_nothing_to_strike_is_refused(fault: str) -> None:
    with pytest.raises(UnknownFault) as refused:
        HallPlan.from_spec(catalogue.load("lab-4"), seed=1, faults=[fault])
    assert refused.value.hint.startswith("its ")
