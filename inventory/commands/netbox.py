"""`podyard netbox`: what would change there, doing it, and what differs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Annotated, Any

import typer
from rich.console import Group, RenderableType
from rich.text import Text

from inventory.client import Service, ServiceError, service
from inventory.printing import Output, OutputOption, pairs, printable, say, until, write

netbox_app = typer.Typer(
    no_args_is_help=True,
    help="Keep NetBox and podyard true to each other.\n\nExample: podyard netbox plan",
)
DeleteOption = Annotated[
    bool, typer.Option("--delete", help="Also remove what is ours there and here no more.")
]
TimeoutOption = Annotated[
    float, typer.Option("--timeout", min=1, help="Seconds to wait; NetBox takes 14 devices/s.")
]
SIGNS = {"create": ("+", "green"), "change": ("~", "yellow"), "delete": ("-", "red")}
SHOWN_MOST = 200  # a first push has thousands of steps: the counts say it, `-o json` has them all
STATUS = (
    "url", "version", "push", "owner", "running", "looked_at", "pushed_at", "problem", "hint",
)  # fmt: skip


@netbox_app.command("status")
def show_status(output: OutputOption = Output.TABLE) -> None:
    """Show how the two get on.

    Example: podyard netbox status
    """
    with service() as api:
        found = api.get("/api/netbox")
    if not found["configured"]:
        say("no NetBox is configured: set PODYARD_NETBOX_URL for podyard serve")
    write(found, output, lambda: pairs({**found, **found["drift"]}, (*STATUS, *found["drift"])))


@netbox_app.command("check")
def check_netbox(timeout_s: TimeoutOption = 120, output: OutputOption = Output.TABLE) -> None:
    """Check address, token, version and status map, without writing anything.

    Example: podyard netbox check
    """
    with service() as api:
        result = _errand(api, {"errand": "check"}, timeout_s=timeout_s)
    found = {"version": result["version"], "ready": True}
    write(found, output, lambda: pairs(found, ("version", "ready")))


@netbox_app.command("plan")
def plan_netbox(
    *,
    delete: DeleteOption = False,
    timeout_s: TimeoutOption = 600,
    output: OutputOption = Output.TABLE,
) -> None:
    """Show what a push would create, change and delete; nothing is written.

    Example: podyard netbox plan -o json
    """
    with service() as api:
        result = _errand(api, {"errand": "plan", "delete": delete}, timeout_s=timeout_s)
    write(result, output, lambda: _plan_table(result))


@netbox_app.command("apply")
def apply_netbox(
    *,
    delete: DeleteOption = False,
    digest: Annotated[str, typer.Option(help="Only the plan with this digest.")] = "",
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    timeout_s: TimeoutOption = 3600,
    output: OutputOption = Output.TABLE,
) -> None:
    """Show the plan, ask, and do it; what people own in NetBox is taken over, not overwritten.

    Example: podyard netbox apply --yes
    """
    with service() as api:
        if not digest:
            shown = _errand(api, {"errand": "plan", "delete": delete}, timeout_s=timeout_s)
            if output is Output.TABLE:
                write(shown, output, lambda: _plan_table(shown))
            if not yes and not typer.confirm("do this?", err=True):
                raise typer.Exit(1)
            digest = shown["digest"]
        body = {"errand": "apply", "delete": delete, "digest": digest}
        result = _errand(api, body, timeout_s=timeout_s)
    write(result, output, lambda: _applied_table(result))
    if result["applied"]["failed"]:
        raise typer.Exit(1)


@netbox_app.command("drift")
def show_drift(
    *,
    look: Annotated[bool, typer.Option("--look", help="Look at NetBox now.")] = False,
    timeout_s: TimeoutOption = 600,
    output: OutputOption = Output.TABLE,
) -> None:
    """Show what differed at the last look; the exit code is 1 when anything did.

    Example: podyard netbox drift --look
    """
    with service() as api:
        if look:
            _errand(api, {"errand": "plan"}, timeout_s=timeout_s)
        found = api.get("/api/netbox/drift")
    if found["at"] is None:
        raise ServiceError(
            "podyard has not looked at NetBox yet", hint="podyard netbox drift --look"
        )
    write(found, output, lambda: _drift_table(found))
    if any(found[part] for part in ("steps", "refused", "orphans", "intents")):
        raise typer.Exit(1)


def _errand(api: Service, body: dict[str, Any], *, timeout_s: float) -> dict[str, Any]:
    """Begin it and wait for its end."""
    run = api.post("/api/netbox/runs", body)
    run = until(
        lambda: api.get(f"/api/netbox/runs/{run['id']}"),
        lambda found: found["state"] != "running",
        timeout_s=timeout_s,
        what=f"{body['errand']} at NetBox is still under way",
        progress=lambda found: f"{found['errand']}: {found['state']}",
    )
    if run["state"] == "failed":
        raise ServiceError(run["problem"], hint=run["hint"])
    return dict(run["result"])


def _plan_table(plan: dict[str, Any]) -> RenderableType:
    lines = [*_steps(plan["steps"]), *_told(plan)]
    counts = plan["counts"]
    summary = (
        f"Plan: {counts['create']} to create, {counts['change']} to change, "
        f"{counts['delete']} to delete."
    )
    if not any(counts.values()):
        summary = "No changes: NetBox shows what podyard knows."
    return Group(*lines, Text(summary, style="bold"), Text(f"digest {plan['digest']}", style="dim"))


def _steps(steps: Sequence[dict[str, Any]]) -> Iterator[Text]:
    for step in steps[:SHOWN_MOST]:
        sign, style = SIGNS[step["act"]]
        yield Text(f"{sign} {step['kind']} {printable(str(step['name']))}", style=style)
        if step["act"] == "change":
            for name, change in step["fields"].items():
                old, new = (printable(str(change[part])) for part in ("old", "new"))
                yield Text(f"    {name}: {old} → {new}")
        if step["journal"]:
            yield Text(f"    + journal entry: {printable(step['journal'])}")
    if len(steps) > SHOWN_MOST:
        yield Text(f"… and {len(steps) - SHOWN_MOST} more; -o json has them all", style="dim")


def _told(found: dict[str, Any]) -> Iterator[Text]:
    for one in found["intents"]:
        yield Text(
            printable(
                f"← {one['name']} {one['field']}: NetBox says {one['netbox']}, "
                f"podyard {one['podyard']}"
            ),
            style="cyan",
        )
    for one in found["orphans"]:
        yield Text(
            printable(
                f"? {one['kind']} {one['name']} ({one['netbox_id']}) is ours there, not here"
            ),
            style="magenta",
        )
    yield from _refused(found["refused"])


def _refused(found: Iterable[dict[str, Any]]) -> Iterator[Text]:
    for one in found:
        yield Text(printable(f"! {one['name']}: {one['why']}"), style="bold red")
        if one["hint"]:
            yield Text(printable(f"    hint: {one['hint']}"))


def _applied_table(result: dict[str, Any]) -> RenderableType:
    done = result["applied"]
    pulled = [
        Text(printable(f"← {one['name']} {one['field']}: {one['old']} → {one['new']}"))
        for one in result["pulled"]
    ]
    summary = (
        f"Applied: {done['created']} created, {done['changed']} changed, "
        f"{done['deleted']} deleted, {done['journaled']} journal entries, "
        f"{len(done['failed'])} refused."
    )
    return Group(*pulled, *_refused(done["failed"]), Text(summary, style="bold"))


def _drift_table(drift: dict[str, Any]) -> RenderableType:
    lines = [*_steps(drift["steps"]), *_told(drift)]
    return Group(*(lines or [Text("No drift: both sides say the same.", style="bold")]))
