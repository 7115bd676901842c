"""Who may do what: keys, roles and permissions, deny by default.

Every route declares one permission by `require`, or says `public` aloud. A route that does neither
keeps the service from starting, so that nobody forgets. The tenant of a request comes from its key,
never from a header or a field.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any

from fastapi import Depends, Request
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from inventory.deps import ApiDeps, Deps
from inventory.keys import opens, split
from inventory.model import ApiKey
from inventory.refusals import Refused


class Permission(StrEnum):
    """What a route lets one do."""

    HOST_READ = "host:read"
    HOST_WRITE = "host:write"
    POD_READ = "pod:read"
    POD_WRITE = "pod:write"
    UNIT_READ = "unit:read"
    CERTIFICATE_READ = "certificate:read"
    CERTIFICATE_KEY_READ = "certificate-key:read"
    TENANT_READ = "tenant:read"
    TENANT_WRITE = "tenant:write"
    KEY_READ = "key:read"
    KEY_WRITE = "key:write"
    CLAIM_READ = "claim:read"
    CLAIM_WRITE = "claim:write"
    CLUSTER_READ = "cluster:read"
    DEPLOYMENT_READ = "deployment:read"
    DEPLOYMENT_WRITE = "deployment:write"
    USAGE_READ = "usage:read"
    EVENT_READ = "event:read"
    METRICS_READ = "metrics:read"
    SETUP = "setup"


_ALL = frozenset(Permission)
_VIEWER = frozenset(p for p in _ALL if p.endswith(":read")) - {Permission.KEY_READ}
_TENANT = frozenset(
    {
        Permission.CERTIFICATE_KEY_READ,
        Permission.TENANT_READ,
        Permission.KEY_READ,
        Permission.KEY_WRITE,
        Permission.CLAIM_READ,
        Permission.CLAIM_WRITE,
        Permission.CLUSTER_READ,
        Permission.DEPLOYMENT_READ,
        Permission.DEPLOYMENT_WRITE,
        Permission.USAGE_READ,
    }
)

ROLES: dict[str, frozenset[Permission]] = {
    "viewer": _VIEWER,
    "operator": _VIEWER | {Permission.HOST_WRITE, Permission.POD_WRITE},
    "admin": _ALL - {Permission.SETUP},
    "tenant": _TENANT,
    "setup": frozenset({Permission.SETUP}),
}
"""What each role may do. A role that is not here may do nothing."""


@dataclass(frozen=True, slots=True)
class Actor:
    """Who asks."""

    key_id: str
    role: str
    tenant: str
    """The only tenant this key may see or act for; empty for those who work for the site."""

    @property
    def name(self) -> str:
        """How events name this actor."""
        return f"{self.role} key {self.key_id}"

    def acting_for(self, tenant: str) -> str:
        """The tenant that a request is about: the key's own, else the one that was named."""
        if self.tenant and tenant and tenant != self.tenant:
            raise Refused(
                403,
                "forbidden",
                f"this key belongs to tenant {self.tenant} and cannot act for {tenant}",
                hint="leave the tenant out, or use a key of that tenant",
            )
        return self.tenant or tenant

    def may_see(self, tenant: str) -> bool:
        """True when a tenant's records are this actor's to see."""
        return not self.tenant or self.tenant == tenant


_bearer = HTTPBearer(
    auto_error=False,
    scheme_name="podyard key",
    bearerFormat="pyd_<id>_<secret>",
    description="A key made with `podyard key create`.",
)
Credentials = Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]


@dataclass(frozen=True, slots=True)
class Require:
    """A route's declared permission, and the check of it."""

    permission: Permission

    async def __call__(self, request: Request, deps: Deps, credentials: Credentials) -> Actor:
        """The actor, or 401 without a valid key, 403 with one that may not do this."""
        refuse_unknown_query(request)
        actor = await _actor(deps, credentials)
        if self.permission not in ROLES.get(actor.role, frozenset()):
            raise Refused(
                403,
                "forbidden",
                f"a {actor.role} key may not do this ({self.permission})",
                hint=f"use a key of {_roles_with(self.permission)}",
            )
        return actor


@dataclass(frozen=True, slots=True)
class Public:
    """Says aloud that a route needs no key."""

    permission: None = None

    async def __call__(self, request: Request) -> None:
        """Only an unknown query parameter is refused."""
        refuse_unknown_query(request)


def require(permission: Permission) -> Require:
    """For `Annotated[Actor, Depends(require(…))]`."""
    return Require(permission)


public = Public()


class UndeclaredPermission(RuntimeError):
    """A route that nobody declared a permission for."""


def refuse_undeclared(routes: Iterable[object]) -> None:
    """Raise when a route declares no permission: called before anything is served."""
    wrong = [
        str(getattr(route, "path", route))
        for route in routes
        if not isinstance(route, APIRoute) or not _declares(route.dependant)
    ]
    if wrong:
        raise UndeclaredPermission(
            f"no permission is declared for {', '.join(wrong)}: "
            "add Depends(require(Permission.…)), or Depends(public)"
        )


def refuse_unknown_query(request: Request) -> None:
    """A misspelt filter must not return everything."""
    valid: dict[Any, frozenset[str]] = request.app.state.query_names
    known = valid.get(request.scope.get("endpoint"), frozenset())
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


def query_names(routes: Iterable[object]) -> dict[Any, frozenset[str]]:
    """Endpoint to the names of its query parameters."""
    return {
        route.endpoint: frozenset(_query_names(route.dependant))
        for route in routes
        if isinstance(route, APIRoute)
    }


async def _actor(deps: ApiDeps, credentials: HTTPAuthorizationCredentials | None) -> Actor:
    parts = split(credentials.credentials) if credentials else None
    if parts is None:
        raise _unauthenticated("a podyard key is needed")
    key_id, secret = parts
    record = await deps.in_thread(deps.store.get, ApiKey, key_id)
    if record is None or not opens(record, secret, now=deps.clock.now()):
        raise _unauthenticated("this key is unknown, revoked or expired")
    return Actor(key_id=record.id, role=record.role, tenant=record.tenant)


def _unauthenticated(message: str) -> Refused:
    return Refused(
        401,
        "unauthenticated",
        message,
        hint="send `Authorization: Bearer pyd_…`; keys are made with `podyard key create`",
    )


def _roles_with(permission: Permission) -> str:
    return " or ".join(role for role, may in ROLES.items() if permission in may)


def _declares(dependant: Dependant) -> bool:
    return any(
        isinstance(one.call, Require | Public) or _declares(one) for one in dependant.dependencies
    )


def _query_names(dependant: Dependant) -> Iterator[str]:
    yield from (field.alias for field in dependant.query_params)
    for one in dependant.dependencies:
        yield from _query_names(one)
