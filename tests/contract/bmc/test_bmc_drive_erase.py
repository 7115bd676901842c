"""Drives: shown with what erases them, erased as a task that can be watched."""

from __future__ import annotations

import pytest

from inventory.states import PowerState
from provisioning.drivers.capabilities import Capability
from provisioning.drivers.driveerase import DriveEraser
from provisioning.drivers.protocol import Bmc, TaskPhase
from provisioning.errors import Unsupported
from tests.contract.bmc.seeing import until

pytestmark = pytest.mark.integration
CAPABILITY = Capability.DRIVE_ERASE


async def test_a_drive_is_erased_as_a_task_that_ends(bmc: Bmc) -> None:
    assert isinstance(bmc, DriveEraser)
    await bmc.power_off()
    await until(bmc.power, lambda power: power is PowerState.OFF)
    (drive, *_) = await bmc.drives()
    assert drive.serial
    assert drive.erasing is False

    task = await bmc.erase_drive(drive.serial, drive.methods[0])

    def over(tasks: tuple[object, ...]) -> bool:
        return any(
            getattr(one, "uri", "") == task and getattr(one, "phase", None) is TaskPhase.DONE
            for one in tasks
        )

    await until(bmc.erase_tasks, over)
    (ours,) = [one for one in await bmc.erase_tasks() if one.uri == task]
    assert ours.about.startswith(f"{drive.uri}/")
    again = next(one for one in await bmc.drives() if one.serial == drive.serial)
    assert again.erasing is False


async def test_a_drive_that_is_not_there_is_not_erased(bmc: Bmc) -> None:
    assert isinstance(bmc, DriveEraser)
    before = await bmc.erase_tasks()

    with pytest.raises(Unsupported, match=r"nothing was erased|0 drives") as refusal:
        await bmc.erase_drive("no such serial", "crypto")

    assert refusal.value.hint
    assert await bmc.erase_tasks() == before
