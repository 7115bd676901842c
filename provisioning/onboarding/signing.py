"""Who signs the certificates of BMCs: an authority that the site has, or one of podyard's own.

Never the one that agents are trusted by: a BMC must not be able to pass for a host's agent or for
the controller.
"""

from __future__ import annotations

from datetime import datetime

from inventory.authority import Authority
from inventory.errors import Invalid
from inventory.statedir import StateDirectory
from provisioning.settings import ProvisioningSettings


def bmc_authority(
    settings: ProvisioningSettings, state: StateDirectory, *, now: datetime
) -> Authority | None:
    """None where no site wants certificates at its BMCs."""
    certificate, key = settings.bmc_ca_certificate, settings.bmc_ca_key
    if (certificate is None) != (key is None):
        raise Invalid(
            "of an authority for BMCs only one file is named",
            hint="set PODYARD_PROVISIONING_BMC_CA_CERTIFICATE and PODYARD_PROVISIONING_BMC_CA_KEY",
        )
    if not settings.any_certificates:
        return None
    if certificate is not None and key is not None:
        return Authority.of(certificate, key)
    return Authority.open(state.authority / "bmc", now=now)
