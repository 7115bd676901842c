"""Units and claims: what is offered upward, and who holds it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from inventory.model import Claim, ComputeUnit
from inventory.web.views.looks import Look, claim_look, unit_look


@dataclass(frozen=True, slots=True)
class UnitLine:
    """One compute unit."""

    name: str
    pod: str
    site: str
    unit_class: str
    accelerators: int
    hosts: tuple[str, ...]
    rating: str
    basis: str
    simulated: bool
    look: Look
    claim: str
    labels: tuple[tuple[str, str], ...]


def unit_line(unit: ComputeUnit, hosts: Mapping[str, str]) -> UnitLine:
    """A unit; `hosts` is the names of hosts by id."""
    rating = unit.rating
    return UnitLine(
        name=unit.name,
        pod=unit.pod,
        site=unit.site,
        unit_class=unit.unit_class,
        accelerators=unit.accelerators,
        hosts=tuple(hosts.get(one, one) for one in unit.host_ids),
        rating=f"{rating.b200_equivalents:.4g}",
        basis=f"{rating.profile}, {str(rating.basis).replace('_', ' ')}",
        simulated=unit.simulated,
        look=unit_look(unit.state),
        claim=unit.claim,
        labels=tuple(sorted(unit.labels.items())),
    )


@dataclass(frozen=True, slots=True)
class ClaimLine:
    """One claim."""

    id: str
    tenant: str
    cluster: str
    wants: str
    look: Look
    why: str
    units: tuple[str, ...]
    created_at: datetime
    expires_at: datetime | None


def claim_line(claim: Claim, units: Mapping[str, str]) -> ClaimLine:
    """A claim; `units` is the names of units by id."""
    return ClaimLine(
        id=claim.id,
        tenant=claim.tenant,
        cluster=claim.cluster,
        wants=claim.wants,
        look=claim_look(claim.state),
        why=claim.why,
        units=tuple(units.get(one, one) for one in claim.unit_ids),
        created_at=claim.created_at,
        expires_at=claim.expires_at,
    )


def hosts_needed(units: Iterable[ComputeUnit]) -> tuple[str, ...]:
    """Ids of the hosts of some units, each once."""
    return tuple(dict.fromkeys(one for unit in units for one in unit.host_ids))
