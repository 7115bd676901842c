"""`podyard tenant`, `podyard key` and `podyard usage`: who pays, who may, and how much it was."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any
from urllib.parse import quote

import typer

from inventory.client import service
from inventory.commands.quotas import quota_app
from inventory.printing import Output, OutputOption, pairs, rows, say, write

tenant_app = typer.Typer(
    no_args_is_help=True, help="See and create tenants.\n\nExample: podyard tenant create acme"
)
key_app = typer.Typer(
    no_args_is_help=True,
    help="Make, list, rotate and revoke API keys.\n\nExample: podyard key create --tenant acme",
)

KEY_COLUMNS = (
    "id",
    "title",
    "role",
    "tenant",
    "sites",
    "permissions",
    "read_only",
    "networks",
    "requests_per_minute",
    "expires_at",
    "revoked_at",
    "last_used_at",
)
tenant_app.add_typer(quota_app, name="quota")

LISTED = ("id", "title", "role", "tenant", "expires_at", "revoked_at", "last_used_at")


class KeyRole(StrEnum):
    """What a key may do."""

    VIEWER = "viewer"
    OPERATOR = "operator"
    ADMIN = "admin"
    TENANT = "tenant"


@tenant_app.command("list")
def list_tenants(output: OutputOption = Output.TABLE) -> None:
    """List tenants.

    Example: podyard tenant list
    """
    with service() as api:
        found = api.all("/api/tenants")
    write(found, output, lambda: rows(found, ("name", "created_at")))


@tenant_app.command("create")
def create_tenant(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Small letters, digits, - and .")],
    output: OutputOption = Output.TABLE,
) -> None:
    """Create a tenant.

    Example: podyard tenant create acme
    """
    with service() as api:
        tenant = api.post("/api/tenants", {"name": name})
    say(f"tenant {name} created; make it a key: podyard key create --tenant {name}")
    write(tenant, output, lambda: pairs(tenant, ("name", "created_at")))


@key_app.command("create")
def create_key(
    *,
    role: Annotated[KeyRole, typer.Option(help="What the key may do.")] = KeyRole.TENANT,
    tenant: Annotated[str, typer.Option(help="Whose key it is (role tenant).")] = "",
    valid_days: Annotated[
        int | None, typer.Option(min=1, max=3650, help="Days until it expires; default: never.")
    ] = None,
    requests_per_minute: Annotated[
        int, typer.Option(min=0, help="Limit at the gateway; 0: none.")
    ] = 0,
    title: Annotated[str, typer.Option(help="What it is for.")] = "",
    site: Annotated[
        list[str] | None, typer.Option(help="Where the role holds; again for more. Default: all.")
    ] = None,
    permission: Annotated[
        list[str] | None,
        typer.Option(help="Only this of the role, as `host:read`; again for more."),
    ] = None,
    network: Annotated[
        list[str] | None, typer.Option(help="Only from here, as 10.0.0.0/8; again for more.")
    ] = None,
    read_only: Annotated[bool, typer.Option("--read-only", help="It changes nothing.")] = False,
    output: OutputOption = Output.TABLE,
) -> None:
    """Make a key. Its text is printed once, on stdout, and kept nowhere.

    A key made with a tenant's key gets that key's limit and end at most.

    Example: podyard key create --tenant acme --requests-per-minute 600
    """
    body = {
        "role": role.value,
        "tenant": tenant,
        "valid_days": valid_days,
        "requests_per_minute": requests_per_minute,
        "title": title,
        "sites": site or [],
        "permissions": permission or [],
        "networks": network or [],
        "read_only": read_only,
    }
    with service() as api:
        key = api.post("/api/keys", body)
    _show_once(key, output)


def _show_once(key: dict[str, Any], output: Output) -> None:
    say(f"{key['role']} key {key['id']}; this is the only time that it is shown:")
    if output is Output.TABLE:
        typer.echo(key["text"])
    else:
        write(key, output, lambda: "")


@key_app.command("rotate")
def rotate_key(
    key_id: Annotated[str, typer.Argument(metavar="ID", help="The middle of pyd_<id>_…")],
    overlap_hours: Annotated[
        float, typer.Option(min=0, max=720, help="How long the old one works still.")
    ] = 24.0,
    output: OutputOption = Output.TABLE,
) -> None:
    """Make a key like this one, and let this one end after the overlap.

    Example: podyard key rotate 3f2a9c0d1e2b --overlap-hours 1
    """
    with service() as api:
        path = f"/api/keys/{quote(key_id, safe='')}/rotate"
        key = api.post(path, {"overlap_hours": overlap_hours})
    _show_once(key, output)


@key_app.command("list")
def list_keys(
    tenant: Annotated[str, typer.Option(help="Only keys of this tenant.")] = "",
    output: OutputOption = Output.TABLE,
) -> None:
    """List keys, without their secrets.

    Example: podyard key list --tenant acme
    """
    with service() as api:
        found = api.all("/api/keys", tenant=tenant)
    write(found, output, lambda: rows(found, LISTED))


@key_app.command("revoke")
def revoke_key(
    key_id: Annotated[str, typer.Argument(metavar="ID", help="The middle of pyd_<id>_…")],
    output: OutputOption = Output.TABLE,
) -> None:
    """Revoke a key; it stops working at once.

    Example: podyard key revoke 3f2a9c0d1e2b
    """
    with service() as api:
        key = api.delete(f"/api/keys/{quote(key_id, safe='')}")
    write(key, output, lambda: pairs(key, KEY_COLUMNS))


def show_usage(
    tenant: Annotated[str, typer.Option(help="Only this tenant.")] = "",
    claim: Annotated[str, typer.Option(help="Only this claim.")] = "",
    output: OutputOption = Output.TABLE,
) -> None:
    """Show what was used: tokens and unit-seconds per tenant, claim and model.

    Example: podyard usage --tenant acme
    """
    with service() as api:
        found = api.get("/api/usage", tenant=tenant, claim=claim)
    columns = ("tenant", "claim", "model", "prompt_tokens", "completion_tokens", "unit_seconds")
    write(found, output, lambda: rows(found["results"], columns))
