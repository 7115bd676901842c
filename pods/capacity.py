"""From a demand to what must stand in a hall: pods, racks, watts, coolant, cables, spares, weeks.

A demand is tokens a day for a named profile, or B200-equivalents. Everything else follows by
arithmetic from tables that carry their sources. What no source could say (how fast crews work,
how long a part takes to come) is a decision of the site: it has a default, it is marked as
assumed, and the answer lists it.
"""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from pods.capacity_shapes import Shape, Shapes, shape_named
from pods.datafile import Figure, Row, Sourced, Table, load_table
from pods.errors import CapacityRefused
from pods.rating_table import PartRating, profile_named, profiles, rate_part
from pods.topology import LinkKind, link_counts

SECONDS_PER_DAY = 86_400
HOURS_PER_YEAR = 8766
DAYS_PER_YEAR = 365

COOLANT_KJ_PER_KG_K = 3.87
COOLANT_KG_PER_LITRE = 1.02
"""PG25, a quarter of propylene glycol in water: what cold plates are filled with."""

B200E_MIN = 0.001
"""A thousandth of one accelerator: an input below this is a slip of the keyboard, too."""

B200E_MAX = 1e9
"""More accelerators than will ever be made: an input beyond this is a slip of the keyboard."""

PODS_MAX = 100_000
"""A hundred thousand pods of one host each is beyond planning wave by wave."""


class FailingPart(Sourced):
    """How often one kind of part was the cause, and how often that cost a part."""

    events: float
    replaced_share: Figure | None = None
    """Nothing said: every event is counted as a part."""
    what: str = ""


class Failures(Table):
    """Failure rates of published runs."""

    gpu_years: Figure
    parts: dict[str, FailingPart]
    interruptions: FailingPart
    decisions: dict[str, Figure]


@dataclass(frozen=True, slots=True)
class Demand:
    """What is asked for: tokens a day, or B200-equivalents that are healthy at the same time."""

    profile: str
    tokens_per_day: float | None = None
    b200e: float | None = None
    utilisation: float = 0.5
    """Share of an accelerator's time that tokens a day may count on; B200-equivalents ignore it."""


class Cables(Row):
    """Cables of the compute fabrics, and the host's other two kinds."""

    fabrics: int
    host_leaf: int
    leaf_spine: int
    spine_core: int
    north_south: int
    bmc: int


class Spare(Row):
    """One kind of part: how many break, how many to hold."""

    part: str
    per_year: float
    stock: int
    """Enough for one lead time, at the chance that the site decided."""


class Wave(Row):
    """One group of pods that is put up together."""

    number: int
    pods: int
    ready_week: float
    pods_ready: int
    b200e_ready: float


class Sizing(Row):
    """What must stand, and when."""

    shape: str
    rating: PartRating
    b200e_needed: float
    b200e_delivered: float
    accelerators: int
    hosts: int
    pods: int
    racks: int
    out_of_service_share: float
    it_mw: float
    facility_mw: float
    coolant_litres_per_min: float
    cables: Cables
    interruptions_per_day: float
    spares: tuple[Spare, ...]
    waves: tuple[Wave, ...]


def b200e_needed(demand: Demand) -> float:
    """The demand in B200-equivalents, or `CapacityRefused` when it cannot be said."""
    if (demand.tokens_per_day is None) == (demand.b200e is None):
        raise CapacityRefused(
            "a demand is either tokens a day or B200-equivalents",
            hint="give --tokens-per-day or --b200e, one of the two",
        )
    if not 0 < demand.utilisation <= 1:
        raise CapacityRefused(
            f"a utilisation of {demand.utilisation:g} is no share",
            hint="give a share above 0 and up to 1, as 0.5 for one half",
        )
    if demand.b200e is not None:
        return _sane(demand.b200e, "B200-equivalents")
    tokens_per_day = demand.tokens_per_day or 0.0
    tokens_per_s = profile_named(demand.profile).b200_tokens_per_s
    if tokens_per_s is None:
        usable = [name for name, one in profiles().items() if one.b200_tokens_per_s]
        raise CapacityRefused(
            f"profile {demand.profile} does not say how many tokens a B200 serves",
            hint=f"give --b200e instead, or one of {', '.join(usable)}",
        )
    seconds = SECONDS_PER_DAY * demand.utilisation
    return _sane(tokens_per_day / (tokens_per_s * seconds), "tokens a day")


def _sane(value: float, what: str) -> float:
    if 0 < value < B200E_MIN:
        raise CapacityRefused(
            f"a demand of {value:.3g} B200-equivalents is less than a thousandth of one "
            "accelerator: no pod is bought for that",
            hint=f"check the {what}: 30e12 is thirty trillion; the least is {B200E_MIN:g} "
            "B200-equivalents",
        )
    if not math.isfinite(value) or not 0 < value <= B200E_MAX:
        raise CapacityRefused(
            f"a demand of {value:g} B200-equivalents cannot be built",
            hint=f"check the {what}: 30e12 is thirty trillion",
        )
    return value


def size(
    demand: Demand,
    *,
    shape: str,
    pue: float,
    pods_per_wave: int | None = None,
    north_south_only: bool = False,
) -> Sizing:
    """Everything that this demand needs, built of this scalable unit."""
    unit = shape_named(shape)
    rating = rate_part(unit.part, profile=demand.profile, scale_up_domain=unit.scale_up_domain)
    if rating.b200_equivalents == 0:
        raise CapacityRefused(
            f"{shape} cannot serve {demand.profile}: {rating.uncertain}",
            hint="choose a scalable unit with more memory in one domain",
        )
    needed, out = b200e_needed(demand), out_of_service_share(unit)
    pods = math.ceil(needed / (1 - out) / rating.b200_equivalents / unit.accelerators)
    if pods > PODS_MAX:
        raise CapacityRefused(
            f"that would be {pods:,} pods {shape}", hint="choose a larger pod with --pod"
        )
    accelerators = pods * unit.accelerators
    it_mw = pods * unit.hosts * unit.host_watts / 1e6
    failures = load_table("failures", Failures)
    return Sizing(
        shape=shape,
        rating=rating,
        b200e_needed=needed,
        b200e_delivered=accelerators * rating.b200_equivalents,
        accelerators=accelerators,
        hosts=pods * unit.hosts,
        pods=pods,
        racks=pods * unit.racks,
        out_of_service_share=out,
        it_mw=it_mw,
        facility_mw=it_mw * pue,
        coolant_litres_per_min=coolant_litres_per_min(
            it_mw * 1000 * unit.liquid_share, rise_k=_planned("coolant_rise_k")
        ),
        cables=cables_of(unit, pods, north_south_only=north_south_only),
        interruptions_per_day=failures.interruptions.events
        / failures.gpu_years.value
        * accelerators
        / DAYS_PER_YEAR,
        spares=tuple(_spares(accelerators)),
        waves=tuple(
            _waves(
                pods,
                pods_per_wave=_crews(pods_per_wave),
                b200e_per_pod=unit.accelerators * rating.b200_equivalents,
            )
        ),
    )


def coolant_litres_per_min(heat_kw: float, *, rise_k: float) -> float:
    """The flow that carries this heat away at this rise of temperature."""
    return heat_kw * 60 / (COOLANT_KG_PER_LITRE * COOLANT_KJ_PER_KG_K * rise_k)


def out_of_service_share(unit: Shape) -> float:
    """The share of accelerators under repair: one broken part takes its whole host with it."""
    failures = load_table("failures", Failures)
    events = sum(part.events for part in failures.parts.values()) / failures.gpu_years.value
    host = unit.accelerators / unit.hosts
    return events * host * failures.decisions["repair_hours"].value / HOURS_PER_YEAR


def poisson_stock(mean: float, *, chance: float) -> int:
    """The smallest stock that so many failures exceed at most with probability 1 - chance."""
    if mean <= 0:
        return 0
    start = max(0, math.floor(mean - 10 * math.sqrt(mean)))  # what lies below weighs under 1e-20
    seen = 0.0
    for count in itertools.count(start):
        seen += math.exp(count * math.log(mean) - mean - math.lgamma(count + 1))
        if seen >= chance or count > mean + 40 * math.sqrt(mean) + 40:
            return count
    raise AssertionError("counting never ends")


def _spares(accelerators: int) -> Iterator[Spare]:
    failures = load_table("failures", Failures)
    lead_years = failures.decisions["lead_time_days"].value / DAYS_PER_YEAR
    chance = failures.decisions["in_stock_chance"].value
    for name, part in failures.parts.items():
        share = part.replaced_share.value if part.replaced_share else 1.0
        per_year = part.events * share / failures.gpu_years.value * accelerators
        yield Spare(
            part=name,
            per_year=per_year,
            stock=poisson_stock(per_year * lead_years, chance=chance),
        )


def cables_of(unit: Shape, pods: int, *, north_south_only: bool = False) -> Cables:
    """A fabric grows to its largest design, then another one begins beside it.

    The counts are those of `podyard spec cabling` for the pods of each fabric.
    """
    if unit.fabric is None:
        return Cables(
            fabrics=0, host_leaf=0, leaf_spine=0, spine_core=0, north_south=0, bmc=pods * unit.hosts
        )
    fabric = unit.fabric
    if north_south_only:
        fabric = fabric.model_copy(update={"rails": 0})
    full, rest = divmod(pods, unit.fabric_units_max) if fabric.rails else (0, pods)
    counts: Counter[LinkKind] = Counter()
    for units, fabrics in ((unit.fabric_units_max, full), (rest, 1)):
        for kind, links in link_counts(fabric, units * unit.hosts).items():
            counts[kind] += fabrics * links
    return Cables(
        fabrics=full + bool(rest) if fabric.rails else 0,
        host_leaf=counts["host-leaf"],
        leaf_spine=counts["leaf-spine"],
        spine_core=counts["spine-core"],
        north_south=counts["north-south"],
        bmc=counts["management"],
    )


def _planned(name: str) -> float:
    return load_table("shapes", Shapes).plan[name].value


def _crews(pods_per_wave: int | None) -> int:
    if pods_per_wave is None:
        return int(_planned("pods_per_wave"))
    if pods_per_wave < 1:
        raise CapacityRefused(
            f"a wave of {pods_per_wave} pods builds nothing", hint="give --pods-per-wave from 1"
        )
    return pods_per_wave


def _waves(pods: int, *, pods_per_wave: int, b200e_per_pod: float) -> Iterator[Wave]:
    """Crews go on to the next wave while the last one is accepted and burnt in."""
    install, after = _planned("wave_install_days"), _planned("wave_accept_days")
    after += _planned("burn_in_days")
    ready = 0
    for number in range(1, math.ceil(pods / pods_per_wave) + 1):
        here = min(pods_per_wave, pods - ready)
        ready += here
        yield Wave(
            number=number,
            pods=here,
            ready_week=_planned("lead_weeks") + (number * install + after) / 7,
            pods_ready=ready,
            b200e_ready=ready * b200e_per_pod,
        )
