"""How much each tenant may hold: a tree of quotas, kept as records.

A quota is a tenant's, or a name's that stands above tenants (a team, a department). What a tenant
holds counts for it and for everyone above it. Its place in the tree is fixed when it is made, so
that no two changes together can ever tie the tree into a ring.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from inventory.model import Name, Record

PRIORITY_MAX = 1000
Class = Annotated[str, Field(min_length=1, max_length=255, pattern=r"^[\x21-\x7e]+$")]


class TenantQuota(Record):
    """What a tenant, or everybody below a name, may hold."""

    name: Annotated[Name, Field(description="A tenant's, or a name to put tenants below.")]
    parent: Annotated[
        str, Field(description="The quota that it counts for as well; empty: none.")
    ] = ""
    weight: Annotated[
        float, Field(gt=0, le=1e6, description="Its part among equals when units are short.")
    ] = 1.0
    guaranteed_b200e: Annotated[
        float, Field(ge=0, le=1e9, description="What others give back when it is asked for.")
    ] = 0.0
    limit_b200e: Annotated[
        float | None, Field(ge=0, le=1e9, description="What is never passed; null: no limit.")
    ] = None
    units_max: Annotated[
        dict[Class, Annotated[int, Field(ge=0, le=1_000_000)]],
        Field(max_length=64, description="Units at most, by class."),
    ] = Field(default_factory=dict)
    priority_max: Annotated[
        int,
        Field(ge=0, le=PRIORITY_MAX, description="The highest priority that its claims may have."),
    ] = 0
    jobs_queued_max: Annotated[
        int | None,
        Field(ge=0, le=1_000_000, description="Queued jobs that may wait; null: no limit of it."),
    ] = None
    jobs_running_max: Annotated[
        int | None,
        Field(ge=0, le=1_000_000, description="Queued jobs that run at once; null: no limit."),
    ] = None
    version: int = 1
