"""A firmware image in the request itself: two parts, first the parameters, then the file."""

from __future__ import annotations

import json
from typing import Any

from aiohttp import BodyPartReader, web

from provisioning.simulator.bmc import SimulatedBmc
from provisioning.simulator.errors import ActionRefused
from provisioning.simulator.redfish import services
from provisioning.simulator.redfish.answer import Answer
from provisioning.simulator.redfish.resource import TASK_MONITORS, UPDATES

PUSH = f"{UPDATES}/update-multipart"
IMAGE_BYTES_MAX = 200 * 1024
PARTS = ("UpdateParameters", "UpdateFile")


async def push(bmc: SimulatedBmc, request: web.Request) -> Answer:
    """Begin an update with what was sent."""
    if request.method != "POST":
        raise ActionRefused(405, "OperationNotAllowed")
    if request.content_type != "multipart/form-data":
        raise ActionRefused(415, "HeaderInvalid", "Content-Type")
    parts = await _parts(request)
    try:
        parameters: Any = json.loads(parts.get(PARTS[0], b"{}"))
    except ValueError as error:
        raise ActionRefused(400, "MalformedJSON") from error
    content = parts.get(PARTS[1])
    targets = parameters.get("Targets", []) if isinstance(parameters, dict) else None
    if content is None or not isinstance(targets, list):
        raise ActionRefused(400, "UnrecognizedRequestBody")
    known = {f"{services.INVENTORY}/{name}": name for name in bmc.host.state.firmware}
    if len(targets) != 1 or targets[0] not in known:
        raise ActionRefused(400, "ActionParameterNotSupported", "Targets", "update-multipart")
    task = bmc.updates.start(bmc.host.keep_pushed(content), target=known[targets[0]])
    return Answer(
        status=202,
        body=services.task(task, bmc),
        headers={"Location": f"{TASK_MONITORS}/{task.number}", "Retry-After": "1"},
    )


async def _parts(request: web.Request) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    async for part in await request.multipart():
        if not isinstance(part, BodyPartReader) or part.name not in PARTS:
            raise ActionRefused(400, "UnrecognizedRequestBody")
        found[part.name] = bytes(await part.read())
        if sum(map(len, found.values())) > IMAGE_BYTES_MAX:
            raise ActionRefused(413, "UnrecognizedRequestBody")
    return found
