"""The record of a person whom the provider vouches for: found by its own name for them.

Issuer and subject are what a person is known by, as OpenID Connect asks; a user name or an address
can be given to somebody else, and is never a reason to take over an existing record. The provider's
groups say at each sign-in which roles they hold, in place of what stood there.
"""

from __future__ import annotations

import re

from inventory.deps import ApiDeps
from inventory.errors import Conflict
from inventory.model import Event
from inventory.oidc import OidcRefused, Person
from inventory.oidc_settings import OidcSettings
from inventory.store.protocol import Change
from inventory.users import User

NAME_MAX = 48
TRIES = 20


def user_of(deps: ApiDeps, settings: OidcSettings, person: Person) -> User:
    """Their record, new or brought up to date; OidcRefused when they may do nothing here."""
    grants = settings.grants_of(person.groups)
    tenant = "" if grants else settings.tenant_of(person.groups)
    if not grants and not tenant:
        raise OidcRefused("none of this person's groups gives a role here")
    said: dict[str, object] = {
        "display": person.display,
        "email": person.email,
        "grants": grants,
        "tenant": tenant,
    }
    found = deps.store.find(User, subject=f"{person.issuer} {person.subject}", limit=1)
    if found and found[0].disabled:
        raise OidcRefused("this person is disabled here")
    if found:
        return _brought_up(deps, found[0], said)
    return _created(deps, person, said)


def _brought_up(deps: ApiDeps, user: User, said: dict[str, object]) -> User:
    fresh = user.model_copy(update=said)
    if fresh == user:
        return user
    deps.store.apply(Change(replace=(fresh,)), now=deps.clock.now())
    return fresh.model_copy(update={"version": user.version + 1})


def _created(deps: ApiDeps, person: Person, said: dict[str, object]) -> User:
    now, stem = deps.clock.now(), _stem(person)
    for number in range(1, TRIES + 1):
        name = stem if number == 1 else f"{stem}-{number}"
        if deps.store.get(User, name) is not None:
            continue
        bare = User(
            name=name, oidc_issuer=person.issuer, oidc_subject=person.subject, created_at=now
        )
        user = bare.model_copy(update=said)
        event = Event(
            at=now,
            actor="sign-in",
            kind="user.created",
            subject=f"user:{name}",
            why=person.issuer[:255],
        )
        try:
            deps.store.apply(Change(insert=(user,), events=(event,)), now=now)
        except Conflict:
            continue
        return user
    raise OidcRefused("no name is free for this person")


def _stem(person: Person) -> str:
    """A name in our form, near what the provider calls them."""
    said = (person.name or person.email).partition("@")[0].lower()
    return re.sub(r"[^a-z0-9]+", "-", said)[:NAME_MAX].strip("-") or "person"
