"""Events: the service, who subscribed, and where the stream is for those who listen."""

from __future__ import annotations

from provisioning.simulator.bmc import SimulatedBmc
from provisioning.simulator.errors import ActionRefused
from provisioning.simulator.redfish import checks, delivering
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
from provisioning.simulator.state import EventSubscription

SERVICE = f"{ROOT}/EventService"
SUBSCRIPTIONS = f"{SERVICE}/Subscriptions"
STREAM = f"{SERVICE}/SSE"
SUBSCRIPTION_TYPE = "#EventDestination.v1_13_2.EventDestination"
SUBSCRIPTIONS_MAX = 10


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
            DeliveryRetryAttempts=delivering.TRIES,
            DeliveryRetryIntervalSeconds=int(delivering.RETRY_S),
            **({"ServerSentEventUri": STREAM} if streams(bmc) else {}),
            Subscriptions=link(SUBSCRIPTIONS),
        ),
        SUBSCRIPTIONS: lambda: collection(
            SUBSCRIPTIONS,
            "EventDestinationCollection",
            name="Subscriptions",
            members=[str(one.number) for one in bmc.host.state.subscriptions],
        ),
    }


def streams(bmc: SimulatedBmc) -> bool:
    """Whether somebody may listen."""
    return bmc.host.faults.planted("no-event-stream") is None


def resume(bmc: SimulatedBmc) -> None:
    """After a start: whoever had subscribed is told on."""
    for one in bmc.host.state.subscriptions:
        delivering.deliver(bmc, one)


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
    delivering.deliver(bmc, new)
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
