"""Sessions are few: one for many verbs, renewed once, always given back."""

from __future__ import annotations

import asyncio

import pytest
from aiohttp import web
from redfish.aio import AsyncRedfishClient

from inventory.states import PowerState
from provisioning.errors import (
    BmcBusy,
    BmcUnreachable,
    CredentialsRefused,
)
from tests.integration.drivers.conftest import Connect
from tests.integration.drivers.replies import RESET, SESSIONS, hang_up, never_answer
from tests.integration.drivers.scripted_bmc import (
    SYSTEM,
    TOKEN,
    ScriptedBmc,
    problem,
)

pytestmark = pytest.mark.integration


async def test_close_logs_out_after_success_and_after_an_error(
    bmc: ScriptedBmc, connect: Connect
) -> None:
    driver = connect()
    await driver.power()
    assert len(bmc.sessions) == 1
    bmc.on("GET", SYSTEM, hang_up)
    with pytest.raises(BmcUnreachable):
        await driver.power()
    await driver.close()
    await driver.close()
    assert bmc.sessions == set()


async def test_close_never_raises(bmc: ScriptedBmc, connect: Connect) -> None:
    driver = connect()
    await driver.power()
    await bmc.stop()
    await driver.close()
    await connect().close()


async def test_close_waits_no_longer_than_the_deadline_for_a_logout(
    bmc: ScriptedBmc, connect: Connect
) -> None:
    driver = connect(deadline_s=1.0)
    await driver.power()
    bmc.on("DELETE", f"{SESSIONS}/1", never_answer)
    began = asyncio.get_running_loop().time()
    await driver.close()
    assert asyncio.get_running_loop().time() - began < 4


async def test_a_session_is_given_back_though_whoever_closes_is_told_to_stop(
    bmc: ScriptedBmc, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    log_out = AsyncRedfishClient.logout

    async def slowly(client: AsyncRedfishClient) -> None:
        await asyncio.sleep(0.05)
        await log_out(client)

    monkeypatch.setattr(AsyncRedfishClient, "logout", slowly)
    driver = connect()
    await driver.power()
    closing = asyncio.create_task(driver.close())
    await asyncio.sleep(0)
    closing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await closing
    async with asyncio.timeout(20):
        while bmc.sessions:  # noqa: ASYNC110 - the BMC tells nobody
            await asyncio.sleep(0.01)


async def test_one_session_serves_many_verbs(bmc: ScriptedBmc, connect: Connect) -> None:
    driver = connect()
    await asyncio.gather(*(driver.power() for _ in range(10)))
    assert bmc.logins == 1


async def test_expired_session_is_renewed_once(bmc: ScriptedBmc, connect: Connect) -> None:
    driver = connect()
    await driver.power()
    bmc.sessions.clear()
    assert await driver.power() is PowerState.OFF
    assert bmc.logins == 2


async def test_change_on_an_expired_session_is_refused_and_the_next_logs_in(
    bmc: ScriptedBmc, connect: Connect
) -> None:
    async def expired(_request: web.Request) -> web.StreamResponse:
        return problem(401, "NoValidSession")

    driver = connect()
    bmc.on("POST", RESET, expired)
    with pytest.raises(BmcBusy, match="nothing was done"):
        await driver.power_on()
    assert len(bmc.requests("POST", RESET)) == 1
    bmc.handlers.clear()
    await driver.power_on()
    assert bmc.logins == 2


@pytest.mark.parametrize(("status", "message_id"), [(503, "Busy"), (400, "SessionLimitExceeded")])
async def test_full_session_table_is_busy(
    bmc: ScriptedBmc, connect: Connect, status: int, message_id: str
) -> None:
    async def full(_request: web.Request) -> web.StreamResponse:
        return problem(status, message_id)

    bmc.on("POST", SESSIONS, full)
    with pytest.raises(BmcBusy):
        await connect().power()


async def test_wrong_password_is_refused_with_a_hint(bmc: ScriptedBmc, connect: Connect) -> None:
    with pytest.raises(CredentialsRefused) as caught:
        await connect(password="wrong-password").power()
    assert caught.value.hint
    assert len(bmc.requests("POST", SESSIONS)) == 1
    assert "wrong-password" not in repr(caught.value)


async def test_demanded_password_change_is_refused_and_logged_out(
    bmc: ScriptedBmc, connect: Connect
) -> None:
    async def change_first(_request: web.Request) -> web.StreamResponse:
        answer = problem(201, "PasswordChangeRequired", MessageArgs=["/redfish/v1/A/1"])
        answer.headers.update({"X-Auth-Token": TOKEN, "Location": f"{SESSIONS}/9"})
        return answer

    bmc.sessions.add(TOKEN)
    bmc.on("POST", SESSIONS, change_first)
    driver = connect()
    with pytest.raises(CredentialsRefused, match="new password"):
        await driver.power()
    await driver.close()
    assert bmc.sessions == set()


async def test_service_without_sessions_is_asked_with_basic(
    bmc: ScriptedBmc, connect: Connect
) -> None:
    async def check(request: web.Request) -> web.StreamResponse:
        if not request.headers.get("Authorization", "").startswith("Basic "):
            return problem(401, "Unauthorized")
        return web.json_response(bmc.resources[request.path])

    root = bmc.resources["/redfish/v1"]
    del root["SessionService"], root["Links"]
    bmc.on("GET", "/redfish/v1/Systems", check)
    bmc.on("GET", SYSTEM, check)
    assert await connect().power() is PowerState.OFF
    assert "Authorization" not in bmc.requests("GET", "/redfish/v1")[0]
