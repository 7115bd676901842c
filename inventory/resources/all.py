"""Every resource of the API, in the order in which its description lists them."""

from __future__ import annotations

from collections.abc import Iterator

from fastapi import APIRouter
from pydantic import BaseModel

from inventory.resources import history, offers, onboarding, places
from inventory.resources.declaring import Resource
from inventory.resources.hosts import HOSTS, PROBLEMS
from inventory.resources.routing import router_of

RESOURCES: tuple[Resource, ...] = (
    HOSTS,
    PROBLEMS,
    *places.RESOURCES,
    *offers.RESOURCES,
    *history.RESOURCES,
    *onboarding.RESOURCES,
)


ROUTERS: tuple[APIRouter, ...] = tuple(router_of(resource) for resource in RESOURCES)


def bodies() -> Iterator[type[BaseModel]]:
    """What their writes are described by."""
    for resource in RESOURCES:
        if resource.writes is not None:
            if resource.writes.create is not None:
                yield resource.writes.create
            yield resource.writes.change
