"""Owning beside renting, for one sizing: what an hour and a million tokens cost either way.

An owned hour is paid for whether it is used or not, a rented one only while it is held. So the
answer depends on how busy the accelerators are, and the honest form of it is the utilisation from
which owning is cheaper, for every rent that was seen.
"""

from __future__ import annotations

from dataclasses import replace

from pods.cost import (
    CostInputs,
    Costs,
    Price,
    Sensitivity,
    break_even_utilisation,
    hour_cost,
    rents,
    sensitivity,
    usd_per_million_tokens,
)
from pods.datafile import Row, load_table
from pods.errors import CapacityRefused


class RentLine(Row):
    """One rent, and what owning has to reach to beat it."""

    usd_per_hour: float
    what: str
    date: str
    source: str
    uncertain: str
    break_even_utilisation: float
    """Above 1: owning is dearer even when every hour is used."""
    usd_per_million_tokens: float | None


class SensitivityLine(Row):
    """One input changed, and the cost of an owned hour then."""

    what: str
    usd_per_hour_more: float
    break_even_at_dearest_rent: float | None


class Comparison(Row):
    """Owning and renting the same accelerator. Money in US dollars."""

    part: str
    site: str
    kw_per_accelerator: float
    utilisation: float
    capital: float
    energy: float
    site_cost: float
    other: float
    owned_hour: float
    """At full use."""
    owned_hour_low: float
    owned_hour_high: float
    """The same at the low and the high price of the accelerator."""
    owned_healthy_hour: float
    """Delivered minus under repair."""
    owned_used_hour: float
    owned_million_tokens: float | None
    rents: tuple[RentLine, ...]
    sensitivity: tuple[SensitivityLine, ...]


def compare(
    inputs: CostInputs,
    *,
    part: str,
    utilisation: float,
    out_of_service_share: float,
    tokens_per_s: float | None,
    rent_usd: float | None = None,
) -> Comparison:
    """Both ways beside each other; `rent_usd` replaces the rents on record by your own quote."""
    cost = hour_cost(inputs)
    healthy = cost.total / (1 - out_of_service_share)
    used = healthy / utilisation
    low, high = _range(inputs, part)
    lines = tuple(
        _rent_line(price, healthy, tokens_per_s) for price in _rents(part, rent_usd=rent_usd)
    )
    dearest = max((line.usd_per_hour for line in lines), default=None)
    return Comparison(
        part=part,
        site=inputs.site,
        kw_per_accelerator=inputs.kw,
        utilisation=utilisation,
        capital=cost.capital,
        energy=cost.energy,
        site_cost=cost.site,
        other=cost.other,
        owned_hour=cost.total,
        owned_hour_low=low,
        owned_hour_high=high,
        owned_healthy_hour=healthy,
        owned_used_hour=used,
        owned_million_tokens=_million(used, tokens_per_s),
        rents=lines,
        sensitivity=tuple(
            _sensitivity_line(one, healthy, cost.total, dearest) for one in sensitivity(inputs)
        ),
    )


def _rents(part: str, *, rent_usd: float | None) -> tuple[Price, ...]:
    if rent_usd is None:
        return rents(part)
    if not rent_usd > 0:
        raise CapacityRefused(
            f"a rent of {rent_usd:g} USD an hour is no rent", hint="give --rent above 0"
        )
    return (Price(value=rent_usd, what="your quote", date="now", source="you"),)


def _rent_line(price: Price, healthy: float, tokens_per_s: float | None) -> RentLine:
    listed = load_table("costs", Costs).sources
    return RentLine(
        usd_per_hour=price.value,
        what=price.what,
        date=price.date,
        source=listed.get(price.source, price.source),
        uncertain=price.uncertain,
        break_even_utilisation=break_even_utilisation(healthy, rent_usd=price.value),
        usd_per_million_tokens=_million(price.value, tokens_per_s),
    )


def _sensitivity_line(
    one: Sensitivity, healthy: float, total: float, dearest: float | None
) -> SensitivityLine:
    changed = healthy * (total + one.usd_per_hour) / total
    return SensitivityLine(
        what=one.what,
        usd_per_hour_more=one.usd_per_hour,
        break_even_at_dearest_rent=None
        if dearest is None
        else break_even_utilisation(changed, rent_usd=dearest),
    )


def _range(inputs: CostInputs, part: str) -> tuple[float, float]:
    """The owned hour over the range of the accelerator's price; a price of your own has none."""
    price = load_table("costs", Costs).capital_per_accelerator_usd.get(part)
    if price is None or price.value != inputs.capital_usd:
        return hour_cost(inputs).total, hour_cost(inputs).total
    ends = (price.low or price.value, price.high or price.value)
    low, high = (hour_cost(replace(inputs, capital_usd=end)).total for end in ends)
    return low, high


def _million(usd_per_hour: float, tokens_per_s: float | None) -> float | None:
    if tokens_per_s is None:
        return None
    return usd_per_million_tokens(usd_per_hour, tokens_per_s=tokens_per_s)
