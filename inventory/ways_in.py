"""Who could still administer this site, were one key or person gone: the site never locks itself.

A way in is a key or a person with the whole admin role everywhere. Revoking, disabling or taking
away the last one is refused, and of two requests that do it to each other at once only one gets
through: the way in that stays is written along, so the other request finds it changed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime

from inventory.deps import ApiDeps
from inventory.errors import Conflict
from inventory.keys import in_force, permitted
from inventory.model import ApiKey
from inventory.store.reading import every, key_of
from inventory.users import Grant, User

ADMIN = Grant(role="admin")


def witness(deps: ApiDeps, leaving: ApiKey | User, *, now: datetime) -> tuple[ApiKey | User, ...]:
    """What to write along with the end of this one; Conflict when nothing else would remain."""
    if not any(_among([leaving], deps, now=now)):
        return ()
    for one in ways_in(deps, now=now):
        if type(one) is not type(leaving) or key_of(one) != key_of(leaving):
            return (one,)
    name = f"user {leaving.name}" if isinstance(leaving, User) else f"key {leaving.id}"
    raise Conflict(
        f"{name} is the last that can administer this site",
        hint="make another one first: podyard key create --role admin",
    )


def ways_in(deps: ApiDeps, *, now: datetime) -> Iterator[ApiKey | User]:
    """Everybody who could make keys and people of any role."""
    yield from _among(every(deps.store, ApiKey, role="admin"), deps, now=now)
    yield from _among(every(deps.store, User), deps, now=now)


def _among(
    found: Iterable[ApiKey | User], deps: ApiDeps, *, now: datetime
) -> Iterator[ApiKey | User]:
    for one in found:
        holds = _key(one, now=now) if isinstance(one, ApiKey) else _person(one, deps)
        if holds:
            yield one


def _key(key: ApiKey, *, now: datetime) -> bool:
    """One that was rotated away ends soon, whatever it may do until then."""
    whole = key.role == "admin" and not key.sites and permitted(key) is None
    return whole and key.revoked_at is None and in_force(key, now=now)


def _person(user: User, deps: ApiDeps) -> bool:
    by_provider = bool(user.oidc_subject) and deps.oidc.enabled
    can_sign_in = bool(user.password_hash) or by_provider
    return can_sign_in and not user.disabled and not user.tenant and ADMIN in user.grants
