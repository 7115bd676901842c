"""Each quirk as its maker's BMC shows it, and what the driver makes of it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from inventory.states import PowerState
from provisioning.drivers.capabilities import PowerLimitDialect
from provisioning.drivers.protocol import BootEnabled, BootSource, BootTarget, TaskPhase
from provisioning.drivers.redfish.links import adapters
from provisioning.errors import AnswerRefused, BmcBusy, BmcRefused, Unsupported
from tests.integration.drivers.conftest import Connect
from tests.integration.drivers.replies import RESET
from tests.integration.drivers.scripted_bmc import SYSTEM, ScriptedBmc, problem

pytestmark = pytest.mark.integration

RECORDED = Path(__file__).parent / "recorded"
MANAGER = "/redfish/v1/Managers/1"
TASKS = "/redfish/v1/TaskService/Tasks"
IMAGE = "https://images.example/new.iso"
Played = Callable[[str], dict[str, Any]]


@pytest.fixture
def played(bmc: ScriptedBmc) -> Played:
    """Make the scripted BMC the one that a quirk's payload is of."""

    def play(name: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((RECORDED / f"{name}.json").read_text())
        bmc.resources["/redfish/v1"].update(found["root"])
        bmc.resources[SYSTEM].update(found["system"])
        bmc.resources[SYSTEM]["Links"] = {"ManagedBy": [{"@odata.id": MANAGER}]}
        bmc.resources[MANAGER] = {"@odata.id": MANAGER, **found["manager"]}
        bmc.resources.update(found.get("resources", {}))
        drives = found.get("drives", [])
        del bmc.resources[SYSTEM]["VirtualMedia"]
        if drives:
            listed = f"{MANAGER}/VirtualMedia"
            bmc.resources[MANAGER]["VirtualMedia"] = {"@odata.id": listed}
            bmc.resources[listed] = {"Members": [{"@odata.id": one["@odata.id"]} for one in drives]}
            bmc.resources |= {one["@odata.id"]: one for one in drives}
            for one in drives:
                for action in one.get("Actions", {}).values():
                    bmc.on("POST", action["target"], done)
        if "refusal" in found:
            refusal = found["refusal"]

            async def refuse(_request: web.Request) -> web.StreamResponse:
                return web.json_response(refusal["body"], status=refusal["status"])

            bmc.on("POST", RESET, refuse)
        return found

    return play


async def done(_request: web.Request) -> web.StreamResponse:
    return web.Response(status=204)


def sent(bmc: ScriptedBmc, method: str) -> list[Any]:
    """Bodies of what changed something, log-ins left out."""
    return [body for m, path, _, body in bmc.seen if m == method and "/Sessions" not in path]


@pytest.mark.parametrize(
    "name", ["dell-conflict-after-power-off", "dell-not-ready-yet", "hpe-not-in-this-state"]
)
async def test_refusal_that_means_not_yet_is_busy(
    connect: Connect, played: Played, bmc: ScriptedBmc, name: str
) -> None:
    played(name)
    with pytest.raises(BmcBusy):
        await connect().power_on()
    assert len(bmc.requests("POST", RESET)) == 1


async def test_the_same_refusal_of_another_maker_is_a_refusal(
    connect: Connect, played: Played, bmc: ScriptedBmc
) -> None:
    played("dell-conflict-after-power-off")
    bmc.resources["/redfish/v1"]["Vendor"] = "Contoso"
    bmc.resources[SYSTEM]["Manufacturer"] = "Contoso"
    with pytest.raises(BmcRefused):
        await connect().power_on()


async def test_conflict_while_powering_off_is_a_refusal(
    connect: Connect, played: Played, bmc: ScriptedBmc
) -> None:
    played("dell-conflict-after-power-off")
    bmc.resources[SYSTEM]["PowerState"] = "On"
    with pytest.raises(BmcRefused):
        await connect().power_off()


async def test_states_of_no_standard_are_in_progress(
    connect: Connect, played: Played, bmc: ScriptedBmc
) -> None:
    tasks = played("dell-own-task-states")["tasks"]
    paths = [f"{TASKS}/{index}" for index in range(len(tasks))]
    bmc.resources["/redfish/v1/TaskService"] = {"Tasks": {"@odata.id": TASKS}}
    bmc.resources[TASKS] = {"Members": [{"@odata.id": path} for path in paths]}
    bmc.resources |= dict(zip(paths, tasks, strict=True))
    found = await connect().update_tasks()
    assert [task.phase for task in found] == [TaskPhase.RUNNING] * len(tasks)


async def test_purged_task_is_vanished(connect: Connect, played: Played, bmc: ScriptedBmc) -> None:
    task = played("dell-purged-task")["task"]
    bmc.resources["/redfish/v1/TaskService"] = {"Tasks": {"@odata.id": TASKS}}
    bmc.resources[TASKS] = {"Members": [{"@odata.id": task}]}
    found = await connect().update_tasks()
    assert [(one.uri, one.phase) for one in found] == [(task, TaskPhase.VANISHED)]


async def test_system_without_its_core_keys_is_not_believed(
    connect: Connect, played: Played, bmc: ScriptedBmc
) -> None:
    for key in played("dell-keys-missing-until-restart")["missing"]:
        del bmc.resources[SYSTEM][key]
    with pytest.raises(AnswerRefused, match="says nothing of Boot") as caught:
        await connect().power()
    assert "restart the BMC once" in caught.value.hint


async def test_override_is_cleared_with_a_target(
    connect: Connect, played: Played, bmc: ScriptedBmc
) -> None:
    played("hpe-override-needs-a-target")
    none = BootSource(target=BootTarget.NONE, enabled=BootEnabled.DISABLED)
    await connect().set_boot_source(none)
    boot = {"BootSourceOverrideEnabled": "Disabled", "BootSourceOverrideTarget": "Pxe"}
    assert sent(bmc, "PATCH") == [{"Boot": boot}]
    assert await connect().boot_source() == none


async def test_adapters_with_other_ids_are_the_same_parts(played: Played) -> None:
    before, after = played("hpe-adapter-ids-move")["adapters"]
    assert before != after
    assert adapters(before, []) == adapters(after, [])


async def test_connection_that_was_closed_while_idle_costs_no_change(
    connect: Connect, played: Played, bmc: ScriptedBmc
) -> None:
    idle_s = played("hpe-idle-connection-closed")["idle_s"]
    driver = connect()
    await driver.power()
    assert bmc._runner is not None
    assert bmc._runner.server is not None
    for connection in list(bmc._runner.server.connections):
        assert connection.transport is not None
        connection.transport.abort()
    await asyncio.sleep(idle_s / 10)
    await driver.power_on()
    assert await driver.power() is PowerState.ON
    assert len(bmc.requests("POST", RESET)) == 1


async def test_virtual_cd_is_usb_where_it_is_listed(
    connect: Connect, played: Played, bmc: ScriptedBmc
) -> None:
    played("supermicro-virtual-cd-is-usb")
    wanted = BootSource(target=BootTarget.CD, enabled=BootEnabled.ONCE)
    driver = connect()
    await driver.set_boot_source(wanted)
    await driver.set_boot_source(wanted)
    (change,) = sent(bmc, "PATCH")
    assert change["Boot"]["BootSourceOverrideTarget"] == "UsbCd"
    assert await driver.boot_source() == wanted


async def test_image_is_inserted_alone(connect: Connect, played: Played, bmc: ScriptedBmc) -> None:
    played("supermicro-insert-takes-the-image-alone")
    await connect().insert_media(IMAGE)
    assert sent(bmc, "POST") == [{"Image": IMAGE}]


async def test_ejected_image_that_stays_named_is_not_there(
    connect: Connect, played: Played, bmc: ScriptedBmc
) -> None:
    played("supermicro-ejected-image-stays-named")
    driver = connect()
    assert not (await driver.media()).inserted
    await driver.eject_media()
    assert sent(bmc, "POST") == []


async def test_image_goes_into_an_ext_drive(
    connect: Connect, played: Played, bmc: ScriptedBmc
) -> None:
    played("lenovo-only-ext-drives")
    await connect().insert_media(IMAGE)
    assert bmc.resources[f"{MANAGER}/VirtualMedia/EXT1"]["Image"] == IMAGE
    assert bmc.resources[f"{MANAGER}/VirtualMedia/RDOC1"]["Image"] is None


async def test_image_is_inserted_by_a_patch_that_says_so(
    connect: Connect, played: Played, bmc: ScriptedBmc
) -> None:
    played("lenovo-insert-by-patch")
    await connect().insert_media(IMAGE)
    assert sent(bmc, "PATCH") == [{"Image": IMAGE, "Inserted": True, "WriteProtected": True}]
    assert sent(bmc, "POST") == []


async def test_limit_is_a_policy_of_the_node_manager(
    connect: Connect, played: Played, bmc: ScriptedBmc
) -> None:
    policies = f"{MANAGER}/NodeManager/Domains/0/Policies"
    played("nvidia-node-manager")
    driver = connect()
    seen = await driver.power_limit()
    assert (seen.watts, seen.least_watts, seen.most_watts) == (None, 5600, 10200)
    assert seen.dialect is PowerLimitDialect.NODE_MANAGER
    await driver.set_power_limit(7000)
    assert (await driver.power_limit()).watts == 7000
    await driver.set_power_limit(None)
    assert (await driver.power_limit()).watts is None
    assert bmc.resources[f"{policies}/0"]["Limit"] == 800


async def test_insert_names_protocol_method_and_account(
    connect: Connect, played: Played, bmc: ScriptedBmc
) -> None:
    played("nvidia-insert-names-everything")
    await connect().insert_media(IMAGE)
    (body,) = sent(bmc, "POST")
    assert {"TransferMethod", "TransferProtocolType", "UserName", "Password"} <= body.keys()


@pytest.mark.parametrize("told", ["Boot", "BiosVersion", "both"])
async def test_host_is_the_system_that_boots(
    connect: Connect, played: Played, bmc: ScriptedBmc, told: str
) -> None:
    baseboard = played("nvidia-two-systems")["baseboard"]
    bmc.resources[baseboard["@odata.id"]] = baseboard
    bmc.resources["/redfish/v1/Systems"]["Members"].insert(0, {"@odata.id": baseboard["@odata.id"]})
    if told == "Boot":
        del bmc.resources[SYSTEM]["BiosVersion"]
    elif told == "BiosVersion":
        bmc.resources[SYSTEM]["Boot"] = None
    assert (await connect().identity()).serial == "SN-1"


async def test_image_that_a_bmc_cannot_fetch_is_not_asked_for(
    connect: Connect, played: Played, bmc: ScriptedBmc
) -> None:
    update = played("openbmc-fetches-by-tftp-alone")["update"]
    bmc.resources["/redfish/v1/UpdateService"] = update
    with pytest.raises(Unsupported, match="HTTPS") as caught:
        await connect().update_firmware("bmc_active", "https://images.example/bmc.tar")
    assert "push the image" in caught.value.hint
    assert sent(bmc, "POST") == []


async def test_resource_that_answers_404_until_its_collection_was_read_is_found(
    connect: Connect, played: Played, bmc: ScriptedBmc
) -> None:
    late = played("openbmc-404-until-the-collection-was-read")["late"]
    above = late.rpartition("/")[0]
    bmc.resources[SYSTEM]["Links"]["Chassis"] = [{"@odata.id": late}]
    bmc.resources[above] = {"Members": [{"@odata.id": late}]}
    bmc.resources[late] = {"@odata.id": late, "EnvironmentMetrics": {"@odata.id": f"{late}/E"}}
    bmc.resources[f"{late}/E"] = {"PowerWatts": {"Reading": 512.0}}

    async def lazy(_request: web.Request) -> web.StreamResponse:
        if bmc.requests("GET", above):
            return web.json_response(bmc.resources[late])
        return problem(404, "ResourceMissingAtURI")

    bmc.on("GET", late, lazy)
    assert await connect().power_draw_watts() == 512.0
    assert len(bmc.requests("GET", late)) == 2


async def test_bmc_that_answers_404_to_everything_is_not_asked_for_ever(
    connect: Connect, bmc: ScriptedBmc
) -> None:
    driver = connect()
    await driver.power()
    before = len(bmc.seen)
    assert await driver.power_draw_watts() is None
    assert len(bmc.seen) - before < 20
