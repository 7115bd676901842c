"""`podyard certificate`, and `podyard spec` beside it: the commands that need no service.

Data goes to stdout, everything said about it to stderr. Exit codes: 0 as asked, 1 the spec or
certificate is not valid, 2 the command was used wrongly (as for every podyard command).
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer

from pods.answering import USAGE, Output, OutputOption, fail
from pods.cli_certificate import (
    revoke_files,
    rotate_files,
    show_file,
    trusted_ring,
    verify_file,
)
from pods.cli_spec import spec_app
from pods.keys import Purpose, SigningKey
from pods.spec_refusals import spec_refusals

__all__ = ["Output", "OutputOption", "certificate_app", "spec_app", "verify_certificate"]

certificate_app = typer.Typer(no_args_is_help=True, help="Verify certificates, without a service.")


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
    with spec_refusals():
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
    spec: Annotated[
        str | None,
        typer.Option(
            "--spec", metavar="SPEC", help="The design that it must be for.", show_default=False
        ),
    ] = None,
    at: AtOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Verify a certificate with public keys that you trust.

    Example: podyard certificate verify host.json --key issuer.pub
    """
    if not key and not simulated_key:
        raise typer.BadParameter("name at least one --key or --simulated-key that you trust")
    with spec_refusals():
        ring = trusted_ring(key or [], simulated_key or [], rotation or [])
        verify_file(
            file, ring=ring, revocations=revocations, spec=spec, now=_time(at), output=output
        )


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
    valid_days: Annotated[
        int, typer.Option(min=1, max=3650, help="Until the next list is due.")
    ] = 7,
    simulated: SimulatedOption = False,
    at: AtOption = None,
) -> None:
    """Print a signed list of revocations; give the last one as --previous.

    Example: podyard certificate revoke host.json --signing-key site.key --reason stolen
    """
    with spec_refusals():
        revoke_files(
            files or [],
            key_ids=key_id or [],
            reason=reason,
            previous=previous,
            previous_key=previous_key,
            key=SigningKey.load(signing_key, purpose=_purpose(simulated=simulated)),
            now=_time(at, ahead_days=valid_days),
            valid_days=valid_days,
        )


@certificate_app.command("rotate")
def rotate_key(
    old: Annotated[Path, typer.Argument(metavar="OLD", help="The signing key until now.")],
    new: Annotated[Path, typer.Argument(metavar="NEW", help="The next; made if not there.")],
    overlap_days: Annotated[
        int, typer.Option(min=0, max=3650, help="Days in which both sign.")
    ] = 30,
    simulated: SimulatedOption = False,  # noqa: FBT002 - a flag of the command line
    at: AtOption = None,
) -> None:
    """Print the old key's signed hand-over to the new one.

    Example: podyard certificate rotate site.key next.key > rotation.json
    """
    with spec_refusals():
        rotate_files(
            old,
            new,
            purpose=_purpose(simulated=simulated),
            now=_time(at, ahead_days=overlap_days),
            overlap_days=overlap_days,
        )


def _time(at: datetime | None, *, ahead_days: int = 0) -> datetime:
    """When it is, so many days before the calendar ends."""
    now = datetime.now(UTC) if at is None else at.replace(tzinfo=UTC)
    last = datetime.max.replace(tzinfo=UTC) - timedelta(days=ahead_days)
    if now > last:
        fail(
            f"--at {now:%Y-%m-%dT%H:%M:%S} leaves no {ahead_days} days before the year 10000",
            hint=f"give --at a time before {last:%Y-%m-%d}",
            code=USAGE,
        )
    return now


def _purpose(*, simulated: bool) -> Purpose:
    return "simulated" if simulated else "production"
