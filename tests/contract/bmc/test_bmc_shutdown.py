"""The operating system is asked to end; what follows is off, and asking twice is asking once."""

from __future__ import annotations

import pytest

from inventory.states import PowerState
from provisioning.drivers.capabilities import Capability
from provisioning.drivers.protocol import Bmc, ShutdownDriver
from tests.contract.bmc.seeing import see_power

pytestmark = pytest.mark.integration
CAPABILITY = Capability.POWER


async def test_a_host_that_is_asked_to_shut_down_is_off_in_the_end(bmc: Bmc) -> None:
    if not isinstance(bmc, ShutdownDriver):
        pytest.skip("an adopted host has no BMC that could ask it")
    await bmc.power_on()
    await see_power(bmc, PowerState.ON)
    await bmc.shut_down()
    await bmc.shut_down()
    await see_power(bmc, PowerState.OFF)
    await bmc.shut_down()  # it is off: nothing is asked
    await see_power(bmc, PowerState.OFF)
