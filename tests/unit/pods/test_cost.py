"""Own against rent: the worked cases come out, and the break-even stands beside the rents seen."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pods.cost import (
    CostInputs,
    Costs,
    annuity,
    break_even_utilisation,
    hour_cost,
    inputs_for,
    rents,
    sensitivity,
    usd_per_million_tokens,
)
from pods.datafile import load_table
from pods.errors import CapacityRefused

B200_KW = 1.79
NAMES = ("capital", "energy", "site", "other")
WORKED: dict[str, tuple[dict[str, Any], tuple[float, float, float, float], float]] = {
    "hardware only": ({"site": "none"}, (1.57, 0.16, 0, 0.30), 2.02),
    "own site": ({"site": "own"}, (1.57, 0.16, 0.32, 0.30), 2.34),
    "colo, energy on top": ({"site": "colo"}, (1.57, 0.16, 0.37, 0.30), 2.39),
    "colo, energy in it": ({"site": "colo-with-energy"}, (1.57, 0, 0.37, 0.30), 2.23),
    "no financing": ({"site": "none", "financing_per_year": 0.0}, (1.19, 0.16, 0, 0.30), 1.64),
    "four years": ({"site": "none", "life_years": 4}, (1.87, 0.16, 0, 0.30), 2.33),
    "all in": (
        {"site": "none", "capital_usd": 46_700, "overhead_factor": 1.0, "kw": 2.17},
        (1.41, 0.19, 0, 0.27),
        1.86,
    ),
}


def inputs(**changes: Any) -> CostInputs:
    return inputs_for("b200", **({"kw": B200_KW, "site": "none"} | changes))


@pytest.mark.parametrize("case", WORKED)
def test_the_worked_cases_come_out_within_two_percent(case: str) -> None:
    changes, columns, total = WORKED[case]
    found = hour_cost(inputs(**changes))
    assert found.total == pytest.approx(total, rel=0.02)
    for name, column in zip(NAMES, columns, strict=True):
        # The columns are rounded to a cent: half of one is their own error.
        assert getattr(found, name) == pytest.approx(column, rel=0.02, abs=0.0051), name


@pytest.mark.parametrize(
    ("what", "effect"),
    [
        ("capital + 20 %", 0.37),
        ("capital - 20 %", -0.37),
        ("no cost of financing", -0.38),
        ("one year less of life", 0.31),
        ("operations + 3 % of capital a year", 0.18),
        ("electricity + 0.03 USD/kWh", 0.07),
    ],
)
def test_the_worked_sensitivities_come_out(what: str, effect: float) -> None:
    found = {one.what: one.usd_per_hour for one in sensitivity(inputs())}
    assert found[what] == pytest.approx(effect, abs=0.0051)


def test_sensitivities_stand_by_size() -> None:
    sizes = [abs(one.usd_per_hour) for one in sensitivity(inputs(site="own"))]
    assert sizes == sorted(sizes, reverse=True)
    assert any("20 USD/W" in one.what for one in sensitivity(inputs(site="own")))


@pytest.mark.parametrize(("rent", "low", "high"), [(5.10, 0.38, 0.47), (2.63, 0.74, 0.91)])
def test_the_published_break_even_utilisations_come_out(
    rent: float, low: float, high: float
) -> None:
    assert break_even_utilisation(1.94, rent_usd=rent) == pytest.approx(low, abs=0.005)
    colo = hour_cost(inputs(site="colo")).total
    assert break_even_utilisation(colo, rent_usd=rent) == pytest.approx(high, abs=0.005)


def test_rents_are_a_dated_series_and_the_two_quotes_are_in_it() -> None:
    seen = rents("b200")
    assert {2.63, 5.10} <= {price.value for price in seen}
    assert all(price.date and price.source for price in seen)
    assert rents("mi300x") == ()


def test_a_part_without_a_price_asks_for_one() -> None:
    with pytest.raises(CapacityRefused, match="'mi300x'") as caught:
        inputs_for("mi300x", kw=1.8)
    assert "--capital" in caught.value.hint
    assert inputs_for("mi300x", kw=1.8, capital_usd=15_000).capital_usd == 15_000


def test_a_million_tokens_cost_what_the_hour_costs_over_what_it_serves() -> None:
    assert usd_per_million_tokens(3.6, tokens_per_s=1000) == pytest.approx(1.0)


@given(rate=st.floats(min_value=0.0001, max_value=0.5), years=st.floats(min_value=1, max_value=30))
def test_an_annuity_pays_the_capital_and_never_less(rate: float, years: float) -> None:
    share = annuity(rate_per_year=rate, years=years)
    assert share >= annuity(rate_per_year=0, years=years)
    present = share * (1 - (1 + rate) ** -years) / rate  # what the payments are worth today
    assert present == pytest.approx(1)


def test_every_price_has_a_source_and_a_date_that_is_one() -> None:
    costs = load_table("costs", Costs)
    prices = [*costs.inputs.values(), *costs.capital_per_accelerator_usd.values()]
    prices += [one for rents in costs.rent_usd_per_hour.values() for one in rents]
    for price in prices:
        assert re.fullmatch(r"(by )?20\d\d(-\d\d)?", price.date), price
        assert costs.sources[price.source]
        assert price.uncertain or not price.date.startswith("by"), price
