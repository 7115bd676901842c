"""How a sizing looks to a person, within 80 columns: what, when, at what cost, on whose word."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from pods.capacity import Demand, Sizing, Wave
from pods.cost_comparison import Comparison
from pods.rating_table import BASIS_WORDS

WAVES_SHOWN = 8


def render_capacity(
    demand: Demand,
    sizing: Sizing,
    compared: Comparison | None,
    inputs: Sequence[dict[str, Any]],
) -> RenderableType:
    """Everything, in the order in which it is asked."""
    parts: list[RenderableType] = [_sizing(demand, sizing), _spares(sizing), _waves(sizing)]
    if compared is not None:
        parts += _comparison(compared)
    parts += [_heading("what this rests on"), _inputs(inputs)]
    return Group(*parts)


def _sizing(demand: Demand, sizing: Sizing) -> Table:
    rating, cables = sizing.rating, sizing.cables
    asked = (
        f"{_large(demand.tokens_per_day)} tokens a day at {demand.utilisation:.0%} use"
        if demand.tokens_per_day is not None
        else f"{demand.b200e:,.6g} B200-equivalents"
    )
    fabric = (
        f"{cables.host_leaf:,} host-leaf, {cables.leaf_spine:,} leaf-spine, "
        f"{cables.spine_core:,} spine-core in {cables.fabrics} fabric(s)"
    )
    rated = (
        f"{rating.b200_equivalents:.3g} B200-equivalents an accelerator, "
        f"{BASIS_WORDS[rating.basis]}, {rating.date}"
    )
    lines = [
        ("demand", asked),
        ("profile", f"{demand.profile}, scale-up domain {rating.scale_up_domain}"),
        ("rating", rated),
        ("", rating.known_error),
        ("", rating.uncertain),
        ("needed", f"{sizing.b200e_needed:,.0f} B200-equivalents, healthy"),
        ("under repair", f"{sizing.out_of_service_share:.2%} of accelerators at any time"),
        ("delivered", f"{sizing.b200e_delivered:,.0f} B200-equivalents"),
        ("pods", f"{sizing.pods:,} x {sizing.shape}"),
        ("accelerators", f"{sizing.accelerators:,} {rating.part} in {sizing.hosts:,} hosts"),
        ("racks", f"{sizing.racks:,} of hosts; network racks come on top"),
        ("power", f"{sizing.it_mw:,.2f} MW of IT, {sizing.facility_mw:,.2f} MW at the meter"),
        ("coolant", _coolant(sizing)),
        ("cables", fabric),
        ("", f"{cables.north_south:,} north-south, {cables.bmc:,} to BMCs"),
        ("interruptions", f"{sizing.interruptions_per_day:,.1f} unplanned a day"),
    ]
    return _pairs([line for line in lines if line[1]])


def _coolant(sizing: Sizing) -> str:
    flow = sizing.coolant_litres_per_min
    return f"{flow:,.0f} L/min of PG25" if flow else "none: these hosts are cooled by air"


def _spares(sizing: Sizing) -> RenderableType:
    table = _table("spare part", "break a year", "hold in stock")
    for spare in sizing.spares:
        table.add_row(spare.part, f"{spare.per_year:,.1f}", f"{spare.stock:,}")
    return table


def _waves(sizing: Sizing) -> RenderableType:
    table = _table("wave", "pods", "ready in week", "pods ready", "B200e ready")
    for wave in _some(sizing.waves):
        table.add_row(
            str(wave.number),
            str(wave.pods),
            f"{wave.ready_week:.1f}",
            f"{wave.pods_ready:,}",
            f"{wave.b200e_ready:,.0f}",
        )
    return table


def _some(waves: Sequence[Wave]) -> list[Wave]:
    """The first, the last and evenly between: nobody reads seventy rows."""
    if len(waves) <= WAVES_SHOWN:
        return list(waves)
    last = len(waves) - 1
    return [waves[round(step * last / (WAVES_SHOWN - 1))] for step in range(WAVES_SHOWN)]


def _comparison(found: Comparison) -> Iterator[RenderableType]:
    yield _heading(f"own or rent, US dollars per hour of one {found.part}")
    parts = f"capital {found.capital:.2f}, energy {found.energy:.2f}, "
    parts += f"site ({found.site}) {found.site_cost:.2f}, operations {found.other:.2f}"
    lines = [
        ("owned, full use", f"{found.owned_hour:.2f} = {parts}"),
        ("range", f"{found.owned_hour_low:.2f} to {found.owned_hour_high:.2f} by price"),
        ("accepted, healthy", f"{found.owned_healthy_hour:.2f}"),
        (f"at {found.utilisation:.0%} use", f"{found.owned_used_hour:.2f} per used hour"),
    ]
    if found.owned_million_tokens is not None:
        lines.append(("a million tokens", f"{found.owned_million_tokens:.3f} at that use"))
    yield _pairs(lines)
    table = _table("rent", "USD/h", "USD/M tokens", "own from", "seen")
    for rent in found.rents:
        share = rent.break_even_utilisation
        tokens = rent.usd_per_million_tokens
        table.add_row(
            rent.what,
            f"{rent.usd_per_hour:.2f}",
            "" if tokens is None else f"{tokens:.3f}",
            f"{share:.0%} use" if share <= 1 else "never",
            rent.date,
        )
    yield table if found.rents else Text("no rent on record: give --rent", style="yellow")
    table = _table("one input changed", "USD/h more", "own from (dearest rent)")
    for one in found.sensitivity:
        at = one.break_even_at_dearest_rent
        table.add_row(one.what, f"{one.usd_per_hour_more:+.2f}", "" if at is None else f"{at:.0%}")
    yield table


def _large(value: float) -> str:
    """As people write it: 30e12 for thirty trillion."""
    power = max(0, math.floor(math.log10(value)) // 3 * 3)
    return f"{value / 10**power:.4g}e{power}" if power else f"{value:g}"


def _inputs(inputs: Sequence[dict[str, Any]]) -> RenderableType:
    """The inputs with numbered sources, as in a paper: most share a few."""
    sources = list(dict.fromkeys(line["source"] for line in inputs))
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1))
    table.add_column("input", overflow="fold")
    table.add_column("value", justify="right", no_wrap=True)
    table.add_column("unit and doubt", overflow="fold")
    table.add_column("date", no_wrap=True)
    table.add_column("source", justify="right", no_wrap=True)
    for line in inputs:
        value = "" if line["value"] is None else f"{line['value']:g}"
        unit = Text(line["unit"])
        if line["uncertain"]:
            unit.append(("; " if line["unit"] else "") + line["uncertain"], style="yellow")
        number = f"{sources.index(line['source']) + 1}"
        table.add_row(line["input"], value, unit, line["date"], number)
    listed = [(f"{number}", source) for number, source in enumerate(sources, start=1)]
    return Group(table, _pairs(listed))


def _heading(text: str) -> Text:
    return Text(f"\n{text}", style="bold")


def _table(first: str, *rest: str) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1))
    table.add_column(first)
    for column in rest:
        table.add_column(column, justify="right")
    return table


def _pairs(pairs: Sequence[tuple[str, str]]) -> Table:
    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in pairs:
        table.add_row(name, Text(value))
    return table
