"""The rating table: measured rows first, the formula flagged with its error."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from pods import catalogue
from pods.capacity_shapes import shape_of
from pods.datafile import load_table, sourced
from pods.document import parse_document
from pods.errors import RatingRefused
from pods.rating_table import (
    Parts,
    Ratings,
    decode_ratio,
    formula_error,
    prefill_ratio,
    profiles,
    rate_part,
    spec_ratio,
)

PAPER = {  # prefill at fp8, prefill at best, decode, composite at fp8, composite at best
    "a100": (0.07, 0.03, 0.25, 0.11, 0.06),
    "l40s": (0.16, 0.08, 0.11, 0.13, 0.09),
    "h100": (0.44, 0.22, 0.42, 0.43, 0.29),
    "h200": (0.44, 0.22, 0.60, 0.51, 0.32),
    "b300": (1.00, 1.50, 1.00, 1.00, 1.20),
    "gb200": (1.11, 1.11, 1.00, 1.05, 1.05),
    "gb300": (1.11, 1.67, 1.00, 1.05, 1.25),
    "mi300x": (0.58, 0.29, 0.66, 0.62, 0.40),
    "mi325x": (0.58, 0.29, 0.75, 0.65, 0.42),
    "mi355x": (1.11, 1.12, 1.00, 1.05, 1.06),
    "tpu-v7x": (1.03, 0.51, 0.92, 0.97, 0.66),
    "tpu-v6e": (0.20, 0.10, 0.20, 0.20, 0.14),
    "trainium2": (0.29, 0.14, 0.36, 0.32, 0.21),
}


@pytest.mark.parametrize("part", PAPER)
def test_the_formula_gives_the_published_paper_ratios(part: str) -> None:
    found = (
        prefill_ratio(part, precision="fp8"),
        prefill_ratio(part, precision="fp4"),
        decode_ratio(part),
        spec_ratio(part, precision="fp8"),
        spec_ratio(part, precision="fp4"),
    )
    assert found == pytest.approx(PAPER[part], abs=0.0101)


def test_a_measured_row_answers_with_its_date_and_source() -> None:
    rating = rate_part("h100", profile="mlperf-llama3.1-405b-offline", scale_up_domain=8)
    assert (rating.b200_equivalents, rating.basis, rating.date) == (0.24, "measured", "2025-09")
    assert "mlcommons" in rating.source
    assert not rating.known_error


def test_under_a_latency_floor_an_h100_is_a_sixteenth_of_a_b200() -> None:
    rating = rate_part("h100", profile="deepseek-r1-fp8-1k-1k-42", scale_up_domain=8)
    assert rating.b200_equivalents == pytest.approx(0.06, abs=0.005)


def test_without_a_row_the_formula_answers_and_says_how_wrong_it_is_elsewhere() -> None:
    rating = rate_part("h200", profile="deepseek-r1-fp8-1k-1k-42", scale_up_domain=8)
    assert rating.basis == "spec"
    assert rating.b200_equivalents == pytest.approx(0.51, abs=0.01)
    assert "times the measured ratio" in rating.known_error


def test_the_formula_is_worst_under_a_latency_floor() -> None:
    with_floor, without = formula_error(latency_floor=True), formula_error(latency_floor=False)
    assert with_floor.highest > 7  # 0.43 on paper, 0.06 measured
    assert with_floor.lowest < 0.4  # a domain of 72 does 3.6 times a B200's work
    assert 0.6 < without.lowest < 1 < without.highest < 3
    assert without.rows + with_floor.rows == len(load_table("ratings", Ratings).rows)


def test_another_domain_is_another_product() -> None:
    whole = rate_part("gb200", profile="served-at-120", scale_up_domain=72)
    half = rate_part("gb200", profile="served-at-120", scale_up_domain=8)
    assert whole.b200_equivalents == pytest.approx(3.6, abs=0.05)
    assert (half.basis, half.b200_equivalents) == ("spec", pytest.approx(1.05, abs=0.01))


def test_what_does_not_fit_into_the_domain_is_worth_nothing() -> None:
    rating = rate_part("a100", profile="deepseek-r1-fp8-1k-1k-42", scale_up_domain=8)
    assert rating.b200_equivalents == 0.0
    assert "671 GB do not fit" in rating.uncertain


def test_a_b200_is_the_measure_for_every_profile() -> None:
    for name in profiles():
        assert rate_part("b200", profile=name, scale_up_domain=8).b200_equivalents == 1.0


@pytest.mark.parametrize(
    ("part", "profile", "domain"),
    [("h900", "llama-70b-fp8", 8), ("h100", "llama", 8), ("h100", "llama-70b-fp8", 0)],
)
def test_what_is_unknown_is_refused_with_the_choices(part: str, profile: str, domain: int) -> None:
    with pytest.raises(RatingRefused) as caught:
        rate_part(part, profile=profile, scale_up_domain=domain)
    assert caught.value.hint


def test_every_row_is_of_a_known_profile_and_part_and_stands_once() -> None:
    table, parts = load_table("ratings", Ratings), load_table("parts", Parts).parts
    keys = [(row.profile, row.part, row.scale_up_domain) for row in table.rows]
    assert len(keys) == len(set(keys))
    assert all(row.profile in table.profiles and row.part in parts for row in table.rows)
    assert len(list(sourced(table))) == len(table.rows) + len(table.profiles)


def test_a_row_without_a_listed_source_is_refused() -> None:
    value = parse_document(
        b"version: x\nsources: {a: b}\nparts:\n"
        b"  p: {bf16_tflops: 1, hbm_gb: 1, hbm_tb_per_s: 1, source: nobody}\n"
    )
    with pytest.raises(ValidationError, match="sources not listed: nobody"):
        Parts.model_validate(value)


@pytest.mark.parametrize(
    "name", [name for name in catalogue.names() if not name.startswith("lab-")]
)
def test_the_catalogues_own_figures_are_those_of_the_formula(name: str) -> None:
    spec = catalogue.load(name)
    rating = rate_part(
        shape_of(spec).part, profile=spec.unit.profile, scale_up_domain=spec.unit.accelerators
    )
    stated = spec.unit.b200_equivalents / spec.unit.accelerators
    assert rating.b200_equivalents == pytest.approx(stated, rel=0.02)
