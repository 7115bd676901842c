"""What a bed does not have is refused with a hint, and never ends in a crash."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from provisioning.drivers.capabilities import Capability, offered
from provisioning.errors import ProvisioningError, Unsupported
from tests.contract.bmc.bed import Bed
from tests.contract.bmc.declared import BEDS, MOCKUP, SIMULATOR

pytestmark = pytest.mark.integration
CAPABILITY = None

READS: dict[Capability, Callable[[Any], Awaitable[object]]] = {
    Capability.BIOS: lambda bmc: bmc.bios(),
    Capability.SENSORS: lambda bmc: bmc.sensors(),
    Capability.POWER_LIMIT: lambda bmc: bmc.power_limit(),
    Capability.INDICATOR: lambda bmc: bmc.indicator(),
    Capability.LOGS: lambda bmc: bmc.log_entries(),
    Capability.ACCOUNTS: lambda bmc: bmc.accounts(),
    Capability.CERTIFICATES: lambda bmc: bmc.certificates(),
    Capability.EVENTS: lambda bmc: bmc.subscriptions(),
}
"""A look at each, which changes nothing."""
ANSWERS_NONE: dict[Capability, Callable[[Any], Awaitable[object]]] = {
    Capability.POWER_READING: lambda bmc: bmc.power_draw_watts(),
    Capability.IPMI_LAN: lambda bmc: bmc.ipmi_over_lan(),
}


async def test_driver_offers_what_its_protocol_has(any_bed: Bed) -> None:
    driver = any_bed.open()
    try:
        assert offered(driver) == any_bed.declaration.offers
    finally:
        await driver.close()


async def test_lack_is_refused_with_a_hint(any_bed: Bed) -> None:
    declaration = any_bed.declaration
    if declaration.name in {SIMULATOR.name, MOCKUP.name}:
        pytest.skip(f"{declaration.name}: what it lacks needs more than a look")
    driver = any_bed.open()
    try:
        for what, read in READS.items():
            if what in declaration.offers - declaration.has:
                ended = await outcome(read(driver))
                assert ended in {"refused with a hint", "failed inside", "nothing"}, what
        for what, told in ANSWERS_NONE.items():
            if what in declaration.offers - declaration.has:
                assert await told(driver) is None
    finally:
        await driver.close()


async def outcome(call: Awaitable[object]) -> str:
    """How a look at what is not there ends. Another of our errors: the bed fails inside at it."""
    try:
        found = str(await call)
    except Unsupported as error:
        return "refused with a hint" if error.hint else "refused without a hint"
    except ProvisioningError:
        return "failed inside"
    return "nothing" if found in {"Unknown", "()", "Off"} else found


def test_every_bed_is_declared_once() -> None:
    assert len({one.what for one in BEDS.values()}) == len(BEDS)
