"""From an address to a driver: the only place that knows which drivers there are.

Redfish comes first. IPMI is spoken to a BMC that has nothing else, and only where the site switched
it on: its log-in hands anybody who asks a hash of the password (CVE-2013-4786), so the password
and the network must be fit for that. `ssh://` is for an adopted host, which has no BMC at all.
"""

from __future__ import annotations

from pathlib import Path

from provisioning.drivers.credentials import BmcMisconfigured, Credentials
from provisioning.drivers.ear import DEAF, Ear
from provisioning.drivers.ipmi.address import SCHEME as IPMI
from provisioning.drivers.ipmi.driver import IpmiBmc
from provisioning.drivers.protocol import Bmc
from provisioning.drivers.redfish.address import SCHEME as REDFISH
from provisioning.drivers.redfish.driver import DEADLINE_S, RedfishBmc
from provisioning.drivers.redfish.transport import KEEPALIVE_S
from provisioning.drivers.ssh.address import SCHEME as SSH
from provisioning.drivers.ssh.driver import AdoptedHost

SCHEMES = (REDFISH, IPMI, SSH)


def open_bmc(
    address: str,
    credentials: Credentials,
    *,
    fingerprint: str | None = None,
    ca_file: Path | None = None,
    deadline_s: float = DEADLINE_S,
    expected_serial: str | None = None,
    ipmi_allowed: bool = False,
    keepalive_s: float = KEEPALIVE_S,
    ear: Ear = DEAF,
) -> Bmc:
    """The driver for `address`. Nothing is sent before its first verb."""
    scheme, separator, rest = address.partition("://")
    match scheme if separator else "":
        case "redfish+https":
            return RedfishBmc.connect(
                address,
                credentials,
                fingerprint=fingerprint,
                ca_file=ca_file,
                deadline_s=deadline_s,
                expected_serial=expected_serial,
                keepalive_s=keepalive_s,
                ear=ear,
            )
        case "ipmi" if ipmi_allowed:
            return IpmiBmc.connect(address, credentials, deadline_s=deadline_s)
        case "ssh":
            return AdoptedHost.connect(
                address, credentials, fingerprint=fingerprint, deadline_s=deadline_s
            )
        case _:
            shown = f"{scheme}{separator}{rest.rpartition('@')[2]}"[:200]
            raise _no_driver(shown, scheme[:40] if separator else "")


def _no_driver(shown: str, scheme: str) -> BmcMisconfigured:
    if scheme == IPMI:
        return BmcMisconfigured(
            f"{shown!r}: IPMI is switched off at this site",
            hint="give the BMC's Redfish address; where it has none, and its network is closed to "
            "everybody else, set PODYARD_PROVISIONING_IPMI=true",
        )
    return BmcMisconfigured(
        f"{shown!r}: no driver for scheme {scheme!r}",
        hint=f"write one of {', '.join(f'{known}://host:port' for known in SCHEMES)}",
    )
