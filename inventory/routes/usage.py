"""Usage: what each tenant used, summed from the records that gateway and agents metered."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

from fastapi import APIRouter, Depends

from inventory.auth import Actor, Permission, require
from inventory.deps import ApiDeps, Deps
from inventory.model import Claim, UsageRecord
from inventory.refusals import ERRORS
from inventory.routes.shapes import Text, View
from inventory.states import ClaimState
from inventory.store.reading import each, every

router = APIRouter(prefix="/api/usage", tags=["usage"], responses=ERRORS)
Reader = Annotated[Actor, Depends(require(Permission.USAGE_READ))]


class UsageTotal(View):
    """One tenant's use of one model, or of one claim."""

    tenant: str
    claim: str
    model: str
    prompt_tokens: int = 0
    completion_tokens: int = 0
    unit_seconds: float = 0.0
    records: int = 0


class UsageView(View):
    """Totals, and their lines."""

    prompt_tokens: int
    completion_tokens: int
    unit_seconds: float
    results: tuple[UsageTotal, ...]


@router.get("")
async def get_usage(deps: Deps, actor: Reader, *, tenant: Text = "", claim: Text = "") -> UsageView:
    """Totals per tenant, claim and model; a tenant's key sees its own."""
    filters = {"tenant": actor.acting_for(tenant), "claim": claim}
    return await deps.in_thread(_sum, deps, {n: v for n, v in filters.items() if v})


def _sum(deps: ApiDeps, filters: dict[str, str]) -> UsageView:
    lines: dict[tuple[str, str, str], UsageTotal] = {}
    for record in each(deps.store, UsageRecord, **filters):
        key = (record.tenant, record.claim, record.model)
        line = lines.get(key) or UsageTotal(
            tenant=record.tenant, claim=record.claim, model=record.model
        )
        lines[key] = _added(line, record)
    for held in _held_now(deps, filters):
        lines[held.tenant, held.claim, ""] = held
    return UsageView(
        prompt_tokens=sum(line.prompt_tokens for line in lines.values()),
        completion_tokens=sum(line.completion_tokens for line in lines.values()),
        unit_seconds=sum(line.unit_seconds for line in lines.values()),
        results=tuple(lines[key] for key in sorted(lines)),
    )


def _held_now(deps: ApiDeps, filters: dict[str, str]) -> Iterator[UsageTotal]:
    """Unit-seconds of claims that are still bound: their record is written at release."""
    now = deps.clock.now()
    tenants = {name: value for name, value in filters.items() if name == "tenant"}
    for claim in every(deps.store, Claim, state=ClaimState.BOUND.value, **tenants):
        if claim.bound_at is None or filters.get("claim", claim.id) != claim.id:
            continue
        yield UsageTotal(
            tenant=claim.tenant,
            claim=claim.id,
            model="",
            unit_seconds=claim.unit_seconds(now),
        )


def _added(line: UsageTotal, record: UsageRecord) -> UsageTotal:
    return line.model_copy(
        update={
            "prompt_tokens": line.prompt_tokens + record.prompt_tokens,
            "completion_tokens": line.completion_tokens + record.completion_tokens,
            "unit_seconds": line.unit_seconds + record.unit_seconds,
            "records": line.records + 1,
        }
    )
