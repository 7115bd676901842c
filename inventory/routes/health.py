"""Is the service there, may work be sent to it, and what does it count: for machines that watch."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Depends
from fastapi.responses import PlainTextResponse

from inventory.auth import Actor, Permission, public, require
from inventory.deps import ApiDeps, Deps
from inventory.errors import StoreUnavailable
from inventory.model import Claim, ComputeUnit, Deployment, Host, Tenant
from inventory.refusals import ERRORS, Refused
from inventory.routes.shapes import View
from inventory.states import ClaimState, HostState, UnitState

router = APIRouter(tags=["service"], responses=ERRORS)
Reader = Annotated[Actor, Depends(require(Permission.METRICS_READ))]


class Health(View):
    """The service answers."""

    status: Literal["ok"] = "ok"


@router.get("/healthz", dependencies=[Depends(public)])
async def healthz() -> Health:
    """The process is alive."""
    return Health()


@router.get("/readyz", dependencies=[Depends(public)])
async def readyz(deps: Deps) -> Health:
    """The store answers."""
    try:
        await deps.in_thread(deps.store.count, Tenant)
    except StoreUnavailable as error:
        raise Refused(
            503, "not-ready", "the store does not answer", hint="see the service's log"
        ) from error
    return Health()


@router.get("/metrics", response_class=PlainTextResponse)
async def metrics(deps: Deps, _actor: Reader) -> PlainTextResponse:
    """Prometheus text. No metric carries a host's name: that would be a series per host."""
    return PlainTextResponse(await deps.in_thread(_metrics, deps))


def _metrics(deps: ApiDeps) -> str:
    store = deps.store
    lines = [
        "# HELP podyard_hosts Hosts by state.",
        "# TYPE podyard_hosts gauge",
        *(f'podyard_hosts{{state="{s}"}} {store.count(Host, state=s.value)}' for s in HostState),
        "# HELP podyard_units Compute units by state.",
        "# TYPE podyard_units gauge",
        *(
            f'podyard_units{{state="{s}"}} {store.count(ComputeUnit, state=s.value)}'
            for s in UnitState
        ),
        "# HELP podyard_claims Claims by state.",
        "# TYPE podyard_claims gauge",
        *(f'podyard_claims{{state="{s}"}} {store.count(Claim, state=s.value)}' for s in ClaimState),
        "# HELP podyard_tenants Tenants.",
        "# TYPE podyard_tenants gauge",
        f"podyard_tenants {store.count(Tenant)}",
        "# HELP podyard_deployments Deployments.",
        "# TYPE podyard_deployments gauge",
        f"podyard_deployments {store.count(Deployment)}",
    ]
    return "\n".join(lines) + "\n"
