"""A BMC's log is read in order, with its own times."""

from __future__ import annotations

import pytest

from inventory.states import PowerState
from provisioning.drivers.capabilities import Capability, LogReader
from provisioning.drivers.protocol import Bmc
from tests.contract.bmc.bed import Bed
from tests.contract.bmc.declared import Trait
from tests.contract.bmc.seeing import until

pytestmark = pytest.mark.integration
CAPABILITY = Capability.LOGS


async def happen(bed: Bed, bmc: Bmc) -> None:
    """A new host's log is empty until something happens to it."""
    if bed.name == "simulator":
        await (bmc.power_on() if await bmc.power() is PowerState.OFF else bmc.power_off())


async def test_entries_have_words_and_stand_in_order(bed: Bed, bmc: Bmc) -> None:
    reader = bmc
    assert isinstance(reader, LogReader)
    await happen(bed, bmc)
    found = await until(reader.log_entries, bool)
    assert all(one.message and one.id for one in found)
    times = [one.at for one in found if one.at is not None]
    assert times == sorted(times)


async def test_entries_have_times(bed: Bed, bmc: Bmc) -> None:
    bed.need(Trait.CLOCK)
    reader = bmc
    assert isinstance(reader, LogReader)
    await happen(bed, bmc)
    assert all(one.at for one in await until(reader.log_entries, bool))
