"""A limit of the host's power is set, read back and lifted."""

from __future__ import annotations

import pytest

from provisioning.drivers.capabilities import Capability, PowerLimiter
from provisioning.drivers.protocol import Bmc

pytestmark = pytest.mark.integration
CAPABILITY = Capability.POWER_LIMIT


async def test_limit_is_set_read_back_and_lifted(bmc: Bmc) -> None:
    assert isinstance(bmc, PowerLimiter)
    bounds = await bmc.power_limit()
    most = bounds.most_watts or 500.0
    wanted = round(most - (most - (bounds.least_watts or 0.0)) / 4)
    await bmc.set_power_limit(wanted)
    await bmc.set_power_limit(wanted)
    assert (await bmc.power_limit()).watts == wanted
    await bmc.set_power_limit(None)
    await bmc.set_power_limit(None)
    assert (await bmc.power_limit()).watts is None
