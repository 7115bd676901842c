"""The parts of one host, below it: the list of parts, narrowed, for who begins at the host."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response

from inventory.auth import Actor, Permission, require
from inventory.deps import ApiDeps, Deps
from inventory.public_names import base_of
from inventory.refusals import ERRORS, Refused
from inventory.resources import describing
from inventory.resources.asking import flag_of, own_query
from inventory.resources.history import PARTS
from inventory.resources.hosts import HOSTS
from inventory.resources.reading import Asked, Reader
from inventory.resources.routing import JSON
from inventory.routes.shapes import NamePath, Page

router = APIRouter(prefix="/api/hosts", tags=["hosts"], responses=ERRORS)
Allowed = Annotated[Actor, Depends(require(Permission.PART_READ))]

HISTORY = "history"
SAID = ("host", "host_id", "present")
"""Filters of parts that the path and `history` say here."""
PARAMETERS = [
    {
        "name": HISTORY,
        "in": "query",
        "required": False,
        "schema": {"type": "boolean", "default": False},
        "description": "Also the parts that are there no more.",
    },
    *(one for one in describing.list_parameters(PARTS) if one["name"] not in SAID),
]


@router.get(
    "/{name}/parts",
    responses={200: {"model": Page[PARTS.view], "description": "One page"}},  # type: ignore[name-defined]
    openapi_extra={"parameters": PARAMETERS},
)
@own_query
async def list_host_parts(request: Request, name: NamePath, deps: Deps, actor: Allowed) -> Response:
    """The parts in a host's slots now, or all that ever were; `next` goes on in `/api/parts`."""
    found = await deps.in_thread(_page, deps, request, name, actor)
    return Response(found, media_type=JSON)


def _page(deps: ApiDeps, request: Request, name: str, actor: Actor) -> bytes:
    given = request.query_params.multi_items()
    for said, value in given:
        if said.partition("__")[0] in SAID:
            raise Refused(
                400,
                "unknown-parameter",
                f"there is no query parameter {said[:80]!r} here",
                path=said[:80],
                value=value[:80],
                hint="the path says which host; valid ones: history, and those of /api/parts",
            )
    history = any(flag_of(said, value) for said, value in given if said == HISTORY)
    query = [one for one in given if one[0] != HISTORY]
    query.append(("host_id", Reader(HOSTS).row(deps, actor, name).key))
    if not history:
        query.append(("present", "true"))
    asked = Asked(
        actor=actor,
        base=base_of(request),
        path="/api/parts",
        query=tuple(query),
        lines=request.app.state.lines,
    )
    return Reader(PARTS).page(deps, asked)
