"""`podyard tenant quota`: how much each tenant may hold, in a tree."""

from __future__ import annotations

from typing import Annotated, Any
from urllib.parse import quote

import typer

from inventory.client import ServiceError, service
from inventory.printing import Output, OutputOption, pairs, rows, say, write

quota_app = typer.Typer(
    no_args_is_help=True,
    help="Set and show how much tenants may hold.\n\n"
    "Example: podyard tenant quota set acme --limit 96",
)
NameArgument = Annotated[str, typer.Argument(help="A tenant, or a name to put tenants below.")]
QUOTA = (
    "name",
    "parent",
    "weight",
    "guaranteed_b200e",
    "limit_b200e",
    "units_max",
    "priority_max",
    "jobs_queued_max",
    "jobs_running_max",
)


def pair_of(option: str, text: str) -> tuple[str, str]:
    """NAME=VALUE of an option that may be repeated."""
    name, sign, value = text.partition("=")
    if not name or not sign or not value:
        raise typer.BadParameter(f"{option} {text!r} is not NAME=VALUE; hint: {option} NAME=VALUE")
    return name, value


@quota_app.command("set")
def set_quota(
    name: NameArgument,
    *,
    parent: Annotated[
        str | None, typer.Option(help="Above it; fixed once it is set.", show_default=False)
    ] = None,
    weight: Annotated[
        float | None, typer.Option(help="Its part among equals; default: 1.", show_default=False)
    ] = None,
    guaranteed: Annotated[
        float | None,
        typer.Option(help="B200-equivalents that others give back.", show_default=False),
    ] = None,
    limit: Annotated[
        float | None, typer.Option(help="B200-equivalents at most.", show_default=False)
    ] = None,
    no_limit: Annotated[bool, typer.Option("--no-limit", help="Take the limit away.")] = False,
    units_max: Annotated[
        list[str] | None, typer.Option(help="CLASS=N units at most; repeat it.")
    ] = None,
    priority_max: Annotated[
        int | None, typer.Option(help="The highest priority of its claims.", show_default=False)
    ] = None,
    jobs_queued_max: Annotated[
        int | None, typer.Option(min=0, help="Queued jobs that may wait.", show_default=False)
    ] = None,
    jobs_running_max: Annotated[
        int | None, typer.Option(min=0, help="Queued jobs that run at once.", show_default=False)
    ] = None,
    no_jobs_max: Annotated[
        bool, typer.Option("--no-jobs-max", help="Take both limits of jobs away.")
    ] = False,
    output: OutputOption = Output.TABLE,
) -> None:
    """Set a quota; what is not given stays as it is.

    Example: podyard tenant quota set acme --parent research --limit 96 --weight 2
    """
    given = {
        "weight": weight,
        "guaranteed_b200e": guaranteed,
        "limit_b200e": limit,
        "priority_max": priority_max,
        "jobs_queued_max": jobs_queued_max,
        "jobs_running_max": jobs_running_max,
        "units_max": _units_max(units_max) if units_max else None,
    }
    body: dict[str, Any] = {key: value for key, value in given.items() if value is not None}
    if no_limit:
        body["limit_b200e"] = None
    if no_jobs_max:
        body |= {"jobs_queued_max": None, "jobs_running_max": None}
    with service() as api:
        known = any(one["name"] == name for one in api.all("/api/quotas", name=name))
        if known:
            quota = api.patch(_path(name), body)
        else:
            quota = api.post("/api/quotas", {"name": name, "parent": parent or "", **body})
    if parent is not None and quota["parent"] != parent:
        raise ServiceError(
            f"quota {name} stays below {quota['parent'] or 'nobody'}",
            hint=f"its place is fixed: podyard tenant quota remove {name}, then set it anew",
        )
    write(quota, output, lambda: pairs(quota, QUOTA))


@quota_app.command("list")
def list_quotas(output: OutputOption = Output.TABLE) -> None:
    """List quotas.

    Example: podyard tenant quota list
    """
    with service() as api:
        found = sorted(api.all("/api/quotas"), key=lambda one: (one["parent"], one["name"]))
    write(found, output, lambda: rows(found, QUOTA))


@quota_app.command("show")
def show_quota(name: NameArgument, output: OutputOption = Output.TABLE) -> None:
    """Show a quota, and how much is held below it.

    Example: podyard tenant quota show acme
    """
    with service() as api:
        found = api.get(_path(name))
    write(found, output, lambda: pairs(found, (*QUOTA, "held_b200e", "held_units")))


@quota_app.command("remove")
def remove_quota(name: NameArgument) -> None:
    """Remove a quota; what is held stays held.

    Example: podyard tenant quota remove acme
    """
    with service() as api:
        api.delete(_path(name))
    say(f"quota {name} removed: nothing bounds what {name} holds")


def _units_max(given: list[str]) -> dict[str, int]:
    found: dict[str, int] = {}
    for text in given:
        name, value = pair_of("--units-max", text)
        if not value.isdigit():
            raise typer.BadParameter(f"--units-max {text!r} is no number; hint: CLASS=8")
        found[name] = int(value)
    return found


def _path(name: str) -> str:
    return f"/api/quotas/{quote(name, safe='')}"
