"""From a BMC's address on record to the one that is connected to: judged, and then not looked up.

A name is looked up once, each answer is judged, and the driver is given the number. So whoever
answers for a name cannot show one address to the judge and another one to the driver. Certificates
are pinned, not compared with names, so that a number does as well.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from inventory.outbound.address import AddressRefused, literal_ip
from inventory.outbound.bmc_address import WITHOUT_BMC, Reach
from provisioning.drivers.credentials import BmcMisconfigured
from provisioning.errors import BmcUnreachable

HINT = "correct the address: podyard host bmc NAME --address redfish+https://ADDRESS"


async def reached(address: str, reach: Reach) -> str:
    """The address with a number in it; BmcMisconfigured where no BMC may be.

    A number that is on record was judged by the networks of the day when it was written, and stays;
    where a BMC never is, it is refused even so.
    """
    parts = urlsplit(address)
    host = parts.hostname or ""
    own = address.startswith(WITHOUT_BMC)
    literal = literal_ip(host)
    if literal is not None:
        if fault := Reach(loopback=own or reach.loopback).fault(literal):
            raise BmcMisconfigured(f"{host}: {fault}", hint=HINT)
        return address
    try:
        judging = Reach(loopback=True) if own else reach
        found = await judging.resolver().resolve(host, parts.port or 0)
    except AddressRefused as refused:
        raise BmcMisconfigured(f"{host}: {refused}", hint=HINT) from refused
    except OSError as error:
        raise BmcUnreachable(
            f"{host}: its name leads nowhere ({error.strerror or type(error).__name__})",
            hint="look at the name server of the management network",
        ) from error
    number = found[0]["host"]
    shown = f"[{number}]" if ":" in number else number
    port = f":{parts.port}" if parts.port else ""
    return f"{parts.scheme}://{shown}{port}{parts.path}"
