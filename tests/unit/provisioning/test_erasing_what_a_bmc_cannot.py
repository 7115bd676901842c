"""Drives that a BMC shows and cannot erase, beside drives that it does not show at all.

Nobody is handed a host of which one drive was not looked at: the host erases what its BMC cannot.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from inventory.states import HostState
from provisioning.drivers.driveerase import DriveReading
from tests.unit.provisioning.shelf import Shelf, ShelfBmc, over, returned
from tests.unit.provisioning.test_erasing_by_the_host import Asking, Own


@dataclass
class Half(Own):
    """Its BMC shows one drive of two, and offers no erase for it."""

    async def drives(self) -> tuple[DriveReading, ...]:
        """D1 alone."""
        found = await Shelf.drives(self)
        return tuple(one for one in found if one.serial == "D1")


@contextmanager
def half(folder: Path) -> Iterator[Asking]:
    """A real host that came back."""
    with returned(folder) as there:
        there.wish(simulated=False)
        iron = Half(there.clock, power=there.iron.power, unable=frozenset({"D1"}))
        yield Asking(
            there.clock,
            iron,
            there.store,
            there.keys,
            there.box,
            lives=there.lives,
            open_bmc=ShelfBmc,
        )


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Keys, made once."""
    return tmp_path_factory.mktemp("half")


def test_host_erases_what_its_bmc_cannot_and_what_it_does_not_show(folder: Path) -> None:
    with half(folder) as there:
        there.run(over)
        assert isinstance(there.iron, Half)
        assert there.iron.holds == {"D1": False, "D2": False}
        assert there.host().state is HostState.ENROLLED, there.host().problem
        (signed,) = [one for one in there.intents() if one.step == "erasure-certificate"]
        assert signed.note == "2 of 2 drives erased"
