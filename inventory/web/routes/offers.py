"""Units and claims: what is offered, and who holds it. Tenants see their own claims alone."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import Query, Request, Response

from inventory.auth import Permission
from inventory.deps import ApiDeps, Deps
from inventory.errors import NotFound
from inventory.model import Claim, ComputeUnit, Host
from inventory.routes.shapes import NamePath
from inventory.states import ClaimState, UnitState
from inventory.store.query import Condition, Found
from inventory.store.query import Query as Asked
from inventory.web.asking import (
    PAGE,
    ClaimReader,
    Cursor,
    UnitReader,
    Word,
    page_router,
    pager,
)
from inventory.web.frame import render
from inventory.web.views.offers import ClaimLine, UnitLine, claim_line, hosts_needed, unit_line

router = page_router()


@router.get("/units")
async def units_page(
    request: Request,
    deps: Deps,
    actor: UnitReader,
    *,
    state: Annotated[UnitState | Literal[""], Query()] = "",
    pod: Word = "",
    unit_class: Word = "",
    after: Cursor = "",
) -> Response:
    """Compute units."""
    filters = {"state": str(state), "pod": pod, "unit_class": unit_class}
    sites = actor.sites_for(Permission.UNIT_READ)
    found = await deps.in_thread(_search_units, deps, filters, sites, after)
    return render(
        request,
        deps,
        "units.html",
        actor=actor,
        units=await _unit_lines(deps, found.records),
        states=list(UnitState),
        filters=filters,
        pager=pager(
            "/units",
            filters,
            after=after,
            following=found.next_cursor,
            told=f"{found.total or 0:,} in all",
        ),
    )


@router.get("/units/{name}")
async def unit_page(name: NamePath, request: Request, deps: Deps, actor: UnitReader) -> Response:
    """One unit: the same line, alone, with its labels."""
    found = await deps.in_thread(deps.store.find, ComputeUnit, name=name, limit=1)
    sites = actor.sites_for(Permission.UNIT_READ)
    if not found or (sites is not None and found[0].site not in sites):
        raise NotFound(f"no unit {name!r}", hint="see `podyard unit list`")
    lines = await _unit_lines(deps, found)
    return render(request, deps, "unit.html", actor=actor, unit=lines[0])


@router.get("/claims")
async def claims_page(
    request: Request,
    deps: Deps,
    actor: ClaimReader,
    *,
    state: Annotated[ClaimState | Literal[""], Query()] = "",
    tenant: Word = "",
    after: Cursor = "",
) -> Response:
    """Claims; a tenant's own alone."""
    asked = actor.acting_for(tenant)
    filters = {"state": str(state), "tenant": asked}
    found = await deps.in_thread(_search_claims, deps, filters, after)
    return render(
        request,
        deps,
        "claims.html",
        actor=actor,
        claims=await _claim_lines(deps, found.records),
        states=list(ClaimState),
        filters=filters,
        pager=pager(
            "/claims",
            filters,
            after=after,
            following=found.next_cursor,
            told=f"{found.total or 0:,} in all",
        ),
    )


@router.get("/claims/{claim_id}")
async def claim_page(
    claim_id: NamePath, request: Request, deps: Deps, actor: ClaimReader
) -> Response:
    """One claim."""
    claim = await deps.in_thread(deps.store.get, Claim, claim_id)
    if claim is None or not actor.may_see(claim.tenant):
        raise NotFound(f"no claim {claim_id!r}", hint="see `podyard claim list`")
    lines = await _claim_lines(deps, [claim])
    return render(request, deps, "claim.html", actor=actor, claim=lines[0])


def _search_units(
    deps: ApiDeps, filters: dict[str, str], sites: frozenset[str] | None, after: str
) -> Found[ComputeUnit]:
    conditions = _conditions(filters)
    if sites is not None:
        conditions = (*conditions, Condition("site", "in", tuple(sorted(sites))))
    return deps.store.search(ComputeUnit, Asked(conditions=conditions, after=after, limit=PAGE))


def _search_claims(deps: ApiDeps, filters: dict[str, str], after: str) -> Found[Claim]:
    return deps.store.search(Claim, Asked(conditions=_conditions(filters), after=after, limit=PAGE))


def _conditions(filters: dict[str, str]) -> tuple[Condition, ...]:
    return tuple(Condition(name, "exact", (value,)) for name, value in filters.items() if value)


async def _unit_lines(deps: ApiDeps, units: list[ComputeUnit]) -> tuple[UnitLine, ...]:
    hosts = await deps.in_thread(deps.store.get_many, Host, hosts_needed(units))
    names = {key: host.name for key, host in hosts.items()}
    return tuple(unit_line(unit, names) for unit in units)


async def _claim_lines(deps: ApiDeps, claims: list[Claim]) -> tuple[ClaimLine, ...]:
    wanted = [one for claim in claims for one in claim.unit_ids]
    units = await deps.in_thread(deps.store.get_many, ComputeUnit, wanted)
    names = {key: unit.name for key, unit in units.items()}
    return tuple(claim_line(claim, names) for claim in claims)
