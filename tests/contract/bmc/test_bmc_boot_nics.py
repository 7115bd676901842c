"""The NIC that is put first is asked first, and putting it there again changes nothing."""

from __future__ import annotations

import pytest

from provisioning.drivers.capabilities import Capability
from provisioning.drivers.protocol import Bmc, BootEnabled, BootNicDriver, BootSource, BootTarget

pytestmark = pytest.mark.integration
CAPABILITY = Capability.BOOT_SOURCE


async def test_the_nic_that_is_put_first_is_asked_first(bmc: Bmc) -> None:
    if not isinstance(bmc, BootNicDriver) or len(before := await bmc.boot_nics()) <= 1:
        pytest.skip("it does not tell in which order its host's firmware asks NICs")
    last = before[-1]

    await bmc.put_boot_nic_first(last)
    await bmc.put_boot_nic_first(last.upper())

    assert await bmc.boot_nics() == (last, *before[:-1])
    facts = await bmc.facts()
    assert {nic.mac for nic in facts.nics} >= set(before)


async def test_an_image_to_boot_over_http_is_read_back_with_its_address(bmc: Bmc) -> None:
    if not isinstance(bmc, BootNicDriver) or not await bmc.boot_nics():
        pytest.skip("it does not say that its host boots over HTTP")
    wanted = BootSource(
        target=BootTarget.UEFI_HTTP, enabled=BootEnabled.ONCE, uri="https://127.0.0.1:1/a.iso"
    )
    await bmc.set_boot_source(wanted)
    assert await bmc.boot_source() == wanted
