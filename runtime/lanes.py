"""Addresses and ports of a cluster's hosts.

A host with a network of its own gets an address in its tenant's network and Ray's usual ports: who
else uses these ports is somebody else's network. Hosts without one share a single machine's
network, where Ray listens on every interface whatever it is told; there each host gets a *lane*: a
loopback address and a block of ports that no other host of any cluster has.
"""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from ipaddress import IPv4Interface

FIRST_HOST = 10  # .1-.9 of a tenant network are left for gateways and services of the site
LAST_HOST = 254
FIRST_LANE = 41  # 127.0.0.41: clear of 127.0.0.1, and of .53 at lane 12, which is skipped
RESOLVER_LANE = 53 - FIRST_LANE  # systemd-resolved listens on 127.0.0.53
LANE_PORTS = 200  # 10 of Ray's own, the head's 3, and workers: a lane has few CPUs
LANE_BASE = 20000
LANES = 63  # ends at 32599: Linux hands out ports from 32768 on to everybody
HEAD_PORTS = 3


@dataclass(frozen=True, slots=True)
class Seat:
    """One host's place in a cluster's network."""

    number: int
    cidr: str
    port_block: tuple[int, int] = (20000, 20999)
    gcs_port: int = 6379
    dashboard_port: int = 8265
    serve_port: int = 8000

    @property
    def address(self) -> str:
        """Without prefix."""
        return self.cidr.partition("/")[0]


def seat(
    subnet: int, number: int | None, *, taken: AbstractSet[int], isolated: bool
) -> Seat | None:
    """The seat with this number, or the lowest free one; None when all are taken."""
    if number is None:
        total = LAST_HOST - FIRST_HOST + 1 if isolated else LANES
        free = (n for n in range(total) if n not in taken and (isolated or n != RESOLVER_LANE))
        number = next(free, None)
    if number is None:
        return None
    return _in_network(subnet, number) if isolated else _in_lane(number)


def every_address(subnet: int) -> tuple[str, ...]:
    """Every address that a host of this cluster can ever have."""
    networked = (_in_network(subnet, n) for n in range(LAST_HOST - FIRST_HOST + 1))
    return tuple(seat.address for seat in (*networked, *map(_in_lane, range(LANES))))


def lane_of(cidr: str) -> int:
    """The number of the seat that has this address."""
    octets = IPv4Interface(cidr).ip.packed
    return octets[3] - (FIRST_LANE if octets[0] == 127 else FIRST_HOST)  # noqa: PLR2004 - loopback


def _in_network(subnet: int, number: int) -> Seat:
    return Seat(number, f"10.77.{subnet}.{FIRST_HOST + number}/24")


def _in_lane(number: int) -> Seat:
    first = LANE_BASE + number * LANE_PORTS
    head = first + LANE_PORTS - HEAD_PORTS
    return Seat(
        number,
        f"127.0.0.{FIRST_LANE + number}/8",
        port_block=(first, head - 1),
        gcs_port=head,
        dashboard_port=head + 1,
        serve_port=head + 2,
    )
