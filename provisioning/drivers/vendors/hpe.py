"""HPE: iLO 5, 6 and 7."""

from __future__ import annotations

from provisioning.drivers.vendors.quirk import Quirk, made_by

_HPE = made_by("hpe", "hewlett")

QUIRKS = (
    Quirk(
        name="hpe-override-needs-a-target",
        vendor="HPE",
        seen_on="iLO 5 and iLO 6",
        source="ironcore-dev/metal-operator #998",
        meaning="refuses to switch a boot override off unless a target is sent along",
        applies=_HPE,
        habit={"clear_with_target": "Pxe"},
    ),
    Quirk(
        name="hpe-not-in-this-state",
        vendor="HPE",
        seen_on="iLO 5",
        source="sushy 5.14, connector.py: InvalidOperationForSystemState",
        meaning="refuses requests while the system starts or is busy with the one before",
        applies=_HPE,
        habit={"busy_messages": frozenset({"InvalidOperationForSystemState"})},
    ),
    Quirk(
        name="hpe-adapter-ids-move",
        vendor="HPE",
        seen_on="iLO 5 and iLO 6",
        source="Ironic LP 2137364",
        meaning="gives network adapters other ids after a reboot",
        applies=_HPE,
        cured_by="redfish/parts.py: a part is told by its slot, MAC and serial, never by its path",
    ),
    Quirk(
        name="hpe-idle-connection-closed",
        vendor="HPE",
        seen_on="iLO 5 of a DL380 Gen10",
        source="airshipit/airshipctl #540",
        meaning="closes an idle connection just as the next request arrives",
        applies=_HPE,
        cured_by="redfish/transport.py: connections are kept 5 s; a change is never sent twice",
    ),
)
