"""The boot source that is set is the one that is read back."""

from __future__ import annotations

import pytest

from provisioning.drivers.capabilities import Capability
from provisioning.drivers.protocol import Bmc, BootEnabled, BootSource, BootTarget
from tests.contract.bmc.bed import Bed
from tests.contract.bmc.declared import Trait

pytestmark = pytest.mark.integration
CAPABILITY = Capability.BOOT_SOURCE


@pytest.mark.parametrize("target", [BootTarget.PXE, BootTarget.CD, BootTarget.HDD])
async def test_boot_source_is_kept(bed: Bed, bmc: Bmc, target: BootTarget) -> None:
    lasting = Trait.CONTINUOUS not in bed.declaration.without
    wanted = BootSource(
        target=target, enabled=BootEnabled.CONTINUOUS if lasting else BootEnabled.ONCE
    )
    await bmc.set_boot_source(wanted)
    await bmc.set_boot_source(wanted)
    assert await bmc.boot_source() == wanted


async def test_boot_source_once_is_read_back_as_once(bed: Bed, bmc: Bmc) -> None:
    bed.need(Trait.ONCE)
    wanted = BootSource(target=BootTarget.CD, enabled=BootEnabled.ONCE)
    await bmc.set_boot_source(wanted)
    assert await bmc.boot_source() == wanted


async def test_boot_source_can_be_cleared(bed: Bed, bmc: Bmc) -> None:
    bed.need(Trait.DISABLED)
    wanted = BootSource(target=BootTarget.NONE, enabled=BootEnabled.DISABLED)
    await bmc.set_boot_source(BootSource(target=BootTarget.PXE, enabled=BootEnabled.CONTINUOUS))
    await bmc.set_boot_source(wanted)
    assert await bmc.boot_source() == wanted
