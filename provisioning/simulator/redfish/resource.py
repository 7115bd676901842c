"""The few shapes that every Redfish resource is made of."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

Body = dict[str, Any]

ROOT = "/redfish/v1"
SYSTEM = f"{ROOT}/Systems/1"
CHASSIS = f"{ROOT}/Chassis/1"
MANAGER = f"{ROOT}/Managers/BMC"
MEDIA = f"{MANAGER}/VirtualMedia/Cd"
UPDATES = f"{ROOT}/UpdateService"
TASKS = f"{ROOT}/TaskService/Tasks"
TASK_MONITORS = f"{ROOT}/TaskService/TaskMonitors"
SESSIONS = f"{ROOT}/SessionService/Sessions"
ACCOUNTS = f"{ROOT}/AccountService/Accounts"
ROLES = f"{ROOT}/AccountService/Roles"

ENABLED = {"State": "Enabled", "Health": "OK"}
ABSENT = {"State": "Absent"}
GIB = 1024**3


def link(path: str) -> Body:
    """A reference to another resource."""
    return {"@odata.id": path}


def links(paths: Iterable[str]) -> list[Body]:
    """References."""
    return [link(path) for path in paths]


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
