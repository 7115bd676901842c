"""People: who may sign in, and what each may do where. Passwords go in and never come out."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Request
from pydantic import Field, SecretStr

from inventory.auth import Actor, Permission, require
from inventory.deps import ApiDeps, Deps
from inventory.errors import Conflict, NotFound
from inventory.model import Event, Record
from inventory.passwords import LENGTH_MAX, require_good
from inventory.permissions import ROLES
from inventory.refusals import ERRORS, Refused
from inventory.routes.shapes import (
    NAME_FORM,
    After,
    Body,
    Limit,
    NamePath,
    Page,
    Text,
    View,
    read_page,
)
from inventory.routes.sign_in import sign_in_of
from inventory.routes.tenants import require_tenant
from inventory.sign_in import SignIn, not_right
from inventory.store.protocol import Change
from inventory.users import Grant, User
from inventory.ways_in import ADMIN, witness

router = APIRouter(prefix="/api", tags=["users"], responses=ERRORS)
Reader = Annotated[Actor, Depends(require(Permission.USER_READ))]
Writer = Annotated[Actor, Depends(require(Permission.USER_WRITE))]
Anybody = Annotated[Actor, Depends(require(Permission.SELF))]

GRANTS_MAX = 100
PLAIN_TEXT = r"^[^\x00-\x1f]*$"
Password = Annotated[SecretStr, Field(max_length=LENGTH_MAX + 1)]
SiteName = Annotated[str, Field(pattern=r"^$|" + NAME_FORM)]


class GrantBody(Body):
    """A role, at one site or everywhere."""

    role: Literal["viewer", "operator", "admin"]
    site: Annotated[SiteName, Field(description="Empty: at every site.")] = ""


class UserBody(Body):
    """A person to add."""

    name: Annotated[str, Field(pattern=NAME_FORM)]
    display: Annotated[str, Field(max_length=255, pattern=PLAIN_TEXT)] = ""
    email: Annotated[str, Field(max_length=255, pattern=PLAIN_TEXT)] = ""
    password: Password | None = None
    grants: Annotated[tuple[GrantBody, ...], Field(max_length=GRANTS_MAX)] = ()
    tenant: SiteName = ""


class PasswordBody(Body):
    """A new password."""

    password: Password


class OwnPasswordBody(Body):
    """A new password for oneself."""

    old: Password
    password: Password


class UserView(View):
    """A person, without what proves who it is."""

    name: str
    display: str
    email: str
    grants: tuple[Grant, ...]
    tenant: str
    disabled: bool
    has_password: bool
    oidc_issuer: str
    created_at: datetime
    password_changed_at: datetime | None
    last_login_at: datetime | None


@router.get("/users")
async def list_users(
    request: Request,
    deps: Deps,
    _actor: Reader,
    *,
    tenant: Text = "",
    after: After = "",
    limit: Limit = 100,
) -> Page[UserView]:
    """Everybody who may sign in."""
    return await deps.in_thread(_users, deps, request, tenant, after, limit)


@router.post("/users", status_code=201)
async def create_user(request: Request, body: UserBody, deps: Deps, actor: Writer) -> UserView:
    """Add a person. Without a password they can sign in by OpenID Connect alone."""
    return await deps.in_thread(_create, deps, sign_in_of(request), body, actor)


@router.get("/users/{name}")
async def get_user(name: NamePath, deps: Deps, _actor: Reader) -> UserView:
    """One person."""
    return _view(await deps.in_thread(_user, deps, name))


@router.post("/users/{name}/password")
async def set_password(
    request: Request, name: NamePath, body: PasswordBody, deps: Deps, actor: Writer
) -> UserView:
    """Set a password. It ends every session of this person."""
    password = body.password.get_secret_value()
    return await deps.in_thread(_set_password, deps, sign_in_of(request), name, password, actor)


@router.post("/users/{name}/grants")
async def grant_role(name: NamePath, body: GrantBody, deps: Deps, actor: Writer) -> UserView:
    """Give a role, at one site or everywhere."""
    return await deps.in_thread(_grant, deps, name, body, actor)


@router.delete("/users/{name}/grants")
async def revoke_role(
    name: NamePath,
    deps: Deps,
    actor: Writer,
    *,
    role: Literal["viewer", "operator", "admin"],
    site: Text = "",
) -> UserView:
    """Take a role away; it counts from the next request on. 409 for the last admin's."""
    return await deps.in_thread(_revoke, deps, name, Grant(role=role, site=site), actor)


@router.post("/users/{name}/disable")
async def disable_user(name: NamePath, deps: Deps, actor: Writer) -> UserView:
    """Let a person in no more; their sessions end at once. 409 for the last admin."""
    return await deps.in_thread(_switch, deps, name, actor, disabled=True)


@router.post("/users/{name}/enable")
async def enable_user(name: NamePath, deps: Deps, actor: Writer) -> UserView:
    """Let a person in again."""
    return await deps.in_thread(_switch, deps, name, actor, disabled=False)


@router.post("/me/password", tags=["sign-in"])
async def change_own_password(
    request: Request, body: OwnPasswordBody, deps: Deps, actor: Anybody
) -> UserView:
    """Change your own password, by showing the old one. It ends your sessions."""
    if not actor.user:
        raise Refused(
            403,
            "forbidden",
            "a key has no password",
            hint="sign in as a person, or make another key: podyard key rotate",
        )
    door = sign_in_of(request)
    door.admit(actor.id)
    return await deps.in_thread(_change_own, deps, door, body, actor)


def _users(deps: ApiDeps, request: Request, tenant: str, after: str, limit: int) -> Page[UserView]:
    return read_page(
        deps,
        User,
        request,
        show=_view,
        key=lambda user: user.name,
        after=after,
        limit=limit,
        filters={"tenant": tenant},
    )


def _view(user: User) -> UserView:
    shown = user.model_dump(include=set(UserView.model_fields))
    return UserView(**shown, has_password=bool(user.password_hash))


def _user(deps: ApiDeps, name: str) -> User:
    user = deps.store.get(User, name)
    if user is None:
        raise NotFound(f"no user {name[:80]!r}", hint="see `podyard user list`")
    return user


def _create(deps: ApiDeps, door: SignIn, body: UserBody, actor: Actor) -> UserView:
    if deps.store.get(User, body.name) is not None:
        raise Conflict(f"user {body.name} exists already", hint="see `podyard user list`")
    if body.tenant:
        require_tenant(deps, body.tenant)
        _refuse_grants_of_tenants(body.tenant, body.grants)
    _refuse_beyond(actor, (*(g.role for g in body.grants), *(("tenant",) if body.tenant else ())))
    now = deps.clock.now()
    password = body.password.get_secret_value() if body.password else ""
    if password:
        require_good(password, user=body.name)
    user = User(
        name=body.name,
        display=body.display,
        email=body.email,
        password_hash=door.passwords.hash(password) if password else "",
        grants=tuple(dict.fromkeys(Grant(role=g.role, site=g.site) for g in body.grants)),
        tenant=body.tenant,
        created_at=now,
        password_changed_at=now if password else None,
    )
    event = _event(deps, actor, "user.created", user.name, new=_said(user.grants))
    deps.store.apply(Change(insert=(user,), events=(event,)), now=now)
    return _view(user)


def _refuse_beyond(actor: Actor, roles: Iterable[str]) -> None:
    """A key that was narrowed gives nobody a role, or the way to one, that may more than itself.

    People sign in from anywhere: whoever may be used from some networks alone lets nobody in.
    """
    if actor.networks:
        raise Refused(
            403,
            "forbidden",
            "this key holds in some networks, and people may sign in from anywhere",
            path="networks",
            value=", ".join(actor.networks)[:80],
            hint="use a key of an admin that was not narrowed to networks",
        )
    for role in roles:
        if actor.only is not None and not ROLES[role] <= actor.only:
            raise Refused(
                403,
                "forbidden",
                f"this key was narrowed to less than {role} may",
                path="role",
                value=role,
                hint="use a key of an admin that was not narrowed",
            )


def _roles_of(user: User) -> tuple[str, ...]:
    return (*(grant.role for grant in user.grants), *(("tenant",) if user.tenant else ()))


def _refuse_grants_of_tenants(tenant: str, grants: tuple[GrantBody, ...]) -> None:
    if grants:
        raise Refused(
            422,
            "invalid",
            f"people of tenant {tenant} hold no roles of the site",
            path="grants",
            hint="leave grants out, or leave the tenant out",
        )


def _set_password(deps: ApiDeps, door: SignIn, name: str, password: str, actor: Actor) -> UserView:
    user = _user(deps, name)
    _refuse_beyond(actor, _roles_of(user))
    require_good(password, user=name)
    now = deps.clock.now()
    update = {"password_hash": door.passwords.hash(password), "password_changed_at": now}
    return _replace(deps, user, update, _event(deps, actor, "user.password-set", name))


def _change_own(deps: ApiDeps, door: SignIn, body: OwnPasswordBody, actor: Actor) -> UserView:
    user = _user(deps, actor.user)
    if not door.passwords.right(user.password_hash, body.old.get_secret_value()):
        raise not_right()
    return _set_password(deps, door, user.name, body.password.get_secret_value(), actor)


def _grant(deps: ApiDeps, name: str, body: GrantBody, actor: Actor) -> UserView:
    user = _user(deps, name)
    if user.tenant:
        _refuse_grants_of_tenants(user.tenant, (body,))
    _refuse_beyond(actor, (body.role,))
    wanted = Grant(role=body.role, site=body.site)
    if wanted in user.grants:
        return _view(user)
    if len(user.grants) >= GRANTS_MAX:
        raise Conflict(
            f"user {name} holds {GRANTS_MAX} roles", hint="give a role that holds at every site"
        )
    event = _event(deps, actor, "user.granted", name, new=_said((wanted,)))
    return _replace(deps, user, {"grants": (*user.grants, wanted)}, event)


def _revoke(deps: ApiDeps, name: str, unwanted: Grant, actor: Actor) -> UserView:
    user = _user(deps, name)
    if unwanted not in user.grants:
        raise NotFound(
            f"user {name} is not {_said((unwanted,))}", hint=f"see `podyard user show {name}`"
        )
    kept = tuple(grant for grant in user.grants if grant != unwanted)
    event = _event(deps, actor, "user.grant-revoked", name, old=_said((unwanted,)))
    along = witness(deps, user, now=event.at) if unwanted == ADMIN else ()
    return _replace(deps, user, {"grants": kept}, event, along=along)


def _switch(deps: ApiDeps, name: str, actor: Actor, *, disabled: bool) -> UserView:
    user = _user(deps, name)
    if user.disabled == disabled:
        return _view(user)
    if not disabled:
        _refuse_beyond(actor, _roles_of(user))
    event = _event(deps, actor, "user.disabled" if disabled else "user.enabled", name)
    along = witness(deps, user, now=event.at) if disabled else ()
    return _replace(deps, user, {"disabled": disabled}, event, along=along)


def _replace(
    deps: ApiDeps,
    user: User,
    update: dict[str, object],
    event: Event,
    *,
    along: tuple[Record, ...] = (),
) -> UserView:
    fresh = user.model_copy(update=update)
    deps.store.apply(Change(replace=(*along, fresh), events=(event,)), now=event.at)
    return _view(fresh)


def _said(grants: tuple[Grant, ...]) -> str:
    return ", ".join(f"{grant.role} at {grant.site or 'every site'}" for grant in grants)


def _event(
    deps: ApiDeps, actor: Actor, kind: str, name: str, *, old: str = "", new: str = ""
) -> Event:
    return Event(
        at=deps.clock.now(), actor=actor.name, kind=kind, subject=f"user:{name}", old=old, new=new
    )
