"""The host's drives, with how much of their life is left."""

from __future__ import annotations

from functools import partial

from pods.facts import DriveFact
from provisioning.simulator.bmc import SimulatedBmc
from provisioning.simulator.redfish.resource import (
    ENABLED,
    GIB,
    Body,
    Builders,
    collection,
    links,
    located,
    resource,
)


def fixed(bmc: SimulatedBmc) -> Builders:
    """One storage subsystem with every drive."""
    path = f"{bmc.paths.system}/Storage"
    own = f"{path}/1"
    paths = {f"{own}/Drives/{drive.slot}": drive for drive in bmc.parts.drives}
    return {
        path: partial(collection, path, "StorageCollection", name="Storage", members=["1"]),
        own: lambda: resource(
            own,
            "Storage.v1_17_0.Storage",
            name="Local Storage",
            Status=ENABLED,
            Drives=links(paths),
            **{"Drives@odata.count": len(paths)},
        ),
        **{where: partial(_drive, bmc, where, drive) for where, drive in paths.items()},
    }


def _drive(bmc: SimulatedBmc, path: str, drive: DriveFact) -> Body:
    return resource(
        path,
        "Drive.v1_20_1.Drive",
        name=drive.slot,
        Model=drive.model,
        SerialNumber=drive.serial,
        CapacityBytes=drive.capacity_gib * GIB,
        Protocol=drive.protocol,
        MediaType="SSD",
        PredictedMediaLifeLeftPercent=drive.life_left_percent,
        FailurePredicted=bool(drive.failure_predicted),
        FirmwareVersion=bmc.version(drive.slot),
        PhysicalLocation=located(drive.slot, "Bay"),
        Status=ENABLED,
    )
