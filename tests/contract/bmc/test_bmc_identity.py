"""What every BMC must do: say whose it is, and let nobody in who may not."""

from __future__ import annotations

import pytest

from provisioning.drivers.protocol import Bmc
from provisioning.errors import CertificateChanged, CredentialsRefused
from tests.contract.bmc.bed import Bed
from tests.contract.bmc.declared import Trait

pytestmark = pytest.mark.integration
CAPABILITY = None


async def test_identity_names_the_host_and_stays(bed: Bed, bmc: Bmc) -> None:
    first, second = await bmc.identity(), await bmc.identity()
    assert first == second
    assert (first.uuid, first.serial) == (bed.uuid, bed.serial)


async def test_facts_describe_the_same_host_each_time(bed: Bed, bmc: Bmc) -> None:
    first, second = await bmc.facts(), await bmc.facts()
    assert first.digest() == second.digest()
    assert (first.uuid, first.serial) == (bed.uuid, bed.serial)
    assert bed.mac in {"", *(nic.mac for nic in first.nics)}


async def test_facts_hold_the_hardware(bed: Bed, bmc: Bmc) -> None:
    bed.need(Trait.HARDWARE)
    facts = await bmc.facts()
    assert facts.processors[0].cores > 0
    assert facts.accelerators[0].memory_gib > 0
    assert all(module.capacity_gib > 0 for module in facts.memory)
    assert facts.drives[0].capacity_gib > 0
    assert facts.firmware
    assert facts.bios


async def test_wrong_password_is_refused(bed: Bed) -> None:
    driver = bed.open(password="not-the-password")
    try:
        with pytest.raises(CredentialsRefused) as caught:
            await driver.power()
    finally:
        await driver.close()
    assert "not-the-password" not in str(caught.value) + caught.value.hint


async def test_certificate_that_is_not_pinned_is_refused(bed: Bed) -> None:
    bed.need(Trait.TLS)
    driver = bed.open(fingerprint="sha256:" + "0" * 64)
    try:
        with pytest.raises(CertificateChanged):
            await driver.power()
    finally:
        await driver.close()


async def test_closed_twice_and_used_again(bmc: Bmc) -> None:
    before = await bmc.identity()
    await bmc.close()
    await bmc.close()
    assert await bmc.identity() == before


async def test_many_drivers_in_turn_leave_no_session_behind(bed: Bed) -> None:
    bed.need(Trait.SESSIONS)
    # More than any BMC's session table holds: 16 over Redfish, and 10 an account here over IPMI.
    for _ in range(12 if bed.address.startswith("ipmi:") else 20):
        driver = bed.open()
        await driver.power()
        await driver.close()
