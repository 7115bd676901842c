"""`podyard user`: the people who sign in, and what each may do where."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Any
from urllib.parse import quote

import typer

from inventory.client import service
from inventory.printing import Output, OutputOption, pairs, rows, say, write

user_app = typer.Typer(
    no_args_is_help=True,
    help="Add people who sign in, and give them roles.\n\nExample: podyard user list",
)

COLUMNS = ("name", "display", "roles", "tenant", "disabled", "last_login_at")
FIELDS = (
    "name",
    "display",
    "email",
    "roles",
    "tenant",
    "disabled",
    "has_password",
    "oidc_issuer",
    "created_at",
    "password_changed_at",
    "last_login_at",
)


class UserRole(StrEnum):
    """What a person may do."""

    VIEWER = "viewer"
    OPERATOR = "operator"
    ADMIN = "admin"


Name = Annotated[str, typer.Argument(metavar="NAME", help="Small letters, digits, - and .")]
RoleOption = Annotated[UserRole, typer.Option(help="What the person may do.")]
SiteOption = Annotated[str, typer.Option(help="Where; default: at every site.")]
FromStdin = Annotated[
    bool, typer.Option("--password-stdin", help="Read the password from standard input.")
]


@user_app.command("list")
def list_users(output: OutputOption = Output.TABLE) -> None:
    """List everybody who may sign in.

    Example: podyard user list
    """
    with service() as api:
        found = api.all("/api/users")
    write(found, output, lambda: rows([_told(one) for one in found], COLUMNS))


@user_app.command("show")
def show_user(name: Name, output: OutputOption = Output.TABLE) -> None:
    """Show one person.

    Example: podyard user show jane
    """
    with service() as api:
        found = api.get(_path(name))
    _show(found, output)


@user_app.command("create")
def create_user(
    name: Name,
    *,
    role: Annotated[UserRole | None, typer.Option(help="What the person may do.")] = None,
    site: SiteOption = "",
    tenant: Annotated[str, typer.Option(help="Whose person: sees this tenant alone.")] = "",
    display: Annotated[str, typer.Option(help="The name as people write it.")] = "",
    email: Annotated[str, typer.Option(help="An address to reach the person.")] = "",
    password_stdin: FromStdin = False,
    no_password: Annotated[
        bool, typer.Option("--no-password", help="Sign in by OpenID Connect alone.")
    ] = False,
    output: OutputOption = Output.TABLE,
) -> None:
    """Add a person. The password is asked for, or read from standard input.

    Example: podyard user create jane --role operator --site zrh1
    """
    body = {
        "name": name,
        "display": display,
        "email": email,
        "tenant": tenant,
        "grants": [{"role": role.value, "site": site}] if role else [],
        "password": None if no_password else _password(from_stdin=password_stdin),
    }
    with service() as api:
        user = api.post("/api/users", body)
    if not role and not tenant:
        say(f"{name} may do nothing yet: podyard user grant {name} --role viewer")
    _show(user, output)


@user_app.command("set-password")
def set_password(
    name: Name, *, password_stdin: FromStdin = False, output: OutputOption = Output.TABLE
) -> None:
    """Set a new password; it ends every session of this person.

    Example: podyard user set-password jane
    """
    password = _password(from_stdin=password_stdin)
    with service() as api:
        user = api.post(f"{_path(name)}/password", {"password": password})
    _show(user, output)


@user_app.command("grant")
def grant(
    name: Name, role: RoleOption, site: SiteOption = "", output: OutputOption = Output.TABLE
) -> None:
    """Give a role, at one site or everywhere.

    Example: podyard user grant jane --role operator --site zrh1
    """
    with service() as api:
        user = api.post(f"{_path(name)}/grants", {"role": role.value, "site": site})
    _show(user, output)


@user_app.command("revoke")
def revoke(
    name: Name, role: RoleOption, site: SiteOption = "", output: OutputOption = Output.TABLE
) -> None:
    """Take a role away; it counts from the next request on.

    Example: podyard user revoke jane --role operator --site zrh1
    """
    with service() as api:
        user = api.delete(f"{_path(name)}/grants", role=role.value, site=site)
    _show(user, output)


@user_app.command("disable")
def disable(name: Name, output: OutputOption = Output.TABLE) -> None:
    """Let a person in no more; their sessions end at once.

    Example: podyard user disable jane
    """
    with service() as api:
        user = api.post(f"{_path(name)}/disable")
    _show(user, output)


@user_app.command("enable")
def enable(name: Name, output: OutputOption = Output.TABLE) -> None:
    """Let a person in again.

    Example: podyard user enable jane
    """
    with service() as api:
        user = api.post(f"{_path(name)}/enable")
    _show(user, output)


def _path(name: str) -> str:
    return f"/api/users/{quote(name, safe='')}"


def _password(*, from_stdin: bool) -> str:
    """Never an argument: those are seen by everybody on the machine and kept by the shell."""
    if from_stdin:
        return sys.stdin.readline().rstrip("\n")
    typed: str = typer.prompt("password", hide_input=True, confirmation_prompt=True, err=True)
    return typed


def _told(user: Mapping[str, Any]) -> dict[str, Any]:
    roles = [f"{grant['role']} at {grant['site'] or 'every site'}" for grant in user["grants"]]
    return {**user, "roles": roles}


def _show(user: dict[str, Any], output: Output) -> None:
    write(user, output, lambda: pairs(_told(user), FIELDS))
