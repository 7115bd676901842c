"""Which ways into a BMC are open that podyard does not need: one or two reads, at adoption.

A BMC that does not tell is no reason to stop: what cannot be read cannot be closed either, and says
nothing about the host.
"""

from __future__ import annotations

from typing import Any

from provisioning.drivers.capabilities import CertificateDriver, CipherDriver, IpmiLanDriver
from provisioning.drivers.protocol import Bmc
from provisioning.errors import BmcRefused, CredentialsRefused, Unsupported


async def openness(bmc: Bmc) -> dict[str, Any]:
    """What a look tells of it."""
    found: dict[str, Any] = {"takes_certificates": isinstance(bmc, CertificateDriver)}
    try:
        if isinstance(bmc, IpmiLanDriver):
            found["ipmi_open"] = await bmc.ipmi_over_lan()
        if isinstance(bmc, CipherDriver):
            found["weak_ciphers"] = (await bmc.ciphers()).weak
    except CredentialsRefused:
        raise
    except (BmcRefused, Unsupported):
        return found
    return found
