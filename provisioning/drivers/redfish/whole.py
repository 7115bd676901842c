"""Every resource of a BMC, for what only a look at all of them can tell.

An interoperability profile asks which resources there are, and a planned handful of reads cannot
say what is missing. So every link on the service is followed once, a few at a time because BMCs
freeze under bursts, and no further than a cap that the largest real tree stays below. Schemas,
registries, sessions and logs are left out: they say nothing about the hardware and are endless.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from provisioning.drivers.redfish.answers import Json
from provisioning.drivers.redfish.resources import Resources, together
from provisioning.errors import AnswerRefused

ROOT = "/redfish/v1"
RESOURCES_MAX = 4000
"""A GB300 tree, the largest seen, has 1,434."""
AT_ONCE = 3
LEFT_OUT = ("/JsonSchemas", "/Registries", "/Sessions/", "/Entries", "/Certificates/")


async def read_whole(resources: Resources) -> dict[str, Json]:
    """Path to payload, of everything that can be reached from the root."""
    found: dict[str, Json] = {}
    waiting, known = [ROOT], {ROOT}
    while waiting:
        batch, waiting = waiting[:AT_ONCE], waiting[AT_ONCE:]
        bodies = await together([resources.optional_body(path) for path in batch])
        for path, body in zip(batch, bodies, strict=True):
            if body:
                found[path] = body
            new = [link for link in links(body) if link not in known]
            known.update(new)
            waiting += dict.fromkeys(new)
        if len(known) > RESOURCES_MAX:
            raise AnswerRefused(
                f"this service links to more than {RESOURCES_MAX} resources",
                hint="no hardware has so many; report it with the BMC's model and firmware",
            )
    return found


def links(value: Any) -> Iterator[str]:
    """Paths that a payload links to, without what is left out and what points inside a resource."""
    if isinstance(value, list):
        for entry in value:
            yield from links(entry)
    elif isinstance(value, dict):
        path = value.get("@odata.id")
        if isinstance(path, str) and _followed(path):
            yield path.rstrip("/")
        for key, entry in value.items():
            if key != "Actions":
                yield from links(entry)


def _followed(path: str) -> bool:
    inside = path.startswith(f"{ROOT}/") and "#" not in path
    return inside and not any(part in path for part in LEFT_OUT)
