"""IPMI over LAN at a BMC that is spoken to over Redfish: told, and closed."""

from __future__ import annotations

import pytest

from provisioning.drivers.capabilities import Capability, IpmiLanDriver
from provisioning.drivers.protocol import Bmc

pytestmark = pytest.mark.integration
CAPABILITY = Capability.IPMI_LAN


async def test_ipmi_over_lan_is_told_and_closed(bmc: Bmc) -> None:
    assert isinstance(bmc, IpmiLanDriver)
    assert await bmc.ipmi_over_lan() is True
    await bmc.close_ipmi_over_lan()
    await bmc.close_ipmi_over_lan()
    assert await bmc.ipmi_over_lan() is False
