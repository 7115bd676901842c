"""What an accelerator-hour costs when it is owned, and from which use on that beats renting.

The annuity method: capital becomes equal yearly payments over its life at the cost of financing.
All figures come in as inputs with a date and a source, because the price of renting alone has
moved more than everything else together; so the answer is a break-even utilisation beside the
rents that were seen, not a verdict.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Annotated, Any, Literal

from pydantic import Field

from pods.datafile import Figure, Sourced, Table, load_table
from pods.errors import CapacityRefused, shown

HOURS_PER_YEAR = 8760
MONTHS_PER_YEAR = 12

Site = Literal["none", "own", "colo", "colo-with-energy"]


class Price(Sourced):
    """One price, or a range around it."""

    value: Annotated[float, Field(gt=0)]
    low: float | None = None
    high: float | None = None
    what: str = ""
    date: str


class Costs(Table):
    """Prices and rates, each with its date and source."""

    inputs: dict[str, Figure]
    capital_per_accelerator_usd: dict[str, Price]
    rent_usd_per_hour: dict[str, tuple[Price, ...]]


@dataclass(frozen=True, slots=True)
class CostInputs:
    """What one accelerator's hour is computed from; money in US dollars."""

    capital_usd: float
    overhead_factor: float
    financing_per_year: float
    life_years: float
    opex_per_year: float
    kw: float
    """IT power of one accelerator with its share of the host."""
    usd_per_kwh: float
    pue: float
    site: Site = "own"
    site_usd_per_watt: float = 0.0
    site_life_years: float = 15
    colo_usd_per_kw_month: float = 0.0


@dataclass(frozen=True, slots=True)
class HourCost:
    """One hour of one accelerator at full use, in US dollars, by where the money goes."""

    capital: float
    energy: float
    site: float
    other: float

    @property
    def total(self) -> float:
        """All of it."""
        return self.capital + self.energy + self.site + self.other


@dataclass(frozen=True, slots=True)
class Sensitivity:
    """What changes the cost of an hour, one input at a time."""

    what: str
    usd_per_hour: float
    """Added to the cost of an hour; negative is cheaper."""


def inputs_for(part: str, *, kw: float, site: Site = "own", **changes: Any) -> CostInputs:
    """The shipped inputs for this part; a keyword replaces one of them by a figure of the site's.

    `CapacityRefused` when no price of the part is on record and none is given.
    """
    table = load_table("costs", Costs)
    price = table.capital_per_accelerator_usd.get(part)
    if price is None and "capital_usd" not in changes:
        raise CapacityRefused(
            f"no price of accelerator {shown(part)} is on record",
            hint="give --capital, what one accelerator costs you in US dollars",
        )
    value = {name: figure.value for name, figure in table.inputs.items()}
    known = CostInputs(
        capital_usd=price.value if price else 0.0,
        overhead_factor=value["overhead_factor"],
        financing_per_year=value["financing_per_year"],
        life_years=value["life_years"],
        opex_per_year=value["opex_per_year"],
        kw=kw,
        usd_per_kwh=value["usd_per_kwh"],
        pue=value["pue"],
        site=site,
        site_usd_per_watt=value["site_usd_per_watt"],
        site_life_years=value["site_life_years"],
        colo_usd_per_kw_month=value["colo_usd_per_kw_month"],
    )
    return replace(known, **changes)


def rents(part: str) -> tuple[Price, ...]:
    """Rents seen for this part, oldest first; none for most parts."""
    return load_table("costs", Costs).rent_usd_per_hour.get(part, ())


def annuity(*, rate_per_year: float, years: float) -> float:
    """The share of capital that is paid each year so that nothing is left after its life."""
    if rate_per_year == 0:
        return 1 / years
    left: float = (1 + rate_per_year) ** -years
    return rate_per_year / (1 - left)


def hour_cost(inputs: CostInputs) -> HourCost:
    """One owned hour at full use."""
    capital = inputs.capital_usd * inputs.overhead_factor
    payments = annuity(rate_per_year=inputs.financing_per_year, years=inputs.life_years)
    energy = inputs.kw * inputs.pue * inputs.usd_per_kwh
    return HourCost(
        capital=capital * payments / HOURS_PER_YEAR,
        energy=0.0 if inputs.site == "colo-with-energy" else energy,
        site=_site_cost(inputs),
        other=capital * inputs.opex_per_year / HOURS_PER_YEAR,
    )


def _site_cost(inputs: CostInputs) -> float:
    match inputs.site:
        case "none":
            return 0.0
        case "own":
            capital = inputs.kw * 1000 * inputs.site_usd_per_watt
            share = annuity(rate_per_year=inputs.financing_per_year, years=inputs.site_life_years)
            return capital * share / HOURS_PER_YEAR
        case "colo" | "colo-with-energy":
            return inputs.kw * inputs.colo_usd_per_kw_month * MONTHS_PER_YEAR / HOURS_PER_YEAR


def break_even_utilisation(owned_usd: float, *, rent_usd: float) -> float:
    """The share of hours in use from which owning is cheaper; above 1 it never is."""
    return owned_usd / rent_usd


def usd_per_million_tokens(usd_per_used_hour: float, *, tokens_per_s: float) -> float:
    """What a million tokens cost on an accelerator that serves so many a second while in use."""
    return usd_per_used_hour / (tokens_per_s * 3600 / 1e6)


def sensitivity(inputs: CostInputs) -> tuple[Sensitivity, ...]:
    """One input changed at a time, largest effect first."""
    base = hour_cost(inputs).total
    changes = {
        "capital + 20 %": replace(inputs, capital_usd=inputs.capital_usd * 1.2),
        "capital - 20 %": replace(inputs, capital_usd=inputs.capital_usd * 0.8),
        "no cost of financing": replace(inputs, financing_per_year=0.0),
        "one year less of life": replace(inputs, life_years=max(1, inputs.life_years - 1)),
        "operations + 3 % of capital a year": replace(
            inputs, opex_per_year=inputs.opex_per_year + 0.03
        ),
        "electricity + 0.03 USD/kWh": replace(inputs, usd_per_kwh=inputs.usd_per_kwh + 0.03),
        "PUE 1.55": replace(inputs, pue=1.55),
    }
    if inputs.site == "own":
        changes["site at 20 USD/W"] = replace(inputs, site_usd_per_watt=20)
    if inputs.site.startswith("colo"):
        changes["colocation at 250 USD/kW-month"] = replace(inputs, colo_usd_per_kw_month=250)
    found = [Sensitivity(what, hour_cost(new).total - base) for what, new in changes.items()]
    return tuple(sorted(found, key=lambda one: -abs(one.usd_per_hour)))
