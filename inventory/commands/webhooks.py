"""`podyard webhook`: who is told of events, and what became of it."""

from __future__ import annotations

from typing import Annotated, Any
from urllib.parse import quote

import typer

from inventory.client import service
from inventory.printing import Output, OutputOption, pairs, rows, say, write

webhook_app = typer.Typer(
    no_args_is_help=True,
    help="Tell other software of events.\n\n"
    "Example: podyard webhook create pager https://hooks.example.com/podyard --kind host.parked",
)

COLUMNS = ("name", "url", "kinds", "enabled", "after_seq", "disabled_why")
DELIVERY_COLUMNS = ("event_seq", "state", "attempts", "next_at", "last_status", "last_error")
Name = Annotated[str, typer.Argument(metavar="NAME", help="As `podyard webhook list` shows it.")]


@webhook_app.command("list")
def list_webhooks(output: OutputOption = Output.TABLE) -> None:
    """List receivers.

    Example: podyard webhook list
    """
    with service() as api:
        found = api.all("/api/webhooks")
    write(found, output, lambda: rows(found, COLUMNS))


@webhook_app.command("show")
def show_webhook(name: Name, output: OutputOption = Output.TABLE) -> None:
    """Show a receiver.

    Example: podyard webhook show pager
    """
    with service() as api:
        webhook = api.get(_path(name))
    write(webhook, output, lambda: pairs(webhook, (*COLUMNS, "created_at", "created_by")))


@webhook_app.command("create")
def create_webhook(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Small letters, digits, - and .")],
    url: Annotated[str, typer.Argument(metavar="URL", help="https, on the public internet.")],
    kind: Annotated[
        list[str] | None,
        typer.Option(help="Only these kinds of events; `host.*` for a family. Repeat it."),
    ] = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Make a receiver. Its signing key is printed once, on stdout.

    Example: podyard webhook create pager https://hooks.example.com/podyard --kind host.parked
    """
    with service() as api:
        made = api.post("/api/webhooks", {"name": name, "url": url, "kinds": kind or []})
    _show_key(made, output)


@webhook_app.command("rotate")
def rotate(name: Name, output: OutputOption = Output.TABLE) -> None:
    """Give a receiver a new signing key; for a day the previous one signs beside it.

    Example: podyard webhook rotate pager
    """
    with service() as api:
        made = api.post(f"{_path(name)}/rotate", {})
    _show_key(made, output)


@webhook_app.command("enable")
def enable(name: Name, output: OutputOption = Output.TABLE) -> None:
    """Switch a receiver on: it hears of what happens from now on.

    Example: podyard webhook enable pager
    """
    _switch(name, output, on=True)


@webhook_app.command("disable")
def disable(name: Name, output: OutputOption = Output.TABLE) -> None:
    """Switch a receiver off.

    Example: podyard webhook disable pager
    """
    _switch(name, output, on=False)


@webhook_app.command("replay")
def replay(
    name: Name,
    after: Annotated[int, typer.Option(min=0, help="Events after this number.")],
    until: Annotated[int | None, typer.Option(min=1, help="Up to this number.")] = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Tell events once more, under the ids that they had.

    Example: podyard webhook replay pager --after 1200
    """
    body: dict[str, Any] = {"after": after} | ({"until": until} if until else {})
    with service() as api:
        done = api.post(f"{_path(name)}/replay", body)
    write(done, output, lambda: pairs(done, ("queued", "last")))


@webhook_app.command("deliveries")
def deliveries(
    name: Name,
    state: Annotated[str, typer.Option(help="pending, delivered or failed.")] = "",
    output: OutputOption = Output.TABLE,
) -> None:
    """Show what became of each message.

    Example: podyard webhook deliveries pager --state failed
    """
    with service() as api:
        found = api.all(f"{_path(name)}/deliveries", state=state)
    write(found, output, lambda: rows(found, DELIVERY_COLUMNS))


@webhook_app.command("delete")
def delete(name: Name, output: OutputOption = Output.TABLE) -> None:
    """Remove a receiver, with its keys and what was still to be sent.

    Example: podyard webhook delete pager
    """
    with service() as api:
        gone = api.delete(_path(name))
    write(gone, output, lambda: pairs(gone, COLUMNS))


def _path(name: str) -> str:
    return f"/api/webhooks/{quote(name, safe='')}"


def _switch(name: str, output: Output, *, on: bool) -> None:
    with service() as api:
        webhook = api.patch(_path(name), {"enabled": on})
    write(webhook, output, lambda: pairs(webhook, COLUMNS))


def _show_key(made: dict[str, Any], output: Output) -> None:
    say(f"signing key of {made['webhook']['name']}; this is the only time that it is shown:")
    if output is Output.TABLE:
        typer.echo(made["key"])
    else:
        write(made, output, lambda: "")
