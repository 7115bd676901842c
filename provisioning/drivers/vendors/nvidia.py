"""NVIDIA: DGX hosts and HGX baseboards."""

from __future__ import annotations

from provisioning.drivers.vendors.quirk import Maker, Quirk, made_by

_NVIDIA = made_by("nvidia")


def _node_managed(maker: Maker) -> bool:
    return _NVIDIA(maker) and any(name in maker.model for name in ("dgxh100", "dgxh200", "dgx h"))


QUIRKS = (
    Quirk(
        name="nvidia-node-manager",
        vendor="NVIDIA",
        seen_on="DGX H100 and H200, BMC 24.0.0",
        source="NVIDIA DPS and DGX user guides: NodeManager/Domains/0/Policies",
        meaning="limits a host's power by NodeManager policies, not by a standard resource",
        applies=_node_managed,
        habit={"node_manager": True},
    ),
    Quirk(
        name="nvidia-insert-names-everything",
        vendor="NVIDIA",
        seen_on="DGX H100",
        source="sushy 5.14, resources/manager/virtual_media.py (LP 2071945)",
        meaning="InsertMedia must name protocol, method and an account, also where there is none",
        applies=_NVIDIA,
        habit={
            "insert_extra": {
                "TransferMethod": "Stream",
                "TransferProtocolType": "HTTPS",
                "UserName": "none",
                "Password": "none",
            }
        },
    ),
    Quirk(
        name="nvidia-two-systems",
        vendor="NVIDIA",
        seen_on="DGX H100",
        source="MAAS LP 2141600; NVIDIA DGX H100 mockup",
        meaning="shows two Systems, of which HGX_Baseboard_0 has neither power nor boot",
        applies=_NVIDIA,
        cured_by="redfish/resources.py: the host is the System with Boot or BiosVersion",
    ),
)
