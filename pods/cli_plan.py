"""Plans from files: read, shown, drawn and compared, for the commands that have one.

`podyard plan` itself stands one floor higher, since it also asks the service for a pod's plan.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from pydantic import ValidationError
from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text
from typer.core import TyperCommand

from pods.answering import Output, fail, read_file, write, write_file
from pods.chart import chart_svg, chart_text
from pods.differences import Change
from pods.plan import Plan
from pods.plan_diff import told_differences
from pods.plan_text import render_plan, render_waves

if TYPE_CHECKING:
    from typer._click import Context

PLAN_BYTES_MAX = 64 * 1024 * 1024
"""A plan of 20,000 hosts takes about a third of it."""

ChartOption = Annotated[
    bool,
    typer.Option(
        "--chart",
        help="Draw power over time against the budgets; FILE.svg behind it: also as a picture.",
    ),
]
SvgOption = Annotated[
    Path | None,
    typer.Option("--svg", metavar="FILE", help="Write that picture.", show_default=False),
]


class Pictured(TyperCommand):
    """A command whose `--chart` may have a FILE.svg behind it: options take a value or none."""

    def parse_args(self, ctx: Context, args: list[str]) -> list[str]:
        """Spell `--chart FILE.svg` out as `--chart --svg FILE.svg`."""
        spelled: list[str] = []
        for arg in args:
            if spelled and spelled[-1] == "--chart" and arg.endswith(".svg"):
                spelled.append("--svg")
            spelled.append(arg)
        return super().parse_args(ctx, spelled)


def answer_plan(
    plan: Plan,
    *,
    chart: bool,
    svg: Path | None,
    output: Output,
    data: Any = None,
    notes: Sequence[str] = (),
) -> None:
    """The plan as it was asked for; `data` where an answer holds more than the plan."""
    if svg is not None:
        write_file(svg, chart_svg(plan))
    write(
        plan.model_dump(mode="json") if data is None else data,
        output,
        lambda: _shown(plan, chart=chart, notes=notes),
    )


def _shown(plan: Plan, *, chart: bool, notes: Sequence[str]) -> RenderableType:
    told = [Text(note) for note in notes]
    if chart:
        return Group(render_waves(plan), *told, Text(), chart_text(plan))
    return Group(render_plan(plan), *told)


def answer_differences(before: Plan, after: Plan, *, output: Output) -> None:
    """What differs, by host and by feed."""
    found = told_differences(before, after)
    write([change.model_dump() for change in found], output, lambda: _table(found))


def names_file(text: str) -> bool:
    """Whether a person means a file: by its path, its ending, or because it is there."""
    return text == "-" or "/" in text or text.endswith(".json") or Path(text).is_file()


def read_plan(path: Path) -> Plan:
    """The plan in a file: a plan itself, or an answer of the service that holds one."""
    try:
        value: Any = json.loads(_content(path))
        if isinstance(value, dict) and isinstance(value.get("plan"), dict):
            value = value["plan"]
        return Plan.model_validate_json(json.dumps(value))
    except (ValueError, RecursionError) as error:
        first = error.errors()[0] if isinstance(error, ValidationError) else None
        reason = f"{'.'.join(map(str, first['loc']))}: {first['msg']}" if first else str(error)
        fail(
            f"{path} holds no plan: {reason.removeprefix(': ')}",
            hint="write one with `podyard plan POD -o json` or `podyard spec plan SPEC -o json`",
        )


def _content(path: Path) -> bytes:
    if str(path) == "-":
        return sys.stdin.buffer.read(PLAN_BYTES_MAX)
    return read_file(path, limit_bytes=PLAN_BYTES_MAX)


def _table(found: tuple[Change, ...]) -> RenderableType:
    if not found:
        return Text("no difference")
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for column in ("what", "before", "after"):
        table.add_column(column, overflow="fold")
    for change in found:
        table.add_row(*(Text(value) for value in (change.path, change.before, change.after)))
    return Group(table)
