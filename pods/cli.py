"""`podyard spec` and `podyard certificate`: the commands that need no service.

Data goes to stdout, everything said about it to stderr. Exit codes: 0 as asked, 1 the spec or
certificate is not valid, 2 the command was used wrongly (as for every podyard command).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer
from rich import box
from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from pods import catalogue
from pods.answering import Output, OutputOption
from pods.cli_certificate import (
    revoke_files,
    rotate_files,
    show_file,
    trusted_ring,
    verify_file,
)
from pods.differences import Change, changes
from pods.document import to_yaml
from pods.errors import PodsError, SpecInvalid, SpecNotFound
from pods.keys import Purpose, SigningKey
from pods.plan import PlannedHost, plan_bring_up
from pods.render import render_plan, render_spec
from pods.spec import PodSpec

__all__ = ["Output", "OutputOption", "certificate_app", "spec_app", "verify_certificate"]

INVALID = 1
USAGE = 2

spec_app = typer.Typer(no_args_is_help=True, help="Read, check, compare and plan pod specs.")
certificate_app = typer.Typer(no_args_is_help=True, help="Verify certificates, without a service.")


SpecArgument = Annotated[
    str, typer.Argument(metavar="SPEC", help="A shipped spec (lab-4, lab-4@1) or a file.")
]


@spec_app.command("list")
def list_specs(output: OutputOption = Output.TABLE) -> None:
    """List the specs that podyard ships.

    Example: podyard spec list
    """
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
    columns = ("spec", "hosts", "unit_class", "description")
    _write(data, output, lambda: _rows(data, columns))


@spec_app.command("show")
def show_spec(spec: SpecArgument, output: OutputOption = Output.TABLE) -> None:
    """Show one spec; `-o yaml` prints a file to start your own from.

    Example: podyard spec show lab-4 -o yaml
    """
    with _refusals():
        found = catalogue.load(spec)
    _write(found.model_dump(mode="json"), output, lambda: render_spec(found))


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
    with _refusals():
        reports = [_report(name) for name in specs]
    _write(reports, output, lambda: _valid_lines(reports))
    if not all(report["valid"] for report in reports):
        raise typer.Exit(INVALID)


@spec_app.command("diff")
def diff_specs(
    before: SpecArgument, after: SpecArgument, output: OutputOption = Output.TABLE
) -> None:
    """Show what changes from one spec to another.

    Example: podyard spec diff lab-4 my-pod.yaml
    """
    with _refusals():
        found = changes(
            catalogue.load(before).model_dump(mode="json"),
            catalogue.load(after).model_dump(mode="json"),
        )
    _write([change.model_dump() for change in found], output, lambda: _change_table(found))


@spec_app.command("schema")
def print_schema() -> None:
    """Print the JSON Schema of a spec, for editors and other programs.

    Example: podyard spec schema > podspec.schema.json
    """
    typer.echo(json.dumps(PodSpec.model_json_schema(), indent=2, ensure_ascii=False))


@spec_app.command("plan")
def preview_plan(
    spec: SpecArgument,
    pod: Annotated[str, typer.Option(help="The name the pod would have.")] = "preview",
    output: OutputOption = Output.TABLE,
) -> None:
    """Preview a bring-up of every slot: the waves and the power envelope.

    Example: podyard spec plan lab-4
    """
    with _refusals():
        found = catalogue.load(spec)
        hosts = [
            PlannedHost(name=f"{pod}-{slot.slot}", slot=slot.slot) for _, slot in found.slots()
        ]
        plan = plan_bring_up(found, pod=pod, hosts=hosts)
    _write(plan.model_dump(mode="json"), output, lambda: render_plan(plan))


@certificate_app.callback()
def certificate() -> None:
    """Verify certificates, without a service."""


CertificateArgument = Annotated[Path, typer.Argument(metavar="FILE", help="The certificate.")]
AtOption = Annotated[datetime | None, typer.Option(help="As of this time (UTC) instead of now.")]
SimulatedOption = Annotated[
    bool, typer.Option("--simulated", help="The key signs for simulated hardware.")
]


@certificate_app.command("show")
def show_certificate(file: CertificateArgument, output: OutputOption = Output.TABLE) -> None:
    """Show what a certificate says, without believing it.

    Example: podyard certificate show host.json
    """
    with _refusals():
        show_file(file, output=output)


@certificate_app.command("verify")
def verify_certificate(
    file: CertificateArgument,
    *,
    key: Annotated[
        list[Path] | None,
        typer.Option("--key", metavar="PUB", help="Public key trusted for real hardware."),
    ] = None,
    simulated_key: Annotated[
        list[Path] | None,
        typer.Option(
            "--simulated-key", metavar="PUB", help="Public key trusted for simulated hardware."
        ),
    ] = None,
    rotation: Annotated[
        list[Path] | None,
        typer.Option(metavar="FILE", help="A trusted key's hand-over to the next."),
    ] = None,
    revocations: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="The issuer's list of revocations.", show_default=False),
    ] = None,
    at: AtOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Verify a certificate with public keys that you trust.

    Example: podyard certificate verify host.json --key issuer.pub
    """
    if not key and not simulated_key:
        raise typer.BadParameter("name at least one --key or --simulated-key that you trust")
    with _refusals():
        ring = trusted_ring(key or [], simulated_key or [], rotation or [])
        verify_file(file, ring=ring, revocations=revocations, now=_time(at), output=output)


@certificate_app.command("revoke")
def revoke_certificates(
    *,
    signing_key: Annotated[Path, typer.Option(metavar="KEY", help="Signs the list.")],
    reason: Annotated[str, typer.Option(help="Why, for whoever is refused.")],
    files: Annotated[
        list[Path] | None, typer.Argument(metavar="FILE...", help="Certificates.")
    ] = None,
    key_id: Annotated[list[str] | None, typer.Option(help="Also whatever this key signed.")] = None,
    previous: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The list to go on from.")
    ] = None,
    previous_key: Annotated[
        Path | None,
        typer.Option(metavar="PUB", help="Who signed that list, if another key did."),
    ] = None,
    valid_days: Annotated[int, typer.Option(min=1, help="Until the next list is due.")] = 7,
    simulated: SimulatedOption = False,
    at: AtOption = None,
) -> None:
    """Print a signed list of revocations; give the last one as --previous.

    Example: podyard certificate revoke host.json --signing-key site.key --reason stolen
    """
    with _refusals():
        revoke_files(
            files or [],
            key_ids=key_id or [],
            reason=reason,
            previous=previous,
            previous_key=previous_key,
            key=SigningKey.load(signing_key, purpose=_purpose(simulated=simulated)),
            now=_time(at),
            valid_days=valid_days,
        )


@certificate_app.command("rotate")
def rotate_key(
    old: Annotated[Path, typer.Argument(metavar="OLD", help="The signing key until now.")],
    new: Annotated[Path, typer.Argument(metavar="NEW", help="The next; made if not there.")],
    overlap_days: Annotated[int, typer.Option(min=0, help="Days in which both sign.")] = 30,
    simulated: SimulatedOption = False,  # noqa: FBT002 - a flag of the command line
    at: AtOption = None,
) -> None:
    """Print the old key's signed hand-over to the new one.

    Example: podyard certificate rotate site.key next.key > rotation.json
    """
    with _refusals():
        rotate_files(
            old,
            new,
            purpose=_purpose(simulated=simulated),
            now=_time(at),
            overlap_days=overlap_days,
        )


def _time(at: datetime | None) -> datetime:
    return datetime.now(UTC) if at is None else at.replace(tzinfo=UTC)


def _purpose(*, simulated: bool) -> Purpose:
    return "simulated" if simulated else "production"


@contextmanager
def _refusals() -> Iterator[None]:
    """End the command with the message and its hint on stderr."""
    try:
        yield
    except SpecInvalid as error:
        typer.echo(f"error: {error}", err=True)  # each of its lines has a hint of its own
        raise typer.Exit(INVALID) from None
    except SpecNotFound as error:
        _fail(error, USAGE)
    except PodsError as error:
        _fail(error, INVALID)


def _fail(error: PodsError, code: int) -> NoReturn:
    typer.echo(f"error: {error}", err=True)
    if error.hint:
        typer.echo(f"hint: {error.hint}", err=True)
    raise typer.Exit(code) from None


def _write(data: Any, output: Output, table: Callable[[], RenderableType]) -> None:
    match output:
        case Output.JSON:
            typer.echo(json.dumps(data, indent=2, ensure_ascii=False))
        case Output.YAML:
            typer.echo(to_yaml(data), nl=False)
        case Output.TABLE:
            Console().print(table())


def _rows(data: list[dict[str, Any]], columns: tuple[str, ...]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for column in columns:
        table.add_column(column.replace("_", " "), overflow="fold")
    for row in data:
        table.add_row(*(Text(str(row[column])) for column in columns))
    return table


def _report(name: str) -> dict[str, Any]:
    try:
        spec = catalogue.load(name)
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
        "spec": spec.identity,
        "digest": spec.digest(),
        "errors": [],
    }


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
