"""Power over DCMI, the data centres' part of IPMI: the draw, and a limit of it."""

from __future__ import annotations

import struct

from provisioning.drivers.capabilities import (
    Capability,
    PowerLimit,
    PowerLimitDialect,
    lacking,
)
from provisioning.drivers.ipmi.session import IpmiSession
from provisioning.errors import BmcRefused, Unsupported

_GROUP, _DCMI = 0x2C, 0xDC
_READING, _GET_LIMIT, _SET_LIMIT, _ACTIVATE = 0x02, 0x03, 0x04, 0x05
_NO_LIMIT = 0x80
_ACTIVE = 0x40
_CORRECTION_MS = 6000
_SAMPLING_S = 5
_LIMIT = struct.Struct("<BHIHH")
"""Exception action, watts, correction time, reserved, sampling period."""


async def power_draw_watts(session: IpmiSession) -> float | None:
    """Watts now; None where the BMC does not measure."""
    try:
        told = await session.read(_GROUP, _READING, _DCMI, 1, 0, 0)
    except (BmcRefused, Unsupported):
        return None
    measuring = len(told) > 17 and told[17] & _ACTIVE  # noqa: PLR2004 - the state's place
    return float(struct.unpack_from("<H", told, 1)[0]) if measuring else None


async def power_limit(session: IpmiSession) -> PowerLimit:
    """The limit in force."""
    try:
        told = await session.read(_GROUP, _GET_LIMIT, _DCMI, 0, 0)
    except Unsupported:
        raise lacking(Capability.POWER_LIMIT, where=session.label) from None
    except BmcRefused as error:
        if error.status != _NO_LIMIT:
            raise
        return PowerLimit(watts=None, dialect=PowerLimitDialect.DCMI)
    watts = float(struct.unpack_from("<H", told, 4)[0])
    return PowerLimit(watts=watts, dialect=PowerLimitDialect.DCMI)


async def set_power_limit(session: IpmiSession, watts: float | None) -> None:
    """Set and activate it, or deactivate it."""
    if (await power_limit(session)).watts == watts:
        return
    if watts is not None:
        limit = _LIMIT.pack(0, round(watts), _CORRECTION_MS, 0, _SAMPLING_S)
        await session.change(_GROUP, _SET_LIMIT, _DCMI, 0, 0, 0, *limit)
    await session.change(_GROUP, _ACTIVATE, _DCMI, 0 if watts is None else 1, 0, 0)
