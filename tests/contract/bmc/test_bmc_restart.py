"""The BMC restarts itself, its host runs on, and it answers again."""

from __future__ import annotations

import contextlib

import pytest

from inventory.states import PowerState
from provisioning.drivers.capabilities import Capability
from provisioning.drivers.protocol import Bmc, ManagerReset
from provisioning.errors import Ambiguous, Retry
from tests.contract.bmc.bed import Bed
from tests.contract.bmc.seeing import see_power, until

pytestmark = pytest.mark.integration
CAPABILITY = Capability.BMC_RESTART


async def test_host_runs_on_while_its_bmc_restarts(bed: Bed, bmc: Bmc) -> None:
    assert isinstance(bmc, ManagerReset)
    await bmc.power_on()
    await see_power(bmc, PowerState.ON)
    before = bed.done("power.off")
    with contextlib.suppress(Ambiguous):
        await bmc.restart_manager()

    async def power() -> PowerState | None:
        driver = bed.open()
        try:
            return await driver.power()
        except Retry:
            return None
        finally:
            await driver.close()

    assert await until(power, lambda seen: seen is not None) is PowerState.ON
    assert bed.done("power.off") == before
