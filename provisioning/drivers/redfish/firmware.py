"""Firmware versions, updates and their tasks.

A task is a claim, not proof: BMCs drop tasks, and report success for updates that did nothing. The
caller reads the version back; here a task is only reported as it is seen.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

from provisioning.drivers.capabilities import Capability, lacking
from provisioning.drivers.protocol import TaskPhase, TaskReading
from provisioning.drivers.redfish.answers import (
    Answer,
    Json,
    action_target,
    items,
    link,
    mapping,
    number,
    reference,
    text,
    worst_message,
)
from provisioning.drivers.redfish.inventory import component_name, firmware_versions
from provisioning.drivers.redfish.resources import Resources, together
from provisioning.errors import Unsupported

PUSH_DEADLINE_S = 900.0
"""The largest image, some 200 MB, at the 250 kB/s of a slow BMC's network."""
_FAILED_STATES = frozenset({"Exception", "Killed", "Cancelled"})
_SIMPLE_UPDATE = "#UpdateService.SimpleUpdate"
_PROTOCOLS = "TransferProtocol@Redfish.AllowableValues"


async def firmware_members(resources: Resources) -> list[Json]:
    """FirmwareInventory's members; none where there is no such thing."""

    async def find() -> str | None:
        return reference(await _update_service(resources), "FirmwareInventory")

    return await resources.members_at("firmware", find)


async def firmware(resources: Resources) -> dict[str, str]:
    """Component to version."""
    return firmware_versions(await firmware_members(resources))


async def update_firmware(resources: Resources, component: str, image: str) -> str:
    """Start one update and return its task's path.

    Empty when the BMC named none: it did the whole update before answering, or keeps no tasks.
    """
    service = await _update_service(resources)
    path = action_target(service, _SIMPLE_UPDATE)
    if path is None:
        raise Unsupported(
            f"{resources.session.label}: this BMC has no SimpleUpdate",
            hint="update this host with its vendor's tool",
        )
    scheme = image.partition("://")[0].upper()
    fetches = (await resources.habits()).fetches
    if scheme not in fetches:
        raise Unsupported(
            f"{resources.session.label}: this BMC cannot fetch an image over {text(scheme)}",
            hint=f"it fetches over {', '.join(sorted(fetches))}; push the image instead",
        )
    target = await _component_path(resources, service, component)
    body: Json = {"ImageURI": image, "Targets": [target]}
    offered = mapping(mapping(service.get("Actions")).get(_SIMPLE_UPDATE)).get(_PROTOCOLS)
    if isinstance(offered, list) and scheme in offered:
        body["TransferProtocol"] = scheme
    return named_task(await resources.session.post(path, body))


async def push_firmware(resources: Resources, component: str, image: Path) -> str:
    """Send the image itself and return its task's path, as `update_firmware` does."""
    service = await _update_service(resources)
    said = service.get("MultipartHttpPushUri")
    if not said:
        raise lacking(Capability.FIRMWARE_PUSH, where=resources.session.label)
    size = (await asyncio.to_thread(image.stat)).st_size
    most = number(service.get("MaxImageSizeBytes"))
    if most is not None and size > most:
        raise Unsupported(
            f"{resources.session.label}: {image.name} has {size} bytes, this BMC takes {most:.0f}",
            hint="let the BMC fetch the image (SimpleUpdate) from the image server",
        )
    target = await _component_path(resources, service, component)
    answer = await resources.session.push(
        link(said), {"Targets": [target]}, image, deadline_s=PUSH_DEADLINE_S
    )
    return named_task(answer)


async def update_tasks(resources: Resources) -> tuple[TaskReading, ...]:
    """Every task that is an update, or that does not say what it is."""

    async def find() -> str | None:
        root = await resources.session.root()
        return reference(await resources.optional_body(reference(root, "Tasks")), "Tasks")

    listed = await resources.listed_at("tasks", find)
    paths = [reference(member) for member in items(listed.get("Members"))]
    readings = await together(_task(resources, path) for path in paths if path)
    return tuple(reading for reading in readings if reading is not None)


async def _update_service(resources: Resources) -> Json:
    root = await resources.session.root()
    return await resources.optional_body(reference(root, "UpdateService"))


async def _component_path(resources: Resources, service: Json, component: str) -> str:
    members = await resources.members(reference(service, "FirmwareInventory"))
    named = [member for member in members if component_name(member) == component]
    named = named or [member for member in members if text(member.get("Name")) == component]
    if len(named) != 1:
        names = ", ".join(component_name(member) for member in members[:16])
        raise Unsupported(
            f"{resources.session.label}: no single component is called {component!r}",
            hint=f"the firmware inventory has {names or 'nothing'}",
        )
    if named[0].get("Updateable") is False:
        raise Unsupported(
            f"{resources.session.label}: {component!r} cannot be updated through this BMC",
            hint="update it with its vendor's tool, or take it out of the baseline",
        )
    return reference(named[0]) or ""


def named_task(answer: Answer) -> str:
    """The Task itself where the body has it: the Location is often a monitor that vanishes."""
    if text(answer.body.get("@odata.type")).startswith("#Task."):
        found = reference(answer.body)
        if found:
            return found
    return answer.location or ""


async def _task(resources: Resources, path: str) -> TaskReading | None:
    found = await resources.optional(path)
    if found is None:
        return TaskReading(uri=path, phase=TaskPhase.VANISHED)
    return task_reading(path, found.body)


def task_reading(path: str, task: Json) -> TaskReading | None:
    """What `task` says; None when it says that it is not an update."""
    started_by = text(mapping(task.get("Payload")).get("TargetUri"))
    if started_by and "/UpdateService" not in started_by:
        return None
    return task_told(path, task)


def task_told(path: str, task: Json) -> TaskReading:
    """What a task says, whatever it is about."""
    percent = number(task.get("PercentComplete"))
    said, _ = worst_message({"Messages": task.get("Messages")})
    return TaskReading(
        uri=path,
        about=text(mapping(task.get("Payload")).get("TargetUri")),
        phase=_phase(task),
        percent=None if percent is None else max(0, min(100, int(percent))),
        message=text(said),
        nothing_written=_nothing_written(task),
    )


def _nothing_written(task: Json) -> bool:
    """True when the Update registry's TransferFailed says that the image never arrived."""
    ids = (text(entry.get("MessageId")) for entry in items(task.get("Messages")))
    return any(name.rpartition(".")[2] == "TransferFailed" for name in ids)


def _phase(task: Json) -> TaskPhase:
    state = text(task.get("TaskState"))
    if state in _FAILED_STATES:
        return TaskPhase.FAILED
    if state == "Completed":
        failed = text(task.get("TaskStatus")) == "Critical"
        return TaskPhase.FAILED if failed else TaskPhase.DONE
    # New, Pending, and states that a later standard may add: in progress until the deadline.
    return TaskPhase.RUNNING
