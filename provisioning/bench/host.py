"""A simulated host without files and processes: the simulator's own model, its doors closed.

Power, boot, BIOS, firmware and faults are those of `provisioning.simulator.host`, on virtual time.
What that one does to the machine it runs on (saving its state, fetching media, starting an agent)
is left out or told to somebody in this process.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from pods.firmware import image_bytes
from pods.spec import FirmwareItem, PodSpec
from provisioning.simulator.errors import MediaRefused
from provisioning.simulator.hall import HostPlan
from provisioning.simulator.host import SimulatedHost, World
from provisioning.simulator.journal import Entry, Journal
from provisioning.simulator.launcher import HostPlace
from provisioning.simulator.state import Account, HostState

NOWHERE = Path("/nonexistent")
PASSWORD = "virtual"  # noqa: S105 - nothing listens anywhere


@dataclass(slots=True)
class VirtualHost(SimulatedHost):
    """One host of a virtual hall."""

    booted: Callable[[VirtualHost, str], None] = lambda _host, _medium: None
    """Called when the operating system starts, with the address of its medium."""
    stopped: Callable[[VirtualHost], None] = lambda _host: None
    """Called when it ends."""

    @classmethod
    def build(cls, plan: HostPlan, world: World) -> VirtualHost:
        """As delivered."""
        state = HostState(
            accounts=[Account(number=1, username="admin", password=PASSWORD)],
            bios=dict(plan.bios),
            firmware=dict(plan.firmware),
            watts=float(plan.host_type.power.standby_watts),
        )
        place = HostPlace(name=plan.name, root=NOWHERE, run=NOWHERE)
        return cls(plan=plan, place=place, state=state, state_path=NOWHERE, world=world)

    def save(self) -> None:
        """Nothing outlives the run."""

    def write_hardware(self) -> None:
        """The agent asks the plan."""

    async def _boot_from(self, *, target: str, enabled: str) -> None:
        if enabled == "Disabled" or target != "Cd" or not self.state.media_inserted:
            return
        self.state.booted = True
        self.journal("boot", media=self.state.media_image)
        self.booted(self, self.state.media_image)


class NoLauncher:
    """Ends what a host runs: the agent that this process plays."""

    isolated = True

    def __init__(self, end: Callable[[str], None]) -> None:
        self._end = end

    async def start(self) -> None:
        """Nothing to make ready."""

    async def boot(self, place: HostPlace) -> None:
        """Never called: `VirtualHost` boots by itself."""

    async def kill(self, name: str) -> None:
        """The host lost its power."""
        self._end(name)

    async def attach(self, name: str, *, network: str, address: str) -> None:
        """There are no tenants here."""

    async def detach(self, name: str) -> None:
        """The same."""

    async def stop(self) -> None:
        """Nothing was started."""


@dataclass(frozen=True, slots=True)
class CatalogueMedia:
    """Firmware images by their names, as the specs know them."""

    images: dict[str, bytes]

    @classmethod
    def of(cls, spec: PodSpec) -> CatalogueMedia:
        """Every image that a spec names."""
        items = [item for one in spec.firmware.values() for item in one]
        return cls({item.image: _content(item) for item in items})

    async def fetch(self, url: str) -> bytes:
        """The content, or `MediaRefused`."""
        found = self.images.get(url.rpartition("/")[2])
        if found is None:
            raise MediaRefused(f"{url} is not an image of this spec", hint="name one that is")
        return found


@cache
def _content(item: FirmwareItem) -> bytes:
    return image_bytes(item)


@dataclass(slots=True)
class HeardJournal(Journal):
    """A journal that is heard instead of written: every line is judged as it comes."""

    hear: Callable[[Entry], None] = field(default=lambda _entry: None)

    def open(self) -> None:
        """No file."""

    def write(
        self, what: str, *, at: float, host: str = "", feed: str = "", **fields: Any
    ) -> Entry:
        """One line more."""
        self._seq += 1
        entry: Entry = {"seq": self._seq, "at": at, "host": host, "feed": feed, "what": what}
        entry.update(fields)
        self.hear(entry)
        return entry
