"""`podyard host import|expected|enrol|unexpect`: hosts on their way, and what becomes of them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

import typer
from rich.console import Group, RenderableType
from rich.text import Text

from inventory.client import ServiceError, service
from inventory.commands.verbs import host_app
from inventory.expected_hosts import LIST_MAX_BYTES
from inventory.printing import Output, OutputOption, pairs, printable, rows, say, until, write

__all__ = ["host_app"]  # with the commands of this file in it

COLUMNS = ("name", "pod", "slot", "serial", "bmc", "enrol", "is")
FAULT_COLUMNS = ("line", "column", "value", "message", "hint")
COUNTS = ("rows", "created", "updated", "unchanged", "hosts")
NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="The expected host's name.")]


@host_app.command("import")
def import_hosts(
    file: Annotated[
        Path | None, typer.Argument(metavar="FILE", help="A list as CSV.", show_default=False)
    ] = None,
    *,
    netbox: Annotated[bool, typer.Option("--netbox", help="Read NetBox's devices instead.")] = (
        False
    ),
    pod: Annotated[
        str, typer.Option(help="With --netbox: the pod whose slots they fill, by rack and unit.")
    ] = "",
    account: Annotated[
        str, typer.Option(help="With --netbox: the factory account that they come with.")
    ] = "",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say what it would write.")
    ] = False,
    output: OutputOption = Output.TABLE,
) -> None:
    """Take in hosts that are expected, from a list or from NetBox; all rows or none.

    Columns are name, pod, slot and serial, and where known uuid, mac, bmc, fingerprint, account or
    username and password, and enrol. A list may be imported again: a row is known by its name.

    Example: podyard host import delivery.csv --dry-run
    """
    if netbox:
        if file is not None or not pod:
            raise ServiceError(
                "--netbox reads no file, and needs --pod",
                hint="podyard host import --netbox --pod lab --account dell",
            )
        done = _from_netbox({"pod": pod, "account": account, "dry_run": dry_run})
    elif file is None:
        raise ServiceError("no list was given", hint="podyard host import delivery.csv --dry-run")
    else:
        raw = _read(file)
        with service() as api:
            asked = "true" if dry_run else ""
            done = api.send("/api/expected-hosts/import", raw, "text/csv", dry_run=asked)
    write(done, output, lambda: _import_table(done))
    if done["faults"]:
        say(f"{len(done['faults'])} faults: nothing was written")
        raise typer.Exit(1)
    say("nothing was written" if not done["written"] else "written; next: podyard bmc discover")


@host_app.command("expected")
def list_expected(
    *,
    pod: Annotated[str, typer.Option(help="Only of this pod.")] = "",
    waiting: Annotated[bool, typer.Option("--waiting", help="Only those that are no host.")] = (
        False
    ),
    search: Annotated[str, typer.Option("--search", "-q", help="Words to look for.")] = "",
    output: OutputOption = Output.TABLE,
) -> None:
    """List hosts that are expected, and what became of them.

    Example: podyard host expected --waiting
    """
    asked = {"pod": pod, "q": search, "host_id__empty": "true" if waiting else ""}
    with service() as api:
        found = sorted(api.all("/api/expected-hosts", **asked), key=lambda one: one["name"])
    write(found, output, lambda: rows([_line(one) for one in found], COLUMNS))


@host_app.command("enrol")
def enrol_hosts(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="[NAME]...", help="Which ones.")
    ] = None,
    *,
    every: Annotated[bool, typer.Option("--all", help="All whose BMC was found.")] = False,
    output: OutputOption = Output.TABLE,
) -> None:
    """Make hosts of expected ones whose BMC was found; their inspection begins at once.

    The certificate that discovery saw is pinned, and the factory account is logged in to.

    Example: podyard host enrol r1-h1 r1-h2
    """
    if bool(names) == every:
        raise ServiceError("give names, or --all", hint="podyard host enrol r1-h1 r1-h2")
    with service() as api:
        done = api.post("/api/expected-hosts/enrol", {"names": names or []})
    columns = ("name", "host", "why", "hint")
    write(done, output, lambda: rows(done["results"], columns))
    if done["refused"]:
        raise typer.Exit(1)


@host_app.command("unexpect")
def unexpect_host(name: NameArgument) -> None:
    """Expect a host no more; its factory password is forgotten, and a host that it became stays.

    Example: podyard host unexpect r1-h9
    """
    with service() as api:
        api.delete(f"/api/expected-hosts/{quote(name, safe='')}")
    say(f"{name} is expected no more")


def _read(file: Path) -> bytes:
    try:
        with file.open("rb") as opened:
            raw = opened.read(LIST_MAX_BYTES + 1)
    except OSError as error:
        raise ServiceError(
            f"cannot read {file}: {error.strerror}", hint="give the path of a CSV file"
        ) from error
    if len(raw) > LIST_MAX_BYTES:
        raise ServiceError(f"{file} is over 4 MiB", hint="import it in parts")
    return raw


def _from_netbox(asked: dict[str, Any]) -> dict[str, Any]:
    with service() as api:
        run = api.post("/api/netbox/runs", {"errand": "import", **asked})
        run = until(
            lambda: api.get(f"/api/netbox/runs/{run['id']}"),
            lambda found: found["state"] != "running",
            timeout_s=600,
            what="the import from NetBox is still under way",
            progress=lambda found: f"import from NetBox: {found['state']}",
        )
    if run["state"] == "failed":
        raise ServiceError(run["problem"], hint=run["hint"])
    return dict(run["result"])


def _import_table(done: dict[str, Any]) -> RenderableType:
    if done["faults"]:
        return rows(done["faults"], FAULT_COLUMNS)
    return Group(pairs(done, COUNTS), Text(printable("" if done["written"] else "not written")))


def _line(one: dict[str, Any]) -> dict[str, Any]:
    by = ", ".join(one["matched_by"])
    told = "a host" if one["host_id"] else f"found by {by}" if one["found"] else "not found yet"
    return {**one, "is": f"{told}: {one['why']}" if one["why"] else told}
