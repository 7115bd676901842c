"""In which order addresses are asked, and how fast: pure, and the same for the same seed.

Neighbours are not asked one after the other: a rack's switch, or a chassis that stands for sixteen
BMCs, sees one question now and then. The order is a permutation that is computed and not kept, so
that a walk that was cut off goes on from a number.
"""

from __future__ import annotations

import ipaddress
import math
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from inventory.found_bmcs import BmcNetwork
from inventory.outbound.bmc_address import reach_over

Service = tuple[str, int]
"""An address and a port."""


@dataclass(frozen=True, slots=True)
class Target:
    """One address to ask."""

    network: BmcNetwork
    ip: str
    port: int
    first: bool
    """Whether this is the first port of its address: then it is asked for IPMI too."""

    @property
    def address(self) -> str:
        """As a host's record would have it."""
        host = f"[{self.ip}]" if ":" in self.ip else self.ip
        return f"redfish+https://{host}" + (f":{self.port}" if self.port != 443 else "")  # noqa: PLR2004

    @property
    def ipmi_address(self) -> str:
        """The same over IPMI."""
        host = f"[{self.ip}]" if ":" in self.ip else self.ip
        port = self.network.ipmi_port
        return f"ipmi://{host}" + (f":{port}" if port != 623 else "")  # noqa: PLR2004


class Walk:
    """All targets of some networks, in the order of a seed."""

    def __init__(self, networks: Sequence[BmcNetwork], *, seed: int) -> None:
        self._networks = [(one, ipaddress.ip_network(one.cidr)) for one in networks]
        self._counts = [net.num_addresses * len(one.ports) for one, net in self._networks]
        self.size = sum(self._counts)
        dice = random.Random(seed)  # noqa: S311 - an order, not a secret
        self._step = _coprime(dice, self.size)
        self._offset = dice.randrange(self.size) if self.size else 0

    def targets(self, start: int, count: int) -> Iterator[Target]:
        """So many, from a number on."""
        for place in range(start, min(start + count, self.size)):
            yield self._at((place * self._step + self._offset) % self.size)

    def _at(self, index: int) -> Target:
        for (network, net), count in zip(self._networks, self._counts, strict=True):
            if index < count:
                port, address = divmod(index, net.num_addresses)
                return Target(network, str(net[address]), network.ports[port], first=port == 0)
            index -= count
        raise IndexError(index)


def may_ask(target: Target, *, own: frozenset[Service]) -> bool:
    """Whether that may be asked: nothing outside of what was declared, and never ourselves."""
    network = target.network
    ip, net = ipaddress.ip_address(target.ip), ipaddress.ip_network(network.cidr)
    ends = net.version == 4 and net.prefixlen < 31  # noqa: PLR2004 - RFC 3021: a /31 has no ends
    if ends and ip in {net.network_address, net.broadcast_address}:
        return False
    if (target.ip, target.port) in own:
        return False
    return not reach_over([network.cidr], loopback=network.simulated).fault(ip)


def pauses(seed: int, *, per_second: float) -> Iterator[float]:
    """Seconds between two questions: on average what was asked for, never in a beat."""
    dice = random.Random(seed ^ 0x5EED)  # noqa: S311 - a rhythm, not a secret
    while True:
        yield dice.uniform(0.5, 1.5) / per_second


def _coprime(dice: random.Random, size: int) -> int:
    """A stride that comes by every number once."""
    if size < 3:  # noqa: PLR2004 - nothing to mix
        return 1
    while True:
        step = dice.randrange(1, size)
        if math.gcd(step, size) == 1:
            return step
