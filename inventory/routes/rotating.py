"""Asking that a BMC gets a password which nobody but podyard knows.

Like every wish it is only written down: whoever has the host in hand carries it out, in two phases,
so that a crash leaves a stored password that works.
"""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request

from inventory.auth import Actor, Permission, require
from inventory.deps import ApiDeps, Deps
from inventory.errors import StaleWrite
from inventory.model import Event, Host
from inventory.refusals import ERRORS, Refused
from inventory.resources.recording import Who, logged, who_of
from inventory.routes.hosts import HostDetail, detail, find_host
from inventory.routes.shapes import NamePath
from inventory.states import HostState
from inventory.store.protocol import Change

router = APIRouter(prefix="/api/hosts", tags=["hosts"], responses=ERRORS)
Writer = Annotated[Actor, Depends(require(Permission.HOST_WRITE))]

WRITE_TRIES = 5  # the loop writes each host a few times a second at most


@router.post("/{name}/bmc/rotate")
async def rotate_bmc_password(
    request: Request, name: NamePath, deps: Deps, actor: Writer
) -> HostDetail:
    """Give its BMC's account another password; `host.password-rotated` tells when it has it."""
    host = await deps.in_thread(_ask, deps, name, who_of(request, actor))
    deps.wake()
    return detail(host)


def _ask(deps: ApiDeps, name: str, who: Who) -> Host:
    for _ in range(WRITE_TRIES):
        host, now = find_host(deps, name), deps.clock.now()
        if host.state is HostState.RETIRED:
            raise Refused(
                409,
                "retired",
                f"host {host.name} is retired, and nobody talks to its BMC any more",
                hint=f"podyard host why {host.name}",
            )
        if host.rotation:
            # Pending is never set back: the BMC may have that password already.
            return host
        fresh = host.model_copy(update={"rotation": "asked", "wake_at": now})
        event = Event(
            at=now, actor=who.name, kind="host.password-asked", subject=f"host:{host.name}"
        )
        change = Change(replace=(fresh,), events=(event,))
        try:
            deps.store.apply(logged(change, who, now=now, before=(host,)), now=now)
        except StaleWrite:
            continue
        return fresh.model_copy(update={"version": host.version + 1})
    raise StaleWrite(f"host {name} changed {WRITE_TRIES} times while it was to be written")
