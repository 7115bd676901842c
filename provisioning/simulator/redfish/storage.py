"""The host's drives: how much of their life is left, and what erases them."""

from __future__ import annotations

from functools import partial

from pods.facts import DriveFact
from provisioning.simulator import naming
from provisioning.simulator.bmc import SimulatedBmc
from provisioning.simulator.errors import ActionRefused
from provisioning.simulator.redfish import checks, services
from provisioning.simulator.redfish.answer import Answer, Change
from provisioning.simulator.redfish.resource import (
    ENABLED,
    GIB,
    TASK_MONITORS,
    Body,
    Builders,
    collection,
    links,
    located,
    resource,
)
from provisioning.simulator.state import EraseTask

ERASE = "/Actions/Drive.SecureErase"


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
    erase = bmc.erases.of(bmc.serial(drive))
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
        Operations=_operations(erase),
        Actions={
            "#Drive.SecureErase": {
                "target": f"{path}{ERASE}",
                "SanitizationType@Redfish.AllowableValues": bmc.erases.offered(drive.slot),
            }
        },
    )


def _operations(erase: EraseTask | None) -> list[Body]:
    if erase is None:
        return []
    return [{"OperationName": "Sanitize", "PercentageComplete": erase.percent}]


def posts(bmc: SimulatedBmc) -> dict[str, Change]:
    """Where a drive is erased."""
    own = f"{bmc.paths.system}/Storage/1/Drives"
    slots = naming.drive_slots(bmc.host.plan.host_type, bmc.model)
    return {f"{own}/{slot}{ERASE}": partial(_erase, slot=slot) for slot in slots}


async def _erase(bmc: SimulatedBmc, body: Body, *, slot: str) -> Answer:
    """Drive.SecureErase: a task, whose monitor is in Location."""
    action = "Drive.SecureErase"
    known = {"SanitizationType": str, "OverwritePasses": int}
    checks.parameters(body, action=action, known=known)
    method = checks.required(body, "SanitizationType", action=action)
    drive = next((one for one in bmc.host.drives if one.slot == slot), None)
    if drive is None:
        raise ActionRefused(404, "ResourceMissingAtURI", slot)
    if method not in bmc.erases.offered(slot):
        raise ActionRefused(400, "ActionParameterNotSupported", "SanitizationType", action)
    target = f"{bmc.paths.system}/Storage/1/Drives/{slot}{ERASE}"
    task = bmc.erases.start(drive, method=method, target=target)
    return Answer(
        status=202,
        body=services.erase_task(task),
        headers={"Location": f"{TASK_MONITORS}/{task.number}", "Retry-After": "1"},
    )
