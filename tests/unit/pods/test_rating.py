"""Ratings say what they rest on: measured ratios where there are both, else the design's figure."""

from __future__ import annotations

import json
import math
from datetime import UTC, date, datetime

import pytest
from pydantic import ValidationError

from pods.acceptance import Measurement
from pods.rating import Rating, rate
from pods.spec import UnitSpec

UNIT = UnitSpec(unit_class="x", accelerators=8, b200_equivalents=8.0, profile="llama-70b-fp8")
AT = datetime(2026, 3, 1, 12, tzinfo=UTC)


def ratios(prefill: float, decode: float) -> list[Measurement]:
    return [
        Measurement(test="matrix_multiply", value=prefill, reference=1.0),
        Measurement(test="memory_bandwidth", value=decode, reference=1.0),
    ]


def test_without_measurements_the_spec_sheet_stands_and_says_so() -> None:
    rating = rate(UNIT, None, at=AT)
    assert (rating.b200_equivalents, rating.basis) == (8.0, "spec")
    assert (rating.profile, rating.date) == ("llama-70b-fp8", date(2026, 3, 1))


def test_a_measured_rating_is_the_harmonic_mean_of_compute_and_memory() -> None:
    rating = rate(UNIT, ratios(1.0, 0.5), at=AT)
    assert rating.basis == "measured"
    assert rating.b200_equivalents == pytest.approx(8.0 * 2 / 3)


def test_faster_than_the_reference_is_noise_not_capacity() -> None:
    assert rate(UNIT, ratios(1.3, 1.2), at=AT).b200_equivalents == 8.0


def test_of_several_results_the_worst_counts() -> None:
    doubled = [*ratios(1.0, 1.0), *ratios(0.5, 0.5)]
    assert rate(UNIT, doubled, at=AT).b200_equivalents == pytest.approx(4.0)


@pytest.mark.parametrize(
    "measurements",
    [
        ratios(1.0, 1.0)[:1],
        ratios(1.0, 0.0),
        ratios(1.0, math.nan),
        [Measurement(test="matrix_multiply", value=1.0), ratios(1.0, 1.0)[1]],
    ],
)
def test_half_a_measurement_falls_back_to_the_spec_sheet(measurements: list[Measurement]) -> None:
    assert rate(UNIT, measurements, at=AT).basis == "spec"


def test_a_rating_of_an_older_certificate_is_read_as_todays() -> None:
    told = rate(UNIT, None, at=AT).model_dump(mode="json")
    assert told["basis"] == "spec"
    assert Rating.model_validate_json(json.dumps(told | {"basis": "spec_sheet"})).basis == "spec"
    with pytest.raises(ValidationError):
        Rating.model_validate(told | {"basis": "hearsay"})
