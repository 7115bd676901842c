"""The light by which a person finds a host: LocationIndicatorActive, or the older IndicatorLED."""

from __future__ import annotations

from provisioning.drivers.capabilities import Capability, Indicator, lacking
from provisioning.drivers.redfish.answers import Answer, Json, text
from provisioning.drivers.redfish.resources import Resources

_NEWER = "LocationIndicatorActive"
_OLDER = "IndicatorLED"


async def indicator(resources: Resources) -> Indicator:
    """How it shines."""
    return _shown((await _holder(resources)).body)


async def set_indicator(resources: Resources, wanted: Indicator) -> None:
    """Switch it, unless it is so already; a light that blinks counts as lit."""
    holder = await _holder(resources)
    lit = wanted is not Indicator.OFF
    seen = _shown(holder.body)
    if seen is not Indicator.UNKNOWN and (seen is not Indicator.OFF) == lit:
        return
    newer = isinstance(holder.body.get(_NEWER), bool)
    change: Json = {_NEWER: lit} if newer else {_OLDER: Indicator.LIT if lit else Indicator.OFF}
    await resources.session.patch(holder.path, change, etag=holder.etag)


async def _holder(resources: Resources) -> Answer:
    """The System, else the Chassis: BMCs put the light at either."""
    system = await resources.system()
    if _shines(system.body):
        return system
    chassis = await resources.chassis_answer(system.body)
    if chassis is not None and _shines(chassis.body):
        return chassis
    raise lacking(Capability.INDICATOR, where=resources.session.label)


def _shines(body: Json) -> bool:
    return isinstance(body.get(_NEWER), bool) or bool(text(body.get(_OLDER)))


def _shown(body: Json) -> Indicator:
    active = body.get(_NEWER)
    if isinstance(active, bool):
        return Indicator.LIT if active else Indicator.OFF
    said = text(body.get(_OLDER))
    return Indicator(said) if said in set(Indicator) else Indicator.UNKNOWN
