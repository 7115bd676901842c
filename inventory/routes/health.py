"""Is the service there, may work be sent to it, and what does it count: for machines that watch."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import PlainTextResponse
from prometheus_client import CONTENT_TYPE_LATEST

from inventory.auth import Actor, Permission, public, require
from inventory.deps import Deps
from inventory.errors import StoreUnavailable
from inventory.metrics import Metrics
from inventory.model import Tenant
from inventory.refusals import ERRORS, ERRORS_AS_JSON, Refused
from inventory.routes.shapes import View

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


@router.get("/metrics", response_class=PlainTextResponse, responses=ERRORS_AS_JSON)
async def metrics(request: Request, deps: Deps, _actor: Reader) -> Response:
    """Prometheus text. No metric carries a host's name: that would be a series per host."""
    counted: Metrics = request.app.state.metrics
    return Response(await deps.in_thread(counted.text), media_type=CONTENT_TYPE_LATEST)
