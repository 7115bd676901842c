"""`podyard spec`: read, check, compare, draw, make and plan specs, without a service.

Data goes to stdout, everything said about it to stderr. Exit codes: 0 as asked, 1 the spec is not
valid, 2 the command was used wrongly (as for every podyard command).
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any

import typer
from rich import box
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from pods import catalogue, shelf
from pods.answering import INVALID, Output, OutputOption, write
from pods.canonical import digest_of
from pods.checking import Document
from pods.cli_cabling import cable_spec
from pods.cli_making import draw_spec, learn_host, new_spec
from pods.cli_plan import ChartOption, Pictured, SvgOption, answer_plan
from pods.differences import Change, changes
from pods.document import to_yaml
from pods.errors import SpecInvalid
from pods.plan import PlannedHost, plan_bring_up
from pods.render import render_spec
from pods.schema import schema_text
from pods.shelf import Kind
from pods.spec import PodSpec
from pods.spec_refusals import spec_refusals

spec_app = typer.Typer(
    no_args_is_help=True, help="Read, check, compare, draw, make and plan pod specs."
)
spec_app.command("new")(new_spec)
spec_app.command("from-host")(learn_host)
spec_app.command("render")(draw_spec)
spec_app.command("cabling")(cable_spec)


class DocumentKind(StrEnum):
    """The three identities: a pod is made of rack types, a rack type of host types."""

    POD = "pod"
    RACK = "rack"
    HOST = "host"


KindOption = Annotated[DocumentKind, typer.Option("--kind", help="Whole pods, or their types.")]
SpecArgument = Annotated[
    str, typer.Argument(metavar="SPEC", help="A shipped spec (lab-4, lab-4@1) or a file.")
]


@spec_app.command("list")
def list_specs(kind: KindOption = DocumentKind.POD, output: OutputOption = Output.TABLE) -> None:
    """List what podyard ships: specs of pods, or the host and rack types in them.

    Example: podyard spec list
    """
    if kind is not DocumentKind.POD:
        of: Kind = "rack" if kind is DocumentKind.RACK else "host"
        types = [catalogue.load_document(name, kind=of) for name in shelf.names(of)]
        rows = [
            {"type": f"{one.name}@{one.version}", "description": (one.description or "").strip()}
            for one in types
        ]
        write(rows, output, lambda: _rows(rows, ("type", "description")))
        return
    specs = [catalogue.load(name) for name in catalogue.names()]
    data = [
        {
            "spec": spec.identity,
            "hosts": len(spec.slots()),
            "unit_class": spec.unit.unit_class,
            "description": spec.description.strip(),
            "digest": spec.digest(),
        }
        for spec in specs
    ]
    write(data, output, lambda: _rows(data, ("spec", "hosts", "description")))


@spec_app.command("show")
def show_spec(
    spec: SpecArgument, kind: KindOption = DocumentKind.POD, output: OutputOption = Output.TABLE
) -> None:
    """Show one spec; `-o yaml` prints a file to start your own from.

    Example: podyard spec show lab-4 -o yaml
    """
    with spec_refusals():
        found = catalogue.load_document(spec, kind=kind.value)
    if isinstance(found, PodSpec):
        write(found.document(), output, lambda: render_spec(found))
        return
    value = {"kind": kind.value, **found.model_dump(mode="json", exclude_unset=True)}
    write(value, output, lambda: Text(to_yaml(value)))


@spec_app.command("validate")
def validate_specs(
    specs: Annotated[
        list[str], typer.Argument(metavar="SPEC...", help="Files, or names of shipped specs.")
    ],
    output: OutputOption = Output.TABLE,
) -> None:
    """Check specs and name everything that is wrong, with a hint for each.

    Example: podyard spec validate my-pod.yaml
    """
    with spec_refusals():
        reports = [_report(name) for name in specs]
    write(reports, output, lambda: _valid_lines(reports))
    if not all(report["valid"] for report in reports):
        raise typer.Exit(INVALID)


@spec_app.command("diff")
def diff_specs(
    before: SpecArgument, after: SpecArgument, output: OutputOption = Output.TABLE
) -> None:
    """Show what changes from one spec to another.

    Example: podyard spec diff lab-4 my-pod.yaml
    """
    with spec_refusals():
        found = changes(
            catalogue.load(before).model_dump(mode="json"),
            catalogue.load(after).model_dump(mode="json"),
        )
    write([change.model_dump() for change in found], output, lambda: _change_table(found))


@spec_app.command("schema")
def print_schema() -> None:
    """Print the JSON Schema of a spec, for editors and other programs.

    Example: podyard spec schema > podspec.schema.json
    """
    typer.echo(schema_text(), nl=False)


@spec_app.command("plan", cls=Pictured)
def preview_plan(
    spec: SpecArgument,
    pod: Annotated[str, typer.Option(help="The name the pod would have.")] = "preview",
    *,
    chart: ChartOption = False,
    svg: SvgOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Preview a bring-up of every slot: the waves and the power envelope.

    Example: podyard spec plan lab-4 --chart
    """
    with spec_refusals():
        found = catalogue.load(spec)
        hosts = [
            PlannedHost(name=f"{pod}-{slot.slot}", slot=slot.slot) for _, slot in found.slots()
        ]
        plan = plan_bring_up(found, pod=pod, hosts=hosts)
    answer_plan(plan, chart=chart, svg=svg, output=output)


def _rows(data: list[dict[str, Any]], columns: tuple[str, ...]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for column in columns:
        table.add_column(
            column.replace("_", " "), overflow="fold", no_wrap=column in {"spec", "type"}
        )
    for row in data:
        table.add_row(*(Text(str(row[column])) for column in columns))
    return table


def _report(name: str) -> dict[str, Any]:
    try:
        found = catalogue.load_document(name)
    except SpecInvalid as error:
        typer.echo(f"error: {error}", err=True)
        errors = [
            {"path": one.path, "value": one.value, "message": one.message, "hint": one.hint}
            for one in error.errors
        ]
        return {"source": name, "valid": False, "spec": None, "digest": None, "errors": errors}
    return {
        "source": name,
        "valid": True,
        "spec": f"{found.name}@{found.version}",
        "digest": _digest(found),
        "errors": [],
    }


def _digest(found: Document) -> str:
    if isinstance(found, PodSpec):
        return found.digest()
    return digest_of(found.model_dump(mode="json", exclude={"sources"}))


def _valid_lines(reports: list[dict[str, Any]]) -> Text:
    lines = [
        f"{report['source']}: valid, {report['spec']} {report['digest']}"
        if report["valid"]
        else f"{report['source']}: not valid, {len(report['errors'])} wrong"
        for report in reports
    ]
    return Text("\n".join(lines))


def _change_table(found: tuple[Change, ...]) -> RenderableType:
    if not found:
        return Text("no difference")
    return _rows([change.model_dump() for change in found], ("path", "before", "after"))
