"""An image is sent to the BMC itself; the version read back says that it worked."""

from __future__ import annotations

from pathlib import Path

import pytest

from inventory.states import PowerState
from provisioning.drivers.capabilities import Capability, FirmwarePusher
from provisioning.drivers.protocol import Bmc, FirmwareDriver, TaskPhase
from provisioning.errors import Unsupported
from tests.contract.bmc.redfish_beds import LAB_IMAGES
from tests.contract.bmc.seeing import see_power, until

pytestmark = pytest.mark.integration
CAPABILITY = Capability.FIRMWARE_PUSH
IMAGE = LAB_IMAGES / "lab-bmc-1.8.0.fw"


async def test_pushed_image_runs_as_a_task_to_its_end(bmc: Bmc) -> None:
    driver = bmc
    assert isinstance(driver, FirmwarePusher)
    assert isinstance(driver, FirmwareDriver)
    await bmc.power_off()
    await see_power(bmc, PowerState.OFF)
    uri = await driver.push_firmware("BMC", IMAGE)

    async def phase() -> TaskPhase:
        return next(task.phase for task in await driver.update_tasks() if task.uri == uri)

    assert await until(phase, lambda seen: seen is not TaskPhase.RUNNING) is TaskPhase.DONE
    assert (await driver.firmware())["BMC"] == "1.8.0"


async def test_image_for_an_unknown_component_is_not_sent(bmc: Bmc) -> None:
    assert isinstance(bmc, FirmwarePusher)
    with pytest.raises(Unsupported, match="Flux"):
        await bmc.push_firmware("Flux", IMAGE)


async def test_image_that_is_too_large_is_not_sent(bmc: Bmc, tmp_path: Path) -> None:
    large = tmp_path / "large.fw"
    large.write_bytes(b"x" * 300_000)
    assert isinstance(bmc, FirmwarePusher)
    with pytest.raises(Unsupported, match="300000"):
        await bmc.push_firmware("BMC", large)
