"""From a request to who sent it: a key in the `Authorization` header, or a session's cookie.

The records are read for every request, so what was revoked, disabled or taken away counts at once.
A request with both is judged by its key alone: the cookie was added by a browser, the key by hand.
"""

from __future__ import annotations

import contextlib
from datetime import datetime

from fastapi import Request

from inventory.actors import Actor, Power
from inventory.deps import ApiDeps
from inventory.errors import StaleWrite
from inventory.keys import due_for_used, opens, permitted, split, usable_from
from inventory.keys import in_force as key_in_force
from inventory.model import ApiKey
from inventory.refusals import Refused
from inventory.sessions import COOKIE, due_for_seen, in_force, session_id, token_of
from inventory.store.protocol import Change
from inventory.users import Session, User


async def identified(request: Request, deps: ApiDeps) -> Actor:
    """The actor, or Refused with 401."""
    header = request.headers.getlist("authorization")
    if header:
        return await deps.in_thread(_of_key, deps, header, address_of(request))
    if COOKIE in request.cookies:
        return await deps.in_thread(_of_session, deps, token_of(request), address_of(request))
    raise unauthenticated("a podyard key is needed")


def address_of(request: Request) -> str:
    """Where a request came from, as the socket says: no header is believed."""
    return request.client.host if request.client else ""


def unauthenticated(message: str) -> Refused:
    """Who is it? Said alike whatever was wrong with the proof."""
    return Refused(
        401,
        "unauthenticated",
        message,
        hint="send `Authorization: Bearer pyd_…` (`podyard key create` makes keys), or sign in",
    )


def actor_of_key(key: ApiKey, *, session: str = "") -> Actor:
    """Who holds this key."""
    return Actor(
        powers=tuple(Power(key.role, site) for site in key.sites or ("",)),
        tenant=key.tenant,
        key_id=key.id,
        session_id=session,
        only=permitted(key),
        read_only=key.read_only,
        requests_per_minute=key.requests_per_minute,
        networks=key.networks,
    )


def actor_of_user(user: User, *, session: str) -> Actor:
    """Who this person is. A tenant's own people hold the tenant's role and no other."""
    powers = tuple(Power(grant.role, grant.site) for grant in user.grants)
    return Actor(
        powers=(Power("tenant"),) if user.tenant else powers,
        tenant=user.tenant,
        user=user.name,
        session_id=session,
    )


def _of_key(deps: ApiDeps, header: list[str], address: str) -> Actor:
    scheme, _, text = header[0].partition(" ")
    parts = split(text.strip()) if scheme.lower() == "bearer" and len(header) == 1 else None
    if parts is None:
        raise unauthenticated("a podyard key is needed")
    key_id, secret = parts
    record = deps.store.get(ApiKey, key_id)
    now = deps.clock.now()
    if record is None or not opens(record, secret, now=now) or not usable_from(record, address):
        raise unauthenticated("this key is unknown, revoked or expired, or not for this address")
    if due_for_used(record, now=now):
        _write_used(deps, record, now)
    return actor_of_key(record)


def _write_used(deps: ApiDeps, key: ApiKey, now: datetime) -> None:
    used = key.model_copy(update={"last_used_at": now})
    # StaleWrite: another request wrote it, or it was revoked this moment; either way it is said.
    with contextlib.suppress(StaleWrite):
        deps.store.apply(Change(replace=(used,)), now=now)


def _of_session(deps: ApiDeps, token: str, address: str) -> Actor:
    now = deps.clock.now()
    session = deps.store.get(Session, session_id(token)) if token else None
    if session is None or not in_force(session, now=now, idle=deps.access.idle):
        raise unauthenticated("this session has ended")
    actor = _of_user(deps, session) if session.user else _of_its_key(deps, session, address)
    if due_for_seen(session, now=now):
        seen = session.model_copy(update={"seen_at": now})
        # StaleWrite: another request of the same browser wrote it, or it was ended this moment.
        with contextlib.suppress(StaleWrite):
            deps.store.apply(Change(replace=(seen,)), now=now)
    return actor


def _of_user(deps: ApiDeps, session: Session) -> Actor:
    user = deps.store.get(User, session.user)
    if user is None or user.disabled or _older(session, user):
        raise unauthenticated("this session has ended")
    return actor_of_user(user, session=session.id)


def _of_its_key(deps: ApiDeps, session: Session, address: str) -> Actor:
    key = deps.store.get(ApiKey, session.key_id)
    now = deps.clock.now()
    if key is None or not key_in_force(key, now=now) or not usable_from(key, address):
        raise unauthenticated("this session has ended")
    return actor_of_key(key, session=session.id)


def _older(session: Session, user: User) -> bool:
    """A new password ends what was opened with the old one."""
    changed = user.password_changed_at
    return changed is not None and session.created_at < changed
