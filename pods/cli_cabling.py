"""`podyard spec cabling`: the point-to-point sheet of a pod, for people and for NetBox."""

from __future__ import annotations

import json
from typing import Annotated

import typer
from rich import box
from rich.console import Console
from rich.table import Table

from pods import catalogue
from pods.cabling import Cabling, cabling_of, netbox_cable, point_to_point
from pods.errors import PodsError, SpecNotFound

INVALID = 1
USAGE = 2


def cable_spec(
    spec: Annotated[
        str, typer.Argument(metavar="SPEC", help="A shipped spec (lab-4, lab-4@1) or a file.")
    ],
    count: Annotated[int, typer.Option(min=1, help="Pods of this spec that share one fabric.")] = 1,
    csv: Annotated[  # noqa: FBT002 - a flag of the command line
        bool, typer.Option("--csv", help="Write the point-to-point sheet instead of the counts.")
    ] = False,
    netbox: Annotated[  # noqa: FBT002 - a flag of the command line
        bool, typer.Option("--netbox", help="Write the cables as NetBox's bulk import takes them.")
    ] = False,
) -> None:
    """Count a pod's switches and cables, or write every cable with both its ends.

    Example: podyard spec cabling su-b200-32 --count 2 --csv
    """
    if csv and netbox:
        raise typer.BadParameter("choose one of --csv and --netbox")
    try:
        found = catalogue.load(spec)
        cabling = cabling_of(found, count=count)
    except PodsError as error:
        typer.echo(f"error: {error}", err=True)
        if error.hint:
            typer.echo(f"hint: {error.hint}", err=True)
        raise typer.Exit(USAGE if isinstance(error, SpecNotFound) else INVALID) from None
    if csv:
        typer.echo(point_to_point(cabling.cables), nl=False)
    elif netbox:
        typer.echo(json.dumps([netbox_cable(cable) for cable in cabling.cables], indent=2))
    else:
        Console().print(_count_table(cabling))


def _count_table(cabling: Cabling) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("what")
    table.add_column("count", justify="right")
    for tier, count in cabling.switch_counts.items():
        table.add_row(f"{tier} switches", str(count))
    for kind, count in cabling.cable_counts.items():
        table.add_row(f"{kind} cables", str(count))
    return table
