"""Tags: every word that some record carries, and how many carry it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from pydantic import Field

from inventory.auth import Actor, Permission, require
from inventory.deps import ApiDeps, Deps
from inventory.refusals import ERRORS
from inventory.resources.all import RESOURCES
from inventory.resources.reading import Reader
from inventory.routes.shapes import After, Limit, Page, View, next_after

router = APIRouter(prefix="/api/tags", tags=["tags"], responses=ERRORS)
Allowed = Annotated[Actor, Depends(require(Permission.PLACE_READ))]


class TagView(View):
    """One tag."""

    name: str
    count: int = Field(description="Records that carry it.")
    counts: Mapping[str, int] = Field(description="The same by the list that shows them: `hosts`.")


@router.get("")
async def list_tags(
    request: Request, deps: Deps, actor: Allowed, *, after: After = "", limit: Limit = 100
) -> Page[TagView]:
    """Tags that records carry, in their order, with how many of each list do."""
    found = await deps.in_thread(_tags, deps, actor)
    rest = [tag for tag in found if tag.name > after]
    following = next_after(request, rest[limit - 1].name) if len(rest) > limit else None
    return Page(count=len(found), next=following, previous=None, results=tuple(rest[:limit]))


def _tags(deps: ApiDeps, actor: Actor) -> list[TagView]:
    counts: dict[str, dict[str, int]] = {}
    for resource in RESOURCES:
        if resource.tagged:
            for name, count in Reader(resource).tags(deps, actor).items():
                counts.setdefault(name, {})[resource.plural] = count
    return [
        TagView(name=name, count=sum(counts[name].values()), counts=counts[name])
        for name in sorted(counts)
    ]
