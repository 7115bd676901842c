"""Whoever is not the BMC gets 0 bytes of its credentials, by session and by HTTP basic alike.

Judged by the far end's own record, of all bytes that arrived above TLS and of every request with
its headers and body: a client's word about what it did not send proves nothing.
"""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from provisioning.drivers.redfish.answers import MAX_REPLY_BYTES
from provisioning.errors import AnswerRefused, CertificateChanged, ProvisioningError
from tests.integration.drivers.authority import Authority
from tests.integration.drivers.conftest import Connect
from tests.integration.drivers.replies import RESET, SESSIONS
from tests.integration.drivers.scripted_bmc import (
    PASSWORD,
    SYSTEM,
    TOKEN,
    USER,
    ByteCounter,
    Certificate,
    ScriptedBmc,
)

pytestmark = pytest.mark.integration

BASIC = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
SECRETS = (PASSWORD, TOKEN, BASIC, base64.b64encode(PASSWORD.encode()).decode())
ROOT = "/redfish/v1"
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def told(service: ScriptedBmc) -> str:
    """Everything that arrived at a service."""
    return json.dumps(service.seen, default=str)


def secrets_in(said: str) -> list[str]:
    return [secret for secret in SECRETS if secret in said]


@pytest.fixture(params=["session", "basic"])
def method(request: pytest.FixtureRequest, bmc: ScriptedBmc) -> str:
    """How the BMC wants its clients to log in."""
    bmc.basic = request.param == "basic"
    if bmc.basic:
        root = bmc.resources[ROOT]
        del root["SessionService"], root["Links"]
    return str(request.param)


@asynccontextmanager
async def counting(certificate: Certificate) -> AsyncIterator[ByteCounter]:
    counter = ByteCounter(certificate)
    await counter.start()
    try:
        yield counter
    finally:
        await counter.stop()


@asynccontextmanager
async def another(certificate: Certificate, **options: Any) -> AsyncIterator[ScriptedBmc]:
    service = ScriptedBmc(certificate, **options)
    await service.start()
    try:
        yield service
    finally:
        await service.stop()


# Certificates: by the authority that signed it.


@pytest.mark.parametrize(
    ("fault", "issued"),
    [
        ("wrong name", {"address": "192.0.2.1"}),
        ("expired", {"ended_days_ago": 1}),
        ("not valid yet", {"ended_days_ago": -60}),
    ],
)
async def test_certificate_that_the_authority_signed_and_that_is_wrong_gets_no_byte(
    connect: Connect, tmp_path: Path, fault: str, issued: dict[str, Any]
) -> None:
    authority = Authority.make(tmp_path)
    async with counting(authority.issue(tmp_path / "bmc", **issued)) as far:
        address = f"redfish+https://127.0.0.1:{far.port}"
        driver = connect(address, fingerprint=None, ca_file=authority.ca_file)
        with pytest.raises(CertificateChanged, match="nothing was sent"):
            await driver.power_on()
    assert far.received == b"", fault


async def test_certificate_that_nobody_signed_gets_no_byte(
    connect: Connect, tmp_path: Path, other_certificate: Certificate
) -> None:
    authority = Authority.make(tmp_path)
    async with counting(other_certificate) as far:
        address = f"redfish+https://127.0.0.1:{far.port}"
        with pytest.raises(CertificateChanged, match="nothing was sent"):
            await connect(address, fingerprint=None, ca_file=authority.ca_file).power()
    assert far.received == b""


async def test_right_certificate_of_the_authority_does_get_the_log_in(
    connect: Connect, tmp_path: Path
) -> None:
    # The control: the same authority, the same check, and nothing wrong.
    authority = Authority.make(tmp_path)
    async with another(authority.issue(tmp_path / "bmc")) as far:
        await connect(far.address, fingerprint=None, ca_file=authority.ca_file).power()
        assert secrets_in(told(far))


async def test_certificate_that_is_not_the_pinned_one_gets_no_byte(
    connect: Connect, other_certificate: Certificate
) -> None:
    async with counting(other_certificate) as far:
        with pytest.raises(CertificateChanged):
            await connect(f"redfish+https://127.0.0.1:{far.port}").power()
        async with asyncio.timeout(5):
            await far.met.wait()
    assert far.received == b""


async def test_certificate_that_changes_after_the_log_in_gets_no_byte(
    bmc: ScriptedBmc, connect: Connect, method: str, other_certificate: Certificate
) -> None:
    driver = connect()
    await driver.power()
    assert secrets_in(told(bmc)), f"{method}: it never logged in"
    port = bmc.port
    await bmc.stop()
    async with another(other_certificate, port=port) as impostor:
        for verb in (driver.power, driver.power_on):
            with pytest.raises(CertificateChanged):
                await verb()
        await driver.close()
    assert impostor.seen == []


# Redirects and links: to a thief with the very certificate that is pinned.


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("path", [ROOT, "/redfish/v1/Systems", SYSTEM, SESSIONS, RESET])
async def test_redirect_takes_nothing_along(
    bmc: ScriptedBmc,
    connect: Connect,
    method: str,
    certificate: Certificate,
    path: str,
    status: int,
) -> None:
    if method == "basic" and path == SESSIONS:
        pytest.skip("without sessions nobody logs in there")
    async with another(certificate, basic=bmc.basic) as thief:

        async def redirect(_request: web.Request) -> web.StreamResponse:
            away = f"https://127.0.0.1:{thief.port}{path}"
            return web.Response(status=status, headers={"Location": away})

        for verb in ("GET", "POST"):
            bmc.on(verb, path, redirect)
        with pytest.raises(ProvisioningError):
            await connect().power_on()
    assert thief.seen == []
    if path == ROOT:
        assert not secrets_in(told(bmc)), "nobody logs in to what answers with a redirect"


@pytest.mark.parametrize(
    "spoil",
    [
        lambda bmc, away: bmc.resources["/redfish/v1/Systems"].update(
            Members=[{"@odata.id": f"{away}{SYSTEM}"}]
        ),
        lambda bmc, away: bmc.resources[ROOT].update(Systems={"@odata.id": f"{away}/x"}),
        lambda bmc, away: bmc.resources[SYSTEM]["Actions"]["#ComputerSystem.Reset"].update(
            target=f"{away}{RESET}"
        ),
        lambda bmc, away: bmc.resources[ROOT].update(
            Links={"Sessions": {"@odata.id": f"{away}{SESSIONS}"}}
        ),
    ],
    ids=["member", "collection", "action", "sessions"],
)
@pytest.mark.parametrize(
    "shape", ["https://127.0.0.1:{}", "//127.0.0.1:{}", "https://x@127.0.0.1:{}"]
)
async def test_link_to_another_host_takes_nothing_along(
    bmc: ScriptedBmc,
    connect: Connect,
    method: str,
    certificate: Certificate,
    spoil: Callable[[ScriptedBmc, str], None],
    shape: str,
) -> None:
    async with another(certificate, basic=bmc.basic) as thief:
        spoil(bmc, shape.format(thief.port))
        with pytest.raises(AnswerRefused):
            await connect().power_on()
    assert thief.seen == [], method


# Answers that are no ServiceRoot: nobody logs in to what gives them.


async def endless(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse()
    await response.prepare(request)
    for _ in range(4 * MAX_REPLY_BYTES // 65536):
        await response.write(b" " * 65536)
    return response


async def deep(_request: web.Request) -> web.StreamResponse:
    text = '{"a":' * 10_000 + "1" + "}" * 10_000
    return web.Response(text=text, content_type="application/json")


async def dribble(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse()
    await response.prepare(request)
    for _ in range(100):
        await response.write(b" ")
        await asyncio.sleep(0.05)
    return response


async def page(_request: web.Request) -> web.StreamResponse:
    return web.Response(text="<html>log in here</html>", content_type="text/html")


@pytest.mark.parametrize("root", [endless, deep, dribble, page])
async def test_root_that_is_none_gets_no_credentials(
    bmc: ScriptedBmc, connect: Connect, method: str, root: Handler
) -> None:
    bmc.on("GET", ROOT, root)
    with pytest.raises(ProvisioningError):
        await connect(deadline_s=2.0).power_on()
    assert bmc.requests("GET", ROOT), f"{method}: it never asked"
    assert not secrets_in(told(bmc))


@pytest.mark.parametrize("answer", [endless, deep, dribble, page])
async def test_hostile_answer_of_the_bmc_itself_sends_nothing_anywhere_else(
    bmc: ScriptedBmc, connect: Connect, method: str, answer: Handler
) -> None:
    bmc.on("GET", SYSTEM, answer)
    with pytest.raises(ProvisioningError):
        await connect(deadline_s=2.0).power_on()
    where = {path for _, path, headers, body in bmc.seen if secrets_in(str((headers, body)))}
    assert where <= {SESSIONS, "/redfish/v1/Systems", SYSTEM}, method
    assert bmc.requests("POST", RESET) == []
