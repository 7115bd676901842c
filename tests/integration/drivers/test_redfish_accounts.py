"""Accounts that grow and accounts in slots; and no password in anything that is told."""

from __future__ import annotations

import traceback
from typing import Any

import pytest
from aiohttp import web
from pydantic import SecretStr

from provisioning.drivers.capabilities import BmcRole
from provisioning.errors import Ambiguous, BmcRefused, ProvisioningError, Unsupported
from tests.integration.drivers.conftest import Connect
from tests.integration.drivers.replies import hang_up
from tests.integration.drivers.scripted_bmc import ScriptedBmc, problem

pytestmark = pytest.mark.integration

ACCOUNTS = "/redfish/v1/AccountService/Accounts"
NEW = SecretStr("Correct-horse-battery-9")


def listed(bmc: ScriptedBmc, *names: str) -> None:
    bmc.resources["/redfish/v1"]["AccountService"] = {"@odata.id": "/redfish/v1/AccountService"}
    bmc.resources["/redfish/v1/AccountService"] = {"Accounts": {"@odata.id": ACCOUNTS}}
    members: list[dict[str, Any]] = [{"@odata.id": f"{ACCOUNTS}/{n}"} for n in range(len(names))]
    bmc.resources[ACCOUNTS] = {"Members": members}
    for member, name in zip(members, names, strict=True):
        path = member["@odata.id"]
        bmc.resources[path] = {**member, "Id": path[-1], "UserName": name, "RoleId": "Operator"}


async def test_free_slot_is_filled_instead_of_a_post(bmc: ScriptedBmc, connect: Connect) -> None:
    listed(bmc, "root", "", "")
    made = await connect().create_account("podyard", NEW, BmcRole.ADMINISTRATOR)
    assert (made.id, made.username, made.role) == ("1", "podyard", "Administrator")
    assert bmc.requests("POST", ACCOUNTS) == []
    assert [one.username for one in await connect().accounts()] == ["root", "podyard"]


async def test_slot_that_cannot_be_deleted_is_emptied(bmc: ScriptedBmc, connect: Connect) -> None:
    listed(bmc, "root", "podyard")

    async def fixed(_request: web.Request) -> web.StreamResponse:
        return problem(405, "OperationNotAllowed")

    bmc.on("DELETE", f"{ACCOUNTS}/1", fixed)
    await connect().delete_account("podyard")
    assert [one.username for one in await connect().accounts()] == ["root"]


async def test_bmc_without_account_service_says_so(connect: Connect) -> None:
    with pytest.raises(Unsupported, match="no accounts here"):
        await connect().accounts()


async def test_new_password_is_in_no_error(bmc: ScriptedBmc, connect: Connect) -> None:
    listed(bmc, "root")

    async def echo(request: web.Request) -> web.StreamResponse:
        return problem(400, "Echo", message=f"you sent {await request.text()}")

    driver = connect()
    for handler, error in ((echo, BmcRefused), (hang_up, Ambiguous)):
        bmc.on("PATCH", f"{ACCOUNTS}/0", handler)
        with pytest.raises(error) as caught:
            await driver.set_account_password("root", NEW)
        told = "".join(traceback.format_exception(caught.value))
        assert isinstance(caught.value, ProvisioningError)
        assert NEW.get_secret_value() not in told + caught.value.hint + repr(caught.value)
        assert len(bmc.requests("PATCH", f"{ACCOUNTS}/0")) == (1 if handler is echo else 2)
