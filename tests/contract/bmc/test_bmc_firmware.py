"""An update runs as a task, and only the version read back says that it worked."""

from __future__ import annotations

import pytest

from inventory.states import PowerState
from provisioning.drivers.capabilities import Capability
from provisioning.drivers.protocol import Bmc, FirmwareDriver, TaskPhase
from provisioning.errors import Unsupported
from tests.contract.bmc.bed import Bed
from tests.contract.bmc.seeing import see_power, until

pytestmark = pytest.mark.integration
CAPABILITY = Capability.FIRMWARE


async def test_update_runs_as_a_task_and_changes_the_version(
    bed: Bed, bmc: Bmc, images: str
) -> None:
    driver = bmc
    assert isinstance(driver, FirmwareDriver)
    before = await driver.firmware()
    assert before["BIOS"] == "2.4.0"
    started = bed.done("firmware.update.start")
    uri = await driver.update_firmware("BIOS", f"{images}/lab-bios-2.4.1.fw")

    async def phase() -> TaskPhase:
        return next(task.phase for task in await driver.update_tasks() if task.uri == uri)

    assert await until(phase, lambda seen: seen is not TaskPhase.RUNNING) is TaskPhase.DONE
    await bmc.power_off()
    await see_power(bmc, PowerState.OFF)
    await bmc.power_on()
    await see_power(bmc, PowerState.ON)

    async def bios() -> str:
        return (await driver.firmware())["BIOS"]

    assert await until(bios, lambda seen: seen == "2.4.1") == "2.4.1"
    assert (await driver.firmware())["BMC"] == before["BMC"]
    assert bed.done("firmware.update.start") == (None if started is None else started + 1)


async def test_unknown_component_is_named_and_nothing_starts(bmc: Bmc) -> None:
    assert isinstance(bmc, FirmwareDriver)
    before = await bmc.update_tasks()
    with pytest.raises(Unsupported, match="Flux"):
        await bmc.update_firmware("Flux", "https://127.0.0.1:1/flux.fw")
    assert await bmc.update_tasks() == before
