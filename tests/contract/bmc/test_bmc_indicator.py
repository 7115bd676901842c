"""The light by which a person finds a host goes on and off."""

from __future__ import annotations

import pytest

from provisioning.drivers.capabilities import Capability, Indicator, IndicatorDriver
from provisioning.drivers.protocol import Bmc

pytestmark = pytest.mark.integration
CAPABILITY = Capability.INDICATOR


async def test_light_goes_on_and_off(bmc: Bmc) -> None:
    assert isinstance(bmc, IndicatorDriver)
    for wanted in (Indicator.LIT, Indicator.LIT, Indicator.OFF, Indicator.OFF):
        await bmc.set_indicator(wanted)
        assert await bmc.indicator() is wanted
