"""`podyard site|rack|feed|part`: where things stand, what feeds them, and what sits in them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from inventory.client import service
from inventory.printing import Output, OutputOption, pairs, rows, say, write
from inventory.sdk import Podyard

if TYPE_CHECKING:
    from inventory.sdk.models import ChangePart, ListPartsQuery

site_app = typer.Typer(no_args_is_help=True, help="See the sites.\n\nExample: podyard site list")
rack_app = typer.Typer(
    no_args_is_help=True, help="See the racks.\n\nExample: podyard rack list --pod lab"
)
feed_app = typer.Typer(
    no_args_is_help=True,
    help="See the power feeds, and say which are dead.\n\nExample: podyard feed list --pod lab",
)
cdu_app = typer.Typer(
    no_args_is_help=True,
    help="See the cooling units, and say which leak.\n\nExample: podyard cdu list --pod lab",
)
part_app = typer.Typer(
    no_args_is_help=True,
    help="See the parts of hosts, and those that were there before.\n\n"
    "Example: podyard part list --host r1-h1 --history",
)

PAGE = 1000
SiteOption = Annotated[str, typer.Option(help="Only of this site.")]
PodOption = Annotated[str, typer.Option(help="Only of this pod.")]
TagOption = Annotated[
    list[str] | None, typer.Option("--tag", help="Only with this tag; again for more.")
]

FEED_COLUMNS = (
    "name",
    "site",
    "pod",
    "side",
    "amps",
    "volts",
    "phases",
    "continuous_watts",
    "dead",
)
CDU_COLUMNS = ("name", "site", "pod", "rack", "model", "serial", "leak")
PART_COLUMNS = ("host", "slot", "kind", "model", "serial", "installed_at", "removed_at", "rma")


@site_app.command("list")
def list_sites(tag: TagOption = None, output: OutputOption = Output.TABLE) -> None:
    """List sites.

    Example: podyard site list
    """
    with service() as api:
        client = Podyard(api)
        found = client.rest(client.list_sites(tag=tag or [], limit=PAGE))
        _table(found, ("name", "title", "address", "tags"), output)


@site_app.command("show")
def show_site(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The site's name.")],
    output: OutputOption = Output.TABLE,
) -> None:
    """Show one site.

    Example: podyard site show here
    """
    with service() as api:
        _one(Podyard(api).get_site(name), output)


@rack_app.command("list")
def list_racks(
    site: SiteOption = "",
    pod: PodOption = "",
    tag: TagOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """List racks.

    Example: podyard rack list --pod lab
    """
    columns = ("name", "site", "pod", "rack_type", "height_units", "serial", "tags")
    with service() as api:
        client = Podyard(api)
        asked = client.list_racks(site=site, pod=pod, tag=tag or [], limit=PAGE)
        _table(client.rest(asked), columns, output)


@rack_app.command("show")
def show_rack(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The rack's name, or its id.")],
    output: OutputOption = Output.TABLE,
) -> None:
    """Show one rack.

    Example: podyard rack show r1
    """
    with service() as api:
        _one(Podyard(api).get_rack(name), output)


@feed_app.command("list")
def list_feeds(
    site: SiteOption = "",
    pod: PodOption = "",
    tag: TagOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """List power feeds, with what each may carry all day.

    Example: podyard feed list --pod lab
    """
    with service() as api:
        client = Podyard(api)
        asked = client.list_feeds(site=site, pod=pod, tag=tag or [], limit=PAGE)
        _table(client.rest(asked), FEED_COLUMNS, output)


@feed_app.command("show")
def show_feed(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The feed's name, or its id.")],
    output: OutputOption = Output.TABLE,
) -> None:
    """Show one power feed.

    Example: podyard feed show a
    """
    with service() as api:
        _one(Podyard(api).get_feed(name), output)


@feed_app.command("dead")
def feed_is_dead(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The feed's name, or its id.")],
    *,
    why: Annotated[str, typer.Option("--why", metavar="TEXT", help="How that is known.")],
    output: OutputOption = Output.TABLE,
) -> None:
    """Say that a feed gives no power: nothing is started on it until it is back.

    Example: podyard feed dead r1-a --why "breaker 12 is open"
    """
    with service() as api:
        found = Podyard(api).change_feed(name, {"dead": why})
        say(f"feed {name} is dead: hosts on it are not started until podyard feed back {name}")
        _one(found, output)


@feed_app.command("back")
def feed_is_back(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The feed's name, or its id.")],
    *,
    output: OutputOption = Output.TABLE,
) -> None:
    """Say that a feed gives power again: who waited for it goes on.

    Example: podyard feed back r1-a
    """
    with service() as api:
        found = Podyard(api).change_feed(name, {"dead": ""})
        say(f"feed {name} is back")
        _one(found, output)


@cdu_app.command("list")
def list_cdus(
    site: SiteOption = "", pod: PodOption = "", output: OutputOption = Output.TABLE
) -> None:
    """List cooling units, with what closes the loop of each.

    Example: podyard cdu list --pod lab
    """
    with service() as api:
        client = Podyard(api)
        asked = client.list_cdus(site=site, pod=pod, limit=PAGE)
        _table(client.rest(asked), CDU_COLUMNS, output)


@cdu_app.command("leaks")
def cdu_leaks(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The unit's name, or its id.")],
    *,
    why: Annotated[str, typer.Option("--why", metavar="TEXT", help="What was seen.")],
    output: OutputOption = Output.TABLE,
) -> None:
    """Say that a cooling loop leaks: its hosts are shut down, and nothing there is started.

    Example: podyard cdu leaks lab-r1-cdu --why "coolant under the manifold"
    """
    with service() as api:
        found = Podyard(api).change_cdu(name, {"leak": why})
        say(f"the loop of {name} is closed until podyard cdu dry {name}")
        _one(found, output)


@cdu_app.command("dry")
def cdu_is_dry(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The unit's name, or its id.")],
    *,
    output: OutputOption = Output.TABLE,
) -> None:
    """Say that a leak was found and dried: the loop's hosts go on by themselves.

    Example: podyard cdu dry lab-r1-cdu
    """
    with service() as api:
        found = Podyard(api).change_cdu(name, {"leak": ""})
        say(f"the loop of {name} is open")
        _one(found, output)


@part_app.command("list")
def list_parts(
    *,
    host: Annotated[str, typer.Option(help="Only of this host.")] = "",
    slot: Annotated[str, typer.Option(help="Only of this slot, as gpu/GPU3.")] = "",
    serial: Annotated[str, typer.Option(help="Only with this serial number.")] = "",
    history: Annotated[bool, typer.Option("--history", help="Also those that left.")] = False,
    output: OutputOption = Output.TABLE,
) -> None:
    """List parts in their slots; with --history also those that sat there before.

    Example: podyard part list --host r1-h1 --history
    """
    asked: ListPartsQuery = {"host": host, "slot": slot, "serial": serial, "limit": PAGE}
    if not history:
        asked["present"] = True
    with service() as api:
        client = Podyard(api)
        _table(client.rest(client.list_parts(**asked)), PART_COLUMNS, output)


@part_app.command("show")
def show_part(
    part_id: Annotated[str, typer.Argument(metavar="ID", help="As listed with -o json.")],
    output: OutputOption = Output.TABLE,
) -> None:
    """Show one part's stay in a slot.

    Example: podyard part show 3f2a9c0d-1e2b-4c5d-8e9f-0a1b2c3d4e5f
    """
    with service() as api:
        _one(Podyard(api).get_part(part_id), output)


@part_app.command("note")
def note_part(
    part_id: Annotated[str, typer.Argument(metavar="ID", help="As listed with -o json.")],
    *,
    rma: Annotated[str, typer.Option(help="The maker's number of the return.")] = "",
    why: Annotated[str, typer.Option(help="What happened to it.")] = "",
    output: OutputOption = Output.TABLE,
) -> None:
    """Note a return to the maker, or what happened to a part.

    Example: podyard part note 3f2a9c0d-1e2b-4c5d-8e9f-0a1b2c3d4e5f --rma RMA-7731
    """
    body: ChangePart = {}
    if rma:
        body["rma"] = rma
    if why:
        body["why"] = why
    with service() as api:
        _one(Podyard(api).change_part(part_id, body), output)


def _table(found: Iterable[Any], columns: tuple[str, ...], output: Output) -> None:
    ordered = sorted(found, key=lambda one: [str(one.get(column)) for column in columns[:3]])
    write(ordered, output, lambda: rows(ordered, columns))


def _one(found: Mapping[str, Any], output: Output) -> None:
    write(found, output, lambda: pairs(dict(found), tuple(n for n in found if n != "url")))
