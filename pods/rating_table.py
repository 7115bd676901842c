"""How many B200 one accelerator is worth for a named profile: a measured row, else a formula.

The same GPU is 0.43 B200 on paper and 0.06 when a large model must answer each user quickly, so a
ratio without its profile and scale-up domain does not exist here. Where somebody measured, their
row answers, with its date. Where nobody did, the vendor's figures do, flagged as such, and beside
them how far the same formula is off wherever a measured row lets us check.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from pods.datafile import Row, Sourced, Table, load_table
from pods.errors import RatingRefused, shown

REFERENCE = "b200"
REFERENCE_DOMAIN = 8
"""What one B200-equivalent is: a B200 in a scale-up domain of eight."""

PREFILL_SHARE = 0.5
"""The formula's default: a request spends equal time in prefill (compute) and decode (memory)."""

Share = Annotated[float, Field(gt=0)]
Basis = Literal["measured", "spec"]

BASIS_WORDS: dict[Basis, str] = {"measured": "measured", "spec": "from the spec sheet"}


class PartFigures(Sourced):
    """What a vendor declares of one accelerator; dense figures."""

    bf16_tflops: Share
    fp8_tflops: Share | None = None
    fp4_tflops: Share | None = None
    hbm_gb: Share
    hbm_tb_per_s: Share
    tdp_watts: Share | None = None


class Parts(Table):
    """The accelerators that podyard knows."""

    parts: dict[str, PartFigures]


class Profile(Sourced):
    """For which work a ratio holds."""

    model: str
    precision: str
    scenario: Literal["", "offline", "server", "interactive", "served"] = ""
    input_tokens: int | None = None
    output_tokens: int | None = None
    tokens_per_s_user_min: Share | None = None
    """How fast each user must be answered: the floor that large domains are built for."""
    memory_gb_min: Share | None = None
    """Weights and cache: a domain with less memory is worth nothing for this profile."""
    b200_tokens_per_s: Share | None = None
    """What one B200 in a domain of eight serves: turns a demand in tokens into B200-equivalents."""
    counts: str = ""
    """Which tokens that figure counts."""
    date: str


class MeasuredRow(Sourced):
    """One measured ratio."""

    profile: str
    part: str
    scale_up_domain: Annotated[int, Field(ge=1)]
    ratio: Share
    date: str


class Ratings(Table):
    """Profiles and what was measured for them."""

    profiles: dict[str, Profile]
    rows: tuple[MeasuredRow, ...]


class FormulaError(Row):
    """Formula over measurement, at its lowest and highest, wherever both exist."""

    lowest: float
    highest: float
    rows: int
    latency_floor: bool

    def __str__(self) -> str:
        kind = "with" if self.latency_floor else "without"
        return (
            f"over {self.rows} measured rows {kind} a latency floor the formula gave "
            f"{self.lowest:.2f} to {self.highest:.2f} times the measured ratio"
        )


class PartRating(Row):
    """One accelerator's worth, and everything that it holds for."""

    part: str
    profile: str
    scale_up_domain: int
    b200_equivalents: float
    basis: Basis
    date: str
    source: str
    known_error: str = ""
    """For the formula: how far it is off elsewhere."""
    uncertain: str = ""


def profiles() -> dict[str, Profile]:
    """Every profile by name."""
    return load_table("ratings", Ratings).profiles


def profile_named(name: str) -> Profile:
    """One profile, or `RatingRefused` with those that there are."""
    found = profiles().get(name)
    if found is None:
        raise RatingRefused(
            f"there is no profile {shown(name)}", hint=f"one of {', '.join(profiles())}"
        )
    return found


def figures(part: str) -> PartFigures:
    """What is declared of one accelerator, or `RatingRefused`."""
    found = load_table("parts", Parts).parts
    if part not in found:
        raise RatingRefused(
            f"there is no accelerator {shown(part)}", hint=f"one of {', '.join(found)}"
        )
    return found[part]


def rate_part(part: str, *, profile: str, scale_up_domain: int) -> PartRating:
    """B200-equivalents of one accelerator of this part, in a domain of this size, for a profile."""
    wanted, declared = profile_named(profile), figures(part)
    table = load_table("ratings", Ratings)
    if scale_up_domain < 1:
        raise RatingRefused(
            f"a scale-up domain of {scale_up_domain} accelerators does not exist",
            hint="8 for most hosts, 72 for an NVL72 rack",
        )
    if (part, scale_up_domain) == (REFERENCE, REFERENCE_DOMAIN):
        return PartRating(
            part=part,
            profile=profile,
            scale_up_domain=scale_up_domain,
            b200_equivalents=1.0,
            basis="measured" if wanted.b200_tokens_per_s else "spec",
            date=wanted.date,
            source=table.sources[wanted.source],
            uncertain=wanted.uncertain,
        )
    for row in table.rows:
        if (row.profile, row.part, row.scale_up_domain) == (profile, part, scale_up_domain):
            return PartRating(
                part=part,
                profile=profile,
                scale_up_domain=scale_up_domain,
                b200_equivalents=row.ratio,
                basis="measured",
                date=row.date,
                source=table.sources[row.source],
                uncertain="; ".join(filter(None, (row.uncertain, wanted.uncertain))),
            )
    fits = declared.hbm_gb * scale_up_domain >= (wanted.memory_gb_min or 0)
    return PartRating(
        part=part,
        profile=profile,
        scale_up_domain=scale_up_domain,
        b200_equivalents=spec_ratio(part, precision=wanted.precision) if fits else 0.0,
        basis="spec",
        date=load_table("parts", Parts).version,
        source=load_table("parts", Parts).sources[declared.source],
        known_error=str(formula_error(latency_floor=wanted.tokens_per_s_user_min is not None))
        if fits
        else "",
        uncertain=declared.uncertain
        if fits
        else f"{wanted.memory_gb_min:.0f} GB do not fit into {scale_up_domain} of {part}",
    )


def prefill_ratio(part: str, *, precision: str) -> float:
    """Compute over a B200's. fp8 and bf16 compare like with like, the rest each at its best."""
    return _tflops(figures(part), precision) / _tflops(figures(REFERENCE), precision)


def decode_ratio(part: str) -> float:
    """Memory bandwidth over a B200's."""
    return figures(part).hbm_tb_per_s / figures(REFERENCE).hbm_tb_per_s


def spec_ratio(part: str, *, precision: str, prefill_share: float = PREFILL_SHARE) -> float:
    """The formula: time in prefill and in decode, each scaled by what limits it."""
    prefill, decode = prefill_ratio(part, precision=precision), decode_ratio(part)
    return 1 / (prefill_share / prefill + (1 - prefill_share) / decode)


def _tflops(part: PartFigures, precision: str) -> float:
    fp8 = part.fp8_tflops or part.bf16_tflops
    match precision:
        case "bf16":
            return part.bf16_tflops
        case "fp8":
            return fp8
        case _:
            return part.fp4_tflops or fp8


def formula_error(*, latency_floor: bool) -> FormulaError:
    """How far the formula is from every measured row of profiles of this kind."""
    table = load_table("ratings", Ratings)
    factors = []
    for row in table.rows:
        profile = table.profiles[row.profile]
        if (profile.tokens_per_s_user_min is not None) == latency_floor:
            factors.append(spec_ratio(row.part, precision=profile.precision) / row.ratio)
    return FormulaError(
        lowest=min(factors), highest=max(factors), rows=len(factors), latency_floor=latency_floor
    )
