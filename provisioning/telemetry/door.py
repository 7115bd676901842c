"""The door through which BMCs send their events, beside the agents' on the same TLS listener.

It answers a BMC in the same words whatever it made of the event, so that a flood brings no
retries; whoever is not known gets a 404 that says nothing.
"""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Request, Response

from inventory.clock import Clock
from inventory.refusals import ERRORS, Refused
from provisioning.telemetry.inbox import Fate, Inbox

PREFIX = "/bmc-events/v1"

HostId = Annotated[str, Path(max_length=64, pattern=r"^[0-9A-Za-z-]+$")]
Token = Annotated[str, Path(pattern=r"^[0-9a-f]{64}$")]


def build_event_routes(inbox: Inbox, clock: Clock) -> APIRouter:
    """One route."""
    router = APIRouter(prefix=PREFIX, tags=["events"], responses=ERRORS)

    @router.post("/{host_id}/{token}", status_code=204, response_class=Response)
    async def event(host_id: HostId, token: Token, request: Request) -> Response:
        """One event, or several in one document."""
        source = request.client.host if request.client else ""
        fate = inbox.receive(
            host_id, token, source=source, body=await request.body(), now=clock.now().timestamp()
        )
        if fate is Fate.FORGED:
            raise Refused(404, "not-found", "nothing here", hint="subscribe at the BMC's own door")
        if fate is Fate.TOO_LARGE:
            raise Refused(413, "too-large", "an event this long is not read", hint="send less")
        return Response(status_code=204)

    return router


def destination_of(door_url: str, host_id: str, token: str) -> str:
    """The address that one BMC is given."""
    return f"{door_url}{PREFIX}/{host_id}/{token}"
