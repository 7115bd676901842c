"""Signing in by OpenID Connect: off to the provider, and back with an answer to be proved."""

from __future__ import annotations

import logging
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import RedirectResponse

from inventory.auditing import note
from inventory.auth import SIGN_IN, local_path, public, public_any_query
from inventory.deps import Deps
from inventory.errors import StaleWrite
from inventory.identity import address_of
from inventory.oidc import FLOW_LASTS, OidcClient, OidcRefused
from inventory.oidc_people import user_of
from inventory.refusals import ERRORS, Refused
from inventory.routes.sign_in import refused_page, sign_in_of, welcome
from inventory.sessions import clear_cookie, set_cookie

router = APIRouter(prefix="/sign-in/oidc", tags=["sign-in"], responses=ERRORS)
log = logging.getLogger("podyard.sign-in")

FLOW_COOKIE = "podyard_oidc"
PATH = "/sign-in/oidc"
Given = Annotated[str, Query(max_length=4096)]


@router.get("", status_code=303, response_class=RedirectResponse, dependencies=[Depends(public)])
async def begin_oidc(
    request: Request, *, next_path: Annotated[str, Query(alias="next", max_length=2000)] = "/"
) -> RedirectResponse:
    """Off to the provider, to come back and go on to `next`."""
    client = _client_of(request)
    sign_in_of(request).admit(address_of(request))
    try:
        url, sealed = await client.begin(local_path(next_path))
    except OidcRefused as error:
        log.warning("the OpenID provider cannot be used", extra={"cause": str(error)})
        return _failed(request, str(error))
    response = RedirectResponse(url, 303)
    set_cookie(request, response, name=FLOW_COOKIE, value=sealed, path=PATH, lasts=FLOW_LASTS)
    return response


@router.get(
    "/callback",
    status_code=303,
    response_class=RedirectResponse,
    dependencies=[Depends(public_any_query)],
)
async def finish_oidc(
    request: Request,
    deps: Deps,
    *,
    state: Given = "",
    code: Given = "",
    iss: Given = "",
    error: Given = "",
) -> RedirectResponse:
    """Back from the provider: prove who it is, and open a session."""
    client, door, address = _client_of(request), sign_in_of(request), address_of(request)
    note(request, action="GET /sign-in/oidc/callback", subject=PATH)
    try:
        door.admit(address)
    except Refused as refused:
        note(request, outcome=str(refused.status))
        return refused_page(refused, "/")
    try:
        person, next_path = await client.finish(
            request.cookies.get(FLOW_COOKIE, ""), state=state, code=code, issuer=iss, error=error
        )
        user = await deps.in_thread(user_of, deps, client.settings, person)
        signed_in = await deps.in_thread(door.open_for, user, address=address)
    except (OidcRefused, StaleWrite) as refused_why:
        log.warning("a sign-in by OpenID Connect failed", extra={"cause": str(refused_why)})
        return _failed(request, str(refused_why))
    response = welcome(request, signed_in, next_path)
    note(request, subject=f"user:{user.name}")
    clear_cookie(request, response, name=FLOW_COOKIE, path=PATH)
    return response


def _client_of(request: Request) -> OidcClient:
    client = request.app.state.oidc
    if not isinstance(client, OidcClient) or not client.settings.enabled:
        raise Refused(
            404,
            "not-found",
            "nobody signs in by OpenID Connect here",
            hint="set PODYARD_OIDC_ISSUER, PODYARD_OIDC_CLIENT_ID and PODYARD_ACCESS_PUBLIC_URL",
        )
    return client


def _failed(request: Request, why: str) -> RedirectResponse:
    """Back to the form. The reason is for the log: a browser may be an attacker's."""
    note(request, outcome="401", detail=why)
    response = RedirectResponse(f"{SIGN_IN}?failed=oidc", 303)
    clear_cookie(request, response, name=FLOW_COOKIE, path=PATH)
    return response
