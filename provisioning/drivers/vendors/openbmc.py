"""OpenBMC, by whomever it is shipped."""

from __future__ import annotations

from provisioning.drivers.vendors.quirk import Maker, Quirk


def _openbmc(maker: Maker) -> bool:
    return "openbmc" in maker.bmc_model or "openbmc" in maker.vendor


QUIRKS = (
    Quirk(
        name="openbmc-fetches-by-tftp-alone",
        vendor="OpenBMC",
        seen_on="bmcweb of 2020, in shipped firmware since",
        source="openbmc/bmcweb #142",
        meaning="SimpleUpdate refuses every protocol but TFTP: the image must be pushed",
        applies=_openbmc,
        habit={"fetches": frozenset({"TFTP"})},
    ),
    Quirk(
        name="openbmc-404-until-the-collection-was-read",
        vendor="OpenBMC",
        seen_on="several GB200 trays",
        source="infra-controller #5201",
        meaning="answers 404 to a resource until the collection above it was read",
        applies=_openbmc,
        cured_by="redfish/resources.py: a 404 is asked again after a walk from the root",
    ),
)
