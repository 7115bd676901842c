"""The draw is a number of watts."""

from __future__ import annotations

import pytest

from provisioning.drivers.capabilities import Capability
from provisioning.drivers.protocol import Bmc, PowerMeter

pytestmark = pytest.mark.integration
CAPABILITY = Capability.POWER_READING


async def test_power_draw_is_some_watts(bmc: Bmc) -> None:
    assert isinstance(bmc, PowerMeter)
    watts = await bmc.power_draw_watts()
    assert watts is not None
    assert watts > 0
