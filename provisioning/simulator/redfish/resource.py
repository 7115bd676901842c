"""The few shapes that every Redfish resource is made of."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from provisioning.simulator.models import HostModel

Body = dict[str, Any]
Builders = dict[str, Callable[[], Body]]
"""Path to what builds the resource there."""

ROOT = "/redfish/v1"
UPDATES = f"{ROOT}/UpdateService"
TASKS = f"{ROOT}/TaskService/Tasks"
TASK_MONITORS = f"{ROOT}/TaskService/TaskMonitors"
SESSIONS = f"{ROOT}/SessionService/Sessions"
ACCOUNTS = f"{ROOT}/AccountService/Accounts"
ROLES = f"{ROOT}/AccountService/Roles"

ENABLED = {"State": "Enabled", "Health": "OK"}
ABSENT = {"State": "Absent"}
GIB = 1024**3


@dataclass(frozen=True, slots=True)
class Paths:
    """Where the resources that others link to are, in one model's tree."""

    system: str
    box: str
    manager: str
    media: str
    holder: str
    """The System that holds the accelerators: the host's own, or a baseboard's."""
    processors: str
    """The System that holds processors and memory."""
    baseboard: str
    """Empty where there is none."""
    baseboard_box: str
    baseboard_manager: str

    @classmethod
    def of(cls, model: HostModel) -> Paths:
        """By the model's names."""
        system = f"{ROOT}/Systems/{model.system}"
        manager = f"{ROOT}/Managers/{model.manager}"
        baseboard = f"{ROOT}/Systems/{model.baseboard}" if model.baseboard else ""
        return cls(
            system=system,
            box=f"{ROOT}/Chassis/{model.box}",
            manager=manager,
            media=f"{manager}/VirtualMedia/Cd",
            holder=baseboard or system,
            processors=baseboard if model.all_on_baseboard else system,
            baseboard=baseboard,
            baseboard_box=f"{ROOT}/Chassis/{model.baseboard_box}" if baseboard else "",
            baseboard_manager=f"{ROOT}/Managers/{model.baseboard_manager}" if baseboard else "",
        )


def link(path: str) -> Body:
    """A reference to another resource."""
    return {"@odata.id": path}


def links(paths: Iterable[str]) -> list[Body]:
    """References."""
    return [link(path) for path in paths]


def located(slot: str, kind: str) -> Body:
    """What is printed beside a slot."""
    return {"PartLocation": {"ServiceLabel": slot, "LocationType": kind}}


def resource(path: str, kind: str, *, name: str, **properties: Any) -> Body:
    """One resource. `kind` is the schema's type with its version, as `Task.v1_7_4.Task`."""
    return {
        "@odata.id": path,
        "@odata.type": f"#{kind}",
        "Id": path.rsplit("/", 1)[-1],
        "Name": name,
        **properties,
    }


def collection(path: str, kind: str, *, name: str, members: Iterable[str]) -> Body:
    """A collection of resources, whose members follow its own path unless they are full paths."""
    found = links(member if member.startswith("/") else f"{path}/{member}" for member in members)
    return {
        "@odata.id": path,
        "@odata.type": f"#{kind}.{kind}",
        "Name": name,
        "Members@odata.count": len(found),
        "Members": found,
    }
