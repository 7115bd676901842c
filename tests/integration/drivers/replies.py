"""How a scripted BMC may fail to answer, and the two paths that most tests are about."""

from __future__ import annotations

import asyncio

from aiohttp import web

from tests.integration.drivers.scripted_bmc import SYSTEM

RESET = f"{SYSTEM}/Actions/ComputerSystem.Reset"
SESSIONS = "/redfish/v1/SessionService/Sessions"


async def hang_up(request: web.Request) -> web.StreamResponse:
    """Act, then lose the reply."""
    assert request.transport is not None
    request.transport.abort()
    return web.Response(status=204)


async def garble(request: web.Request) -> web.StreamResponse:
    """Act, then answer what is no HTTP: aiohttp's error for it holds the request's headers."""
    assert request.transport is not None
    request.transport.write(b"HTTP/1.1 no\r\n\r\n")
    request.transport.close()
    return web.Response(status=204)


async def never_answer(_request: web.Request) -> web.StreamResponse:
    await asyncio.sleep(30)
    return web.Response(status=204)
