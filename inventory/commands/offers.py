"""`podyard unit` and `podyard certificate`: what is offered, and the signed proof behind it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

import typer

from inventory.client import ServiceError, service
from inventory.printing import Output, OutputOption, age, rows, say, to_json, write
from pods.cli import revoke_certificates, rotate_key, show_certificate, verify_certificate

OURS = "podyard.io/"
TOLD = frozenset({"class", "unit"})
"""Labels that say what a column of their own says."""

unit_app = typer.Typer(
    no_args_is_help=True,
    help="See the compute units that are offered.\n\nExample: podyard unit list",
)
certificate_app = typer.Typer(
    no_args_is_help=True,
    help="List, export, show, verify and revoke certificates.\n\nExample: podyard certificate list",
)
# These work alone, on files: the service need not be there.
certificate_app.command("show")(show_certificate)
certificate_app.command("verify")(verify_certificate)
certificate_app.command("revoke")(revoke_certificates)
certificate_app.command("rotate")(rotate_key)


@unit_app.callback()
def units() -> None:
    """See the compute units that are offered.

    Example: podyard unit list
    """


@unit_app.command("list")
def list_units(
    pod: Annotated[str, typer.Option(help="Only units of this pod.")] = "",
    state: Annotated[str, typer.Option(help="Only units in this state.")] = "",
    output: OutputOption = Output.TABLE,
) -> None:
    """List compute units.

    Example: podyard unit list --state available
    """
    with service() as api:
        units = api.all("/api/units", pod=pod, state=state, include="offer")
    found = sorted(units, key=lambda u: u["name"])
    columns = (
        "name",
        "class",
        "accelerators",
        "state",
        "B200e",
        "claim",
        "owned",
        "price",
        "certified until",
        "simulated",
        "labels",
    )
    write(found, output, lambda: rows([_unit_line(unit) for unit in found], columns))


@certificate_app.command("list")
def list_certificates(
    host: Annotated[str, typer.Option(help="Only certificates of this host.")] = "",
    output: OutputOption = Output.TABLE,
) -> None:
    """List certificates.

    Example: podyard certificate list --host r1-h1
    """
    with service() as api:
        found = sorted(api.all("/api/certificates", host=host), key=lambda c: c["issued_at"])
    lines = [{**c, **_certificate_words(c)} for c in found]
    columns = ("id", "host", "age", "expires", "simulated", "stands")
    write(found, output, lambda: rows(lines, columns))


@certificate_app.command("export")
def export_certificate(
    certificate_id: Annotated[str, typer.Argument(metavar="ID", help="As listed.")],
    keys: Annotated[
        Path | None,
        typer.Option(help="Also write the public keys into this folder.", show_default=False),
    ] = None,
) -> None:
    """Print a certificate's signed envelope, as `certificate verify` takes it.

    Example: podyard certificate export 3f2a… > host.json
    """
    with service() as api:
        found = api.get(f"/api/certificates/{quote(certificate_id, safe='')}")
        if keys is not None:
            _export_keys(keys, api.get("/api/certificate-keys"))
    typer.echo(to_json(found["envelope"]))


@certificate_app.command("keys")
def list_keys(output: OutputOption = Output.TABLE) -> None:
    """Show the public keys that verify this site's certificates.

    Example: podyard certificate keys -o json
    """
    with service() as api:
        found = api.get("/api/certificate-keys")
    write(found, output, lambda: rows(found, ("purpose", "key_id")))


def _export_keys(folder: Path, found: list[dict[str, Any]]) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for key in found:
            path = folder / f"{key['purpose']}.pub"
            path.write_text(key["pem"])
            say(f"public key for {key['purpose']} hardware: {path}")
    except OSError as error:
        raise ServiceError(
            f"cannot write into {folder}: {error.strerror}", hint="choose another folder"
        ) from error


def _certificate_words(certificate: dict[str, Any]) -> dict[str, str]:
    causes = [one["rule"].replace("_", " ") for one in certificate["suspended"]]
    return {
        "age": age(certificate["issued_at"]),
        "expires": certificate["expires_at"][:10],
        "stands": f"suspended: {', '.join(causes)}" if causes else "yes",
    }


def _unit_line(unit: dict[str, Any]) -> dict[str, Any]:
    rating, offer = unit["rating"], unit.get("offer") or {}
    shown = {k: v for k, v in unit["labels"].items() if k.removeprefix(OURS) not in TOLD}
    return {
        **unit,
        "class": unit["unit_class"],
        "B200e": f"{rating['b200_equivalents']:.3g} {rating['basis'].partition('_')[0]}",
        "claim": unit["claim"][:8],
        "owned": "owned" if offer.get("owned", True) else "rented",
        "price": f"{offer.get('price_per_unit_hour', 0):g}/h",
        "certified until": (offer.get("certified_until") or "?")[:10],
        "labels": " ".join(f"{k.removeprefix(OURS)}={v}" for k, v in sorted(shown.items())),
    }
