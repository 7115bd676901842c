"""Events on their way: down the stream to who listens, and by POST to who subscribed.

Destinations are reached over TLS and their certificate is not looked at, as most BMCs do. One that
does not answer is tried a few times and then loses that event; the next is sent all the same.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable

import aiohttp
from aiohttp import web

from provisioning.simulator.bmc import SimulatedBmc
from provisioning.simulator.redfish.resource import Body, link
from provisioning.simulator.redfish.sessions import timestamp
from provisioning.simulator.state import EventSubscription, LogLine

SILENCE_S = 10.0
LOOK_S = 2.0
"""How soon a subscription that was ended is noticed where nothing happens."""
DEADLINE_S = 10.0
TRIES = 3
RETRY_S = 5.0
CHATTER = "A sensor crossed its threshold."


async def stream(bmc: SimulatedBmc, request: web.Request) -> web.StreamResponse:
    """Events until the client has gone, with a comment in every silence."""
    response = web.StreamResponse(
        headers={"Content-Type": "text/event-stream", "Cache-Control": "no-cache"}
    )
    await response.prepare(request)
    await response.write(b": listening\n\n")
    async for line in _lines(bmc, SILENCE_S):
        said = b": here\n\n"
        if line is not None:
            said = f"id: {line.number}\ndata: {json.dumps(event(bmc, line))}\n\n".encode()
        try:
            await response.write(said)
        except ConnectionError:
            break
    return response


def deliver(bmc: SimulatedBmc, subscription: EventSubscription) -> None:
    """From now on, until it is ended."""
    bmc.host.spawn(_deliver(bmc, subscription))


async def _deliver(bmc: SimulatedBmc, subscription: EventSubscription) -> None:
    connector = aiohttp.TCPConnector(ssl=False, limit=1)
    timeout = aiohttp.ClientTimeout(total=DEADLINE_S)
    async with aiohttp.ClientSession(connector=connector, timeout=timeout) as session:
        async for line in _lines(bmc, LOOK_S):
            if subscription not in bmc.host.state.subscriptions:
                return
            if line is None or (bmc.up_s or 0.0) < 0:
                continue
            body = event(bmc, line) | {"Context": subscription.context}
            repeats = bmc.host.faults.planted("repeats-events")
            for _ in range(int(repeats.number("count")) if repeats else 1):
                await _send(bmc, session, subscription.destination, body)


async def _send(
    bmc: SimulatedBmc, session: aiohttp.ClientSession, destination: str, body: Body
) -> None:
    for _ in range(TRIES):
        try:
            async with session.post(destination, json=body, allow_redirects=False) as reply:
                bmc.host.journal("event.sent", status=reply.status)
                return
        except (aiohttp.ClientError, TimeoutError, OSError):
            await bmc.host.world.clock.sleep(RETRY_S)
    bmc.host.journal("event.lost")


async def _lines(bmc: SimulatedBmc, silence_s: float) -> AsyncIterator[LogLine | None]:
    """What is written down, and what chatters."""
    chattered = 0
    async for line in bmc.log.follow(silence_s=_pause(bmc, silence_s)):
        storm = bmc.host.faults.planted("event-storm")
        if line is None and storm is not None:
            chattered += 1
            yield LogLine(
                number=100_000 + chattered, at=bmc.clock, severity="Warning", message=CHATTER
            )
        else:
            yield line


def _pause(bmc: SimulatedBmc, silence_s: float) -> Callable[[], float]:
    def pause_s() -> float:
        storm = bmc.host.faults.planted("event-storm")
        return silence_s if storm is None else 1.0 / storm.number("rate")

    return pause_s


def event(bmc: SimulatedBmc, line: LogLine) -> Body:
    """One event as it is told."""
    return {
        "@odata.type": "#Event.v1_9_0.Event",
        "Id": str(line.number),
        "Name": "Event",
        "Events": [
            {
                "MemberId": "0",
                "EventId": str(line.number),
                "EventTimestamp": timestamp(line.at),
                "MessageId": "ResourceEvent.1.3.ResourceChanged",
                "MessageSeverity": line.severity,
                "Message": line.message,
                "OriginOfCondition": link(bmc.paths.system),
            }
        ],
    }
