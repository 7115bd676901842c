"""Which addresses the service may call on somebody's word.

Whoever can name a URL that the service calls can make it knock on doors that only the service
reaches: a BMC, a metadata service, its own API. So a receiver must be on the public internet, or
in a network that the operator named. The check is made on the address that is connected to, at the
moment of connecting: a name that answers differently the second time gains nothing.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Callable, Sequence
from functools import partial
from urllib.parse import urlsplit

from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import ThreadedResolver

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Ip = ipaddress.IPv4Address | ipaddress.IPv6Address

URL_MAX = 2048
TRANSLATED = (  # an IPv6 address that ends up at the IPv4 address inside it
    ipaddress.IPv6Network("64:ff9b::/96"),  # RFC 6052
    ipaddress.IPv6Network("64:ff9b:1::/48"),  # RFC 8215
)

COMPATIBLE = ipaddress.IPv6Network("::/96")
"""An IPv4 address inside an IPv6 one, as it was written before RFC 4291 gave that up."""


class AddressRefused(OSError):
    """A receiver that may not be called. An OSError, so that a connector reports it as one."""


def url_fault(url: str, networks: Sequence[Network]) -> str:
    """Why this URL may not be called, as far as the text alone tells; empty when it may."""
    if fault := _text_fault(url):
        return fault
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        return f"it is not a URL ({error})"
    if parts.scheme not in {"https", "http"} or not parts.hostname:
        return "it is not an https URL with a host"
    if parts.username is not None or parts.password is not None:
        return "it carries a user name or password"
    if parts.fragment or port == 0:
        return "it has a fragment or port 0, which no receiver sees"
    literal = literal_ip(parts.hostname)
    if literal is not None and (fault := address_fault(literal, networks)):
        return fault
    if "%" in parts.netloc:
        return "its host is written with %, which a client may read as an address"
    if parts.scheme == "http" and not (literal is not None and inside(literal, networks)):
        return "it is not https; plain http is only for addresses in an allowed network"
    return ""


def _text_fault(url: str) -> str:
    """What two readers of the same text could read differently."""
    if len(url) > URL_MAX:
        return f"it is longer than {URL_MAX} characters"
    if not url.isascii():
        # A client makes `127.0.0.1` of `①②⑦.0.0.1`, after this has looked at it.
        return "it has letters that are not ASCII; write such a host as `xn--…`"
    if not url.isprintable() or set(url) & set(" \\"):
        return "it has spaces, backslashes or letters that do not show"
    return ""


def address_fault(ip: Ip, networks: Sequence[Network]) -> str:
    """Why this address may not be called; empty when it may."""
    real = unwrapped(ip)
    if inside(real, networks) or inside(ip, networks):
        return ""
    if real.is_global and not real.is_multicast and not _outdated(real):
        return ""
    return f"{ip} is not a public address"


def literal_ip(host: str) -> Ip | None:
    """The address that a host name spells out, in any form that a resolver would take for one."""
    host = host.rstrip(".")
    try:
        return ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        pass
    try:
        # `2130706433`, `0x7f.1` and `127.1` are 127.0.0.1 to the C library.
        return ipaddress.IPv4Address(socket.inet_aton(host))
    except OSError:
        return None


class CheckedResolver(AbstractResolver):
    """Resolves names, and leaves out every address that may not be called."""

    def __init__(
        self, networks: Sequence[Network] = (), *, fault: Callable[[Ip], str] | None = None
    ) -> None:
        """`fault` says why an address may not be called, where another rule than ours holds."""
        self._rule = fault or partial(address_fault, networks=tuple(networks))
        self._resolver = ThreadedResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """The allowed addresses of a name, or AddressRefused when it has others alone."""
        found = await self._resolver.resolve(host, port, family)
        faults = [self._fault(one) for one in found]
        allowed = [one for one, fault in zip(found, faults, strict=True) if not fault]
        if not allowed:
            raise AddressRefused(f"{host} leads nowhere that may be called: {faults[0]}")
        return allowed

    async def close(self) -> None:
        """Nothing is held."""
        await self._resolver.close()

    def _fault(self, one: ResolveResult) -> str:
        ip = literal_ip(one["host"])
        return self._rule(ip) if ip else f"{one['host']} is no address"


def unwrapped(ip: Ip) -> Ip:
    """The IPv4 address that an IPv6 one stands for, if it does."""
    if not isinstance(ip, ipaddress.IPv6Address):
        return ip
    if ip.ipv4_mapped is not None:
        return ip.ipv4_mapped
    if ip.sixtofour is not None:
        return ip.sixtofour
    if ip.teredo is not None:
        return ip.teredo[1]
    if any(ip in network for network in TRANSLATED):
        return ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
    if ip in COMPATIBLE and int(ip) > 1:
        return ipaddress.IPv4Address(int(ip))
    return ip


def _outdated(ip: Ip) -> bool:
    """Forms of IPv6 that nobody on the public internet has any more."""
    return isinstance(ip, ipaddress.IPv6Address) and (ip.is_site_local or ip in COMPATIBLE)


def inside(ip: Ip, networks: Sequence[Network]) -> bool:
    """Whether it is in one of them."""
    return any(ip.version == network.version and ip in network for network in networks)
