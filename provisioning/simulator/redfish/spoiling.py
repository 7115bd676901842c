"""How a faulty or hostile BMC spoils an exchange: before it is understood, and after it is done.

A reply here is raw: it may be endless, torn or anybody's. What a request really did stands in the
journal, whatever its client was told.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import NoReturn

from aiohttp import web

from provisioning.simulator.bmc import SimulatedBmc
from provisioning.simulator.errors import ActionRefused
from provisioning.simulator.faults import Fault
from provisioning.simulator.redfish.answer import Answer
from provisioning.simulator.redfish.messages import error_body

MIB = 1024 * 1024
DRIP_S = 0.2
"""Between two bytes of an endless reply: often enough that no idle limit ends it."""
SILENCE_S = 1.0
"""Between two looks at whether the client of an unanswered request is still there."""
JSON = "application/json"
SPOILED_READS = (
    "error-answer",
    "empty-answer",
    "torn-answer",
    "huge-reply",
    "deep-reply",
    "endless-reply",
    "foreign-link",
    "redirect",
)


class Dropped(Exception):
    """The connection was closed; nothing is to be written."""


@dataclass(slots=True)
class Spoiler:
    """What one BMC does to requests and replies."""

    bmc: SimulatedBmc
    _asked: int = 0
    _frozen_at: float | None = None

    @contextlib.asynccontextmanager
    async def receiving(self, request: web.Request) -> AsyncIterator[None]:
        """Before a request is understood: a BMC that is away, mute, busy or slow."""
        faults, clock = self.bmc.host.faults, self.bmc.host.world.clock
        if faults.planted("black-hole") or self.bmc.host.is_dark:
            await _never(request)
        if (up_s := self.bmc.up_s) is not None and up_s < 0:
            drop(request)
        if (slow := faults.planted("slow-bmc")) is not None:
            await clock.sleep(slow.number("seconds"))
        self._refuse_while_starting()
        self._asked += 1
        try:
            await self._freeze()
            yield
            if self.bmc.host.is_dark:
                drop(request)  # it went dark while it worked on this one
        finally:
            self._asked -= 1

    def _refuse_while_starting(self) -> None:
        starting = self.bmc.host.faults.planted("not-ready")
        if starting is None:
            return
        clock, ended_at = self.bmc.host.world.clock, self.bmc.updates.ended_at
        since = [self.bmc.up_s, None if ended_at is None else clock.since(ended_at)]
        if any(age_s is not None and age_s < starting.number("seconds") for age_s in since):
            raise ActionRefused(503, "ServiceTemporarilyUnavailable", "5")

    async def _freeze(self) -> None:
        frozen = self.bmc.host.faults.planted("freezes")
        if frozen is None:
            return
        clock, seconds = self.bmc.host.world.clock, frozen.number("seconds")
        if self._asked > frozen.number("requests"):
            self._frozen_at = clock.now()
            self.bmc.host.journal("bmc.frozen", asked=self._asked)
        if self._frozen_at is not None and clock.since(self._frozen_at) < seconds:
            await clock.sleep(seconds - clock.since(self._frozen_at))

    async def before_change(self, request: web.Request, path: str) -> None:
        """A change that never reaches the BMC."""
        if self.bmc.host.faults.fires("lost-request", path=path):
            drop(request)

    async def after_change(self, request: web.Request, path: str, reply: Answer) -> Answer:
        """What happens to the reply of a change that has been made."""
        faults = self.bmc.host.faults
        if faults.fires("hang-reply", path=path):
            await _never(request)
        if faults.fires("lost-reply", path=path):
            drop(request)
        if faults.fires("error-after-act", path=path):
            return Answer(status=500, body=error_body("InternalError"))
        return reply

    async def read(self, request: web.Request, path: str) -> web.StreamResponse | None:
        """A spoiled answer to a read; None: it is answered as it should be."""
        faults = self.bmc.host.faults
        if faults.fires("hang-read", path=path):
            await _never(request)
        for kind in SPOILED_READS:
            if (fault := faults.fires(kind, path=path)) is not None:
                return await _spoiled(request, fault)
        return None


async def _spoiled(request: web.Request, fault: Fault) -> web.StreamResponse:
    match fault.kind:
        case "error-answer":
            return web.json_response(
                error_body("InternalError"), status=int(fault.number("status"))
            )
        case "empty-answer":
            return web.json_response({})
        case "torn-answer":
            return web.Response(text='{"@odata.id": "/redfish/v1/Sys', content_type=JSON)
        case "huge-reply":
            filling = "x" * int(fault.number("mib") * MIB)
            return web.Response(text=f'{{"Name": "{filling}"}}', content_type=JSON)
        case "deep-reply":
            levels = int(fault.number("levels"))
            return web.Response(text='{"a":' * levels + "1" + "}" * levels, content_type=JSON)
        case "endless-reply":
            return await _drip(request)
        case "foreign-link":
            away = {"@odata.id": f"{fault.word('to')}/redfish/v1/Systems/1"}
            names = ("Systems", "Chassis", "Managers", "SessionService", "UpdateService", "Bios")
            body = dict.fromkeys(names, away) | {"Members": [away], "@odata.id": request.path}
            return web.json_response(body | {"Links": {"Sessions": away}})
        case _:
            return web.Response(status=307, headers={"Location": fault.word("to") + request.path})


async def _drip(request: web.Request) -> web.StreamResponse:
    reply = web.StreamResponse(headers={"Content-Type": JSON})
    await reply.prepare(request)
    while True:
        await reply.write(b" ")
        await asyncio.sleep(DRIP_S)


def drop(request: web.Request) -> NoReturn:
    """Close the connection without a word."""
    if request.transport is not None:
        request.transport.abort()
    raise Dropped


async def _never(request: web.Request) -> NoReturn:
    """Say nothing for as long as anybody listens."""
    while request.transport is not None and not request.transport.is_closing():  # noqa: ASYNC110
        await asyncio.sleep(SILENCE_S)  # a transport tells nobody that it closed
    raise Dropped
