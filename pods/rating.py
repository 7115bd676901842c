"""A unit's capacity in B200-equivalents for a named profile: measured first, spec sheet second.

No bare number is honest: the same GPU is 0.44 B200 on paper and 0.06 under a latency limit. So a
rating carries its profile, its basis and its date. The measured form scales the design's figure by
the harmonic mean of the compute ratio (prefill) and the memory-bandwidth ratio (decode): the share
of a reference unit's speed for a request that spends equal time in both.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import date, datetime
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict

from pods.acceptance import Measurement
from pods.rating_table import Basis, formula_error, profiles
from pods.spec import UnitSpec

PREFILL_TEST = "matrix_multiply"
DECODE_TEST = "memory_bandwidth"

RATIO_MAX = 1.0
"""A unit is never rated above its design: faster than the reference is noise, not capacity."""


def _as_today(basis: object) -> object:
    """Certificates of the first podyard say `spec_sheet`; they verify and mean the same."""
    return "spec" if basis == "spec_sheet" else basis


class Rating(BaseModel):
    """So many B200-equivalents, for which profile, on what ground, and when.

    Fields that came after the first certificates are optional: those still verify.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    b200_equivalents: float
    profile: str
    basis: Annotated[Basis, BeforeValidator(_as_today)]
    date: date
    scale_up_domain: int | None = None
    """How many accelerators share the fastest links: never summed with another size unseen."""
    known_error: str = ""
    """For a figure from the spec sheet: how far that formula is off where it was checked."""


def rate(
    unit_spec: UnitSpec,
    measurements: Sequence[Measurement] | None,
    *,
    at: datetime,
    scale_up_domain: int | None = None,
) -> Rating:
    """The rating of one unit. Without both ratios the design's figure stands, and says so."""
    share = _share(measurements or ())
    return Rating(
        b200_equivalents=unit_spec.b200_equivalents * (1.0 if share is None else share),
        profile=unit_spec.profile,
        basis="spec" if share is None else "measured",
        date=at.date(),
        scale_up_domain=scale_up_domain,
        known_error=_known_error(unit_spec.profile) if share is None else "",
    )


def _known_error(profile: str) -> str:
    """A profile of the site's own has no measured rows to check the formula against."""
    known = profiles().get(profile)
    if known is None:
        return ""
    return str(formula_error(latency_floor=known.tokens_per_s_user_min is not None))


def _share(measurements: Sequence[Measurement]) -> float | None:
    prefill, decode = _ratio(measurements, PREFILL_TEST), _ratio(measurements, DECODE_TEST)
    if prefill is None or decode is None:
        return None
    return 2 / (1 / min(prefill, RATIO_MAX) + 1 / min(decode, RATIO_MAX))


def _ratio(measurements: Sequence[Measurement], test: str) -> float | None:
    """The worst ratio of one test, or None when there is none to believe."""
    ratios = [
        one.value / one.reference
        for one in measurements
        if one.test == test and one.reference is not None and one.reference > 0
    ]
    return min(ratios) if ratios and all(math.isfinite(r) and r > 0 for r in ratios) else None
