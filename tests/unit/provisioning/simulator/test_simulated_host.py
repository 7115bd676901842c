"""Power, boot, BIOS and firmware of one host, on a clock that the test turns."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from pods.facts import HardwareFacts
from provisioning.simulator.errors import ActionRefused

Make = Callable[..., Any]
BOOT = "https://media/boot.json"
FIRMWARE = "https://media/bios.fw"


def with_media(bench: Any) -> Any:
    bench.media.images[BOOT] = json.dumps({"podyard_boot": 1, "token": "t"}).encode()
    bench.media.images[FIRMWARE] = b"PODYARD-LAB-FIRMWARE component=BIOS version=9.9\nbody"
    bench.bmc.host.insert_media(BOOT)
    return bench


async def booted(bench: Any, enabled: str = "Once") -> Any:
    with_media(bench)
    bench.bmc.host.set_boot(target="Cd", enabled=enabled)
    await bench.bmc.host.reset("On")
    await bench.clock.advance(10)
    return bench


async def test_powering_on_takes_time_and_passes_through_powering_on(bench: Make) -> None:
    one = bench()
    await one.bmc.host.reset("On")
    assert one.bmc.host.power == "PoweringOn"
    await one.clock.advance(1.0)
    assert one.bmc.host.power == "On"


async def test_the_draw_goes_from_standby_over_inrush_to_typical_and_back(bench: Make) -> None:
    one = bench()
    await one.bmc.host.reset("On")
    await one.clock.advance(10)
    await one.bmc.host.reset("ForceOff")
    assert [entry["watts"] for entry in one.entries("draw")] == [1200, 450, 20]
    inrush, typical, _ = one.entries("draw")
    assert typical["at"] - inrush["at"] == pytest.approx(1.5)


async def test_power_cut_during_inrush_leaves_no_late_reading(bench: Make) -> None:
    one = bench()
    await one.bmc.host.reset("On")
    await one.bmc.host.reset("ForceOff")
    await one.clock.advance(10)
    assert [entry["watts"] for entry in one.entries("draw")] == [1200, 20]
    assert one.bmc.host.power == "Off"


@pytest.mark.parametrize("wanted", ["On", "ForceOff", "GracefulShutdown"])
async def test_asking_for_what_is_so_changes_nothing(bench: Make, wanted: str) -> None:
    one = bench()
    if wanted == "On":
        await one.bmc.host.reset("On")
    before = one.entries()
    await one.bmc.host.reset(wanted)
    assert one.entries() == before


async def test_a_restart_of_a_host_that_is_off_is_refused(bench: Make) -> None:
    with pytest.raises(ActionRefused, match="409"):
        await bench().bmc.host.reset("ForceRestart")


async def test_a_graceful_shutdown_ends_in_off(bench: Make) -> None:
    one = await booted(bench())
    await one.bmc.host.reset("GracefulShutdown")
    assert (one.bmc.host.power, one.launcher.running) == ("PoweringOff", {"r1-h1"})
    await one.clock.advance(1)
    assert (one.bmc.host.power, one.launcher.running) == ("Off", set())


async def test_a_host_boots_what_is_in_its_drive(bench: Make) -> None:
    one = await booted(bench())
    assert one.launcher.running == {"r1-h1"}
    document = one.directory / "run/boot.json"
    assert json.loads(document.read_text())["token"] == "t"
    assert document.stat().st_mode & 0o777 == 0o600
    assert [entry["media"] for entry in one.entries("boot")] == [BOOT]


async def test_once_is_once(bench: Make) -> None:
    one = await booted(bench())
    assert (one.bmc.host.state.boot_target, one.bmc.host.state.boot_enabled) == ("None", "Disabled")
    await one.bmc.host.reset("ForceRestart")
    await one.clock.advance(10)
    assert one.launcher.boots == 1


async def test_continuous_boots_every_time(bench: Make) -> None:
    one = await booted(bench(), "Continuous")
    await one.bmc.host.reset("ForceRestart")
    await one.clock.advance(10)
    assert one.launcher.boots == 2


async def test_with_nothing_to_boot_a_host_is_on_and_runs_nothing(bench: Make) -> None:
    one = with_media(bench())
    await one.bmc.host.reset("On")
    await one.clock.advance(10)
    assert (one.bmc.host.power, one.launcher.running) == ("On", set())


@pytest.mark.parametrize("content", [b"<html>", b"[]", b'{"podyard_boot": 2}'])
async def test_what_is_no_boot_document_is_not_booted(bench: Make, content: bytes) -> None:
    one = with_media(bench())
    one.media.images[BOOT] = content
    one.bmc.host.set_boot(target="Cd", enabled="Once")
    await one.bmc.host.reset("On")
    await one.clock.advance(10)
    assert one.launcher.running == set()
    assert BOOT in one.entries("boot.failed")[0]["reason"]


async def test_power_off_ends_the_host_and_its_boot_token(bench: Make) -> None:
    one = await booted(bench())
    await one.bmc.host.reset("ForceOff")
    assert one.launcher.running == set()
    assert not (one.directory / "run/boot.json").exists()


async def test_hardware_facts_are_there_for_the_agent(bench: Make) -> None:
    one = await booted(bench("slow-host@h1:ratio=0.25"))
    found = json.loads((one.directory / "run/hardware.json").read_text())
    assert found.pop("clock_ratio") == 0.25
    assert set(found.pop("accelerator_ratios").values()) == {1.0}
    assert found.pop("simulated") is True
    assert found.pop("physical_host")
    assert HardwareFacts.model_validate(found).serial == one.bmc.host.plan.serial


async def test_bios_settings_wait_for_the_next_power_on(bench: Make) -> None:
    one = bench()
    one.bmc.host.stage_bios({"HyperThreading": "Disabled"})
    assert one.bmc.host.state.bios["HyperThreading"] == "Enabled"
    await one.bmc.host.reset("On")
    await one.clock.advance(10)
    assert one.bmc.host.state.bios["HyperThreading"] == "Disabled"
    assert one.bmc.host.state.bios_pending == {}
    assert one.entries("bios.applied")[0]["changes"] == {
        "HyperThreading": {"from": "Enabled", "to": "Disabled"}
    }


async def test_an_update_moves_from_0_to_100_and_changes_the_version(bench: Make) -> None:
    one = with_media(bench())
    task = one.bmc.updates.start(FIRMWARE, target="")
    seen = []
    for _ in range(5):
        await one.clock.advance(1.001)  # twenty float steps are a hair late
        seen.append(task.percent)
    assert seen == [25, 50, 75, 100, 100]
    assert (task.state, one.bmc.host.state.firmware["BIOS"]) == ("Completed", "9.9")
    started, done = one.entries("firmware.update.start", "firmware.update.done")
    assert (started["from"], started["to"], done["component"]) == ("2.4.1", "9.9", "BIOS")


async def test_a_second_update_meanwhile_is_refused(bench: Make) -> None:
    one = with_media(bench())
    one.bmc.updates.start(FIRMWARE, target="")
    with pytest.raises(ActionRefused, match="503"):
        one.bmc.updates.start(FIRMWARE, target="")


@pytest.mark.parametrize(
    ("image", "target"), [(b"garbage", ""), (b"", ""), (None, ""), (b"good", "BMC")]
)
async def test_a_wrong_image_ends_in_exception_and_changes_nothing(
    bench: Make, image: bytes | None, target: str
) -> None:
    one = with_media(bench())
    if image is None:
        del one.media.images[FIRMWARE]
    elif image != b"good":
        one.media.images[FIRMWARE] = image
    before = dict(one.bmc.host.state.firmware)
    task = one.bmc.updates.start(FIRMWARE, target=target)
    await one.clock.advance(10)
    assert task.state == "Exception"
    assert FIRMWARE in task.message
    assert one.bmc.host.state.firmware == before
    assert [e["what"] for e in one.entries()[1:]] == ["firmware.update.failed"]


async def test_an_update_survives_the_simulator_and_starts_once(bench: Make) -> None:
    one = with_media(bench())
    one.bmc.updates.start(FIRMWARE, target="")
    await one.clock.advance(2.001)  # twenty float steps are a hair late
    await one.restart()
    assert one.bmc.updates.tasks[0].percent == 50
    await one.clock.advance(10)
    assert one.bmc.host.state.firmware["BIOS"] == "9.9"
    assert len(one.entries("firmware.update.start")) == 1
    assert len(one.entries("firmware.update.done")) == 1


async def test_a_flash_that_was_saved_and_not_yet_journaled_is_counted_after_all(
    bench: Make,
) -> None:
    one = with_media(bench())
    one.bmc.updates.start(FIRMWARE, target="")
    await one.clock.advance(1.0)
    journal = one.directory / "journal.jsonl"
    kept = [line for line in journal.read_text().splitlines() if "update.start" not in line]
    journal.write_text("".join(f"{line}\n" for line in kept))
    await one.restart()
    await one.clock.advance(10)
    assert len(one.entries("firmware.update.start")) == 1


async def test_a_lying_update_says_done_and_changes_nothing(bench: Make) -> None:
    one = with_media(bench("update-lies@h1"))
    task = one.bmc.updates.start(FIRMWARE, target="")
    await one.clock.advance(10)
    assert (task.state, one.bmc.host.state.firmware["BIOS"]) == ("Completed", "2.4.1")
    assert one.entries("firmware.update.failed")
    assert one.entries("fault.fired")[0]["fault"] == "update-lies"


async def test_a_vanishing_task_leaves_the_new_version(bench: Make) -> None:
    one = with_media(bench("task-vanishes@h1"))
    one.bmc.updates.start(FIRMWARE, target="")
    await one.clock.advance(10)
    assert (one.bmc.updates.tasks, one.bmc.host.state.firmware["BIOS"]) == ([], "9.9")


async def test_stale_power_catches_up(bench: Make) -> None:
    one = bench("stale-power@h1:seconds=5")
    await one.bmc.host.reset("On")
    await one.clock.advance(2)
    assert (one.bmc.host.power, one.bmc.host.state.power) == ("Off", "On")
    await one.clock.advance(10)
    assert one.bmc.host.power == "On"


async def test_a_booted_host_comes_back_after_the_simulator_without_a_second_inrush(
    bench: Make,
) -> None:
    one = await booted(bench())
    await one.restart()
    await one.clock.advance(10)
    assert one.launcher.running == {"r1-h1"}
    assert one.entries("boot")[-1]["glitch"] is True
    assert [entry["watts"] for entry in one.entries("draw")] == [1200, 450, 450]


async def test_a_host_killed_while_powering_on_goes_on(bench: Make) -> None:
    one = with_media(bench())
    one.bmc.host.set_boot(target="Cd", enabled="Once")
    await one.bmc.host.reset("On")
    await one.restart()
    await one.clock.advance(10)
    assert (one.bmc.host.power, one.launcher.running) == ("On", {"r1-h1"})
    assert len(one.entries("power.on")) == 1
    assert [entry["watts"] for entry in one.entries("draw")] == [1200, 1200, 450]


async def test_a_simulator_killed_while_fetching_finds_the_override_again(bench: Make) -> None:
    one = with_media(bench())
    document = one.media.images.pop(BOOT)
    one.bmc.host.set_boot(target="Cd", enabled="Once")
    await one.bmc.host.reset("On")
    await one.clock.advance(2.5)
    await one.restart()
    one.media.images[BOOT] = document
    await one.clock.advance(10)
    assert one.launcher.running == {"r1-h1"}


async def test_media_must_be_ejected_before_another_is_inserted(bench: Make) -> None:
    one = with_media(bench())
    with pytest.raises(ActionRefused, match="ResourceInUse"):
        one.bmc.host.insert_media(BOOT)
    one.bmc.host.eject_media()
    one.bmc.host.eject_media()
    assert [e["what"] for e in one.entries()] == ["media.insert", "media.eject"]


async def test_state_holds_credentials_and_is_private(bench: Make) -> None:
    one = bench()
    one.bmc.host.save()
    assert (one.directory / "state.json").stat().st_mode & 0o777 == 0o600
