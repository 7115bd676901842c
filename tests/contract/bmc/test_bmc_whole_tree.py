"""Every resource is reached from the root."""

from __future__ import annotations

import pytest

from provisioning.drivers.capabilities import Capability
from provisioning.drivers.protocol import Bmc, ResourceReader

pytestmark = pytest.mark.integration
CAPABILITY = Capability.RESOURCES


async def test_whole_tree_is_read(bmc: Bmc) -> None:
    assert isinstance(bmc, ResourceReader)
    found = await bmc.resources()
    assert len(found) > 30
    assert all(path.startswith("/redfish/v1") for path in found)
