"""What PDUs and power shelves have in common: the feed that they hang on, and their meters."""

from __future__ import annotations

from provisioning.simulator.distribution.machine import Machine
from provisioning.simulator.errors import ActionRefused
from provisioning.simulator.redfish import checks
from provisioning.simulator.redfish.answer import Answer
from provisioning.simulator.redfish.resource import Body, Builders, collection, resource

MAINS = "AC1"
NOMINAL_VOLTS = (
    (130.0, "AC120V"),
    (215.0, "AC208V"),
    (235.0, "AC230V"),
    (260.0, "AC240V"),
    (300.0, "AC277V"),
    (450.0, "AC400V"),
)
"""Up to so many volts each of the standard's words; 415 V counts as a 400 V system."""


def nominal(volts: float) -> str:
    """The word for a voltage."""
    return next((word for most, word in NOMINAL_VOLTS if volts <= most), "AC480V")


def wiring(phases: int) -> str:
    """The word for a circuit's wires."""
    return "ThreePhase5Wire" if phases > 1 else "OnePhase3Wire"


def amps(machine: Machine, watts: float) -> float:
    """What flows in one of the feed's phases."""
    feed = machine.mains.plan.feeds[machine.plan.feed].spec
    return watts / (feed.volts * feed.phases**0.5)


def carried(machine: Machine) -> float:
    """What this machine takes from its feed."""
    return sum(machine.mains.share(host, machine.plan.feed) for host in machine.plan.hosts)


def kwh(machine: Machine) -> float:
    """What its hosts ever took from this feed."""
    return sum(machine.mains.kwh(host, machine.plan.feed) for host in machine.plan.hosts)


def mains_of(machine: Machine, path: str) -> Builders:
    """The one circuit that comes in."""
    listed = f"{path}/Mains"
    return {
        listed: lambda: collection(listed, "CircuitCollection", name="Mains", members=[MAINS]),
        f"{listed}/{MAINS}": lambda: circuit(machine, f"{listed}/{MAINS}"),
    }


def circuit(machine: Machine, path: str) -> Body:
    """The feed as it comes in, with its breaker."""
    mains, name = machine.mains, machine.plan.feed
    feed = mains.plan.feeds[name].spec
    live, tripped = mains.is_live(name), mains.is_tripped(name)
    watts = carried(machine)
    load = mains.watts(name) / mains.plan.feeds[name].breaker.rated_watts
    return resource(
        path,
        "Circuit.v1_9_0.Circuit",
        name=f"Mains from feed {name}",
        CircuitType="Mains",
        ElectricalSourceName=name,
        ElectricalConsumerNames=list(machine.plan.hosts),
        PhaseWiringType=wiring(feed.phases),
        NominalVoltage=nominal(feed.volts),
        RatedCurrentAmps=feed.rated_amps,
        BreakerState="Tripped" if tripped else "Normal",
        PowerState="On" if live else "Off",
        Voltage={"Reading": feed.volts if live else 0.0},
        CurrentAmps={"Reading": round(amps(machine, watts), 3)},
        PowerWatts={"Reading": round(watts, 1)},
        EnergykWh={"Reading": round(kwh(machine), 6)},
        PowerLoadPercent={"Reading": round(100 * load, 1)},
        Status={
            "State": "Enabled" if live else "UnavailableOffline",
            "Health": "Critical" if tripped else "OK",
        },
        Actions={
            "#Circuit.BreakerControl": {
                "target": f"{path}/Actions/Circuit.BreakerControl",
                "PowerState@Redfish.AllowableValues": ["On"],
            }
        },
    )


async def close_breaker(machine: Machine, body: Body) -> Answer:
    """Circuit.BreakerControl: a tripped breaker is closed again, and may open again."""
    action = "Circuit.BreakerControl"
    checks.parameters(body, action=action, known={"PowerState": str})
    if body.get("PowerState", "On") != "On":
        raise ActionRefused(400, "ActionParameterNotSupported", "PowerState", action)
    await machine.mains.reset(machine.plan.feed)
    return Answer()


def metrics(machine: Machine, path: str) -> Body:
    """What the whole machine takes."""
    watts = carried(machine)
    return resource(
        path,
        "PowerDistributionMetrics.v1_4_0.PowerDistributionMetrics",
        name="Metrics",
        PowerWatts={"Reading": round(watts, 1)},
        EnergykWh={"Reading": round(kwh(machine), 6)},
        PowerLoadPercent={"Reading": round(100 * watts / capacity_watts(machine), 1)},
    )


def capacity_watts(machine: Machine) -> float:
    """What it may deliver: a shelf's own figure, else the feed's rating."""
    rated = machine.mains.plan.feeds[machine.plan.feed].breaker.rated_watts
    return machine.plan.capacity_watts or rated
