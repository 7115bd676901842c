"""The driver's verbs on a scripted service: what is read, what is sent, and what is not."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from inventory.states import PowerState
from provisioning.drivers.protocol import (
    BootEnabled,
    BootSource,
    BootTarget,
    Media,
    TaskPhase,
    TaskReading,
)
from provisioning.drivers.redfish.driver import RedfishBmc
from provisioning.errors import Ambiguous, BmcBusy, BmcRefused, Unsupported, WrongHost
from tests.integration.drivers.scripted_bmc import SYSTEM, ScriptedBmc, problem

pytestmark = pytest.mark.integration

Connect = Callable[..., RedfishBmc]
RESET = f"{SYSTEM}/Actions/ComputerSystem.Reset"
MEDIA = f"{SYSTEM}/VirtualMedia"
UPDATE = "/redfish/v1/UpdateService"
SIMPLE_UPDATE = f"{UPDATE}/Actions/UpdateService.SimpleUpdate"
INVENTORY = f"{UPDATE}/FirmwareInventory"
TASKS = "/redfish/v1/TaskService/Tasks"
MOCKUP = Path(__file__).parents[3].parent / "shared" / "redfish-mockups" / "public-rackmount1"


def collection(*paths: str) -> dict[str, Any]:
    return {"Members": [{"@odata.id": path} for path in paths]}


def answers(response: Callable[[], web.Response]) -> Any:
    async def handler(_request: web.Request) -> web.StreamResponse:
        return response()

    return handler


# -- power


@pytest.mark.parametrize("state", ["On", "PoweringOn"])
async def test_power_on_of_a_host_that_is_on_sends_nothing(
    bmc: ScriptedBmc, connect: Connect, state: str
) -> None:
    bmc.resources[SYSTEM]["PowerState"] = state
    await connect().power_on()
    assert bmc.requests("POST", RESET) == []


async def test_power_is_switched_by_on_and_force_off_alone(
    bmc: ScriptedBmc, connect: Connect
) -> None:
    driver = connect()
    await driver.power_on()
    await driver.power_off()
    assert bmc.bodies("POST", RESET) == [{"ResetType": "On"}, {"ResetType": "ForceOff"}]


async def test_reset_type_that_is_not_offered_is_not_sent(
    bmc: ScriptedBmc, connect: Connect
) -> None:
    action = bmc.resources[SYSTEM]["Actions"]["#ComputerSystem.Reset"]
    action["ResetType@Redfish.AllowableValues"] = ["ForceOn", "ForceRestart"]
    driver = connect()
    await driver.power_on()
    assert bmc.bodies("POST", RESET) == [{"ResetType": "ForceOn"}]
    bmc.resources[SYSTEM]["PowerState"] = "On"
    with pytest.raises(Unsupported, match="ForceOff") as caught:
        await driver.power_off()
    assert "ForceRestart" in caught.value.hint
    assert len(bmc.requests("POST", RESET)) == 1


async def test_draw_comes_from_environment_metrics_then_power(
    bmc: ScriptedBmc, connect: Connect
) -> None:
    chassis = "/redfish/v1/Chassis/1"
    driver = connect()
    assert await driver.power_draw_watts() is None
    bmc.resources[SYSTEM]["Links"] = {"Chassis": [{"@odata.id": chassis}]}
    bmc.resources[chassis] = {
        "EnvironmentMetrics": {"@odata.id": f"{chassis}/EnvironmentMetrics"},
        "Power": {"@odata.id": f"{chassis}/Power"},
    }
    bmc.resources[f"{chassis}/Power"] = {
        "PowerControl": [{"PowerConsumedWatts": None}, {"PowerConsumedWatts": 410}]
    }
    assert await driver.power_draw_watts() == 410
    bmc.resources[f"{chassis}/EnvironmentMetrics"] = {"PowerWatts": {"Reading": 455.5}}
    assert await driver.power_draw_watts() == 455.5


# -- which System


async def test_host_is_the_system_that_can_boot_and_its_baseboard_adds_gpus(
    bmc: ScriptedBmc, connect: Connect
) -> None:
    board = "/redfish/v1/Systems/HGX_Baseboard_0"
    gpu = f"{board}/Processors/GPU_0"
    bmc.resources["/redfish/v1/Systems"] = collection(board, SYSTEM)
    bmc.resources[board] = {"Id": "HGX", "Processors": {"@odata.id": f"{board}/Processors"}}
    bmc.resources[f"{board}/Processors"] = collection(gpu)
    bmc.resources[gpu] = {"@odata.id": gpu, "Id": "GPU_0", "ProcessorType": "GPU", "Model": "B200"}
    driver = connect()
    assert (await driver.identity()).serial == "SN-1"
    assert [found.model for found in (await driver.facts()).accelerators] == ["B200"]


async def test_several_bootable_systems_are_told_apart_by_serial_or_address(
    bmc: ScriptedBmc, connect: Connect
) -> None:
    other = "/redfish/v1/Systems/2"
    bmc.resources["/redfish/v1/Systems"] = collection(SYSTEM, other)
    bmc.resources[other] = {"SerialNumber": "SN-2", "Boot": {}, "PowerState": "On"}
    with pytest.raises(Unsupported, match="no telling") as caught:
        await connect().power_off()
    assert "1, 2" in caught.value.hint
    assert await connect(expected_serial="SN-2").power() is PowerState.ON
    assert await connect(bmc.address + other).power() is PowerState.ON
    with pytest.raises(WrongHost):
        await connect(expected_serial="SN-3").power()
    assert bmc.requests("POST", RESET) == []


async def test_system_that_moved_is_found_again(bmc: ScriptedBmc, connect: Connect) -> None:
    driver = connect()
    await driver.power()
    moved = "/redfish/v1/Systems/Self"
    bmc.resources[moved] = {**bmc.resources.pop(SYSTEM), "@odata.id": moved}
    bmc.resources["/redfish/v1/Systems"] = collection(moved)
    assert (await driver.identity()).serial == "SN-1"


async def test_system_that_is_gone_is_a_refusal(bmc: ScriptedBmc, connect: Connect) -> None:
    del bmc.resources[SYSTEM]
    with pytest.raises(BmcRefused) as caught:
        await connect().power()
    assert caught.value.status == 404


# -- boot source


async def test_boot_source_is_patched_with_the_etag_that_was_read(
    bmc: ScriptedBmc, connect: Connect
) -> None:
    driver = connect()
    wanted = BootSource(target=BootTarget.CD, enabled=BootEnabled.ONCE)
    await driver.set_boot_source(wanted)
    await driver.set_boot_source(wanted)
    [headers] = bmc.requests("PATCH", SYSTEM)
    assert headers["If-Match"] == 'W/"sys-1"'
    assert bmc.bodies("PATCH", SYSTEM) == [
        {"Boot": {"BootSourceOverrideEnabled": "Once", "BootSourceOverrideTarget": "Cd"}}
    ]


async def test_boot_source_changed_by_another_is_read_again_later(
    bmc: ScriptedBmc, connect: Connect
) -> None:
    bmc.on("PATCH", SYSTEM, answers(lambda: problem(412, "PreconditionFailed")))
    with pytest.raises(BmcBusy):
        await connect().set_boot_source(BootSource(target=BootTarget.PXE, enabled=BootEnabled.ONCE))


async def test_boot_target_that_is_not_offered_is_unsupported(
    bmc: ScriptedBmc, connect: Connect
) -> None:
    bmc.resources[SYSTEM]["Boot"]["BootSourceOverrideTarget@Redfish.AllowableValues"] = ["Pxe"]
    with pytest.raises(Unsupported, match="UefiHttp"):
        await connect().set_boot_source(
            BootSource(target=BootTarget.UEFI_HTTP, enabled=BootEnabled.ONCE)
        )
    assert bmc.requests("PATCH") == []


# -- media


def add_drive(bmc: ScriptedBmc, *, at: str, actions: bool = True) -> str:
    floppy, disc = f"{at}/Floppy", f"{at}/Cd"
    bmc.resources[at] = collection(floppy, disc)
    bmc.resources[floppy] = {"@odata.id": floppy, "MediaTypes": ["Floppy"], "Inserted": False}
    bmc.resources[disc] = {
        "@odata.id": disc,
        "MediaTypes": ["CD", "DVD"],
        "Image": None,
        "Inserted": False,
    }
    if actions:
        bmc.resources[disc]["Actions"] = {
            "#VirtualMedia.InsertMedia": {"target": f"{disc}/Insert"},
            "#VirtualMedia.EjectMedia": {"target": f"{disc}/Eject"},
        }

    async def insert(_request: web.Request) -> web.StreamResponse:
        image = bmc.bodies("POST", f"{disc}/Insert")[-1]["Image"]
        bmc.resources[disc] |= {"Image": image, "Inserted": True}
        return web.Response(status=204)

    async def eject(_request: web.Request) -> web.StreamResponse:
        bmc.resources[disc] |= {"Image": None, "Inserted": False}
        return web.Response(status=204)

    bmc.on("POST", f"{disc}/Insert", insert)
    bmc.on("POST", f"{disc}/Eject", eject)
    return disc


async def test_media_is_inserted_once_and_replaced_after_an_eject(
    bmc: ScriptedBmc, connect: Connect
) -> None:
    disc = add_drive(bmc, at=MEDIA)
    driver = connect()
    await driver.insert_media("https://h/a.iso")
    await driver.insert_media("https://h/a.iso")
    await driver.insert_media("https://h/b.iso")
    assert await driver.media() == Media(image="https://h/b.iso", inserted=True)
    sent = [path.rpartition("/")[2] for method, path, *_ in bmc.seen if method == "POST"]
    assert sent[1:] == ["Insert", "Eject", "Insert"]
    assert bmc.bodies("POST", f"{disc}/Insert")[0]["WriteProtected"] is True


async def test_media_of_an_older_service_hangs_at_the_manager_and_is_patched(
    bmc: ScriptedBmc, connect: Connect
) -> None:
    manager = "/redfish/v1/Managers/1"
    del bmc.resources[SYSTEM]["VirtualMedia"]
    bmc.resources["/redfish/v1/Managers"] = collection(manager)
    bmc.resources[manager] = {"VirtualMedia": {"@odata.id": f"{manager}/VirtualMedia"}}
    disc = add_drive(bmc, at=f"{manager}/VirtualMedia", actions=False)
    driver = connect()
    await driver.insert_media("https://h/a.iso")
    assert (await driver.media()).image == "https://h/a.iso"
    await driver.eject_media()
    assert bmc.bodies("PATCH", disc)[-1] == {"Image": None}


async def test_host_without_a_virtual_drive_is_unsupported(
    bmc: ScriptedBmc, connect: Connect
) -> None:
    bmc.resources[MEDIA] = collection()
    with pytest.raises(Unsupported, match="virtual CD"):
        await connect().media()


# -- BIOS


async def test_bios_is_staged_at_its_settings_object_and_only_what_differs(
    bmc: ScriptedBmc, connect: Connect
) -> None:
    settings = f"{SYSTEM}/Bios/SD"
    bmc.resources[f"{SYSTEM}/Bios"] = {
        "Attributes": {"Boot": "Uefi", "Cores": 8, "Fast": True},
        "@Redfish.Settings": {"SettingsObject": {"@odata.id": settings}},
    }
    bmc.resources[settings] = {"Attributes": {}, "@odata.etag": '"b1"'}
    driver = connect()
    await driver.set_bios({"Boot": "Uefi", "Cores": 4, "Fast": True})
    await driver.set_bios({"Boot": "Uefi", "Cores": 4, "Fast": True})
    assert bmc.bodies("PATCH", settings) == [{"Attributes": {"Cores": 4}}]
    assert bmc.requests("PATCH", settings)[0]["If-Match"] == '"b1"'
    assert (await driver.bios()).pending == {"Cores": 4}
    await driver.set_bios({"Fast": 1})
    assert bmc.bodies("PATCH", settings)[-1] == {"Attributes": {"Fast": 1}}


# -- firmware


@pytest.fixture
def updatable(bmc: ScriptedBmc) -> ScriptedBmc:
    bios, bmc_firmware = f"{INVENTORY}/BIOS", f"{INVENTORY}/BMC-1"
    bmc.resources |= {
        UPDATE: {
            "FirmwareInventory": {"@odata.id": INVENTORY},
            "Actions": {"#UpdateService.SimpleUpdate": {"target": SIMPLE_UPDATE}},
        },
        INVENTORY: collection(bios, bmc_firmware),
        bios: {"@odata.id": bios, "Id": "BIOS", "Version": "1", "Updateable": True},
        bmc_firmware: {
            "@odata.id": bmc_firmware,
            "Id": "BMC-1",
            "Name": "BMC",
            "Version": "2",
            "Updateable": False,
        },
        "/redfish/v1/TaskService": {"Tasks": {"@odata.id": TASKS}},
        TASKS: collection(f"{TASKS}/1", f"{TASKS}/2"),
        f"{TASKS}/1": {"TaskState": "Running", "PercentComplete": 40},
    }
    return bmc


async def test_update_targets_its_component_and_returns_the_task(
    updatable: ScriptedBmc, connect: Connect
) -> None:
    updatable.on(
        "POST",
        SIMPLE_UPDATE,
        answers(
            lambda: web.json_response(
                {"@odata.type": "#Task.v1_7_0.Task", "@odata.id": f"{TASKS}/1"},
                status=202,
                headers={"Location": "/redfish/v1/TaskService/TaskMonitors/1"},
            )
        ),
    )
    driver = connect()
    assert await driver.firmware() == {"BIOS": "1", "BMC-1": "2"}
    assert await driver.update_firmware("BIOS", "https://h/bios.fw") == f"{TASKS}/1"
    assert updatable.bodies("POST", SIMPLE_UPDATE) == [
        {"ImageURI": "https://h/bios.fw", "Targets": [f"{INVENTORY}/BIOS"]}
    ]


@pytest.mark.parametrize(
    ("location", "task"),
    [(None, ""), (f"{TASKS}/1", f"{TASKS}/1"), ("absolute", f"{TASKS}/1")],
)
async def test_update_answered_without_a_body_returns_its_location(
    updatable: ScriptedBmc, connect: Connect, location: str | None, task: str
) -> None:
    if location == "absolute":
        location = f"https://127.0.0.1:{updatable.port}{TASKS}/1"
    headers = {"Location": location} if location else {}
    updatable.on("POST", SIMPLE_UPDATE, answers(lambda: web.Response(status=202, headers=headers)))
    assert await connect().update_firmware("BIOS", "https://h/bios.fw") == task


async def test_update_whose_task_is_elsewhere_is_ambiguous(
    updatable: ScriptedBmc, connect: Connect
) -> None:
    headers = {"Location": "https://evil.example/redfish/v1/T/1"}
    updatable.on("POST", SIMPLE_UPDATE, answers(lambda: web.Response(status=202, headers=headers)))
    with pytest.raises(Ambiguous):
        await connect().update_firmware("BIOS", "https://h/bios.fw")
    assert len(updatable.requests("POST", SIMPLE_UPDATE)) == 1


@pytest.mark.parametrize("component", ["BMC", "BMC-1", "Flux"])
async def test_component_that_cannot_be_updated_is_not_tried(
    updatable: ScriptedBmc, connect: Connect, component: str
) -> None:
    with pytest.raises(Unsupported, match=component):
        await connect().update_firmware(component, "https://h/bmc.fw")
    assert updatable.requests("POST", SIMPLE_UPDATE) == []


async def test_task_that_left_the_bmc_has_vanished(
    updatable: ScriptedBmc, connect: Connect
) -> None:
    assert await connect().update_tasks() == (
        TaskReading(uri=f"{TASKS}/1", phase=TaskPhase.RUNNING, percent=40),
        TaskReading(uri=f"{TASKS}/2", phase=TaskPhase.VANISHED),
    )


async def test_bmc_without_an_update_service_has_no_firmware(connect: Connect) -> None:
    driver = connect()
    assert await driver.firmware() == {}
    assert await driver.update_tasks() == ()
    with pytest.raises(Unsupported, match="SimpleUpdate"):
        await driver.update_firmware("BIOS", "https://h/bios.fw")


# -- planned reads


def offer_expand(bmc: ScriptedBmc) -> str:
    path = f"{SYSTEM}/Memory"
    bmc.resources["/redfish/v1"]["ProtocolFeaturesSupported"] = {
        "ExpandQuery": {"NoLinks": True, "Levels": True}
    }
    bmc.resources[SYSTEM]["Memory"] = {"@odata.id": path}
    bmc.resources[path] = collection(*(f"{path}/{index}" for index in range(8)))
    for index in range(8):
        bmc.resources[f"{path}/{index}"] = {"Id": f"D{index}", "CapacityMiB": 16384}
    return path


async def test_collection_is_read_at_once_where_the_service_expands(
    bmc: ScriptedBmc, connect: Connect
) -> None:
    path = offer_expand(bmc)
    queries: list[str] = []

    async def expand(request: web.Request) -> web.StreamResponse:
        queries.append(request.query_string)
        members = [bmc.resources[f"{path}/{index}"] for index in range(8)]
        return web.json_response({"Members": members})

    bmc.on("GET", path, expand)
    assert len((await connect().facts()).memory) == 8
    assert queries == ["$expand=.($levels=1)"]
    assert bmc.requests("GET", f"{path}/0") == []


async def test_expansion_that_is_promised_and_broken_is_done_without(
    bmc: ScriptedBmc, connect: Connect
) -> None:
    path = offer_expand(bmc)

    async def broken(request: web.Request) -> web.StreamResponse:
        if request.query_string:
            return problem(500, "InternalError")
        return web.json_response(bmc.resources[path])

    bmc.on("GET", path, broken)
    assert len((await connect().facts()).memory) == 8


async def test_pages_of_a_collection_are_joined_and_a_loop_of_pages_ends(
    bmc: ScriptedBmc, connect: Connect
) -> None:
    path = f"{SYSTEM}/Memory"
    bmc.resources[SYSTEM]["Memory"] = {"@odata.id": path}
    bmc.resources[path] = {
        "Members": [{"Id": "D0", "CapacityMiB": 1024}],
        "Members@odata.nextLink": f"{path}?page=2",
    }
    memory = (await connect().facts()).memory
    assert 1 < len(memory) <= 16


async def test_storage_that_always_fails_leaves_the_other_facts(
    bmc: ScriptedBmc, connect: Connect
) -> None:
    path = f"{SYSTEM}/Storage"
    bmc.resources[SYSTEM]["Storage"] = {"@odata.id": path}
    bmc.on("GET", path, answers(lambda: problem(500, "InternalError")))
    facts = await connect().facts()
    assert (facts.serial, facts.drives) == ("SN-1", ())


async def test_busy_bmc_gives_no_half_facts(bmc: ScriptedBmc, connect: Connect) -> None:
    path = f"{SYSTEM}/Storage"
    bmc.resources[SYSTEM]["Storage"] = {"@odata.id": path}
    bmc.on("GET", path, answers(lambda: problem(503, "ServiceTemporarilyUnavailable")))
    with pytest.raises(BmcBusy):
        await connect().facts()


async def test_public_mockup_of_a_rack_server_is_read(bmc: ScriptedBmc, connect: Connect) -> None:
    if not MOCKUP.is_dir():
        pytest.skip("the public Redfish mockups are not beside the project")
    for index in MOCKUP.rglob("index.json"):
        path = f"/redfish/v1/{index.parent.relative_to(MOCKUP)}".removesuffix("/.")
        bmc.resources[path] = json.loads(index.read_text())
    driver = connect()
    facts = await driver.facts()
    assert facts.serial == (await driver.identity()).serial
    assert facts.processors
    assert facts.memory
    assert facts.firmware
    assert await driver.power() is PowerState.ON
    assert await driver.power_draw_watts() is not None
    assert (await driver.bios()).current
    assert len(bmc.requests("GET")) < 120
