"""Who may see which page, and how lists are walked: what every page's address has in common."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Depends, Query

from inventory.auth import Actor, Permission, page_actor, require
from inventory.web.frame import link
from inventory.web.refusing import PageRoute

HostReader = Annotated[Actor, Depends(page_actor(Permission.HOST_READ))]
PodReader = Annotated[Actor, Depends(page_actor(Permission.POD_READ))]
UnitReader = Annotated[Actor, Depends(page_actor(Permission.UNIT_READ))]
ClaimReader = Annotated[Actor, Depends(page_actor(Permission.CLAIM_READ))]
EventReader = Annotated[Actor, Depends(page_actor(Permission.EVENT_READ))]
AuditReader = Annotated[Actor, Depends(page_actor(Permission.AUDIT_READ))]
NetBoxReader = Annotated[Actor, Depends(page_actor(Permission.NETBOX_READ))]
HostWriter = Annotated[Actor, Depends(require(Permission.HOST_WRITE))]
PodWriter = Annotated[Actor, Depends(require(Permission.POD_WRITE))]

Word = Annotated[str, Query(max_length=255, pattern=r"^[^\x00]*$")]
Cursor = Annotated[str, Query(max_length=1000, pattern=r"^[^\x00]*$")]
Offset = Annotated[int, Query(ge=0, le=10**9)]

Done = Annotated[str, Query(alias="done", max_length=20)]
"""A word of ours that a form's answer comes back with; the frame says what it means."""

PAGE = 100
"""Lines of a list: what one reads before one filters."""


@dataclass(frozen=True, slots=True)
class Pager:
    """Where the rest of a list is."""

    first: str
    next: str
    told: str


def pager(path: str, filters: dict[str, str], *, after: str, following: str, told: str) -> Pager:
    """Links that keep the filters. Lists are walked forward, by cursor."""
    return Pager(
        first=link(path, filters) if after else "",
        next=link(path, {**filters, "after": following}) if following else "",
        told=told,
    )


def page_router() -> APIRouter:
    """A router of pages: not part of the API's description, refusals are pages too."""
    return APIRouter(include_in_schema=False, route_class=PageRoute)
