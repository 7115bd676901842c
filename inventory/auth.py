"""Who gets in where: every route declares one permission, deny by default.

Every route declares one permission by `require` (or `page_actor`, for pages that people open), or
says `public` aloud. A route that does neither keeps the service from starting, so that nobody
forgets. The tenant of a request comes from its key or session, never from a header or a field.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Annotated, Any, cast
from urllib.parse import urlencode, urlsplit

from fastapi import Depends, Request
from fastapi.dependencies.models import Dependant
from fastapi.responses import RedirectResponse
from fastapi.routing import APIRoute
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from inventory.actors import Actor
from inventory.deps import ApiDeps, Deps
from inventory.forgery import SAFE_METHODS, refuse_forged
from inventory.identity import identified
from inventory.limiting import Limits
from inventory.permissions import ROLES, Permission, roles_with
from inventory.refusals import Refused
from inventory.site_store import SiteStore
from inventory.store.protocol import Store
from inventory.tenant_store import TenantStore

__all__ = [
    "ROLES",
    "SIGN_IN",
    "Actor",
    "Credentials",
    "Permission",
    "Public",
    "Require",
    "SignInNeeded",
    "UndeclaredPermission",
    "declarations",
    "declared",
    "local_path",
    "narrowed",
    "page_actor",
    "public",
    "public_any_query",
    "query_names",
    "redirect_to_sign_in",
    "refuse_undeclared",
    "require",
]

UNAUTHENTICATED = 401
SIGN_IN = "/sign-in"

_bearer = HTTPBearer(
    auto_error=False,
    scheme_name="podyard key",
    bearerFormat="pyd_<id>_<secret>",
    description="A key made with `podyard key create`. A browser's session works as well.",
)
Credentials = Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]
"""Says in the API's description how one proves who one is; the proof is read in `identity`."""


@dataclass(frozen=True, slots=True)
class Require:
    """A route's declared permission, and the check of it."""

    permission: Permission

    async def __call__(self, request: Request, _deps: Deps, _credentials: Credentials) -> Actor:
        """The actor, or 401 without a valid key or session, 403 with one that may not do this."""
        return await _checked(request, self.permission)


@dataclass(frozen=True, slots=True)
class RequirePage:
    """The same for a page: whoever has not signed in is sent to do so."""

    permission: Permission

    async def __call__(self, request: Request, _deps: Deps) -> Actor:
        """The actor; SignInNeeded instead of 401."""
        try:
            return await _checked(request, self.permission)
        except Refused as refused:
            if refused.status != UNAUTHENTICATED or request.method not in SAFE_METHODS:
                raise
            query = f"?{request.url.query}" if request.url.query else ""
            raise SignInNeeded(request.url.path + query) from refused


@dataclass(frozen=True, slots=True)
class Public:
    """Says aloud that a route needs no key."""

    permission: None = None
    any_query: bool = False

    async def __call__(self, request: Request) -> None:
        """Only an unknown query parameter is refused."""
        if not self.any_query:
            refuse_unknown_query(request)


def require(permission: Permission) -> Require:
    """For `Annotated[Actor, Depends(require(…))]`."""
    return Require(permission)


def page_actor(permission: Permission) -> RequirePage:
    """For `Annotated[Actor, Depends(page_actor(…))]` of a page that people open in a browser."""
    return RequirePage(permission)


public = Public()
public_any_query = Public(any_query=True)
"""For what others build the address of: they may add what we do not know."""


class SignInNeeded(Exception):
    """A page was asked for by nobody we know."""

    def __init__(self, path: str) -> None:
        super().__init__(path)
        self.path = path


class UndeclaredPermission(RuntimeError):
    """A route that nobody declared a permission for."""


async def redirect_to_sign_in(_request: Request, error: Exception) -> RedirectResponse:
    """Sign in, and come back."""
    if not isinstance(error, SignInNeeded):
        raise error
    return RedirectResponse(f"{SIGN_IN}?{urlencode({'next': error.path})}", 303)


def local_path(text: str) -> str:
    r"""A path of this service to go on to, or `/`: never an address of somebody else.

    Browsers take `//host`, `/\host` and a tab between the slashes for another host.
    """
    parts = urlsplit(text)
    plain = text.isprintable() and " " not in text and "\\" not in text
    local = text.startswith("/") and not text.startswith("//") and not parts.scheme
    return text if plain and local and not parts.netloc else "/"


def declared(route: APIRoute) -> Require | RequirePage | Public | None:
    """What a route says about who may ask it."""
    return _declared(route.dependant)


def refuse_undeclared(routes: Iterable[object]) -> None:
    """Raise when a route declares no permission: called before anything is served.

    A mount or a plain route cannot declare one, so it is refused: what it would serve needs a
    route of its own.
    """
    wrong = [
        str(getattr(route, "path", route))
        for route in routes
        if not isinstance(route, APIRoute) or declared(route) is None
    ]
    if wrong:
        raise UndeclaredPermission(
            f"no permission is declared for {', '.join(wrong)}: "
            "add Depends(require(Permission.…)), or Depends(public)"
        )


def refuse_unknown_query(request: Request) -> None:
    """A misspelt filter must not return everything."""
    valid: dict[Any, frozenset[str] | None] = request.app.state.query_names
    known = valid.get(request.scope.get("endpoint"), frozenset())
    if known is None:
        return
    for name, value in request.query_params.multi_items():
        if name not in known:
            listed = ", ".join(sorted(known)) or "none"
            raise Refused(
                400,
                "unknown-parameter",
                f"there is no query parameter {name!r} here",
                path=name,
                value=value[:80],
                hint=f"valid ones: {listed}",
            )


def query_names(routes: Iterable[object]) -> dict[Any, frozenset[str] | None]:
    """Endpoint to the names of its query parameters; None where it refuses unknown ones itself."""
    return {
        route.endpoint: None
        if getattr(route.endpoint, "reads_query", False)
        else frozenset(_query_names(route.dependant))
        for route in routes
        if isinstance(route, APIRoute)
    }


def declarations(routes: Iterable[object]) -> dict[Any, Permission | None]:
    """Endpoint to its permission; None for what is public."""
    return {
        route.endpoint: said.permission
        for route in routes
        if isinstance(route, APIRoute) and (said := declared(route)) is not None
    }


async def narrowed(request: Request, deps: ApiDeps) -> ApiDeps:
    """What the asker may work with: the store without other sites, and without others' events."""
    permissions: dict[Any, Permission | None] = request.app.state.permissions
    permission = permissions.get(request.scope.get("endpoint"))
    if permission is None:
        return deps
    try:
        actor = await identified(request, deps)
    except Refused as refused:
        request.state.identified = refused
        return deps
    request.state.identified = actor
    sites = actor.sites_for(permission)
    if sites is not None:
        return replace(deps, store=SiteStore(deps.store, sites))
    if actor.tenant:
        return replace(deps, store=cast("Store", TenantStore(deps.store, actor.tenant)))
    return deps


async def _identified(request: Request) -> Actor:
    """Who `narrowed` found for this request; asked a second time, found anew."""
    known = getattr(request.state, "identified", None)
    request.state.identified = None
    if isinstance(known, Refused):
        raise known
    return known if isinstance(known, Actor) else await identified(request, request.app.state.deps)


async def _checked(request: Request, permission: Permission) -> Actor:
    refuse_unknown_query(request)
    limits: Limits = request.app.state.limits
    try:
        actor = await _identified(request)
    except Refused:
        limits.admit_unknown(request)
        raise
    request.state.actor = actor
    limits.admit(request, actor)
    if not actor.may(permission):
        raise Refused(
            403,
            "forbidden",
            f"{_whose(actor)} may not do this ({permission}){_because(actor, permission)}",
            hint=_remedy(actor, permission),
        )
    if actor.session_id:
        await refuse_forged(request)
    return actor


def _whose(actor: Actor) -> str:
    return f"{actor.name} with {actor.role} role" if actor.user else f"a {actor.role} key"


def _because(actor: Actor, permission: Permission) -> str:
    """What stands in the way, where the role itself would do."""
    if not _role_would_do(actor, permission):
        return ""
    if actor.read_only:
        return ": it is read-only"
    if actor.only is not None and permission not in actor.only:
        return ": it was narrowed to other permissions"
    sites = ", ".join(sorted({power.site for power in actor.powers}))
    return f": the role holds at {sites} alone, and this is about the whole service"


def _remedy(actor: Actor, permission: Permission) -> str:
    if not _role_would_do(actor, permission):
        return f"use a key of {roles_with(permission)}"
    if actor.read_only:
        return "use a key that was not made with --read-only"
    if actor.only is not None and permission not in actor.only:
        return f"use a key that has the permission {permission}"
    return "use a key or a person whose role holds at every site"


def _role_would_do(actor: Actor, permission: Permission) -> bool:
    return any(permission in ROLES.get(power.role, frozenset()) for power in actor.powers)


def _declared(dependant: Dependant) -> Require | RequirePage | Public | None:
    for one in dependant.dependencies:
        if isinstance(one.call, Require | RequirePage | Public):
            return one.call
        if found := _declared(one):
            return found
    return None


def _query_names(dependant: Dependant) -> Iterator[str]:
    yield from (field.alias for field in dependant.query_params)
    for one in dependant.dependencies:
        yield from _query_names(one)
