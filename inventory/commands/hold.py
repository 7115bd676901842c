"""`podyard hold` and `podyard status`: stop everything, and see how everything stands.

The hold works with the API down: on the service's machine it is a file in the service's directory
and a note in its database, both written here, without asking anybody. Elsewhere the API is asked.
"""

from __future__ import annotations

import getpass
from contextlib import closing
from typing import Annotated, Any

import typer
from rich.console import Group, RenderableType
from rich.text import Text

from inventory.client import REFUSED, service
from inventory.clock import SystemClock
from inventory.commands.backup import DatabaseOption, StateOption
from inventory.errors import InventoryError
from inventory.printing import Output, OutputOption, age, pairs, printable, rows, say, write
from inventory.statedir import StateDirectory, default_state

USAGE = 2


def hold(
    *,
    reason: Annotated[str, typer.Option(help="Why, for whoever finds everything still.")] = "",
    release: Annotated[bool, typer.Option("--release", help="Let the fleet go on.")] = False,
    state: StateOption = None,
    database: DatabaseOption = "",
    output: OutputOption = Output.TABLE,
) -> None:
    """Begin nothing new on any host, also when the API is down; an update under way ends first.

    Example: podyard hold --reason "bad BIOS image"
    """
    if bool(reason.strip()) is release:
        say("error: give one of --reason TEXT and --release\nhint: podyard status shows the hold")
        raise typer.Exit(USAGE)
    directory = StateDirectory((state or default_state()).resolve())
    if state is not None or database or _has_service(directory):
        _here(directory, database, reason=reason.strip(), release=release, output=output)
        return
    with service() as api:
        found = api.delete("/api/hold") if release else api.post("/api/hold", {"reason": reason})
    say("the fleet goes on" if release else "the fleet is on hold")
    write(found, output, lambda: _table(found))


def status(output: OutputOption = Output.TABLE) -> None:
    """Say how everything stands: hosts by state and problem, and whether the fleet is on hold.

    Example: podyard status
    """
    with service() as api:
        found = api.get("/api/status")
    write(found, output, lambda: _table(found))


def _has_service(directory: StateDirectory) -> bool:
    return (directory.path / "lock").exists()


def _here(
    directory: StateDirectory, database: str, *, reason: str, release: bool, output: Output
) -> None:
    """File first: it needs nothing else to be well. Then the note, for controllers elsewhere."""
    from inventory import holding  # noqa: PLC0415 - the server extra

    clock, by = SystemClock(), f"local user {getpass.getuser()}"
    if not directory.path.is_dir():
        say(f"error: there is no directory {directory.path}: no controller would look there")
        say("hint: give the service's directory: --state DIR")
        raise typer.Exit(REFUSED)
    if not release:
        holding.hold(None, directory.hold, reason=reason, by=by, now=clock.now())
    trouble = _noted(directory, database, reason=reason, by=by, release=release)
    if release and not trouble:
        holding.release(None, directory.hold, by=by, clock=clock)
    where = ("file",) if trouble else ("file", "database")
    if trouble:
        say(f"warning: {trouble}")
    if release and trouble:
        say("error: the fleet may still be on hold: the note in the database was not removed")
        say("hint: try again when the database answers")
        raise typer.Exit(REFUSED)
    say("the fleet goes on" if release else "the fleet is on hold: nothing new is begun")
    data: dict[str, Any] = {
        "held": not release,
        "reason": reason,
        "by": by,
        "where": [] if release else where,
        "file": str(directory.hold),
    }
    write(data, output, lambda: pairs(data, tuple(data)))


def _noted(directory: StateDirectory, database: str, *, reason: str, by: str, release: bool) -> str:
    """Write or remove the note; what went wrong, empty when nothing did."""
    from inventory import holding  # noqa: PLC0415 - the server extra
    from inventory.store.sql import SqlStore  # noqa: PLC0415 - the same

    clock = SystemClock()
    try:
        with closing(SqlStore.open(database or directory.existing_database_url())) as store:
            if release:
                holding.release(store, directory.hold, by=by, clock=clock)
            else:
                holding.hold(store, None, reason=reason, by=by, now=clock.now())
    except InventoryError as error:
        return f"the database was not told: {error}"
    return ""


def _table(found: dict[str, Any]) -> RenderableType:
    held = found["hold"]
    lines: list[RenderableType] = []
    if held:
        since = f" ({age(held['since'])})" if held["since"] else ""
        where = ", ".join(held["where"])
        lines += [
            Text(printable(f"ON HOLD{since} by {held['by']}: {held['reason']}"), style="bold red"),
            Text(f"it stands in: {where}; podyard hold --release lets the fleet go on"),
        ]
    if found["watching_only"]:
        lines.append(Text(printable(found["watching_only"]), style="yellow"))
    if not lines:
        lines.append(Text("nothing holds the fleet"))
    states = [{"state": name, "hosts": count} for name, count in found["hosts"].items()]
    lines += [Text(), rows(states, ("state", "hosts"))]
    if found["problems"]:
        kinds = [{"problem": name, "hosts": count} for name, count in found["problems"].items()]
        lines += [Text(), rows(kinds, ("problem", "hosts"))]
    if found.get("sites"):
        columns = ("site", "at_work", "at_once", "most", "narrowed")
        lines += [Text(), Text("hosts worked on at once"), rows(found["sites"], columns)]
    return Group(*lines)
