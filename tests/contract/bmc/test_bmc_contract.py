"""What every BMC must do for podyard, whoever made it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import pytest

from inventory.states import PowerState
from provisioning.drivers.protocol import (
    BiosDriver,
    Bmc,
    BootEnabled,
    BootSource,
    BootTarget,
    FirmwareDriver,
    MediaDriver,
    PowerMeter,
    TaskPhase,
)
from provisioning.errors import CertificateChanged, CredentialsRefused, Unsupported
from tests.contract.bmc.beds import Bed

pytestmark = pytest.mark.integration

T = TypeVar("T")
SETTLE_S = 60.0
"""The emulator shows a power change after 1 to 11 s, at its random pleasure."""


def need(bed: Bed, ability: str) -> None:
    if ability in bed.lacks:
        pytest.skip(f"{bed.name}: {bed.lacks[ability]}")


async def until(read: Callable[[], Awaitable[T]], wanted: Callable[[T], bool]) -> T:
    async with asyncio.timeout(SETTLE_S):
        # A BMC across the network tells nobody: looking again is all there is.
        while not wanted(seen := await read()):  # noqa: ASYNC110
            await asyncio.sleep(0.3)
    return seen


async def see_power(bmc: Bmc, wanted: PowerState) -> None:
    await until(bmc.power, lambda seen: seen is wanted)


async def test_identity_names_the_host_and_stays(bed: Bed, bmc: Bmc) -> None:
    first, second = await bmc.identity(), await bmc.identity()
    assert first == second
    assert (first.uuid, first.serial) == (bed.uuid, bed.serial)
    assert first.redfish_version


async def test_facts_describe_the_same_host_each_time(bed: Bed, bmc: Bmc) -> None:
    first, second = await bmc.facts(), await bmc.facts()
    assert first.digest() == second.digest()
    assert first.source == "redfish"
    assert first.uuid == (await bmc.identity()).uuid
    assert bed.mac in {nic.mac for nic in first.nics}


async def test_facts_hold_the_hardware(bed: Bed, bmc: Bmc) -> None:
    need(bed, "hardware")
    facts = await bmc.facts()
    assert facts.processors[0].cores > 0
    assert facts.accelerators[0].memory_gib > 0
    assert all(module.capacity_gib > 0 for module in facts.memory)
    assert facts.drives[0].capacity_gib > 0
    assert facts.firmware
    assert facts.bios


async def test_power_goes_on_and_off_and_asking_again_changes_nothing(bed: Bed, bmc: Bmc) -> None:
    await bmc.power_off()
    await see_power(bmc, PowerState.OFF)
    before = bed.done("power.on"), bed.done("power.off")
    await bmc.power_off()
    assert await bmc.power() is PowerState.OFF
    await bmc.power_on()
    await see_power(bmc, PowerState.ON)
    await bmc.power_on()
    assert await bmc.power() is PowerState.ON
    await bmc.power_off()
    await see_power(bmc, PowerState.OFF)
    after = bed.done("power.on"), bed.done("power.off")
    assert after == tuple(None if count is None else count + 1 for count in before)


@pytest.mark.parametrize("target", [BootTarget.PXE, BootTarget.CD, BootTarget.HDD])
async def test_boot_source_is_kept(bmc: Bmc, target: BootTarget) -> None:
    wanted = BootSource(target=target, enabled=BootEnabled.CONTINUOUS)
    await bmc.set_boot_source(wanted)
    await bmc.set_boot_source(wanted)
    assert await bmc.boot_source() == wanted


async def test_boot_source_once_is_read_back_as_once(bed: Bed, bmc: Bmc) -> None:
    need(bed, "once")
    wanted = BootSource(target=BootTarget.CD, enabled=BootEnabled.ONCE)
    await bmc.set_boot_source(wanted)
    assert await bmc.boot_source() == wanted


async def test_boot_source_can_be_cleared(bed: Bed, bmc: Bmc) -> None:
    need(bed, "disabled")
    wanted = BootSource(target=BootTarget.NONE, enabled=BootEnabled.DISABLED)
    await bmc.set_boot_source(BootSource(target=BootTarget.PXE, enabled=BootEnabled.CONTINUOUS))
    await bmc.set_boot_source(wanted)
    assert await bmc.boot_source() == wanted


async def test_media_is_inserted_replaced_and_ejected(bmc: Bmc, images: str) -> None:
    assert isinstance(bmc, MediaDriver)
    first, second = f"{images}/first.iso", f"{images}/second.iso"
    await bmc.insert_media(first)
    await bmc.insert_media(first)
    assert (await bmc.media()).image == first
    await bmc.insert_media(second)
    seen = await bmc.media()
    assert (seen.image, seen.inserted) == (second, True)
    await bmc.eject_media()
    await bmc.eject_media()
    seen = await bmc.media()
    assert (seen.image, seen.inserted) == ("", False)


async def test_staged_bios_attributes_are_pending(bed: Bed, bmc: Bmc) -> None:
    need(bed, "bios")
    assert isinstance(bmc, BiosDriver)
    current = (await bmc.bios()).current
    changed: dict[str, str | int | bool] = {
        "HyperThreading": "Disabled" if current["HyperThreading"] == "Enabled" else "Enabled"
    }
    await bmc.set_bios(changed)
    await bmc.set_bios(changed)
    seen = await bmc.bios()
    assert seen.current == current
    assert seen.pending == changed
    await bmc.set_bios({"HyperThreading": str(current["HyperThreading"])})
    assert (await bmc.bios()).pending == {}


async def test_bmc_without_bios_attributes_says_so(bed: Bed, bmc: Bmc) -> None:
    if "bios" not in bed.lacks:
        pytest.skip(f"{bed.name} has BIOS attributes")
    assert isinstance(bmc, BiosDriver)
    with pytest.raises(Unsupported):
        await bmc.bios()


async def test_update_runs_as_a_task_and_changes_the_version(
    bed: Bed, bmc: Bmc, images: str
) -> None:
    need(bed, "firmware")
    assert isinstance(bmc, FirmwareDriver)
    before = await bmc.firmware()
    assert before["BIOS"] == "2.4.0"
    uri = await bmc.update_firmware("BIOS", f"{images}/lab-bios-2.4.1.fw")
    driver = bmc

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
    assert (await bmc.firmware())["BMC"] == before["BMC"]
    assert bed.done("firmware.update.start") in {1, None}


async def test_unknown_component_is_named_and_nothing_starts(bmc: Bmc) -> None:
    assert isinstance(bmc, FirmwareDriver)
    before = await bmc.update_tasks()
    with pytest.raises(Unsupported, match="Flux"):
        await bmc.update_firmware("Flux", "https://127.0.0.1:1/flux.fw")
    assert await bmc.update_tasks() == before


async def test_power_draw_is_a_reading_or_none(bed: Bed, bmc: Bmc) -> None:
    assert isinstance(bmc, PowerMeter)
    watts = await bmc.power_draw_watts()
    if "power meter" in bed.lacks:
        assert watts is None
    else:
        assert watts is not None
        assert watts > 0


async def test_wrong_password_is_refused(bed: Bed) -> None:
    driver = bed.open(password="not-the-password")
    try:
        with pytest.raises(CredentialsRefused):
            await driver.power()
    finally:
        await driver.close()


async def test_unpinned_certificate_is_refused(bed: Bed) -> None:
    driver = bed.open(fingerprint="sha256:" + "0" * 64)
    try:
        with pytest.raises(CertificateChanged):
            await driver.power()
    finally:
        await driver.close()


async def test_closed_twice_and_used_again(bmc: Bmc) -> None:
    await bmc.power()
    await bmc.close()
    await bmc.close()
    assert await bmc.power() in set(PowerState)


async def test_many_drivers_in_turn_leave_no_session_behind(bed: Bed) -> None:
    # More than any BMC's session table holds.
    for _ in range(20):
        driver = bed.open()
        await driver.power()
        await driver.close()
