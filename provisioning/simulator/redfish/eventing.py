"""Events: who subscribed, and the stream for those who listen.

Subscriptions are kept and listed. Nothing is sent to their destinations: a hall on loopback has
nobody there; whoever wants events from it reads the stream.
"""

from __future__ import annotations

import json

from aiohttp import web

from provisioning.simulator.bmc import SimulatedBmc
from provisioning.simulator.errors import ActionRefused
from provisioning.simulator.redfish import checks
from provisioning.simulator.redfish.answer import Answer
from provisioning.simulator.redfish.resource import (
    ENABLED,
    ROOT,
    Body,
    Builders,
    collection,
    link,
    resource,
)
from provisioning.simulator.redfish.sessions import timestamp
from provisioning.simulator.state import EventSubscription, LogLine

SERVICE = f"{ROOT}/EventService"
SUBSCRIPTIONS = f"{SERVICE}/Subscriptions"
STREAM = f"{SERVICE}/SSE"
SUBSCRIPTION_TYPE = "#EventDestination.v1_13_2.EventDestination"
SUBSCRIPTIONS_MAX = 10
SILENCE_S = 10.0


def fixed(bmc: SimulatedBmc) -> Builders:
    """The service and its list."""
    return {
        SERVICE: lambda: resource(
            SERVICE,
            "EventService.v1_10_0.EventService",
            name="Event Service",
            ServiceEnabled=True,
            Status=ENABLED,
            EventFormatTypes=["Event"],
            ServerSentEventUri=STREAM,
            Subscriptions=link(SUBSCRIPTIONS),
        ),
        SUBSCRIPTIONS: lambda: collection(
            SUBSCRIPTIONS,
            "EventDestinationCollection",
            name="Subscriptions",
            members=[str(one.number) for one in bmc.host.state.subscriptions],
        ),
    }


def moving(bmc: SimulatedBmc, path: str) -> Body | None:
    """One subscription by its path."""
    parent, _, name = path.rpartition("/")
    if parent != SUBSCRIPTIONS:
        return None
    found = (one for one in bmc.host.state.subscriptions if str(one.number) == name)
    return next((_subscription(one) for one in found), None)


def _subscription(found: EventSubscription) -> Body:
    return resource(
        f"{SUBSCRIPTIONS}/{found.number}",
        SUBSCRIPTION_TYPE.removeprefix("#"),
        name=f"Subscription {found.number}",
        Destination=found.destination,
        Context=found.context,
        Protocol="Redfish",
        SubscriptionType="RedfishEvent",
        EventFormatType="Event",
        Status=ENABLED,
    )


async def subscribe(bmc: SimulatedBmc, body: Body) -> Answer:
    """Add somebody."""
    found = checks.properties(
        body, writable={"Destination": str, "Context": str, "Protocol": str}, readable=("Id",)
    )
    for name in ("Destination", "Protocol"):
        if name not in found:
            raise ActionRefused(400, "PropertyMissing", name, target=name)
    checks.one_of(found["Protocol"], "Protocol", allowed=("Redfish",))
    if not found["Destination"].startswith("https://"):
        raise ActionRefused(400, "PropertyValueFormatError", "", "Destination")
    state = bmc.host.state
    if len(state.subscriptions) >= SUBSCRIPTIONS_MAX:
        raise ActionRefused(400, "GeneralError")
    new = EventSubscription(
        number=max((one.number for one in state.subscriptions), default=0) + 1,
        destination=found["Destination"],
        context=found.get("Context", ""),
    )
    state.subscriptions = [*state.subscriptions, new]
    bmc.host.save()
    return Answer(
        status=201,
        body=_subscription(new),
        headers={"Location": f"{SUBSCRIPTIONS}/{new.number}"},
    )


def unsubscribe(bmc: SimulatedBmc, name: str) -> None:
    """Forget somebody."""
    state = bmc.host.state
    state.subscriptions = [one for one in state.subscriptions if str(one.number) != name]
    bmc.host.save()


async def stream(bmc: SimulatedBmc, request: web.Request) -> web.StreamResponse:
    """Events until the client has gone, with a comment in every silence."""
    response = web.StreamResponse(
        headers={"Content-Type": "text/event-stream", "Cache-Control": "no-cache"}
    )
    await response.prepare(request)
    await response.write(b": listening\n\n")
    async for line in bmc.log.follow(silence_s=SILENCE_S):
        said = b": here\n\n" if line is None else _record(bmc, line)
        try:
            await response.write(said)
        except ConnectionError:
            break
    return response


def _record(bmc: SimulatedBmc, line: LogLine) -> bytes:
    event = {
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
    return f"id: {line.number}\ndata: {json.dumps(event)}\n\n".encode()
