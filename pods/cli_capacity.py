"""`podyard capacity`: from a demand to pods, watts and weeks, and owning beside renting."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from pods.answering import Output, OutputOption, refusals, write, write_file
from pods.capacity import Demand, Failures, Sizing, size
from pods.capacity_chart import build_out_chart, own_or_rent_chart
from pods.capacity_shapes import WHOLE, Shapes, shape_named
from pods.capacity_tables import render_capacity
from pods.cost import Costs, Site, inputs_for
from pods.cost_comparison import Comparison, compare
from pods.datafile import Sourced, load_table
from pods.errors import CapacityRefused
from pods.rating_table import Ratings, profile_named

SITES: tuple[Site, ...] = ("none", "own", "colo", "colo-with-energy")
DEFAULT_UNIT = "su-b200-32"
YOURS = "given on the command line"
OPTIONS = {
    "capital_usd": "capital",
    "usd_per_kwh": "power-price",
    "financing_per_year": "financing",
}
"""Where an option is called otherwise than the input that it replaces."""


def capacity(  # noqa: PLR0917 - a command's options
    profile: Annotated[
        str, typer.Option(help="The work: model, precision, lengths, tokens/s per user.")
    ],
    tokens_per_day: Annotated[
        float | None, typer.Option("--tokens-per-day", help="Demand, as 30e12.", show_default=False)
    ] = None,
    b200e: Annotated[
        float | None,
        typer.Option("--b200e", help="Demand in B200-equivalents.", show_default=False),
    ] = None,
    unit: Annotated[
        str, typer.Option("--pod", help="The spec to build of: a shipped one or a file.")
    ] = DEFAULT_UNIT,
    utilisation: Annotated[
        float | None,
        typer.Option(help="Share of hours in use; default: 0.5.", show_default=False),
    ] = None,
    pods_per_wave: Annotated[
        int | None,
        typer.Option(help="Pods installed at the same time; default: 8.", show_default=False),
    ] = None,
    north_south_only: Annotated[  # noqa: FBT002 - a flag of the command line
        bool, typer.Option("--north-south-only", help="Leave out the compute fabric.")
    ] = False,
    own_vs_rent: Annotated[  # noqa: FBT002 - a flag of the command line
        bool, typer.Option("--own-vs-rent", help="Compare the cost of owning with rents.")
    ] = False,
    site: Annotated[str, typer.Option(help="none, own, colo or colo-with-energy.")] = "own",
    rent: Annotated[
        float | None,
        typer.Option(help="Your rent in USD an hour, for those on record.", show_default=False),
    ] = None,
    capital: Annotated[
        float | None,
        typer.Option(help="Your price of an accelerator in USD.", show_default=False),
    ] = None,
    power_price: Annotated[
        float | None, typer.Option(help="Your price of a kWh in USD.", show_default=False)
    ] = None,
    financing: Annotated[
        float | None, typer.Option(help="Your cost of capital, as 0.08.", show_default=False)
    ] = None,
    life_years: Annotated[
        float | None, typer.Option(help="Years that a host lives.", show_default=False)
    ] = None,
    pue: Annotated[
        float | None, typer.Option(help="Facility watts per IT watt.", show_default=False)
    ] = None,
    chart: Annotated[
        Path | None,
        typer.Option(metavar="FILE.svg", help="Also draw the answer.", show_default=False),
    ] = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Size a demand: pods, megawatts, cables, spares, weeks; own or rent.

    Example: podyard capacity --profile deepseek-r1-fp8-1k-1k-42 --tokens-per-day 30e12
    """
    own: dict[str, float | None] = {
        "capital_usd": capital,
        "usd_per_kwh": power_price,
        "financing_per_year": financing,
        "life_years": life_years,
        "pue": pue,
    }
    with refusals():
        _check(own)
        costs = load_table("costs", Costs).inputs
        share = costs["utilisation"].value if utilisation is None else utilisation
        demand = Demand(
            profile=profile, tokens_per_day=tokens_per_day, b200e=b200e, utilisation=share
        )
        sizing = size(
            demand,
            shape=unit,
            pue=costs["pue"].value if pue is None else pue,
            pods_per_wave=pods_per_wave,
            north_south_only=north_south_only,
        )
        compared = None
        if own_vs_rent:
            given = {name: value for name, value in own.items() if value is not None}
            compared = _compared(sizing, demand, site=_site(site), rent=rent, given=given)
        drawn = own_or_rent_chart(compared) if compared else build_out_chart(sizing)
    if chart is not None:
        write_file(chart, drawn)
    own |= {"utilisation": utilisation, "pods_per_wave": pods_per_wave}
    inputs = _inputs(sizing, demand, compared, own)
    data = {
        "demand": {
            "profile": profile,
            "tokens_per_day": tokens_per_day,
            "b200e": b200e,
            "utilisation": share,
        },
        "sizing": sizing.model_dump(mode="json"),
        "own_vs_rent": compared.model_dump(mode="json") if compared else None,
        "inputs": inputs,
    }
    write(data, output, lambda: render_capacity(demand, sizing, compared, inputs))


def _check(own: dict[str, float | None]) -> None:
    for name, value in own.items():
        option = f"--{OPTIONS.get(name, name.replace('_', '-'))}"
        least = 0.0 if name == "financing_per_year" else 1e-9
        if value is not None and not least <= value < 1e9:  # noqa: PLR2004 - no price or rate is
            raise CapacityRefused(
                f"{option} of {value:g} cannot be meant",
                hint=f"give {option} a plain number above 0",
            )
    financing = own["financing_per_year"]
    if financing is not None and financing > 1:
        raise CapacityRefused(
            f"--financing of {financing:g} is more than 100 % a year",
            hint="give a share: 0.08 for 8 %",
        )
    pue = own["pue"]
    if pue is not None and not 1 <= pue <= 5:  # noqa: PLR2004 - worse than any hall on record
        raise CapacityRefused(f"--pue of {pue:g} does not exist", hint="1.1 to 2 is usual")


def _site(text: str) -> Site:
    for site in SITES:
        if site == text:
            return site
    raise CapacityRefused(f"--site {text} is unknown", hint=f"one of {', '.join(SITES)}")


def _compared(
    sizing: Sizing, demand: Demand, *, site: Site, rent: float | None, given: dict[str, float]
) -> Comparison:
    shape = shape_named(sizing.shape)
    served = profile_named(demand.profile).b200_tokens_per_s
    return compare(
        inputs_for(shape.part, kw=shape.kw_per_accelerator, site=site, **given),
        part=shape.part,
        utilisation=demand.utilisation,
        out_of_service_share=sizing.out_of_service_share,
        tokens_per_s=served * sizing.rating.b200_equivalents if served else None,
        rent_usd=rent,
    )


def _inputs(
    sizing: Sizing, demand: Demand, compared: Comparison | None, own: dict[str, float | None]
) -> list[dict[str, Any]]:
    """Every input that is not the demand: value, unit, date, source, and what is doubtful."""
    shapes, failures = load_table("shapes", Shapes), load_table("failures", Failures)
    ratings, costs = load_table("ratings", Ratings), load_table("costs", Costs)
    profile, years = ratings.profiles[demand.profile], failures.gpu_years.value
    served = {"value": profile.b200_tokens_per_s, "unit": f"{profile.counts}/s of a B200"}
    shape = shape_named(sizing.shape)
    lines = [_line("pod", shape, {shape.source: f"{shape.source}, {WHOLE}"} | shapes.sources)]
    lines.append(_line("profile", profile, ratings.sources) | (served if profile.counts else {}))
    lines += [_line(name, one, shapes.sources) for name, one in shapes.plan.items()]
    for name, part in failures.parts.items():
        told = {"value": part.events, "unit": f"failures in {years:,.0f} GPU-years"}
        lines.append(_line(f"{name} events", part, failures.sources) | told)
    lines += [_line(name, one, failures.sources) for name, one in failures.decisions.items()]
    if compared is not None:
        price = costs.capital_per_accelerator_usd.get(compared.part)
        if price is not None:
            priced = {"unit": f"USD for one {compared.part}"}
            lines.append(_line("capital usd", price, costs.sources) | priced)
        lines += [_line(name, one, costs.sources) for name, one in costs.inputs.items()]
        lines += [
            _line(f"rent, {one.what}", one, costs.sources) | {"unit": "USD/h"}
            for one in costs.rent_usd_per_hour.get(compared.part, ())
        ]
    given = {name.replace("_", " "): value for name, value in own.items() if value is not None}
    for line in lines:
        if line["input"] in given:
            mine = {"value": given.pop(line["input"]), "date": "now", "source": YOURS}
            line.update(mine | {"uncertain": ""})
    return lines


def _line(name: str, row: Sourced, sources: dict[str, str]) -> dict[str, Any]:
    return {
        "input": name.replace("_", " "),
        "value": getattr(row, "value", None),
        "unit": getattr(row, "unit", ""),
        "what": getattr(row, "what", ""),
        "date": getattr(row, "date", ""),
        "source": sources[row.source],
        "uncertain": row.uncertain,
    }
