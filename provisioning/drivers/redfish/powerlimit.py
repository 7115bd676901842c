"""The limit of a host's power, which BMCs spell in four ways.

The newest is `PowerLimitWatts` in EnvironmentMetrics; between it and the oldest stand Controls with
a set point; the oldest is `PowerLimit` in the Power resource. NVIDIA's DGX H100 and H200 have none
of them and a NodeManager of their own. Which one a BMC speaks is seen in what it serves, in that
order, and remembered by nobody: a firmware update may change it.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import Any

from provisioning.drivers.capabilities import Capability, PowerLimit, PowerLimitDialect, lacking
from provisioning.drivers.redfish.answers import (
    Answer,
    Json,
    items,
    mapping,
    number,
    reference,
    text,
)
from provisioning.drivers.redfish.resources import Resources
from provisioning.drivers.redfish.session import ReadOutdated

LOOKS = 3
"""With the tag of a fresh look each, before the limit is written whatever else has moved."""
ANY_STATE = "*"
"""The tag (RFC 9110, 13.1.1) that holds for a resource in every state."""
NODE_MANAGER_DOMAIN = "0"
"""The domain that stands for the whole host."""


@dataclass(frozen=True, slots=True)
class _Found:
    """A limit, and where and how it is changed."""

    limit: PowerLimit
    path: str
    etag: str | None


async def power_limit(resources: Resources) -> PowerLimit:
    """The limit in force."""
    return (await _find(resources)).limit


async def set_power_limit(resources: Resources, watts: float | None) -> None:
    """Set or lift it, unless it is so already.

    The newest dialect keeps the limit beside live readings, so its tag is a new one with every
    watt: a change that the BMC refused for that reason is made of a fresh look, a few times. A
    limit is absolute and ours alone, so at last it is written over whatever the readings are.
    """
    for _ in range(LOOKS):
        with contextlib.suppress(ReadOutdated):
            return await _set(resources, watts)
    return await _set(resources, watts, tag=ANY_STATE)


async def _set(resources: Resources, watts: float | None, *, tag: str | None = None) -> None:
    found = await _find(resources)
    if found.limit.watts != watts:
        body = _change(found.limit.dialect, watts)
        await resources.session.patch(found.path, body, etag=tag or found.etag)


def _change(dialect: PowerLimitDialect, watts: float | None) -> Json:
    point: dict[str, Any] = {"ControlMode": "Disabled"}
    if watts is not None:
        point = {"SetPoint": watts, "ControlMode": "Automatic"}
    match dialect:
        case PowerLimitDialect.ENVIRONMENT:
            return {"PowerLimitWatts": point}
        case PowerLimitDialect.CONTROL:
            return point
        case PowerLimitDialect.NODE_MANAGER:
            state = {"State": "Disabled" if watts is None else "Enabled"}
            return {"Status": state} if watts is None else {"Limit": watts, "Status": state}
        case _:
            return {"PowerControl": [{"PowerLimit": {"LimitInWatts": watts}}]}


async def _find(resources: Resources) -> _Found:
    system = (await resources.system()).body
    chassis = await resources.chassis(system)
    for look in (_environment, _control, _power):
        found = await look(resources, chassis)
        if found is not None:
            return found
    found = await _node_manager(resources, system)
    if found is None:
        raise lacking(Capability.POWER_LIMIT, where=resources.session.label)
    return found


async def _environment(resources: Resources, chassis: Json) -> _Found | None:
    answer = await resources.optional(reference(chassis, "EnvironmentMetrics"))
    if answer is None or not isinstance(answer.body.get("PowerLimitWatts"), dict):
        return None
    return _pointed(answer, answer.body["PowerLimitWatts"], PowerLimitDialect.ENVIRONMENT)


async def _control(resources: Resources, chassis: Json) -> _Found | None:
    for control in await resources.members(reference(chassis, "Controls")):
        whole = text(control.get("PhysicalContext")) in {"Chassis", "SystemBoard", ""}
        if text(control.get("ControlType")) == "Power" and whole:
            answer = await resources.optional(reference(control))
            if answer is not None:
                return _pointed(answer, answer.body, PowerLimitDialect.CONTROL)
    return None


def _pointed(answer: Answer, point: Json, dialect: PowerLimitDialect) -> _Found:
    """A set point that counts unless its control is switched off."""
    off = text(point.get("ControlMode")) == "Disabled"
    least, most = number(point.get("AllowableMin")), number(point.get("AllowableMax"))
    limit = PowerLimit(
        watts=None if off else number(point.get("SetPoint")),
        least_watts=least if least is not None else number(point.get("SettingMin")),
        most_watts=most if most is not None else number(point.get("SettingMax")),
        dialect=dialect,
    )
    return _Found(limit=limit, path=answer.path, etag=answer.etag)


async def _power(resources: Resources, chassis: Json) -> _Found | None:
    answer = await resources.optional(reference(chassis, "Power"))
    if answer is None:
        return None
    for control in items(answer.body.get("PowerControl"))[:1]:
        if isinstance(control.get("PowerLimit"), dict):
            limit = PowerLimit(
                watts=number(mapping(control.get("PowerLimit")).get("LimitInWatts")),
                most_watts=number(control.get("PowerCapacityWatts")),
                dialect=PowerLimitDialect.POWER,
            )
            return _Found(limit=limit, path=answer.path, etag=answer.etag)
    return None


async def _node_manager(resources: Resources, system: Json) -> _Found | None:
    if not (await resources.habits()).node_manager:
        return None
    manager = reference(await resources.manager(system))
    domain = f"{manager}/NodeManager/Domains/{NODE_MANAGER_DOMAIN}"
    about = await resources.optional_body(domain)
    if not about:
        return None
    policy = next(
        (
            one
            for one in await resources.members(f"{domain}/Policies")
            if text(one.get("ComponentId")) in {"COMP_NODE", "COMP_CHASSIS", ""}
        ),
        None,
    )
    if policy is None or reference(policy) is None:
        return None
    off = text(mapping(policy.get("Status")).get("State")) == "Disabled"
    reach = mapping(about.get("Capabilities"))
    limit = PowerLimit(
        watts=None if off else number(policy.get("Limit")),
        least_watts=number(reach.get("Min")),
        most_watts=number(reach.get("Max")),
        dialect=PowerLimitDialect.NODE_MANAGER,
    )
    return _Found(limit=limit, path=reference(policy) or "", etag=None)
