"""Events: who is told of them, and the stream of them over a connection that we open.

An event is a reason to look at a host, never a fact to decide by: it may be late, forged by whoever
holds the BMC, or told twice. The stream is cut by the same caps as any reply, counted by event.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator

from provisioning.drivers.capabilities import BmcEvent, Capability, Subscription, lacking
from provisioning.drivers.redfish.answers import Json, items, link, reference, text
from provisioning.drivers.redfish.resources import Resources
from provisioning.errors import AnswerRefused, BmcRefused

MAX_EVENT_BYTES = 1024 * 1024
MAX_RECORDS = 256
_GONE = 404


async def subscriptions(resources: Resources) -> tuple[Subscription, ...]:
    """Everybody who is told."""
    return tuple(
        Subscription(
            uri=path,
            destination=text(one.get("Destination")),
            context=text(one.get("Context")),
        )
        for one in await resources.members(await _listed(resources))
        if (path := reference(one)) is not None
    )


async def subscribe(resources: Resources, destination: str, context: str) -> Subscription:
    """The subscription of this destination and context, made unless it is there."""
    listed = await _listed(resources)
    known = await _known(resources, destination, context)
    if known is None:
        body: Json = {"Destination": destination, "Context": context, "Protocol": "Redfish"}
        await resources.session.post(listed, body)
        known = await _known(resources, destination, context)
    if known is None:
        raise AnswerRefused(f"{resources.session.label}: the subscription is not listed")
    return known


async def unsubscribe(resources: Resources, uri: str) -> None:
    """End one; one that is gone is fine."""
    try:
        await resources.session.delete(link(uri))
    except BmcRefused as error:
        if error.status != _GONE:
            raise


async def events(resources: Resources) -> AsyncIterator[BmcEvent]:
    """Events as they come."""
    path = reference({"at": await _stream(resources)}, "at")
    if path is None:
        raise lacking(Capability.EVENT_STREAM, where=resources.session.label)
    waiting: list[bytes] = []
    async for line in resources.session.stream(path):
        if line.startswith(b"data:"):
            waiting.append(line[5:].strip())
            if sum(map(len, waiting)) > MAX_EVENT_BYTES:
                raise AnswerRefused(
                    f"{resources.session.label}: an event is over {MAX_EVENT_BYTES} bytes"
                )
        elif not line and waiting:
            for event in records(b"".join(waiting)):
                yield event
            waiting = []


def records(raw: bytes) -> list[BmcEvent]:
    """The records of one Redfish event; what is none is dropped, for others will come."""
    try:
        document = json.loads(raw)
    except (ValueError, RecursionError):
        return []
    found = items(document.get("Events")) if isinstance(document, dict) else []
    return [_event(one) for one in found[:MAX_RECORDS]]


def _event(found: Json) -> BmcEvent:
    origin = found.get("OriginOfCondition")
    place = origin.get("@odata.id") if isinstance(origin, dict) else origin
    return BmcEvent(
        id=text(found.get("EventId")),
        message_id=text(found.get("MessageId")),
        message=text(found.get("Message")),
        severity=text(found.get("MessageSeverity")) or text(found.get("Severity")),
        origin=text(place),
    )


async def _service(resources: Resources) -> Json:
    root = await resources.session.root()
    return await resources.optional_body(reference(root, "EventService"))


async def _listed(resources: Resources) -> str:
    path = reference(await _service(resources), "Subscriptions")
    if path is None:
        raise lacking(Capability.EVENTS, where=resources.session.label)
    return path


async def _stream(resources: Resources) -> Json:
    said = (await _service(resources)).get("ServerSentEventUri")
    return {"@odata.id": said} if said else {}


async def _known(resources: Resources, destination: str, context: str) -> Subscription | None:
    for one in await subscriptions(resources):
        if (one.destination, one.context) == (text(destination), text(context)):
            return one
    return None
