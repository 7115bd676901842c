"""From an address to a driver: the only place that knows which drivers there are."""

from __future__ import annotations

from pathlib import Path

from provisioning.drivers.credentials import BmcMisconfigured, Credentials
from provisioning.drivers.protocol import Bmc
from provisioning.drivers.redfish.address import SCHEME as REDFISH
from provisioning.drivers.redfish.driver import DEADLINE_S, RedfishBmc

SCHEMES = (REDFISH,)


def open_bmc(
    address: str,
    credentials: Credentials,
    *,
    fingerprint: str | None = None,
    ca_file: Path | None = None,
    deadline_s: float = DEADLINE_S,
    expected_serial: str | None = None,
) -> Bmc:
    """The driver for `address`. Nothing is sent before its first verb."""
    scheme, separator, rest = address.partition("://")
    if not separator or scheme not in SCHEMES:
        shown = f"{scheme}{separator}{rest.rpartition('@')[2]}"[:200]
        raise BmcMisconfigured(
            f"{shown!r}: no driver for scheme {scheme[:40] if separator else ''!r}",
            hint=f"write one of {', '.join(f'{known}://host:port' for known in SCHEMES)}",
        )
    return RedfishBmc.connect(
        address,
        credentials,
        fingerprint=fingerprint,
        ca_file=ca_file,
        deadline_s=deadline_s,
        expected_serial=expected_serial,
    )
