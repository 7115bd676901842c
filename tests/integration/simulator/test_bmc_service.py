"""One BMC over HTTPS: who may talk to it, what it refuses, and how its faults look from outside."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Callable
from typing import Any

import aiohttp
import pytest

pytestmark = pytest.mark.integration

ROOT = "/redfish/v1"
SYSTEM = f"{ROOT}/Systems/1"
SESSIONS = f"{ROOT}/SessionService/Sessions"
RESET = f"{SYSTEM}/Actions/ComputerSystem.Reset"
MANY_S = 20.0


@pytest.fixture
async def bmc(start_hall: Callable[..., Any], client: Callable[..., Any]) -> Any:
    hall = await start_hall(namespaces=False)
    found = client(hall.told[0])
    found.hall = hall
    return found


def message_id(body: dict[str, Any]) -> str:
    found: str = body["error"]["@Message.ExtendedInfo"][0]["MessageId"]
    return found.rpartition(".")[2]


async def test_each_host_has_its_own_door_and_key(start_hall: Callable[..., Any]) -> None:
    hosts = (await start_hall(namespaces=False)).told
    for name in ("bmc", "fingerprint", "password", "serial", "mac"):
        assert len({host[name] for host in hosts}) == 4


async def test_the_root_is_public_and_the_rest_is_not(bmc: Any) -> None:
    assert (await bmc.ask("GET", f"{ROOT}/", auth=False))[0] == 200
    status, body, headers = await bmc.ask("GET", SYSTEM, auth=False)
    assert (status, message_id(body)) == (401, "NoValidSession")
    assert "Basic" in headers["WWW-Authenticate"]


async def test_another_hosts_password_opens_nothing(bmc: Any) -> None:
    pair = f"admin:{bmc.hall.told[1]['password']}"
    bmc.authorization = "Basic " + base64.b64encode(pair.encode()).decode()
    assert (await bmc.ask("GET", SYSTEM))[0] == 401


async def test_a_session_opens_the_service_until_it_is_closed(bmc: Any) -> None:
    login = {"UserName": bmc.told["username"], "Password": bmc.told["password"]}
    status, _, headers = await bmc.ask("POST", SESSIONS, login, auth=False)
    token = {"X-Auth-Token": headers["X-Auth-Token"]}
    assert status == 201
    assert (await bmc.ask("GET", SYSTEM, auth=False, headers=token))[0] == 200
    assert (await bmc.ask("DELETE", headers["Location"], auth=False, headers=token))[0] == 204
    assert (await bmc.ask("GET", SYSTEM, auth=False, headers=token))[0] == 401


async def test_the_ninth_session_is_refused_and_journaled(bmc: Any) -> None:
    login = {"UserName": bmc.told["username"], "Password": bmc.told["password"]}
    statuses = [(await bmc.ask("POST", SESSIONS, login, auth=False))[0] for _ in range(9)]
    assert statuses == [201] * 8 + [503]
    assert len(bmc.hall.entries("session.refused")) == 1


async def test_the_password_is_never_shown(bmc: Any) -> None:
    account = await bmc.get(f"{ROOT}/AccountService/Accounts/1")
    assert account["Password"] is None


async def test_an_unknown_path_is_a_redfish_error(bmc: Any) -> None:
    status, body, _ = await bmc.ask("GET", f"{ROOT}/Systems/2")
    assert (status, message_id(body)) == (404, "ResourceMissingAtURI")


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "refusal"),
    [
        ("PATCH", SYSTEM, {"Boots": {}}, 400, "PropertyUnknown"),
        ("PATCH", SYSTEM, {"SerialNumber": "x"}, 400, "PropertyNotWritable"),
        ("PATCH", SYSTEM, {"AssetTag": 4}, 400, "PropertyValueTypeError"),
        (
            "PATCH",
            SYSTEM,
            {"Boot": {"BootSourceOverrideTarget": "Floppy"}},
            400,
            "PropertyValueNotInList",
        ),
        ("PATCH", f"{SYSTEM}/Bios/Settings", {"Attributes": {"No": 1}}, 400, "PropertyUnknown"),
        ("POST", RESET, {"ResetType": "Nmi"}, 400, "ActionParameterNotSupported"),
        ("POST", RESET, {}, 400, "ActionParameterMissing"),
        ("POST", RESET, {"ResetType": "On", "Now": True}, 400, "ActionParameterUnknown"),
        ("POST", SYSTEM, {}, 405, "OperationNotAllowed"),
        ("GET", f"{SYSTEM}?$filter=x", None, 501, "QueryParameterUnsupported"),
    ],
)
async def test_what_is_wrong_is_refused_by_name(
    bmc: Any, method: str, path: str, body: Any, status: int, refusal: str
) -> None:
    found, answer, _ = await bmc.ask(method, path, body)
    assert (found, message_id(answer)) == (status, refusal)
    assert bmc.hall.entries("power.on", "boot.override", "bios.applied") == []


async def test_a_stale_etag_stops_a_change(bmc: Any) -> None:
    _, _, headers = await bmc.ask("GET", SYSTEM)
    match = {"If-Match": headers["ETag"]}
    assert (await bmc.ask("PATCH", SYSTEM, {"AssetTag": "a"}, headers=match))[0] == 200
    assert (await bmc.ask("PATCH", SYSTEM, {"AssetTag": "b"}, headers=match))[0] == 412
    assert (await bmc.get(SYSTEM))["AssetTag"] == "a"


async def test_of_simultaneous_writers_with_one_etag_one_wins(bmc: Any) -> None:
    _, _, headers = await bmc.ask("GET", SYSTEM)
    match = {"If-Match": headers["ETag"]}
    answers = await asyncio.gather(
        *(bmc.ask("PATCH", SYSTEM, {"AssetTag": f"{n}"}, headers=match) for n in range(6))
    )
    assert sorted(answer[0] for answer in answers) == [200, 412, 412, 412, 412, 412]


async def test_a_collection_expands_in_one_read(bmc: Any) -> None:
    memory = await bmc.get(f"{SYSTEM}/Memory?$expand=.($levels=1)")
    assert [part["CapacityMiB"] for part in memory["Members"]] == [16 * 1024] * 4


async def test_a_missing_dimm_is_listed_as_absent(
    start_hall: Callable[..., Any], client: Callable[..., Any]
) -> None:
    hall = await start_hall("missing-dimm@h3:slot=DIMM1", namespaces=False)
    bmc = client(hall.told[2])
    memory = await bmc.get(f"{SYSTEM}/Memory?$expand=.")
    states = {part["Id"]: part["Status"]["State"] for part in memory["Members"]}
    assert states == {"DIMM0": "Enabled", "DIMM1": "Absent", "DIMM2": "Enabled", "DIMM3": "Enabled"}
    system = await bmc.get(SYSTEM)
    assert system["MemorySummary"]["TotalSystemMemoryGiB"] == 48


async def test_a_wrong_serial_is_what_the_bmc_reports(
    start_hall: Callable[..., Any], client: Callable[..., Any]
) -> None:
    hall = await start_hall("wrong-serial@h1", namespaces=False)
    reported = (await client(hall.told[0]).get(SYSTEM))["SerialNumber"]
    assert reported != hall.told[0]["serial"]


async def test_gpus_are_processors(bmc: Any) -> None:
    processors = (await bmc.get(f"{SYSTEM}/Processors?$expand=."))["Members"]
    gpus = [part for part in processors if part["ProcessorType"] == "GPU"]
    assert [gpu["MemorySummary"]["TotalMemorySizeMiB"] for gpu in gpus] == [16 * 1024]


async def test_power_readings_agree(bmc: Any) -> None:
    await bmc.reset("On")
    power = await bmc.get(f"{ROOT}/Chassis/1/Power")
    sensor = await bmc.get(f"{ROOT}/Chassis/1/Sensors/TotalPower")
    assert power["PowerControl"][0]["PowerConsumedWatts"] == sensor["Reading"] == 1200


async def test_an_update_is_watched_over_the_wire(bmc: Any, media: Any, wait_until: Any) -> None:
    monitor = await bmc.update(media.firmware())
    first = await bmc.get(monitor)
    assert first["TaskState"] in {"Starting", "Running"}
    status, body, _ = await bmc.ask(
        "POST",
        f"{ROOT}/UpdateService/Actions/UpdateService.SimpleUpdate",
        {"ImageURI": media.firmware()},
    )
    assert (status, message_id(body)) == (503, "ServiceTemporarilyUnavailable")
    await wait_until(lambda: bmc.hall.entries("firmware.update.done"))
    assert (await bmc.get(monitor))["PercentComplete"] == 100
    assert (await bmc.get(SYSTEM))["BiosVersion"] == "9.9"
    inventory = await bmc.get(f"{ROOT}/UpdateService/FirmwareInventory/BIOS")
    assert inventory["Version"] == "9.9"


@pytest.mark.parametrize("fault", ["lost-reply", "hang-reply", "error-after-act"])
async def test_a_spoilt_reply_comes_after_the_act(
    start_hall: Callable[..., Any], client: Callable[..., Any], fault: str
) -> None:
    hall = await start_hall(f"{fault}@h1:path=Reset", namespaces=False)
    bmc = client(hall.told[0])
    timeout = aiohttp.ClientTimeout(total=1.0)
    if fault == "error-after-act":
        assert (await bmc.ask("POST", RESET, {"ResetType": "On"}))[0] == 500
    else:
        with pytest.raises((aiohttp.ClientError, TimeoutError)):
            await bmc.ask("POST", RESET, {"ResetType": "On"}, timeout=timeout)
    assert [e["host"] for e in hall.entries("power.on")] == ["r1-h1"]
    assert [e["fault"] for e in hall.entries("fault.fired")] == [fault]
    assert (await bmc.ask("POST", RESET, {"ResetType": "ForceOff"}))[0] == 204


async def test_a_dropped_session_says_401_and_a_new_one_works(
    start_hall: Callable[..., Any], client: Callable[..., Any]
) -> None:
    hall = await start_hall("session-drop@h1:rate=1,times=1", namespaces=False)
    bmc = client(hall.told[0])
    login = {"UserName": bmc.told["username"], "Password": bmc.told["password"]}
    statuses = []
    for _ in range(2):
        _, _, headers = await bmc.ask("POST", SESSIONS, login, auth=False)
        token = {"X-Auth-Token": headers["X-Auth-Token"]}
        statuses.append((await bmc.ask("GET", SYSTEM, auth=False, headers=token))[0])
    assert statuses == [401, 200]


async def test_a_slow_bmc_slows_nobody_else(
    start_hall: Callable[..., Any], client: Callable[..., Any]
) -> None:
    hall = await start_hall("slow-bmc@h1:seconds=10000", namespaces=False)
    slow = asyncio.create_task(client(hall.told[0]).ask("GET", f"{ROOT}/"))
    quick = client(hall.told[1])
    assert (await quick.ask("GET", f"{ROOT}/"))[0] == 200
    assert not slow.done()
    slow.cancel()


async def test_a_restart_keeps_ports_credentials_and_certificates(
    start_hall: Callable[..., Any],
) -> None:
    first = await start_hall(namespaces=False)
    before = first.told
    await first.hall.stop()
    assert (await start_hall(namespaces=False)).told == before


async def test_a_changed_certificate_changes_once(start_hall: Callable[..., Any]) -> None:
    seen = []
    for _ in range(3):
        hall = await start_hall("certificate-changed@h1", namespaces=False)
        seen.append([host["fingerprint"] for host in hall.told])
        await hall.hall.stop()
    assert seen[0][0] != seen[1][0] == seen[2][0]
    assert seen[0][1:] == seen[1][1:]
