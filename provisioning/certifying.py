"""From an accepted host to a certificate and the unit that it backs.

A unit keeps its identity over re-certification: the same host in the same slot yields the same
unit, with a new certificate behind it; a claim that still holds it keeps it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from inventory.model import CertificateRecord, ComputeUnit, Host, Pod, Record
from inventory.states import UnitState
from pods.canonical import digest_of
from pods.certificate import Approval, HostReference, issue
from pods.keys import SigningKey
from pods.rating import rate
from provisioning.context import Context, unit_id
from provisioning.lifecycle.decision import Seen


@dataclass(frozen=True, slots=True)
class Certified:
    """What certification adds to the records."""

    certificate: CertificateRecord
    unit: ComputeUnit

    def unit_change(
        self, existing: Sequence[ComputeUnit]
    ) -> tuple[tuple[Record, ...], tuple[Record, ...]]:
        """(units to insert, units to replace)."""
        for old in existing:
            if old.id == self.unit.id:
                kept = {"version": old.version, "claim": old.claim}
                state = old.state if old.claim else self.unit.state
                return (), (self.unit.model_copy(update={**kept, "state": state}),)
        return (self.unit,), ()


def certify(
    host: Host, seen: Seen, context: Context, *, key: SigningKey, now: datetime
) -> Certified:
    """Sign what was measured. Raises CertificateRefused when a floor was not reached."""
    agent = seen.agent
    report = agent.observed.acceptance if agent and agent.observed else None
    if report is None or host.facts is None:
        raise TypeError("certify needs a report and facts")
    name = unit_name(host)
    envelope = issue(
        context.spec,
        pod=host.pod,
        unit=name,
        host=HostReference(name=host.name, slot=host.slot, serial=host.serial, uuid=host.uuid),
        facts=host.facts,
        measurements=report.measurements,
        key=key,
        now=now,
        approved=_approved(context.pod),
        until=host.rental.until if host.rental is not None else None,
        skipped=report.skipped,
    )
    document = envelope.model_dump(mode="json", by_alias=True)
    certificate = CertificateRecord(
        id=digest_of(document).removeprefix("sha256:")[:24],
        host_id=host.id,
        host=host.name,
        envelope=document,
        issued_at=now,
        expires_at=_expiry(host, context, now),
        simulated=host.simulated,
        facts_digest=host.facts.digest(),
    )
    unit = ComputeUnit(
        id=unit_id(host),
        name=name,
        pod=host.pod,
        site=host.site,
        unit_class=context.spec.unit.unit_class,
        accelerators=context.spec.unit.accelerators,
        host_ids=(host.id,),
        certificate_ids=(certificate.id,),
        rating=rate(
            context.spec.unit,
            report.measurements,
            at=now,
            scale_up_domain=context.wanted.host_type.scale_up_domain,
        ),
        labels=unit_labels(host, context),
        simulated=host.simulated,
        state=UnitState.AVAILABLE,
    )
    return Certified(certificate, unit)


def _approved(pod: Pod) -> Approval | None:
    """None for a pod whose plan was approved before podyard wrote down by whom."""
    said = pod.approval
    if said is None:
        return None
    return Approval(by=said.by, plan_digest=said.plan_digest, at=said.at)


def unit_name(host: Host) -> str:
    """A unit of a one-host unit class is named after its host."""
    return f"{host.name}-u0"


def unit_labels(host: Host, context: Context) -> dict[str, str]:
    """Where the unit is, in labels that Ray and Kubernetes accept (63 characters)."""
    raw = {
        "podyard.io/site": host.site,
        "podyard.io/pod": host.pod,
        **({"podyard.io/leaf": leaf} if (leaf := leaf_of(host)) else {}),
        "podyard.io/rack": host.rack,
        "podyard.io/feed": host.feed,
        "podyard.io/domain": host.link_domain or host.name,  # alone where nobody knows better
        "podyard.io/unit": unit_name(host),
        "podyard.io/class": context.spec.unit.unit_class,
        **rental_labels(host),
    }
    return {key: re.sub(r"[^A-Za-z0-9._-]", "-", value)[:63] for key, value in raw.items()}


def leaf_of(host: Host) -> str:
    """The switch at its first fabric port, as LLDP told it; empty where nobody told.

    With rails a host hangs on a leaf for each, and its neighbours hang on the same ones: the first
    port's leaf stands for them all.
    """
    told = host.facts.neighbours if host.facts is not None else {}
    first = min(told, key=lambda port: (len(port), port), default="")  # eth2 before eth10
    return told[first][0] if first else ""


def rental_labels(host: Host) -> dict[str, str]:
    """Whose it is: what a tenant, or a bill, must be able to tell of a unit."""
    rental = host.rental
    if rental is None:
        return {"podyard.io/owned": "true"}
    return {
        "podyard.io/owned": "false",
        "podyard.io/provider": rental.provider,
        "podyard.io/price-per-hour": f"{rental.price_per_hour:g}",
        "podyard.io/rented-until": f"{rental.until.astimezone(UTC):%Y-%m-%d}",
    }


def _expiry(host: Host, context: Context, now: datetime) -> datetime:
    """No certificate outlives the rental of its host."""
    valid = now.replace(microsecond=0) + timedelta(days=context.spec.acceptance.valid_days)
    return valid if host.rental is None else min(valid, host.rental.until)
