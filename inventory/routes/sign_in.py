"""Signing in and out in a browser: a form sends a key or a password, a cookie stands for it.

The page with the form is among the web pages; here is what the form is sent to. A program needs
none of this: it sends its key with every request.
"""

from __future__ import annotations

from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import RedirectResponse
from pydantic import Field

from inventory.auditing import note
from inventory.auth import SIGN_IN, Actor, Permission, local_path, public, require
from inventory.deps import ApiDeps, Deps
from inventory.forgery import refuse_foreign
from inventory.identity import address_of
from inventory.passwords import LENGTH_MAX
from inventory.refusals import ERRORS, Refused
from inventory.routes.shapes import View
from inventory.sessions import COOKIE, clear_cookie, set_cookie
from inventory.sign_in import SignedIn, SignIn
from inventory.store.protocol import Change
from inventory.users import Session, User
from inventory.web.frame import landing

router = APIRouter(tags=["sign-in"], responses=ERRORS)
Anybody = Annotated[Actor, Depends(require(Permission.SELF))]

Word = Annotated[str, Form(max_length=255, pattern=r"^[^\x00]*$")]
NextPath = Annotated[str, Form(alias="next", max_length=2000, pattern=r"^[^\x00]*$")]
SECRET_MAX = LENGTH_MAX + 1  # one more, so that a longer one is wrong and not an error


class Me(View):
    """Who you are to this service."""

    name: str
    user: str
    key_id: str
    tenant: str
    roles: dict[str, list[str]] = Field(description="Role to sites; `*` is every site.")
    permissions: list[str]


@router.post(
    "/sign-in", status_code=303, response_class=RedirectResponse, dependencies=[Depends(public)]
)
async def sign_in(
    request: Request,
    deps: Deps,
    *,
    user: Word = "",
    password: Annotated[str, Form(max_length=SECRET_MAX)] = "",
    key: Word = "",
    next_path: NextPath = "/",
) -> RedirectResponse:
    """Open a session with a key, or with a name and a password, and go on to `next`."""
    refuse_foreign(request)
    door, address = sign_in_of(request), address_of(request)
    note(request, subject=await deps.in_thread(_subject, deps, user))
    try:
        if key:
            signed_in = await door.with_key(key, address=address)
        else:
            signed_in = await door.with_password(user, password, address=address)
    except Refused as refused:
        if "text/html" not in request.headers.get("accept", ""):
            raise
        note(request, outcome=str(refused.status))
        return refused_page(refused, next_path)
    return welcome(request, signed_in, next_path)


@router.post("/sign-out", status_code=303, response_class=RedirectResponse)
async def sign_out(request: Request, deps: Deps, actor: Anybody) -> RedirectResponse:
    """End this session, here and at once."""
    await deps.in_thread(_end, deps, actor.session_id)
    response = RedirectResponse(SIGN_IN, 303)
    clear_cookie(request, response, name=COOKIE)
    return response


@router.get("/api/me")
async def get_me(actor: Anybody) -> Me:
    """Who you are, and what you may do."""
    roles: dict[str, list[str]] = {}
    for power in actor.powers:
        roles.setdefault(power.role, []).append(power.site or "*")
    return Me(
        name=actor.name,
        user=actor.user,
        key_id=actor.key_id,
        tenant=actor.tenant,
        roles=roles,
        permissions=sorted(p.value for p in Permission if actor.may(p)),
    )


def sign_in_of(request: Request) -> SignIn:
    """This process's counters and hasher."""
    door = request.app.state.sign_in
    if not isinstance(door, SignIn):
        raise TypeError("the app was not made by build_api")
    return door


def welcome(request: Request, signed_in: SignedIn, next_path: str) -> RedirectResponse:
    """On to the page that was asked for, else to the first that they may see, with the cookie."""
    request.state.actor = signed_in.actor
    wanted = local_path(next_path)
    response = RedirectResponse(landing(signed_in.actor) if wanted == "/" else wanted, 303)
    session = signed_in.session
    set_cookie(
        request,
        response,
        name=COOKIE,
        value=signed_in.token,
        lasts=session.expires_at - session.created_at,
    )
    return response


def refused_page(refused: Refused, next_path: str) -> RedirectResponse:
    """Back to the form, which says what happened: `wrong`, `often`, `forbidden`."""
    why = {401: "wrong", 429: "often"}.get(refused.status, "forbidden")
    query = urlencode({"failed": why, "next": local_path(next_path)})
    return RedirectResponse(f"{SIGN_IN}?{query}", 303, refused.headers)


def _subject(deps: ApiDeps, name: str) -> str:
    """Whom the audit log names: people that there are. What else was typed may be a password."""
    return f"user:{name}" if name and deps.store.get(User, name) else SIGN_IN


def _end(deps: ApiDeps, session_id: str) -> None:
    session = deps.store.get(Session, session_id) if session_id else None
    if session is not None:
        deps.store.apply(Change(remove=(session,)), now=deps.clock.now())
