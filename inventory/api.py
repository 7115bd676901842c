"""The web API: everything that people and other software do with podyard goes through here.

One app factory, one shape of error, one declared permission per route. The document that describes
it (`/api/openapi.json`) is complete and checked in; a test compares.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cache
from typing import Any

from fastapi import APIRouter, Depends, FastAPI
from fastapi.openapi.utils import get_openapi
from starlette.exceptions import HTTPException

from inventory import refusals
from inventory.audit_log import AuditLog
from inventory.auditing import Audited
from inventory.auth import (
    SignInNeeded,
    declarations,
    narrowed,
    public,
    query_names,
    redirect_to_sign_in,
    refuse_undeclared,
)
from inventory.bounds import API_VERSION, Bounds
from inventory.deps import ApiDeps
from inventory.following import Following
from inventory.limiting import LimitHeaders, Limits
from inventory.metrics import Counted, Metrics
from inventory.oidc import OidcClient
from inventory.public_names import OwnNames
from inventory.resources import all as resources
from inventory.resources import repeating
from inventory.resources.describing import IDEMPOTENCY, schemas
from inventory.resources.lines import Lines
from inventory.resources.warming import Warming
from inventory.routes import (
    audit,
    claims,
    correcting,
    deployments,
    discovering,
    erasures,
    events,
    expected,
    export,
    health,
    host_parts,
    host_verbs,
    hosts,
    jobs,
    keys,
    netbox,
    new_hosts,
    oidc,
    pods,
    readings,
    rotating,
    sign_in,
    status,
    stream,
    tags,
    tenants,
    units,
    usage,
    users,
    webhooks,
)
from inventory.sign_in import SignIn
from inventory.web import pages
from inventory.web.refusing import no_page

ROUTERS: tuple[APIRouter, ...] = (
    erasures.router,
    host_parts.router,
    hosts.router,
    readings.router,
    host_verbs.router,
    correcting.router,
    rotating.router,
    new_hosts.router,
    expected.router,
    discovering.router,
    pods.router,
    tags.router,
    units.router,
    tenants.router,
    keys.router,
    claims.router,
    deployments.router,
    jobs.router,
    usage.router,
    stream.router,
    events.router,
    export.router,
    netbox.router,
    health.router,
    status.router,
    sign_in.router,
    oidc.router,
    users.router,
    audit.router,
    webhooks.router,
)


def build_api(deps: ApiDeps, *, routers: Sequence[APIRouter] = ()) -> FastAPI:
    """The app. Raises UndeclaredPermission when a route declares no permission."""
    app = FastAPI(
        title="podyard",
        version=API_VERSION,
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    for router in (*ROUTERS, *pages.ROUTERS, *resources.ROUTERS, *routers, _description(app)):
        # As they are, not wrapped: the check below and the query names read every route.
        app.router.routes.extend(router.routes)
    refuse_undeclared(app.router.routes)
    refusals.install(app)
    app.add_exception_handler(HTTPException, no_page)
    app.add_exception_handler(SignInNeeded, redirect_to_sign_in)
    app.state.deps = deps
    app.state.lines = Lines()
    app.state.warming = Warming(deps, app.state.lines)
    app.state.sign_in = SignIn(deps)
    app.state.oidc = OidcClient(deps.oidc, clock=deps.clock, box=deps.secrets)
    app.state.following = Following(deps.store, deps.in_thread)
    app.state.query_names = query_names(app.router.routes)
    app.state.permissions = declarations(app.router.routes)
    app.state.narrowed = narrowed
    app.state.limits = Limits(deps)
    app.state.audit = AuditLog(deps)
    repeating.install(app)
    app.add_middleware(repeating.Answers, deps=deps)
    app.add_middleware(LimitHeaders)
    app.add_middleware(Audited, deps=deps, log=app.state.audit)
    app.add_middleware(OwnNames, deps=deps)
    app.add_middleware(Bounds)
    app.state.metrics = Metrics(deps.store, deps.clock)
    app.add_middleware(Counted, metrics=lambda: app.state.metrics)
    return app


def openapi_document(app: FastAPI) -> dict[str, Any]:
    """The API's description."""
    found = get_openapi(
        title=app.title,
        version=app.version,
        description=__doc__,
        routes=app.router.routes,
    )
    for route in repeating.repeatable(app.router.routes):
        if route.include_in_schema:
            post = found["paths"][route.path_format]["post"]
            post.setdefault("parameters", []).append(IDEMPOTENCY)
    found["components"]["schemas"] |= schemas((*resources.bodies(), new_hosts.NewHost))
    return found


def openapi_text(app: FastAPI) -> str:
    """The description as it is checked in at docs/reference/openapi.json."""
    return json.dumps(openapi_document(app), indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def _description(app: FastAPI) -> APIRouter:
    router = APIRouter(tags=["service"], responses=refusals.ERRORS)
    # Made once: strangers may ask for it, and making it takes a hundred times longer than sending.
    document = cache(lambda: openapi_document(app))

    @router.get("/api/openapi.json", dependencies=[Depends(public)])
    async def openapi() -> dict[str, Any]:
        """This document."""
        return document()

    return router
