"""What a BMC says when it refuses, made harmless; and no secret in any of it."""

from __future__ import annotations

import logging
import traceback

import pytest
from aiohttp import web

from provisioning.errors import (
    BmcRefused,
    ProvisioningError,
    Unsupported,
)
from tests.integration.drivers.conftest import Connect
from tests.integration.drivers.replies import RESET, garble, hang_up, never_answer
from tests.integration.drivers.scripted_bmc import (
    PASSWORD,
    TOKEN,
    ScriptedBmc,
    problem,
)

pytestmark = pytest.mark.integration


async def test_refusal_carries_the_worst_message_made_harmless(
    bmc: ScriptedBmc, connect: Connect
) -> None:
    async def refuse(_request: web.Request) -> web.StreamResponse:
        messages = [
            {"MessageId": "Base.1.0.A", "Message": "mild", "Severity": "OK"},
            {
                "MessageId": "Base.1.0.B",
                "Message": "\x1b[31mlid\x00 open" + "x" * 5000,
                "MessageSeverity": "Critical",
                "Resolution": "Close the lid.",
            },
        ]
        return web.json_response({"error": {"@Message.ExtendedInfo": messages}}, status=400)

    bmc.on("POST", RESET, refuse)
    with pytest.raises(BmcRefused) as caught:
        await connect().power_on()
    assert caught.value.status == 400
    assert "[31mlid  open" in str(caught.value)
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 500
    assert caught.value.hint == "Close the lid."


async def test_not_implemented_is_unsupported(bmc: ScriptedBmc, connect: Connect) -> None:
    async def refuse(_request: web.Request) -> web.StreamResponse:
        return problem(501, "ActionNotSupported")

    bmc.on("POST", RESET, refuse)
    with pytest.raises(Unsupported):
        await connect().power_on()


async def test_no_secret_reaches_logs_or_errors(
    bmc: ScriptedBmc, connect: Connect, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)

    async def echo(request: web.Request) -> web.StreamResponse:
        token = request.headers["X-Auth-Token"]
        return problem(400, "Echo", message=f"you sent {token} and {PASSWORD}")

    driver = connect()
    await driver.power()
    failures: list[ProvisioningError] = []
    for handler in (echo, hang_up, garble, never_answer):
        bmc.on("POST", RESET, handler)
        with pytest.raises(ProvisioningError) as caught:
            await driver.power_on()
        failures.append(caught.value)
    await driver.close()
    told = caplog.text + repr(driver)
    for failure in failures:
        told += "".join(traceback.format_exception(failure)) + failure.hint + repr(failure)
        cause: BaseException | None = failure
        while cause is not None:
            told += repr(cause) + repr(vars(cause))
            cause = cause.__cause__ or cause.__context__
    assert "[redacted]" in told
    assert PASSWORD not in told
    assert TOKEN not in told


async def test_library_cannot_log_at_debug(connect: Connect) -> None:
    connect()
    assert logging.getLogger("redfish.rest.v1").getEffectiveLevel() >= logging.WARNING
