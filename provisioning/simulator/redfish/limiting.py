"""A limit of the host's power, in the dialect of the model's schemas."""

from __future__ import annotations

from provisioning.simulator.bmc import SimulatedBmc
from provisioning.simulator.errors import ActionRefused
from provisioning.simulator.redfish import checks
from provisioning.simulator.redfish.answer import Answer
from provisioning.simulator.redfish.resource import Body

LEAST_RATIO = 0.5
"""No host can be held below half of what its type draws under load."""


def bounds(bmc: SimulatedBmc) -> tuple[float, float]:
    """The least and the most that can be set."""
    power = bmc.host.plan.host_type.power
    return LEAST_RATIO * power.typical_watts, float(power.nameplate_watts)


def newer(bmc: SimulatedBmc) -> Body:
    """`PowerLimitWatts` of EnvironmentMetrics; the set point outlives the limit."""
    least, most = bounds(bmc)
    limit = bmc.host.state.power_limit_watts
    return {
        "SetPoint": most if limit is None else limit,
        "AllowableMin": least,
        "AllowableMax": most,
        "ControlMode": "Disabled" if limit is None else "Automatic",
    }


def older(bmc: SimulatedBmc) -> Body:
    """`PowerLimit` of one PowerControl."""
    return {
        "LimitInWatts": bmc.host.state.power_limit_watts,
        "LimitException": "NoAction",
    }


async def patch_environment(bmc: SimulatedBmc, body: Body) -> Answer:
    """The newer dialect."""
    found = checks.properties(
        body, writable={"PowerLimitWatts": dict}, readable=("PowerWatts", "Id", "Name")
    )
    point = checks.properties(
        found["PowerLimitWatts"],
        writable={"SetPoint": (int, float), "ControlMode": str},
        readable=("AllowableMin", "AllowableMax"),
        under="PowerLimitWatts/",
    )
    mode = checks.one_of(
        point.get("ControlMode", "Automatic"),
        "ControlMode",
        allowed=("Automatic", "Disabled"),
        under="PowerLimitWatts/",
    )
    limit = None if mode == "Disabled" else point.get("SetPoint", newer(bmc)["SetPoint"])
    _set(bmc, limit, "PowerLimitWatts/SetPoint")
    return Answer()


async def patch_power(bmc: SimulatedBmc, body: Body) -> Answer:
    """The older dialect."""
    found = checks.properties(body, writable={"PowerControl": list}, readable=("Id", "Name"))
    listed = found["PowerControl"]
    if len(listed) != 1 or not isinstance(listed[0], dict):
        raise ActionRefused(400, "PropertyValueFormatError", "", "PowerControl")
    control = checks.properties(
        listed[0], writable={"PowerLimit": dict}, readable=("PowerConsumedWatts",)
    )
    limit = checks.properties(
        control["PowerLimit"],
        writable={"LimitInWatts": (int, float, type(None))},
        readable=("LimitException",),
        under="PowerControl/0/PowerLimit/",
    )
    _set(bmc, limit["LimitInWatts"], "PowerControl/0/PowerLimit/LimitInWatts")
    return Answer()


def _set(bmc: SimulatedBmc, watts: float | None, name: str) -> None:
    least, most = bounds(bmc)
    if watts is not None and not least <= watts <= most:
        raise ActionRefused(400, "PropertyValueNotInList", str(watts), name, target=name)
    bmc.host.limit_power(watts)
