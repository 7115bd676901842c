"""Where a BMC may be, of all the places that somebody can name.

Whoever may name a BMC's address makes the service open a connection there. So it must be where
management controllers are: in a network that an admin declared, once any is declared, and never
where only the service itself or its cloud listens. An address is taken in one spelling alone; a
name is judged by what it leads to, at the moment of connecting and by the address connected to.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from inventory.outbound.address import CheckedResolver, Ip, Network, inside, literal_ip, unwrapped

METADATA = frozenset(
    ipaddress.ip_address(one)
    for one in (
        *("169.254.169.254", "169.254.170.2", "fd00:ec2::254"),
        *("100.100.100.200", "192.0.0.192", "168.63.129.16"),
    )
)
"""Where clouds answer whoever asks from inside with keys: AWS and most others, Alibaba, Oracle,
Azure. Some of them lie in networks that are otherwise honest."""
_LABEL = r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?"
HOST_NAME = re.compile(rf"(?=.{{1,253}}$){_LABEL}(\.{_LABEL})*")
OWN_NAMES = ("localhost", "localdomain", "internal")
"""The last label of names that lead to this machine or to its cloud."""
WITHOUT_BMC = "ssh://"
"""A host that has none stands in its own network, which nobody declares as one of BMCs."""


@dataclass(frozen=True, slots=True)
class Reach:
    """Where BMCs may be."""

    networks: tuple[Network, ...] = ()
    """Those that were declared; none: nobody has declared any yet."""
    loopback: bool = False
    """Whether BMCs are simulated here, which is the one reason for loopback."""

    def fault(self, ip: Ip) -> str:
        """Why no BMC may be asked at this address; empty when one may."""
        if unwrapped(ip) != ip:
            return f"{ip} stands for {unwrapped(ip)}; write that"
        if ip in METADATA:
            return f"{ip} is a cloud's metadata service"
        if kind := _kind(ip, loopback=self.loopback):
            return f"{ip} is {kind} address, where no BMC is"
        if self.networks and not inside(ip, self.networks):
            return f"{ip} is in none of the declared networks"
        return ""

    def resolver(self) -> CheckedResolver:
        """A resolver that answers with addresses where BMCs may be, and with no others."""
        return CheckedResolver(fault=self.fault)


def bmc_address_fault(address: str, reach: Reach) -> str:
    """Why this BMC address may not be stored, as far as its text tells; empty when it may."""
    if not address.isascii() or not address.isprintable() or set(address) & set(" \\<>\"'"):
        return "an address has printable ASCII letters alone, and no spaces"
    try:
        host = urlsplit(address).hostname or ""
    except ValueError as error:
        return f"not an address: {error}"
    literal = literal_ip(host)
    if literal is None:
        return _name_fault(host)
    if not _plainly(host, literal):
        return f"write this address as {literal}"
    if address.startswith(WITHOUT_BMC):
        reach = Reach(loopback=True)
    return reach.fault(literal)


def reach_over(cidrs: Sequence[str], *, loopback: bool) -> Reach:
    """Where BMCs may be, of networks as they were declared."""
    return Reach(tuple(ipaddress.ip_network(one) for one in cidrs), loopback)


def _plainly(host: str, literal: Ip) -> bool:
    """Whether it is written as everybody reads it: `010.0.0.1` is 8.0.0.1 to some libraries."""
    try:
        return ipaddress.ip_address(host) == literal
    except ValueError:
        return False


def _name_fault(host: str) -> str:
    if not HOST_NAME.fullmatch(host):
        return "not the name of a host"
    labels = host.split(".")
    if labels[-1] in OWN_NAMES:
        return f"names under {labels[-1]} lead to this machine or to its cloud"
    if labels[-1].isdecimal() or re.fullmatch(r"0x[0-9a-f]*", labels[-1]):
        return "a name does not end in a number, and an address has four of them"
    return ""


def _kind(ip: Ip, *, loopback: bool) -> str:
    """What sort of address no BMC has."""
    kinds = {
        "an unspecified": ip.is_unspecified,
        "a loopback": ip.is_loopback and not loopback,
        "a multicast": ip.is_multicast,
        "a link-local": ip.is_link_local,
        "a reserved": ip.is_reserved and not ip.is_loopback,
        "an outdated": isinstance(ip, ipaddress.IPv6Address) and ip.is_site_local,
        "a this-network": ip.version == 4 and ip in ipaddress.ip_network("0.0.0.0/8"),  # noqa: PLR2004
    }
    return next((name for name, is_so in kinds.items() if is_so), "")
