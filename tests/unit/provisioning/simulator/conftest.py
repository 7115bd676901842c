"""A simulated host on a hand-turned clock, with media out of a dictionary and no processes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from pods import catalogue
from provisioning.simulator.bmc import SimulatedBmc
from provisioning.simulator.clock import ManualClock
from provisioning.simulator.errors import MediaRefused
from provisioning.simulator.hall import HallPlan
from provisioning.simulator.host import SimulatedHost, World
from provisioning.simulator.journal import Entry, Journal, read_journal
from provisioning.simulator.launcher import HostPlace
from provisioning.simulator.state import load_state
from provisioning.simulator.timings import Timings


@dataclass
class ShelfMedia:
    """Images on a shelf instead of a network."""

    images: dict[str, bytes] = field(default_factory=dict)

    async def fetch(self, url: str) -> bytes:
        """The image, or a refusal."""
        if url not in self.images:
            raise MediaRefused(f"{url} cannot be fetched", hint="put it on the shelf")
        return self.images[url]


@dataclass
class NotingLauncher:
    """Notes what would run."""

    isolated: bool = True
    running: set[str] = field(default_factory=set)
    boots: int = 0

    async def start(self) -> None:
        """Nothing to prepare."""

    async def boot(self, place: HostPlace) -> None:
        """Note it."""
        self.running.add(place.name)
        self.boots += 1

    async def kill(self, name: str) -> None:
        """Note it."""
        self.running.discard(name)

    async def attach(self, name: str, *, network: str, address: str) -> None:
        """No network here."""

    async def detach(self, name: str) -> None:
        """No network here."""

    async def stop(self) -> None:
        """End all."""
        self.running.clear()


@dataclass
class Bench:
    """One host on the bench, which can lose its simulator and come back."""

    directory: Path
    faults: tuple[str, ...] = ()
    clock: ManualClock = field(default_factory=ManualClock)
    media: ShelfMedia = field(default_factory=ShelfMedia)
    launcher: NotingLauncher = field(default_factory=NotingLauncher)
    bmc: SimulatedBmc = field(init=False)
    _journal: Journal = field(init=False)

    def __post_init__(self) -> None:
        self.bmc = self.build()

    def build(self) -> SimulatedBmc:
        """The host as its saved state says."""
        plan = HallPlan.from_spec(catalogue.load("lab-4"), seed=7, faults=self.faults).hosts[0]
        place = HostPlace(plan.name, root=self.directory / "root", run=self.directory / "run")
        place.prepare()
        self._journal = Journal(self.directory / "journal.jsonl")
        self._journal.open()
        path = self.directory / "state.json"
        world = World(
            clock=self.clock,
            timings=Timings(),
            journal=self._journal,
            launcher=self.launcher,
            media=self.media,
        )
        return SimulatedBmc(SimulatedHost(plan, place, load_state(path, plan), path, world))

    async def restart(self) -> None:
        """Kill the simulator and start it again: only what was saved is known."""
        await self.bmc.host.stop()
        self._journal.close()
        self.launcher.running.clear()
        self.bmc = self.build()
        await self.bmc.resume()

    def entries(self, *whats: str) -> list[Entry]:
        """The journal, or what it says of some events."""
        found = read_journal(self.directory / "journal.jsonl")
        return [entry for entry in found if not whats or entry["what"] in whats]

    def close(self) -> None:
        """Close the journal."""
        self._journal.close()


@pytest.fixture
async def bench(tmp_path: Path):  # noqa: ANN201 - a generator of a factory
    made: list[Bench] = []

    def make(*faults: str) -> Bench:
        made.append(Bench(tmp_path, faults=faults))
        return made[-1]

    factory: Callable[..., Bench] = make
    yield factory
    for one in made:
        await one.bmc.host.stop()
        one.close()
