"""Which cipher suites a BMC lets anybody use, and closing the weak ones.

Suite 0 asks for no password at all, 1 for one and no integrity, 2 for no secrecy: whoever reaches
the port has the host. Adoption reports them, and closes them where the BMC's configuration can be
written. The configuration is the LAN channel's parameters 22 (how many suites), 23 (which) and 24
(up to which privilege each may be used; 0 is never).
"""

from __future__ import annotations

from provisioning.drivers.capabilities import Ciphers
from provisioning.drivers.ipmi.session import IpmiSession
from provisioning.errors import BmcRefused, Unsupported

WEAK = frozenset({0, 1, 2})
THIS_CHANNEL = 0x0E
_TRANSPORT = 0x0C
_GET, _SET = 0x02, 0x01
_COUNT, _ENTRIES, _PRIVILEGES = 22, 23, 24
_MAX_SUITES = 16
_CHANNEL_CIPHERS = (0x06, 0x54)
_IPMI_PAYLOAD = 0
_STANDARD_RECORD, _OEM_RECORD = 0xC0, 0xC1


async def ciphers(session: IpmiSession) -> Ciphers:
    """What may be used. Without a LAN configuration: what the channel offers before a log-in."""
    try:
        suites, privileges = await _configured(session)
    except (BmcRefused, Unsupported):
        offered = await _offered(session)
        return Ciphers(enabled=offered, weak=tuple(one for one in offered if one in WEAK))
    enabled = tuple(
        suite for index, suite in enumerate(suites) if _privilege(privileges, index) != 0
    )
    return Ciphers(enabled=enabled, weak=tuple(one for one in enabled if one in WEAK))


async def close_weak_ciphers(session: IpmiSession) -> None:
    """Set the privilege of suites 0 to 2 to none, unless it is so."""
    suites, privileges = await _configured(session)
    wanted = bytearray(privileges)
    for index, suite in enumerate(suites):
        if suite in WEAK:
            shift = 4 * (index % 2)
            wanted[index // 2] &= ~(0x0F << shift) & 0xFF
    if bytes(wanted) != privileges:
        await session.change(_TRANSPORT, _SET, THIS_CHANNEL, _PRIVILEGES, 0, *wanted)


async def _configured(session: IpmiSession) -> tuple[tuple[int, ...], bytes]:
    count = (await _parameter(session, _COUNT))[:1]
    entries = (await _parameter(session, _ENTRIES))[1:]
    privileges = (await _parameter(session, _PRIVILEGES))[1:]
    known = min(count[0] & 0x1F if count else 0, _MAX_SUITES, len(entries))
    if not known or len(privileges) < (known + 1) // 2:
        raise Unsupported(
            f"{session.label}: the LAN channel does not tell its cipher suites",
            hint="look at the BMC's own page for IPMI over LAN, and switch suite 0 off there",
        )
    return tuple(entries[:known]), privileges


async def _parameter(session: IpmiSession, number: int) -> bytes:
    return (await session.read(_TRANSPORT, _GET, THIS_CHANNEL, number, 0, 0))[1:]


async def _offered(session: IpmiSession) -> tuple[int, ...]:
    """By Get Channel Cipher Suites, 16 bytes at a time."""
    records = b""
    for index in range(0x40):
        part = (await session.read(*_CHANNEL_CIPHERS, THIS_CHANNEL, _IPMI_PAYLOAD, 0x80 | index))[
            1:
        ]
        records += part
        if len(part) < 16:  # noqa: PLR2004 - a full part means that more follow
            break
    return tuple(_suites(records))


def _suites(records: bytes) -> list[int]:
    found = []
    for place, byte in enumerate(records[:-1]):
        if byte in {_STANDARD_RECORD, _OEM_RECORD}:
            found.append(records[place + 1])
    return found


def _privilege(privileges: bytes, index: int) -> int:
    return privileges[index // 2] >> (4 * (index % 2)) & 0x0F
