"""Power goes on and off; asking for what is so changes nothing."""

from __future__ import annotations

import pytest

from inventory.states import PowerState
from provisioning.drivers.capabilities import Capability
from provisioning.drivers.protocol import Bmc
from tests.contract.bmc.bed import Bed
from tests.contract.bmc.seeing import see_power

pytestmark = pytest.mark.integration
CAPABILITY = Capability.POWER


async def test_power_goes_on_and_off_and_asking_again_changes_nothing(bed: Bed, bmc: Bmc) -> None:
    await bmc.power_off()
    await see_power(bmc, PowerState.OFF)
    before = bed.done("power.on"), bed.done("power.off")
    await bmc.power_off()
    assert await bmc.power() is PowerState.OFF
    await bmc.power_on()
    await see_power(bmc, PowerState.ON)
    await bmc.power_on()
    assert await bmc.power() is PowerState.ON
    await bmc.power_off()
    await see_power(bmc, PowerState.OFF)
    after = bed.done("power.on"), bed.done("power.off")
    assert after == tuple(None if count is None else count + 1 for count in before)
