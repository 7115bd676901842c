"""Plans from files, without a service: to look at, to draw, to compare."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic import ValidationError
from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from pods.answering import Output, OutputOption, fail, read_file, write, write_file
from pods.chart import chart_svg, chart_text
from pods.differences import Change
from pods.plan import Plan
from pods.plan_diff import told_differences
from pods.render import render_plan

PLAN_BYTES_MAX = 64 * 1024 * 1024
"""A plan of 20,000 hosts takes about a third of it."""

PlanArgument = Annotated[
    Path, typer.Argument(metavar="PLAN", help="A plan in JSON, as a plan command with -o json.")
]


plan_app = typer.Typer(no_args_is_help=True, help="Show, draw and compare plans from files.")


@plan_app.command("show")
def show_plan(
    plan: PlanArgument,
    chart: Annotated[  # noqa: FBT002 - a flag of the command line
        bool, typer.Option("--chart", help="Draw power over time against the budgets.")
    ] = False,
    svg: Annotated[
        Path | None, typer.Option("--svg", metavar="FILE", help="Write the chart as SVG.")
    ] = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Show a plan; with --chart its power over time, with --svg the same as a picture.

    Example: podyard plan show plan.json --chart --svg plan.svg
    """
    found = read_plan(plan)
    if svg is not None:
        write_file(svg, chart_svg(found))
    write(
        found.model_dump(mode="json"),
        output,
        lambda: chart_text(found) if chart else render_plan(found),
    )


@plan_app.command("diff")
def diff_plans(
    before: PlanArgument, after: PlanArgument, output: OutputOption = Output.TABLE
) -> None:
    """Show what differs between two plans, by host and by feed.

    Example: podyard plan diff approved.json now.json
    """
    found = told_differences(read_plan(before), read_plan(after))
    write([change.model_dump() for change in found], output, lambda: _table(found))


def read_plan(path: Path) -> Plan:
    """The plan in a file: a plan itself, or an answer of the service that holds one."""
    try:
        value: Any = json.loads(read_file(path, limit_bytes=PLAN_BYTES_MAX))
        if isinstance(value, dict) and isinstance(value.get("plan"), dict):
            value = value["plan"]
        return Plan.model_validate_json(json.dumps(value))
    except (ValueError, RecursionError) as error:
        first = error.errors()[0] if isinstance(error, ValidationError) else None
        reason = f"{'.'.join(map(str, first['loc']))}: {first['msg']}" if first else str(error)
        fail(
            f"{path} holds no plan: {reason.removeprefix(': ')}",
            hint="write one with `podyard spec plan`, option -o json",
        )


def _table(found: tuple[Change, ...]) -> RenderableType:
    if not found:
        return Text("no difference")
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for column in ("what", "before", "after"):
        table.add_column(column, overflow="fold")
    for change in found:
        table.add_row(*(Text(value) for value in (change.path, change.before, change.after)))
    return Group(table)
