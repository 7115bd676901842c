"""The BMC with its virtual media, and the baseboard's own controller where there is one."""

from __future__ import annotations

from provisioning.simulator.bmc import SimulatedBmc
from provisioning.simulator.hardware import part_uuid
from provisioning.simulator.redfish.resource import (
    ENABLED,
    ROOT,
    Body,
    Builders,
    collection,
    link,
    links,
    resource,
)
from provisioning.simulator.redfish.sessions import timestamp

BMC_RESETS = ("GracefulRestart", "ForceRestart")
TYPE = "Manager.v1_19_2.Manager"


def fixed(bmc: SimulatedBmc) -> Builders:
    """Every resource below Managers."""
    paths = bmc.paths
    listed = [path for path in (paths.manager, paths.baseboard_manager) if path]
    media = f"{paths.manager}/VirtualMedia"
    found: Builders = {
        f"{ROOT}/Managers": lambda: collection(
            f"{ROOT}/Managers", "ManagerCollection", name="Managers", members=listed
        ),
        paths.manager: lambda: manager(bmc),
        media: lambda: collection(
            media, "VirtualMediaCollection", name="Virtual Media", members=["Cd"]
        ),
        paths.media: lambda: virtual_media(bmc),
    }
    if paths.baseboard_manager:
        found[paths.baseboard_manager] = lambda: baseboard_manager(bmc)
    return found


def manager(bmc: SimulatedBmc) -> Body:
    """The BMC."""
    return resource(
        bmc.paths.manager,
        TYPE,
        name="BMC",
        ManagerType="BMC",
        Manufacturer=bmc.host.plan.host_type.manufacturer,
        Model="Simulated BMC",
        UUID=part_uuid(bmc.host.plan, "BMC"),
        FirmwareVersion=bmc.host.state.firmware[bmc.model.bmc],
        DateTime=timestamp(bmc.clock),
        DateTimeLocalOffset="+00:00",
        PowerState="On",
        Status=ENABLED,
        VirtualMedia=link(f"{bmc.paths.manager}/VirtualMedia"),
        LogServices=link(f"{bmc.paths.manager}/LogServices"),
        NetworkProtocol=link(f"{bmc.paths.manager}/NetworkProtocol"),
        Links={
            "ManagerForServers": links([bmc.paths.system]),
            "ManagerForChassis": links([bmc.paths.box]),
        },
        Actions={
            "#Manager.Reset": {
                "target": f"{bmc.paths.manager}/Actions/Manager.Reset",
                "ResetType@Redfish.AllowableValues": list(BMC_RESETS),
            }
        },
    )


def baseboard_manager(bmc: SimulatedBmc) -> Body:
    """The controller of the accelerators, which the BMC shows as if it were its own."""
    name, path = bmc.model.baseboard_manager, bmc.paths.baseboard_manager
    found = next((one for one in bmc.model.boards if one.endswith(("_BMC_0", "SMC"))), "")
    return resource(
        path,
        TYPE,
        name=name,
        ManagerType="BMC",
        UUID=part_uuid(bmc.host.plan, name),
        FirmwareVersion=bmc.version(found),
        PowerState="On",
        Status=ENABLED,
        Links={
            "ManagerForServers": links([bmc.paths.baseboard]),
            "ManagerForChassis": links([bmc.paths.baseboard_box]),
        },
    )


def virtual_media(bmc: SimulatedBmc) -> Body:
    """The virtual CD drive."""
    state, path = bmc.host.state, bmc.paths.media
    return resource(
        path,
        "VirtualMedia.v1_6_4.VirtualMedia",
        name="Virtual CD",
        MediaTypes=["CD", "DVD"],
        Image=state.media_image or None,
        ImageName=state.media_image.rsplit("/", 1)[-1] or None,
        Inserted=state.media_inserted,
        ConnectedVia="URI" if state.media_inserted else "NotConnected",
        WriteProtected=True,
        TransferProtocolType="HTTPS" if state.media_inserted else None,
        TransferMethod="Stream",
        Status=ENABLED,
        Actions={
            "#VirtualMedia.InsertMedia": {
                "target": f"{path}/Actions/VirtualMedia.InsertMedia",
                "TransferProtocolType@Redfish.AllowableValues": ["HTTPS"],
            },
            "#VirtualMedia.EjectMedia": {"target": f"{path}/Actions/VirtualMedia.EjectMedia"},
        },
    )
