"""BIOS attributes are staged for the next boot and told apart from those in force."""

from __future__ import annotations

import pytest

from inventory.states import PowerState
from provisioning.drivers.capabilities import Capability
from provisioning.drivers.protocol import BiosDriver, Bmc
from tests.contract.bmc.bed import Bed
from tests.contract.bmc.seeing import see_power

pytestmark = pytest.mark.integration
CAPABILITY = Capability.BIOS


async def test_staged_attributes_are_pending_until_they_are_taken_back(bed: Bed, bmc: Bmc) -> None:
    if Capability.POWER in bed.declaration.has:
        # A host on its way up would apply them meanwhile.
        await bmc.power_off()
        await see_power(bmc, PowerState.OFF)
    assert isinstance(bmc, BiosDriver)
    seen = await bmc.bios()
    coming = {**seen.current, **seen.pending}
    name = next(name for name, value in coming.items() if value in {"Enabled", "Disabled"})
    before = coming[name]
    after = "Disabled" if before == "Enabled" else "Enabled"
    await bmc.set_bios({name: after})
    await bmc.set_bios({name: after})
    now = await bmc.bios()
    assert now.current == seen.current
    assert {**now.current, **now.pending}[name] == after
    await bmc.set_bios({name: str(before)})
    assert (await bmc.bios()).pending == seen.pending
