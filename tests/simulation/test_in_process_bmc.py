"""The bench's BMC passes what every bed passes, for what it has: its tests are those of the beds.

It answers at once and has no wire, so what is about TLS, passwords and HTTP is not asked of it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest

from pods import catalogue
from provisioning.bench.bmc import InProcessBmc, VirtualBmc
from provisioning.bench.host import NOWHERE, CatalogueMedia, HeardJournal, NoLauncher, VirtualHost
from provisioning.bench.weather import CALM, FIELD, Dice, Fate, Luck
from provisioning.drivers.protocol import Bmc
from provisioning.simulator.clock import RealClock
from provisioning.simulator.hall import HallPlan
from provisioning.simulator.host import World
from provisioning.simulator.timings import Timings
from tests.contract.bmc.declared import SIMULATOR, Declaration, Trait
from tests.contract.bmc.test_bmc_bios import *  # noqa: F403 - the suite is the import
from tests.contract.bmc.test_bmc_boot_nics import *  # noqa: F403 - the same
from tests.contract.bmc.test_bmc_boot_source import *  # noqa: F403 - the same
from tests.contract.bmc.test_bmc_firmware import *  # noqa: F403 - the same
from tests.contract.bmc.test_bmc_identity import (  # noqa: F401 - the same, without a wire
    test_closed_twice_and_used_again,
    test_facts_describe_the_same_host_each_time,
    test_facts_hold_the_hardware,
    test_identity_names_the_host_and_stays,
    test_many_drivers_in_turn_leave_no_session_behind,
)
from tests.contract.bmc.test_bmc_media import *  # noqa: F403 - the same
from tests.contract.bmc.test_bmc_power import *  # noqa: F403 - the same
from tests.contract.bmc.test_bmc_power_reading import *  # noqa: F403 - the same

pytestmark: list[pytest.MarkDecorator] = []
"""Not `integration`, as the beds' modules are: nothing listens and nothing is started."""


@dataclass
class InProcessBed:
    """One host, and what its journal says was done to it."""

    bmc: VirtualBmc
    journal: Counter[str] = field(default_factory=Counter)
    declaration: Declaration = SIMULATOR
    address: str = "in this process"

    @property
    def uuid(self) -> str:
        """The mainboard's."""
        return self.bmc.host.plan.uuid

    @property
    def serial(self) -> str:
        """The host's."""
        return self.bmc.host.plan.serial

    @property
    def mac(self) -> str:
        """Of its first network port."""
        return self.bmc.host.plan.macs[0]

    def done(self, what: str) -> int:
        """How often the hall says that it was done."""
        return self.journal[what]

    def need(self, trait: Trait) -> None:
        """It has every trait that is about a host."""

    def open(self) -> Bmc:
        """Another session."""
        return InProcessBmc(self.bmc)


@pytest.fixture
async def bed() -> AsyncIterator[InProcessBed]:
    """A host whose BIOS is a version behind, forty times as fast as one of the lab."""
    journal: Counter[str] = Counter()
    world = World(
        clock=RealClock(speed=40.0),
        timings=Timings(),
        journal=HeardJournal(NOWHERE, hear=lambda entry: journal.update([entry["what"]])),
        launcher=NoLauncher(lambda _name: None),
        media=CatalogueMedia.of(catalogue.load("lab-4")),
    )
    plan = HallPlan.from_spec(
        catalogue.load("lab-4"), seed=1, faults=["old-firmware@h2:component=BIOS"]
    )
    host = VirtualHost.build(plan.hosts[1], world)
    yield InProcessBed(VirtualBmc(host, Dice(CALM, seed=1, host="h2"), deadline_s=5.0), journal)
    await host.stop()


@pytest.fixture
async def bmc(bed: InProcessBed) -> AsyncIterator[Bmc]:
    driver = bed.open()
    yield driver
    await driver.close()
    assert bed.bmc.sessions == 0


@pytest.fixture
def images() -> str:
    return "https://images.invalid"


def test_the_field_is_as_bad_as_it_says() -> None:
    dice = Dice(FIELD, seed=1, host="h1")
    many = Counter(dice.fate(dice.read("power")) for _ in range(20_000))
    assert many[Fate.TIMEOUT] / many.total() == pytest.approx(0.20, abs=0.01)
    assert many[Fate.WRONG] / many.total() == pytest.approx(0.05, abs=0.005)
    assert many[Fate.ERROR] / many.total() == pytest.approx(0.02, abs=0.005)


def test_luck_is_each_hosts_own_and_follows_from_the_seed() -> None:
    def drawn(seed: int, host: str) -> list[Fate]:
        dice = Dice(FIELD, seed=seed, host=host)
        return [dice.fate(dice.read("power")) for _ in range(50)]

    assert drawn(1, "a") == drawn(1, "a")
    assert drawn(1, "a") != drawn(1, "b")
    assert drawn(1, "a") != drawn(2, "a")


def test_who_waited_longer_meets_the_same_luck_when_its_turn_comes() -> None:
    def flash_after(looks: int) -> tuple[Luck, Luck, Luck]:
        dice = Dice(FIELD, seed=1, host="h1")
        for _ in range(looks):
            dice.read("power")
        return dice.change("update"), dice.read("power"), dice.change("update")

    assert flash_after(looks=1) == flash_after(looks=40)
    assert len(set(flash_after(looks=1))) == 3
