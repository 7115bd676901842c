"""Sensors have names, kinds, units and readings."""

from __future__ import annotations

import pytest

from provisioning.drivers.capabilities import Capability, SensorReader
from provisioning.drivers.protocol import Bmc

pytestmark = pytest.mark.integration
CAPABILITY = Capability.SENSORS


async def test_every_sensor_has_a_name_and_some_have_a_reading(bmc: Bmc) -> None:
    assert isinstance(bmc, SensorReader)
    found = await bmc.sensors()
    assert found
    assert all(one.name for one in found)
    assert any(one.value is not None and one.unit for one in found)
