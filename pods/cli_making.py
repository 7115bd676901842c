"""`podyard spec new|from-host|render`: the commands that make something of a spec, or a spec.

They write to stdout, or to a file that must not exist yet: a spec is immutable, and the one that
lies there may be what a certificate was signed for.
"""

from __future__ import annotations

import json
import math
import os
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic import ValidationError

from pods import catalogue, shelf
from pods.answering import USAGE, fail, read_file
from pods.checking import check_document
from pods.document import SIZE_MAX_BYTES, parse_document, to_yaml
from pods.elevation import alike, elevation_svg, elevations
from pods.errors import PodsError, SpecNotFound, shown
from pods.facts import HardwareFacts
from pods.hosttype import HostDocument
from pods.learning import host_document, pod_document, variant_document
from pods.spec import FeedSpec, PodSpec, RackSpec
from pods.spec_refusals import spec_refusals

OutOption = Annotated[
    Path | None, typer.Option("--out", metavar="FILE", help="Write to this new file, not stdout.")
]
NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="What it shall be called.")]


def draw_spec(
    spec: Annotated[
        str, typer.Argument(metavar="SPEC", help="A shipped spec (lab-4, lab-4@1) or a file.")
    ],
    *,
    rack: Annotated[str, typer.Option(help="Only this rack; else one of each kind.")] = "",
    svg: Annotated[bool, typer.Option("--svg", help="A picture instead of text.")] = False,
    out: OutOption = None,
) -> None:
    """Draw the racks of a spec: what stands where, as text or as a picture.

    Example: podyard spec render nvl72-gb300 --svg --out rack.svg
    """
    with spec_refusals():
        found = catalogue.load(spec)
        racks = [(_rack(found, rack), 1)] if rack else list(alike(found))
    if svg and len(racks) > 1:
        names = ", ".join(one.name for one, _ in racks)
        raise typer.BadParameter(f"a picture shows one rack: choose with --rack one of {names}")
    text = elevation_svg(found, racks[0][0]) if svg else elevations(found, racks) + "\n"
    _deliver(text, out)


def _rack(spec: PodSpec, name: str) -> RackSpec:
    for rack in spec.racks:
        if rack.name == name:
            return rack
    raise SpecNotFound(
        f"{spec.identity} has no rack {shown(name)}",
        hint=f"its racks are {', '.join(rack.name for rack in spec.racks)}",
    )


def new_spec(
    name: NameArgument,
    *,
    base: Annotated[
        str,
        typer.Option(
            "--extends", metavar="SPEC", help="Begin as a variant of a shipped spec or of a file."
        ),
    ] = "",
    host_type: Annotated[
        str, typer.Option(metavar="HOST", help="A shipped host type, or a file that holds one.")
    ] = "",
    racks: Annotated[int, typer.Option(min=1, max=500)] = 1,
    hosts_per_rack: Annotated[int, typer.Option(min=1, max=60)] = 4,
    volts: Annotated[float, typer.Option(help="Line voltage of each rack's feed.")] = 415.0,
    phases: Annotated[int, typer.Option(min=1, max=3)] = 3,
    amps: Annotated[float, typer.Option(help="Its breaker; 0 finds the smallest usual one.")] = 0.0,
    out: OutOption = None,
) -> None:
    """Begin a spec: a variant of a shipped one, or racks of one host type.

    Example: podyard spec new my-pod --host-type hgx-b200-8-air --hosts-per-rack 2
    """
    if bool(base) == bool(host_type):
        raise typer.BadParameter("give either --extends or --host-type")
    with spec_refusals():
        if base:
            document = variant_document(_named(base, out), name=name)
        else:
            found = catalogue.load_host(host_type)
            document = pod_document(
                {found.name: _reference(host_type, found)},
                name=name,
                racks=racks,
                hosts_per_rack=hosts_per_rack,
                height_units=found.height_units,
                accelerators=found.accelerators.count if found.accelerators else 0,
                feed=_feed(found, hosts=hosts_per_rack, volts=volts, phases=phases, amps=amps),
            )
        check_document(document, source=name, kind="pod", file=out or Path(name))
        _deliver(to_yaml(document), out)


def _named(base: str, out: Path | None) -> str:
    """How the new file says what it extends: a shipped spec by its identity, a file by its path."""
    identity = catalogue.load(base).identity
    if base.partition("@")[0] in shelf.names("pod"):
        return identity
    return os.path.relpath(base, out.parent if out else ".")


def _reference(given: str, found: HostDocument) -> dict[str, Any]:
    if given.partition("@")[0] in shelf.names("host"):
        return {"extends": f"{found.name}@{found.version}"}
    said: dict[str, Any] = found.model_dump(mode="json", exclude_unset=True)
    return {key: entry for key, entry in said.items() if key not in {"name", "version"}}


BREAKER_AMPS = (16, 20, 25, 32, 40, 50, 63, 80, 100, 125, 160, 200, 250, 315, 400)
"""IEC 60898 and 60947 rated currents."""


def _feed(
    host: HostDocument, *, hosts: int, volts: float, phases: int, amps: float
) -> dict[str, Any]:
    if not (math.isfinite(volts) and volts > 0):
        raise typer.BadParameter("give --volts above 0, such as 230 or 415")
    watts = (hosts - 1) * host.power.nameplate_watts + max(
        host.power.inrush_watts, host.power.nameplate_watts
    )
    each = FeedSpec(rated_amps=1.0, volts=volts, phases=3 if phases == 3 else 1).budget_watts  # noqa: PLR2004 - phases are one or three
    least = watts / each
    rated = amps or next((float(one) for one in BREAKER_AMPS if one >= least), math.ceil(least))
    return {"rated_amps": rated, "volts": volts, "phases": phases, "continuous_limit": 0.8}


def learn_host(
    facts: Annotated[
        Path, typer.Argument(metavar="FILE", help="`podyard host show NAME -o json`; - for stdin.")
    ],
    name: Annotated[str, typer.Option(help="What the host type shall be called.")],
    nameplate_watts: Annotated[
        int, typer.Option(min=1, help="From the host's nameplate: no BMC tells it.")
    ],
    height_units: Annotated[int, typer.Option(min=0, max=60, help="Rack units it fills.")] = 0,
    out: OutOption = None,
) -> None:
    """Learn a host type from the facts of a host that you own.

    Example: podyard spec from-host h1.json --name my-box --nameplate-watts 1400
    """
    with spec_refusals():
        document = host_document(
            _facts(facts),
            name=name,
            nameplate_watts=nameplate_watts,
            height_units=height_units or None,
        )
        check_document(document, source=name)
        _deliver(to_yaml(document), out)


def _facts(path: Path) -> HardwareFacts:
    source = "stdin" if str(path) == "-" else str(path)
    limit = SIZE_MAX_BYTES + 1
    raw = sys.stdin.buffer.read(limit) if source == "stdin" else read_file(path, limit_bytes=limit)
    value = parse_document(raw, source=source)
    inner = value.get("facts", value) if isinstance(value, dict) else value
    if inner is None:
        raise PodsError(
            f"{source} is of a host that was not inspected yet",
            hint="podyard host why NAME says what it waits for; show it again afterwards",
        )
    try:
        return HardwareFacts.model_validate_json(json.dumps(inner))
    except ValidationError as wrong:
        first = wrong.errors(include_url=False)[0]
        where = ".".join(str(step) for step in first["loc"]) or "the document"
        raise PodsError(
            f"{source} holds no facts of a host: {where}: {first['msg'][:120]}",
            hint="write them with `podyard host show NAME -o json` once the host was inspected",
        ) from None


def _deliver(text: str, out: Path | None) -> None:
    if out is None:
        typer.echo(text, nl=False)
        return
    try:
        with out.open("x", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        why = "exists already" if isinstance(error, FileExistsError) else str(error.strerror)
        fail(f"cannot write {out}: {why}", hint="choose a new file that you may write", code=USAGE)
    typer.echo(f"wrote {out}", err=True)
