"""Who may log in over IPMI: listed, added, given another password, removed.

IPMI has a table of numbered users and no more: a free one has no name, and the first has none that
could be changed. A password travels inside the encrypted session (suites 17 and 3 both encrypt) and
is sent once. The standard has room for 20 bytes; BMCs that know IPMI 1.5's 16 alone cut off a
longer one and say that all is well (OpenIPMI's does), and nobody gets in any more. So 16 it is.
"""

from __future__ import annotations

from pydantic import SecretStr

from provisioning.drivers.capabilities import BmcAccount, BmcRole, PasswordPolicy
from provisioning.drivers.ipmi.session import USERNAME_BYTES_MAX, IpmiSession
from provisioning.errors import BmcRefused, PasswordRefused, Unsupported

_APPLICATION = 0x06
_SET_ACCESS, _GET_ACCESS, _SET_NAME, _GET_NAME, _SET_PASSWORD = 0x43, 0x44, 0x45, 0x46, 0x47
_THIS_CHANNEL = 0x0E
_DISABLE, _ENABLE, _SET = 0, 1, 2
_DISABLED = 0x02
"""How user access spells it, in the two bits above the count of users."""
PASSWORD_BYTES_MAX = 16
"""Of one that is set; one of 20 that a person gave opens a BMC as well."""
_CHANGE_ACCESS, _MESSAGING = 0x80, 0x10
_NO_ACCESS = 0x0F
_FIRST_NAMED = 2
"""User 1 has no name and never gets one."""
_USERS_MAX = 63
_NOBODY = frozenset({0xC9, 0xCB, 0xCC})
"""How BMCs answer for the name or the rights of a user that was never made."""
_DISLIKED = frozenset({0x80, 0x81, 0xC7, 0xC8, 0xCC})
"""How BMCs refuse a password: its length, or what is in it."""
_ROLES = {
    BmcRole.ADMINISTRATOR: 0x04,
    BmcRole.OPERATOR: 0x03,
    BmcRole.READ_ONLY: 0x02,
}
_NO_ROLE = "NoAccess"


async def accounts(session: IpmiSession) -> tuple[BmcAccount, ...]:
    """Everybody who may log in; users without a name are nobody."""
    numbers = range(1, await _users_max(session) + 1)
    names = {number: await _name(session, number) for number in numbers}
    return tuple([await _account(session, number, name) for number, name in names.items() if name])


def password_policy() -> PasswordPolicy:
    """What every BMC has room for; what else one wants, no command tells."""
    return PasswordPolicy(length_max=PASSWORD_BYTES_MAX)


async def create_account(
    session: IpmiSession, username: str, password: SecretStr, role: BmcRole
) -> BmcAccount:
    """Add somebody: named and given a password first, and let in last."""
    raw = username.encode()
    if not raw or len(raw) > USERNAME_BYTES_MAX:
        raise BmcRefused(
            f"{session.label}: user name of {len(raw)} bytes; IPMI has room for 1 to "
            f"{USERNAME_BYTES_MAX}",
            hint="choose a shorter name",
        )
    number = await _free(session, username)
    await _change(session, _SET_NAME, number, *raw.ljust(USERNAME_BYTES_MAX, b"\0"))
    await _set_password(session, number, password)
    await _set_access(session, number, _MESSAGING, _ROLES[role])
    await _change(session, _SET_PASSWORD, number, _ENABLE)
    return await _account(session, number, username)


async def set_account_password(session: IpmiSession, username: str, password: SecretStr) -> None:
    """Replace a password."""
    number = await _number(session, username)
    if number is None:
        raise BmcRefused(
            f"{session.label}: no account is called {username!r}",
            hint="it may have been renamed or removed at the BMC: list its accounts",
        )
    await _set_password(session, number, password)


async def delete_account(session: IpmiSession, username: str) -> None:
    """Shut somebody out, then take the name away; nobody of that name is fine."""
    number = await _number(session, username)
    if number is None:
        return
    await _change(session, _SET_PASSWORD, number, _DISABLE)
    await _set_access(session, number, 0, _NO_ACCESS)
    await _change(session, _SET_NAME, number, *bytes(USERNAME_BYTES_MAX))


async def _set_password(session: IpmiSession, number: int, password: SecretStr) -> None:
    raw = password.get_secret_value().encode()
    if not raw or len(raw) > PASSWORD_BYTES_MAX:
        raise PasswordRefused(
            f"{session.label}: a password of {len(raw)} bytes; every IPMI BMC has room for 1 to "
            f"{PASSWORD_BYTES_MAX}, and some cut off the rest",
            hint="give this account a shorter password",
        )
    padded = raw.ljust(PASSWORD_BYTES_MAX, b"\0")
    try:
        await _change(session, _SET_PASSWORD, number, _SET, *padded)
    except BmcRefused as error:
        if error.status not in _DISLIKED:
            raise
        raise PasswordRefused(str(error), status=error.status, hint=error.hint) from None


async def _set_access(session: IpmiSession, number: int, flags: int, privilege: int) -> None:
    first = _CHANGE_ACCESS | flags | _THIS_CHANNEL
    await _change(session, _SET_ACCESS, first, number, privilege, 0)


async def _change(session: IpmiSession, command: int, *data: int) -> None:
    await session.change(_APPLICATION, command, *data)


async def _free(session: IpmiSession, username: str) -> int:
    """The first user without a name; a name that is taken is refused before anything is sent."""
    free = None
    for number in range(_FIRST_NAMED, await _users_max(session) + 1):
        name = await _name(session, number)
        if name == username:
            raise BmcRefused(
                f"{session.label}: user name {username!r} is taken",
                hint="choose another name; an account of somebody else is never taken over",
            )
        if not name and free is None:
            free = number
    if free is None:
        raise BmcRefused(
            f"{session.label}: all of its IPMI users have names",
            hint="remove one that nobody uses in the BMC's own web page",
        )
    return free


async def _number(session: IpmiSession, username: str) -> int | None:
    for number in range(1, await _users_max(session) + 1):
        if await _name(session, number) == username:
            return number
    return None


async def _users_max(session: IpmiSession) -> int:
    told = await _access(session, _FIRST_NAMED) or await _access(session, 1)
    if not told:
        raise Unsupported(
            f"{session.label}: the BMC does not tell its IPMI users",
            hint="change the account in the BMC's own web page",
        )
    return min(told[0] & 0x3F, _USERS_MAX)


async def _account(session: IpmiSession, number: int, name: str) -> BmcAccount:
    told = await _access(session, number)
    privilege = told[3] & 0x0F if told else _NO_ACCESS
    role = next((role for role, code in _ROLES.items() if code == privilege), _NO_ROLE)
    enabled = bool(told) and told[1] >> 6 != _DISABLED and privilege != _NO_ACCESS
    return BmcAccount(id=str(number), username=name, role=str(role), enabled=enabled)


async def _access(session: IpmiSession, number: int) -> bytes:
    """Four bytes: how many users there are, how many may log in, fixed names, this one's rights."""
    try:
        told = await session.read(_APPLICATION, _GET_ACCESS, _THIS_CHANNEL, number)
    except BmcRefused as error:
        if error.status not in _NOBODY:
            raise
        return b""
    return told if len(told) >= 4 else b""  # noqa: PLR2004 - see above


async def _name(session: IpmiSession, number: int) -> str:
    try:
        told = await session.read(_APPLICATION, _GET_NAME, number)
    except BmcRefused as error:
        if error.status not in _NOBODY:
            raise
        return ""
    name = told[:USERNAME_BYTES_MAX].partition(b"\0")[0].decode(errors="replace")
    return "".join(c if c.isprintable() else " " for c in name)
