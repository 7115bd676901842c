"""Who may log in to a BMC: listed, added, given another password, removed.

A password is in a request's body and nowhere else; the session takes it out of whatever the BMC
echoes. Two makes of account tables exist: those that grow by a POST, and those with a fixed number
of slots of which the free ones have no user name and are filled by a PATCH.
"""

from __future__ import annotations

from pydantic import SecretStr

from provisioning.drivers.capabilities import (
    BmcAccount,
    BmcRole,
    Capability,
    PasswordPolicy,
    lacking,
)
from provisioning.drivers.redfish.answers import Json, reference, text
from provisioning.drivers.redfish.resources import Resources
from provisioning.errors import BmcRefused, PasswordRefused, Unsupported


async def accounts(resources: Resources) -> tuple[BmcAccount, ...]:
    """Everybody who may log in; free slots are nobody."""
    return tuple(_account(one) for one in await _slots(resources) if text(one.get("UserName")))


async def password_policy(resources: Resources) -> PasswordPolicy:
    """The bounds that the AccountService tells; what it leaves out or garbles is no bound."""
    service = await resources.optional_body(
        reference(await resources.session.root(), "AccountService")
    )
    return PasswordPolicy(
        length_min=_length(service.get("MinPasswordLength")) or 0,
        length_max=_length(service.get("MaxPasswordLength")) or None,
    )


async def create_account(
    resources: Resources, username: str, password: SecretStr, role: BmcRole
) -> BmcAccount:
    """Add somebody; a name that is taken is refused before anything is sent."""
    slots = await _slots(resources)
    if any(text(one.get("UserName")) == username for one in slots):
        raise BmcRefused(
            f"{resources.session.label}: user name {text(username)!r} is taken",
            hint="choose another name; an account of somebody else is never taken over",
        )
    body: Json = {
        "UserName": username,
        "Password": password.get_secret_value(),
        "RoleId": role.value,
        "Enabled": True,
    }
    free = next((one for one in slots if _is_free(one)), None)
    if free is None:
        await resources.session.post(await _collection(resources), body)
    else:
        await resources.session.patch(reference(free) or "", body, etag=_etag(free))
    return _account(await _of(resources, username))


async def set_account_password(resources: Resources, username: str, password: SecretStr) -> None:
    """Replace a password."""
    found = await _of(resources, username)
    body: Json = {"Password": password.get_secret_value()}
    try:
        await resources.session.patch(reference(found) or "", body, etag=_etag(found))
    except BmcRefused as error:
        if error.status not in _NOT_LIKED:
            raise
        raise PasswordRefused(str(error), status=error.status, hint=error.hint) from error


async def delete_account(resources: Resources, username: str) -> None:
    """Remove somebody; nobody of that name is fine."""
    slots = await _slots(resources)
    found = next((one for one in slots if text(one.get("UserName")) == username), None)
    if found is None:
        return
    path = reference(found) or ""
    try:
        await resources.session.delete(path)
    except (BmcRefused, Unsupported) as error:
        if isinstance(error, BmcRefused) and error.status != _NOT_ALLOWED:
            raise
        # Slots cannot be deleted, only emptied.
        await resources.session.patch(path, {"Enabled": False, "UserName": ""}, etag=_etag(found))


_NOT_ALLOWED = 405
_NOT_LIKED = frozenset({400, 422})
"""How BMCs refuse a password that their policy forbids; any other refusal is about the asking."""
LENGTH_MAX = 1024  # what a record takes of a password


async def _collection(resources: Resources) -> str:
    root = await resources.session.root()
    service = await resources.optional_body(reference(root, "AccountService"))
    path = reference(service, "Accounts")
    if path is None:
        raise lacking(Capability.ACCOUNTS, where=resources.session.label)
    return path


async def _slots(resources: Resources) -> list[Json]:
    return await resources.members(await _collection(resources))


async def _of(resources: Resources, username: str) -> Json:
    for one in await _slots(resources):
        if text(one.get("UserName")) == username:
            return one
    raise BmcRefused(
        f"{resources.session.label}: no account is called {text(username)!r}",
        hint="it may have been renamed or removed at the BMC: list its accounts",
    )


def _length(value: object) -> int | None:
    """A length that a password may have; 0 and absurd bounds stand for none."""
    usable = isinstance(value, int) and not isinstance(value, bool) and 0 < value <= LENGTH_MAX
    return value if usable and isinstance(value, int) else None


def _is_free(slot: Json) -> bool:
    return "UserName" in slot and not text(slot.get("UserName"))


def _account(found: Json) -> BmcAccount:
    return BmcAccount(
        id=text(found.get("Id")),
        username=text(found.get("UserName")),
        role=text(found.get("RoleId")),
        enabled=found.get("Enabled") is not False,
    )


def _etag(found: Json) -> str | None:
    etag = found.get("@odata.etag")
    return etag if isinstance(etag, str) and etag.isprintable() else None
