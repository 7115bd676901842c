"""A change is sent once, whatever becomes of its answer."""

from __future__ import annotations

import pytest
from aiohttp import web

from provisioning.drivers.protocol import BootEnabled, BootSource, BootTarget
from provisioning.errors import (
    Ambiguous,
    BmcBusy,
    BmcUnreachable,
)
from tests.integration.drivers.conftest import Connect
from tests.integration.drivers.replies import RESET, SESSIONS, hang_up, never_answer
from tests.integration.drivers.scripted_bmc import (
    SYSTEM,
    ScriptedBmc,
    problem,
)

pytestmark = pytest.mark.integration


async def test_power_on_whose_reply_is_lost_is_sent_once(
    bmc: ScriptedBmc, connect: Connect
) -> None:
    bmc.on("POST", RESET, hang_up)
    with pytest.raises(Ambiguous):
        await connect().power_on()
    assert len(bmc.requests("POST", RESET)) == 1


async def test_power_on_that_is_never_answered_is_sent_once(
    bmc: ScriptedBmc, connect: Connect
) -> None:
    bmc.on("POST", RESET, never_answer)
    with pytest.raises(Ambiguous):
        await connect(deadline_s=1.0).power_on()
    assert len(bmc.requests("POST", RESET)) == 1


async def test_power_on_answered_by_a_server_error_is_sent_once(
    bmc: ScriptedBmc, connect: Connect
) -> None:
    async def fail(_request: web.Request) -> web.StreamResponse:
        return problem(500, "InternalError")

    bmc.on("POST", RESET, fail)
    with pytest.raises(Ambiguous):
        await connect().power_on()
    assert len(bmc.requests("POST", RESET)) == 1


async def test_patch_whose_reply_is_lost_is_sent_once(bmc: ScriptedBmc, connect: Connect) -> None:
    bmc.on("PATCH", SYSTEM, hang_up)
    with pytest.raises(Ambiguous):
        await connect().set_boot_source(BootSource(target=BootTarget.CD, enabled=BootEnabled.ONCE))
    assert len(bmc.requests("PATCH", SYSTEM)) == 1


async def test_logout_on_a_dying_connection_is_sent_once(
    bmc: ScriptedBmc, connect: Connect
) -> None:
    # aiohttp by itself repeats a DELETE whose kept-alive connection dies.
    bmc.on("DELETE", f"{SESSIONS}/1", hang_up)
    driver = connect()
    await driver.power()
    await driver.close()
    assert len(bmc.requests("DELETE")) == 1


async def test_read_whose_reply_is_lost_is_tried_twice(bmc: ScriptedBmc, connect: Connect) -> None:
    driver = connect()
    await driver.power()
    bmc.on("GET", SYSTEM, hang_up)
    before = len(bmc.requests("GET", SYSTEM))
    with pytest.raises(BmcUnreachable):
        await driver.power()
    assert len(bmc.requests("GET", SYSTEM)) - before == 2


async def test_changes_refused_by_a_busy_bmc_are_not_ambiguous(
    bmc: ScriptedBmc, connect: Connect
) -> None:
    async def busy(_request: web.Request) -> web.StreamResponse:
        return problem(503, "ServiceTemporarilyUnavailable")

    bmc.on("POST", RESET, busy)
    with pytest.raises(BmcBusy):
        await connect().power_on()


async def test_nothing_listening_is_unreachable(connect: Connect) -> None:
    with pytest.raises(BmcUnreachable, match="nothing was sent"):
        await connect("redfish+https://127.0.0.1:1").power_on()
