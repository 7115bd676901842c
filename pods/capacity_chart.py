"""The two charts of a sizing: own or rent over how busy it is, and capacity over the weeks."""

from __future__ import annotations

from collections.abc import Sequence

from pods.capacity import Sizing
from pods.cost_comparison import Comparison, RentLine
from pods.line_chart import BLUE, GREEN, ORANGE, PURPLE, Axis, Band, Line, Mark, line_chart

USE_FROM, USE_TO = 10, 100
"""Per cent of hours in use: below a tenth the curve leaves every scale."""

TEXT_WIDTH = 8
"""What a mark's text covers, in per cent of the axis."""

RENT_COLOURS = (GREEN, PURPLE, ORANGE, "#997700", "#882255")


def own_or_rent_chart(found: Comparison) -> str:
    """What a used hour costs over how busy the accelerators are, against the rents seen."""
    healthy = found.owned_healthy_hour / found.owned_hour

    def owned(usd: float) -> tuple[tuple[float, float], ...]:
        return tuple((use, usd * healthy / use * 100) for use in range(USE_FROM, USE_TO + 1))

    top = max([*(rent.usd_per_hour for rent in found.rents), found.owned_hour * 2]) * 1.5
    lines = [
        Line(
            name=f"own: ${found.owned_healthy_hour:.2f} at full use",
            detail=f"shaded: ${found.owned_hour_low * healthy:.2f} to "
            f"${found.owned_hour_high * healthy:.2f}",
            points=owned(found.owned_hour),
            colour=BLUE,
            width=3.5,
        ),
        *(
            Line(
                name=f"rent: ${rent.usd_per_hour:.2f}",
                detail=f"{rent.what}, {rent.date}",
                points=((USE_FROM, rent.usd_per_hour), (USE_TO, rent.usd_per_hour)),
                colour=RENT_COLOURS[index % len(RENT_COLOURS)],
                dash="8 5",
            )
            for index, rent in enumerate(found.rents)
        ),
    ]
    title = f"Own or rent one {found.part.upper()}: who is cheaper depends on how busy it is"
    said = "Right of a circle owning is cheaper than that rent: the break-even utilisation."
    if not found.rents:
        title = f"What one owned {found.part.upper()} costs depends on how busy it is"
        said = "No rent is on record for it: give --rent to compare."
    return line_chart(
        title,
        subtitle="Owning costs the same whether used or not; a rented hour is paid only while "
        f"held.\n{said}",
        x=Axis("hours in use, per cent of all hours", 0, USE_TO),
        y=Axis("US dollars per accelerator-hour in use", 0, top),
        lines=lines,
        bands=[Band(owned(found.owned_hour_high), owned(found.owned_hour_low), BLUE)],
        marks=_break_evens(found.rents),
        notes=(
            (
                f"Owned hour: capital ${found.capital:.2f}, energy ${found.energy:.2f}, "
                f"site ({found.site}) ${found.site_cost:.2f}, operations ${found.other:.2f}; "
                f"{found.kw_per_accelerator:.2f} kW each; hours under repair taken off."
            ),
            "Prices are secondary and spread by 30 % and more; podyard capacity lists their dates.",
        ),
    )


def _break_evens(rents: Sequence[RentLine]) -> list[Mark]:
    """Where owning meets each rent, if it does while the line is on the chart."""
    uses = [rent.break_even_utilisation * 100 for rent in rents]
    rows: dict[float, int] = {}
    for use in sorted(uses):
        taken = {row for other, row in rows.items() if use - other < TEXT_WIDTH}
        rows[use] = next(row for row in range(len(uses) + 1) if row not in taken)
    return [
        Mark(
            x=use,
            y=rent.usd_per_hour,
            text=f"{use:.0f} %",
            colour=RENT_COLOURS[index % len(RENT_COLOURS)],
            row=rows[use],
        )
        for index, (use, rent) in enumerate(zip(uses, rents, strict=True))
        if USE_FROM <= use <= USE_TO
    ]


def build_out_chart(found: Sizing) -> str:
    """B200-equivalents ready over the weeks after the order, against what is needed."""
    points: list[tuple[float, float]] = [(0.0, 0.0)]
    for wave in found.waves:
        points += [(wave.ready_week, points[-1][1]), (wave.ready_week, wave.b200e_ready)]
    last = found.waves[-1].ready_week
    points.append((last * 1.05, points[-1][1]))
    needed = found.b200e_needed
    first = found.waves[0]
    return line_chart(
        f"{found.pods} pods {found.shape} in {len(found.waves)} waves",
        subtitle=f"Profile {found.rating.profile}; "
        f"{found.rating.b200_equivalents:.3g} B200-equivalents an accelerator "
        f"({found.rating.basis.replace('_', ' ')}, {found.rating.date}).\n"
        f"First capacity in week {first.ready_week:.0f}, all of it in week {last:.0f}.",
        x=Axis("weeks after the order", 0, last * 1.05),
        y=Axis("B200-equivalents delivered and accepted", 0, max(needed, points[-1][1]) * 1.15),
        lines=[
            Line(
                name=f"ready: {found.b200e_delivered:,.0f}",
                detail="delivered, burnt in, certified",
                points=tuple(points),
                colour=BLUE,
                width=3,
            ),
            Line(
                name=f"needed: {needed:,.0f}",
                detail="healthy at the same time",
                points=((0, needed), (last * 1.05, needed)),
                colour=ORANGE,
                dash="8 5",
            ),
        ],
        notes=(
            "Lead time: trade press on modular sites. Pace of crews: assumed (--pods-per-wave).",
        ),
    )
